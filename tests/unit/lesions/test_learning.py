"""How the detector learns: material, samples, loss, resumable training, folds."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

import mslesion
from mslesion.cohort.people import ScanFile
from mslesion.errors import CohortError, ModelFileError, OutputError, UsageError
from mslesion.lesions.intensity import tissue_level
from mslesion.lesions.learning import recipe as recipes
from mslesion.lesions.learning import simulated, source, training
from mslesion.lesions.learning.loss import training_loss
from mslesion.lesions.learning.material import (
    Material,
    TrainingVolume,
    group,
    in_every_plane,
    other_contrasts,
    real_volume,
    volume_of,
)
from mslesion.lesions.learning.samples import (
    SIDE_PIXELS,
    Batch,
    Sample,
    cut_sample,
    disturb,
    draw_sample,
    make_batch,
)
from mslesion.lesions.learning.simulated import (
    cached_volumes,
    draw_training_person,
    no_brain,
    training_contrast,
)
from mslesion.lesions.learning.training import TrainingRecipe, train_network
from mslesion.lesions.learning.validation import SIMULATED_SEED
from mslesion.lesions.learning.verdict import FITTING_SEED, TESTING_SEED
from mslesion.lesions.network import NetworkShape
from mslesion.lesions.slabs import AXES
from mslesion.scan import Grid, Scan
from mslesion.seeds import OWN_SEEDS
from mslesion.simulate import CohortRecipe
from mslesion.simulate.person import draw_person
from mslesion.write.nifti import write_nifti

TINY = TrainingRecipe(NetworkShape((4, 6)), steps=4, batch_size=2, rise_steps=2)


def volume(name: str = "a", *, is_ideal: bool = False, spacing_mm: float = 5.0) -> TrainingVolume:
    """A disc of tissue with one bright square that is the lesion, and a known brain."""
    z, y, x = np.meshgrid(np.arange(9), np.arange(150), np.arange(140), indexing="ij")
    brain = (y - 75) ** 2 + (x - 70) ** 2 < 55**2
    lesion = (abs(y - 60) < 6) & (abs(x - 80) < 6) & (abs(z - 4) < 2)
    image = np.where(brain, 1.0, 0.0) + 0.7 * lesion
    image[(y - 75) ** 2 + (x - 70) ** 2 > 62**2] = 2.0
    as_share = {"lesion": lesion, "brain": brain}
    return TrainingVolume(
        name=name,
        image=image.astype(np.float16),
        ventricle=None,
        contrast="FLAIR",
        in_plane_mm=(1.0, 1.0),
        slice_spacing_mm=spacing_mm,
        is_ideal=is_ideal,
        **{k: v.astype(np.uint8) * np.uint8(255) for k, v in as_share.items()},
    )


def test_the_same_draw_gives_the_same_sample() -> None:
    """Geometry, contrast and noise follow from the draw alone."""
    volumes, weights = (volume(),), np.ones(1)
    draw = draw_sample(np.random.default_rng(3), volumes, weights)
    first, second = (disturb(draw, cut_sample(draw, volumes[0])) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (5, SIDE_PIXELS, SIDE_PIXELS)


def test_a_plain_draw_cuts_the_voxels_as_they_are() -> None:
    """Without turning, scaling or disturbance the middle slice is the volume's own."""
    source = volume()
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    plain = replace(
        draw, slice_index=4, averaged=1, offsets=(-1, 0, 0, 0, 1), centre_yx=(74.5, 69.5),
        angle_degrees=0.0, scale_yx=(1.0, 1.0), shear=0.0, is_mirrored=False,
    )  # fmt: skip
    sample = cut_sample(plain, source)
    half = SIDE_PIXELS // 2
    expected = source.image[4, 75 - half : 75 + half, 70 - half : 70 + half]
    assert np.allclose(sample.slices[2].numpy(), expected, atol=1e-3)
    assert sample.regions[0].sum() == pytest.approx(11 * 11, abs=0.5)
    assert sample.known.tolist() == [1, 0, 1]


def test_a_mirrored_draw_is_the_mirror_image() -> None:
    """Left and right exchanged, of image and lesion alike, where nothing else is turned."""
    source = volume()
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    plain = replace(
        draw, slice_index=4, averaged=1, offsets=(0,) * 5, centre_yx=(74.5, 64.5),
        angle_degrees=0.0, scale_yx=(1.0, 1.0), shear=0.0,
    )  # fmt: skip
    straight, mirrored = (cut_sample(replace(plain, is_mirrored=m), source) for m in (False, True))
    assert straight.regions[0].sum() > 50
    assert not torch.allclose(straight.slices, mirrored.slices, atol=0.1)
    assert torch.allclose(straight.slices.flip(-1), mirrored.slices, atol=1e-3)
    assert torch.allclose(straight.regions.flip(-1), mirrored.regions, atol=1e-3)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_mirrored_draw_is_what_the_mirrored_head_would_give(plane: str) -> None:
    """In every plane: sagittal slices come in the other order, and front stays front."""
    head = volume()
    turned_head = replace(
        head,
        image=head.image[:, :, ::-1],
        **{name: getattr(head, name)[:, :, ::-1] for name in ("lesion", "brain")},
    )
    source, turned_source = head.seen_from(plane), turned_head.seen_from(plane)
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    slices, _, columns = source.image.shape
    middle, column = slices // 2 + 3, 60.0
    plain = replace(
        draw, slice_index=middle, averaged=1, offsets=(-3, -1, 0, 1, 3), centre_yx=(5.0, column),
        angle_degrees=0.0, scale_yx=(1.0, 1.0), shear=0.0,
    )  # fmt: skip
    there = {"slice_index": slices - 1 - middle} if plane == "sagittal" else {
        "centre_yx": (5.0, columns - 1 - column)
    }  # fmt: skip
    mirrored = cut_sample(replace(plain, is_mirrored=True), source)
    of_turned = cut_sample(replace(plain, is_mirrored=False, **there), turned_source)
    assert float(mirrored.slices.std()) > 0.1
    assert torch.allclose(mirrored.slices, of_turned.slices, atol=1e-3)
    assert torch.allclose(mirrored.regions, of_turned.regions, atol=1e-3)


def test_a_turned_and_mirrored_lesion_stays_on_its_bright_square() -> None:
    """Image and regions go through the same geometry."""
    source = volume()
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    for is_mirrored in (False, True):
        turned = replace(
            draw, slice_index=4, averaged=1, offsets=(0,) * 5, centre_yx=(74.5, 69.5),
            angle_degrees=20.0, scale_yx=(1.1, 0.9), shear=0.1, is_mirrored=is_mirrored,
        )  # fmt: skip
        sample = cut_sample(turned, source)
        inside = sample.regions[0] > 0.99
        assert inside.sum() > 50
        assert (sample.slices[2][inside] > 1.6).all()


def test_stripping_leaves_nothing_outside_the_brain() -> None:
    """With the skull drawn away, air and scalp are exactly 0, as strippers leave them."""
    source = volume()
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    stripped = replace(draw, strip_threshold=0.5, coarse_factor=1.0, blur_pixels=0.0, ghost=0.0)
    sample = cut_sample(stripped, source)
    outside = sample.regions[2] <= 0.5
    assert outside.any()
    assert (disturb(stripped, sample)[:, outside] == 0).all()


def test_thin_slices_are_averaged_into_thick_ones() -> None:
    """Three slices of which two hold the lesion share it two to one."""
    source = volume(is_ideal=True, spacing_mm=1.0)
    draw = draw_sample(np.random.default_rng(0), (source,), np.ones(1))
    thick = replace(
        draw, slice_index=6, averaged=3, offsets=(0,) * 5, centre_yx=(59.5, 79.5),
        angle_degrees=0.0, scale_yx=(1.0, 1.0), shear=0.0, is_mirrored=False,
    )  # fmt: skip
    assert float(cut_sample(thick, source).regions[0].max()) == pytest.approx(1 / 3, abs=0.01)


def test_unknown_regions_teach_nothing() -> None:
    """The loss does not move with the logits of a region that nobody drew."""
    torch.manual_seed(0)
    batch = make_batch(group(1.0, [volume()]), 2, seed=0, step=0)
    regions = torch.zeros(2, 3, SIDE_PIXELS, SIDE_PIXELS, requires_grad=True)
    contrast = torch.zeros(2, 3, requires_grad=True)
    training_loss(regions, contrast, batch).backward()
    assert regions.grad is not None
    assert regions.grad[:, 1].abs().max() == 0
    assert regions.grad[:, 0].abs().max() > 0


def test_small_lesions_weigh_more() -> None:
    """Per pixel, a lesion of 4 mm2 weighs four times as much as air, one of 400 mm2 as much."""
    regions = torch.zeros(3, 60, 60)
    regions[0, 2:4, 2:4] = 1
    regions[0, 20:40, 20:40] = 1
    weight = Sample(torch.zeros(5, 60, 60), regions, torch.ones(3), 0).lesion_weight
    assert weight[2, 2] == 4
    assert weight[30, 30] == 1
    assert weight[50, 50] == 1


def test_a_perfect_answer_has_almost_no_loss() -> None:
    """Logits that say the truth leave a loss near zero, their opposite a large one."""
    truth = torch.zeros(2, 3, 32, 32)
    truth[:, :, 8:20, 8:20] = 1
    batch = Batch(
        torch.zeros(2, 5, 32, 32), truth, torch.ones(2, 32, 32), torch.ones(2, 3),
        torch.tensor([0, 2]),
    )  # fmt: skip
    contrast = torch.full((2, 3), -20.0)
    contrast[0, 0] = contrast[1, 2] = 20.0
    assert training_loss((truth * 2 - 1) * 20, contrast, batch) < 1e-3
    assert training_loss((1 - truth * 2) * 20, contrast, batch) > 10


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Stopped after two of four steps and taken up again, it gives the weights of one run."""
    material = group(1.0, [volume()])
    whole = train_network(material, TINY)
    checkpoint = tmp_path / "c.safetensors"

    class StopError(Exception):
        pass

    def stop_at(step: int) -> None:
        from mslesion.lesions.learning import training

        original = training._run_step

        def run(state, batch, recipe, number):  # type: ignore[no-untyped-def]
            if number == step:
                raise StopError
            original(state, batch, recipe, number)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "_SAVE_EVERY", 1)
            patch.setattr(training, "_run_step", run)
            with pytest.raises(StopError):
                train_network(material, TINY, checkpoint)

    stop_at(2)
    resumed = train_network(material, TINY, checkpoint)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_batches_made_ahead_by_many_threads_come_in_order() -> None:
    """One batch ahead or four, as for a GPU: the same batches at the same steps."""
    from mslesion.lesions.learning.training import _batches

    material = group(1.0, [volume()])
    one, four = (list(_batches(material, TINY, range(2, 8), ahead)) for ahead in (1, 4))
    assert [step for step, _ in four] == [2, 3, 4, 5, 6, 7]
    for (_, first), (_, second) in zip(one, four, strict=True):
        assert torch.equal(first.images, second.images)


def test_a_gpu_that_is_not_there_is_said_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU, auto means the CPU, and cuda is refused with what to do."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [recipes.chosen_device(wanted) for wanted in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(UsageError, match="no GPU for --device cuda"):
        recipes.chosen_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [recipes.chosen_device(wanted) for wanted in ("auto", "cpu")] == ["cuda", "cpu"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")
def test_training_on_a_gpu_starts_like_training_on_the_cpu(tmp_path: Path) -> None:
    """After a step, weights agree to rounding; what one has begun the other does not go on with."""
    material = group(1.0, [volume()])
    one_step = replace(TINY, steps=1)
    on_cpu, on_gpu = (train_network(material, one_step, device=d) for d in ("cpu", "cuda"))
    for name, value in on_cpu.state_dict().items():
        assert torch.allclose(value, on_gpu.state_dict()[name], atol=2e-3), name
    checkpoint = tmp_path / "c.safetensors"
    train_network(material, TINY, checkpoint, device="cuda")
    with pytest.raises(ModelFileError, match="another device"):
        train_network(material, TINY, checkpoint, device="cpu")


def test_a_checkpoint_of_another_training_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other settings, or other code, must not go on from this state."""
    checkpoint = tmp_path / "c.safetensors"
    material = group(1.0, [volume()])
    train_network(material, TINY, checkpoint)
    with pytest.raises(ModelFileError, match="other data or settings"):
        train_network(material, replace(TINY, learning_rate=1e-4), checkpoint)
    monkeypatch.setattr(training, "source_sha256", lambda _: "another state of the code")
    with pytest.raises(ModelFileError, match="another version"):
        train_network(material, TINY, checkpoint)


def test_the_hash_of_code_changes_with_every_byte_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One letter in one module of a folder, or another name for it; other modules do not count."""
    monkeypatch.setattr(source, "_PACKAGE", tmp_path)
    hashes = []
    for name, text in (("a", "1"), ("a", "2"), ("b", "2")):
        (tmp_path / "part").mkdir(exist_ok=True)
        for old in (tmp_path / "part").iterdir():
            old.unlink()
        (tmp_path / "part" / f"{name}.py").write_text(text)
        (tmp_path / "else.py").write_text(name + text)
        hashes.append(source.source_sha256.__wrapped__(("part",)))
    assert len(set(hashes)) == 3
    (tmp_path / "else.py").write_text("changed")
    assert source.source_sha256.__wrapped__(("part",)) == hashes[-1]


@pytest.mark.parametrize("parts", [source.OF_SIMULATION, source.OF_TRAINING])
def test_the_code_that_decides_a_training_is_there_to_be_hashed(parts: tuple[str, ...]) -> None:
    """Each of the modules and folders that are named exists."""
    assert all((Path(mslesion.__file__).parent / part).exists() for part in parts)


def test_a_volume_seen_from_the_side_has_its_voxels_in_other_slices() -> None:
    """Coronal slices run from the back to the front, sagittal ones to the right; up is up."""
    source = replace(volume(spacing_mm=1.2), in_plane_mm=(0.9, 0.8))
    coronal, sagittal = source.seen_from("coronal"), source.seen_from("sagittal")
    assert source.lesion is not None
    assert coronal.lesion is not None
    assert sagittal.lesion is not None
    assert np.array_equal(coronal.image[60], source.image[:, 60, :])
    assert np.array_equal(sagittal.image[80], source.image[:, :, 80])
    assert coronal.slice_spacing_mm == 0.9
    assert coronal.in_plane_mm == (1.2, 0.8)
    assert sagittal.slice_spacing_mm == 0.8
    assert sagittal.in_plane_mm == (1.2, 0.9)
    assert coronal.lesion_slices.tolist() == list(range(55, 66))


@pytest.mark.parametrize(
    ("spacing_mm", "plane"),
    [((5, 1, 1), "sagittal"), ((1, 5, 1), "coronal"), ((1, 1, 5), "axial"), ((1, 1, 1), "axial")],
)
def test_a_scan_is_learnt_from_in_the_plane_it_was_acquired_in(
    spacing_mm: tuple[float, float, float], plane: str
) -> None:
    """A sagittal series of 5 mm is learnt from in sagittal slices, as the detector asks."""
    grid = Grid((20, 22, 24), np.diag([*spacing_mm, 1.0]))
    voxels = np.random.default_rng(0).random(grid.shape).astype(np.float32)
    lesion = voxels > 0.9
    learnt = volume_of("a", Scan(voxels, grid, grid), lesion)
    assert learnt.plane == plane
    assert learnt.lesion is not None
    assert learnt.slice_spacing_mm == max(spacing_mm)
    assert learnt.in_plane_mm == (1, 1)
    axes = AXES[plane]
    assert np.array_equal(learnt.lesion > 0, lesion.transpose(axes))
    level = tissue_level(voxels)
    assert np.allclose(learnt.image, voxels.transpose(axes) / level, atol=2e-3)


def test_only_thin_volumes_are_seen_in_every_plane() -> None:
    """A thin and a thick scan share a group evenly, the thin one over its three planes."""
    thin, thick = volume("thin", spacing_mm=1.0), volume("thick", spacing_mm=5.0)
    material = in_every_plane(1.0, [thin, thick])
    shares = dict(zip([v.name for v in material.volumes], material.weights, strict=True))
    assert shares["thick"] == pytest.approx(0.5)
    assert shares["thin"] == pytest.approx(0.3)
    assert shares["thin_coronal"] == shares["thin_sagittal"] == pytest.approx(0.1)


def test_groups_share_the_training_as_told() -> None:
    """Two volumes of a group of 75 % are drawn three times as often as two of one of 25 %."""
    material = group(0.75, [volume("a"), volume("b")]) + group(0.25, [volume("c"), volume("d")])
    assert material.weights.tolist() == pytest.approx([0.375, 0.375, 0.125, 0.125])
    assert Material().volumes == ()


def test_simulated_people_show_every_contrast_and_controls() -> None:
    """Of 14 people, one each is T1w and T2w, and lesions are always brighter than grey matter."""
    contrasts = [training_contrast(i) for i in range(14)]
    assert contrasts.count("T1w") == contrasts.count("T2w") == 1
    draws = [draw_training_person(0, i) for i in range(14)]
    with_lesions = [d for d in draws if d.lesions is not None]
    assert len(with_lesions) == 10
    for draw in with_lesions:
        assert draw.lesions is not None
        assert 1 + draw.lesions.brightness > draw.contrast.grey
    assert len({d.contrast.grey for d in draws}) == 14
    assert asdict(draw_training_person(0, 3)) == asdict(draw_training_person(0, 3))


@pytest.mark.parametrize("seed", [0, 15_000, OWN_SEEDS - 1])
def test_no_seed_simulates_the_people_that_detectors_know(seed: int) -> None:
    """A cohort of the seed of a training has other heads, and no training those of validation."""
    own = {seed + OWN_SEEDS, SIMULATED_SEED, FITTING_SEED, TESTING_SEED}
    assert len(own) == 4
    assert min(own) >= OWN_SEEDS
    learnt = draw_training_person(seed, 1)
    given = draw_person(CohortRecipe(seed=seed, ms_share=1.0, acquisition="volume3d"), 1)
    assert learnt.seed == seed + OWN_SEEDS
    assert learnt.shape != given.shape
    assert learnt.lesions != given.lesions


def test_what_is_no_brain_holds_nothing_to_find() -> None:
    """Blobs and noise have empty masks, all known, and an unknown contrast."""
    made = no_brain(0, 1)
    assert made.contrast is None
    assert all(region is not None and not region.any() for region in made.regions)


def known_scans(folder: Path, count: int) -> list[recipes.KnownScan]:
    """People with ever larger lesions, on disk."""
    scans = []
    for index in range(count):
        image = np.full((20, 24, 5), 100, np.float32)
        mask = np.zeros(image.shape, np.uint8)
        mask[5 : 6 + index, 5:8, 1:4] = 1
        image[mask > 0] = 170
        image[0] = 0
        path = folder / f"sub-{index}_FLAIR.nii.gz"
        mask_path = folder / "masks" / f"sub-{index}_label-L_mask.nii.gz"
        mask_path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(path, image, np.diag([1.0, 1.0, 4.0, 1.0]))
        write_nifti(mask_path, mask, np.diag([1.0, 1.0, 4.0, 1.0]))
        scan_file = ScanFile(f"sub-{index}", path, mask_path)
        scans.append(recipes.KnownScan("set", f"sub-{index}", scan_file))
    return scans


def test_people_of_like_lesion_volume_go_to_different_folds(tmp_path: Path) -> None:
    """Six people in three folds: each fold has one of the lighter and one of the heavier half."""
    scans = known_scans(tmp_path, 6)
    fold_of = recipes.deal_folds(scans, 3, seed=0)
    light = sorted(fold_of["set", f"sub-{i}"] for i in range(3))
    heavy = sorted(fold_of["set", f"sub-{i}"] for i in range(3, 6))
    assert light == heavy == [0, 1, 2]
    with pytest.raises(CohortError, match="6 people"):
        recipes.deal_folds(scans, 7, seed=0)


def test_both_scans_of_a_person_go_to_one_fold(tmp_path: Path) -> None:
    """Two visits of one person never straddle a fold."""
    scans = known_scans(tmp_path, 4)
    second_visit = replace(scans[0], scan_file=replace(scans[1].scan_file, name="again"))
    _, ensembles = recipes.plan_trainings(
        [*scans, second_visit],
        recipes.DetectorRecipe(folds=4),
        recipes.Workshop(tmp_path, tmp_path),
    )
    for ensemble in ensembles[:-1]:
        names = {scan.scan_file.name for scan in ensemble.scans if scan.person_id == "sub-0"}
        assert names in (set(), {"sub-0", "again"})
    assert len(ensembles[-1].scans) == 5


def test_a_real_volume_knows_the_regions_that_were_drawn(tmp_path: Path) -> None:
    """Lesions from the mask, brain from a mask beside it, no ventricles; tissue is 1."""
    (scan,) = known_scans(tmp_path, 1)
    brain = np.ones((20, 24, 5), np.uint8)
    assert scan.scan_file.lesion_mask is not None
    beside = scan.scan_file.lesion_mask.with_name("sub-0_desc-brain_mask.nii.gz")
    write_nifti(beside, brain, np.diag([1.0, 1.0, 4.0, 1.0]))
    made = real_volume(scan.scan_file)
    assert made.ventricle is None
    assert made.brain is not None
    assert made.brain.all()
    assert made.lesion is not None
    assert int((made.lesion > 0).sum()) == 9
    assert float(np.median(made.image[:, :, 1:])) == pytest.approx(1.0, abs=0.03)
    assert made.lesion_slices.tolist() == [1, 2, 3]


def test_regions_are_those_of_the_same_scan(tmp_path: Path) -> None:
    """Beside each other in one folder, everybody has their own brain, or none."""
    scans = known_scans(tmp_path, 3)
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    for index in (0, 1):
        brain = np.zeros((20, 24, 5), np.uint8)
        brain[: 5 + index] = 1
        name = f"sub-{index}_desc-brain_mask.nii.gz"
        write_nifti(tmp_path / "masks" / name, brain, affine)
    brains = [real_volume(scan.scan_file).brain for scan in scans]
    assert [None if b is None else int((b > 0).sum()) for b in brains] == [600, 720, None]


@pytest.mark.parametrize(("side", "is_stripped"), [(60, True), (85, False)])
def test_air_set_to_zero_does_not_make_a_head_a_brain(
    tmp_path: Path, side: int, is_stripped: bool
) -> None:
    """Of 1.7 litres in zeros all is brain, as strippers leave it; 4.9 litres have a skull."""
    image = np.zeros((100, 100, 100), np.float32)
    image[:side, :side, :side] = 100
    path, mask = tmp_path / "a_FLAIR.nii.gz", tmp_path / "a_mask.nii.gz"
    write_nifti(path, image, np.diag([2.0, 2.0, 2.0, 1.0]))
    write_nifti(mask, np.zeros(image.shape, np.uint8), np.diag([2.0, 2.0, 2.0, 1.0]))
    assert (real_volume(ScanFile("a", path, mask)).brain is not None) is is_stripped


def test_other_contrasts_are_taken_where_they_fit(tmp_path: Path) -> None:
    """A T1w image on the FLAIR's grid teaches its contrast; a T2w on another grid is left."""
    (scan,) = known_scans(tmp_path, 1)
    image = np.full((20, 24, 5), 90, np.float32)
    image[:3] = 0
    write_nifti(tmp_path / "sub-0_T1w.nii.gz", image, np.diag([1.0, 1.0, 4.0, 1.0]))
    write_nifti(tmp_path / "sub-0_T2w.nii.gz", image, np.diag([1.0, 1.0, 5.0, 1.0]))
    assert [v.contrast for v in other_contrasts(scan.scan_file)] == ["T1w"]


# --- simulated people that several trainings share -----------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the simulated people that were made; each is a small volume of that number."""
    numbers: list[int] = []

    def make(seed: int, index: int) -> TrainingVolume:
        numbers.append(index)
        image = np.full((3, 4, 5), index, np.float16)
        share = np.full((3, 4, 5), seed, np.uint8)
        contrast = training_contrast(index)
        mask = share if contrast == "FLAIR" else None
        return TrainingVolume(f"v{index}", image, mask, share, share, contrast, (1.0, 1.0), 1.0)

    monkeypatch.setattr(simulated, "simulated_volume", make)
    return numbers


def test_simulated_people_are_made_once_and_come_back_from_their_files(
    made: list[int], tmp_path: Path
) -> None:
    """The second training finds what the first made; a T2w image has no lesion mask."""
    for _ in range(2):
        volumes = cached_volumes(tmp_path / "cache", 7, [0, 3])
        assert [float(volume.image.max()) for volume in volumes] == [0, 3]
        assert volumes[0].lesion is not None
        assert volumes[0].lesion.max() == 7
        assert volumes[1].lesion is None
    assert made == [0, 3]
    names = sorted(p.name for p in (tmp_path / "cache").iterdir())
    assert [name.rpartition("_seed-")[2] for name in names] == ["7_0000", "7_0003"]


def test_other_code_makes_its_own_people(
    made: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier state of the simulation left in the folder is not taken for its own."""
    for _ in range(2):
        cached_volumes(tmp_path, 7, [0])
    monkeypatch.setattr(simulated, "source_sha256", lambda _: "another state of the code")
    cached_volumes(tmp_path, 7, [0])
    assert made == [0, 0]
    assert len(list(tmp_path.iterdir())) == 2


def test_nobody_sees_a_simulated_person_before_all_of_it_is_there(
    made: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the writing ends after the first array, there is no person, and nothing is left."""
    save, calls = np.save, iter(range(9))

    def end_after_one(path: Path, array: np.ndarray) -> None:
        if next(calls):
            raise OSError(28, "No space left on device")
        save(path, array)

    monkeypatch.setattr(np, "save", end_after_one)
    with pytest.raises(OutputError, match="no space left"):
        cached_volumes(tmp_path, 7, [0])
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(np, "save", save)
    assert cached_volumes(tmp_path, 7, [0])[0].brain.max() == 7
    assert made == [0, 0]


def test_two_trainings_may_make_the_same_person_at_once(
    made: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one makes it, another has: theirs stays untouched, for it may be in use."""
    make = simulated.simulated_volume

    def overtaken(seed: int, index: int) -> TrainingVolume:
        monkeypatch.setattr(simulated, "simulated_volume", make)
        (other,) = cached_volumes(tmp_path, seed, [index])
        assert other.image.shape == (3, 4, 5)
        (only,) = tmp_path.glob("*_seed-7_0000")
        (only / "theirs").touch()
        return make(seed, index)

    monkeypatch.setattr(simulated, "simulated_volume", overtaken)
    cached_volumes(tmp_path, 7, [0])
    (only,) = tmp_path.iterdir()
    assert (only / "theirs").exists()
    assert made == [0, 0]
