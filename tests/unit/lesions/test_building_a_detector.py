"""The whole recipe on a handful of small scans: folds, calibration, a model's file."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from safetensors.torch import load_file

from mslesion.cohort.people import ScanFile
from mslesion.errors import CohortError, ModelFileError
from mslesion.lesions.known_scans import KnownScan
from mslesion.lesions.learning import build
from mslesion.lesions.learning.build import build_detector
from mslesion.lesions.learning.recipe import DetectorRecipe
from mslesion.lesions.model import Calibration, load_lesion_model
from mslesion.write.nifti import write_nifti

AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
RECIPE = DetectorRecipe(
    model="small",
    networks=2,
    folds=2,
    fold_steps=2,
    final_steps=3,
    simulated_people=1,
    validation_people=1,
    verdict_people=0,
)


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> list[KnownScan]:
    """Three people with lesions and one lesion-free scan."""
    folder = tmp_path_factory.mktemp("scans")
    rng = np.random.default_rng(0)
    made = []
    for index in range(4):
        grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in (70, 80, 6)), indexing="ij"))
        head = (grid**2).sum(axis=0) < 0.9
        mask = np.zeros(head.shape, np.uint8)
        image = np.where(head, rng.normal(100, 5, head.shape), 0).astype(np.float32)
        if index < 3:
            mask[30 : 34 + index, 40:44, 2:4] = 1
            image[mask > 0] = 170
        path, mask_path = folder / f"s{index}.nii.gz", folder / f"m{index}.nii.gz"
        write_nifti(path, image, AFFINE)
        write_nifti(mask_path, mask, AFFINE)
        has_mask = index < 3
        scan_file = ScanFile(f"s{index}", path, mask_path if has_mask else None)
        made.append(KnownScan("set", f"p{index}", scan_file, is_lesion_free=not has_mask))
    return made


@pytest.fixture(scope="module")
def built(scans: list[KnownScan], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished recipe."""
    folder = tmp_path_factory.mktemp("built")
    build_detector(scans, folder, RECIPE)
    return folder


def test_the_model_says_what_it_was_trained_on(built: Path) -> None:
    """People, recipe and calibration stand in the model's own file."""
    model = load_lesion_model(built / "model.safetensors")
    assert model.trained_on["datasets"] == {"set": ["p0", "p1", "p2", "p3"]}
    assert model.trained_on["recipe"]["folds"] == 2
    assert model.name == "small"


def test_every_scan_is_scored_once_by_a_network_that_never_saw_it(built: Path) -> None:
    """Each scan stands in the table with its fold, and both folds test somebody."""
    validation = json.loads((built / "cross-validation.json").read_text())
    assert [row["scan_name"] for row in validation["scans"]] == ["s0", "s1", "s2", "s3"]
    assert {row["fold"] for row in validation["scans"]} == {0, 1}
    assert validation["datasets"]["set"]["people"] == 3, "in the fourth there is no lesion to find"
    assert len(validation["chosen_by_fold"]) == 2
    assert validation["people_left_out_as_seen"] == 0


@pytest.mark.parametrize("fold", [0, 1])
def test_the_detector_of_a_fold_can_be_asked_about_those_it_never_saw(
    built: Path, fold: int
) -> None:
    """Its file holds the fold's networks and what the others chose, and names whom it knows."""
    validation = json.loads((built / "cross-validation.json").read_text())
    model = load_lesion_model(built / "folds" / f"fold-{fold}.safetensors")
    unseen = [row["person_id"] for row in validation["scans"] if row["fold"] == fold]
    assert sorted([*unseen, *model.trained_on["datasets"]["set"]]) == ["p0", "p1", "p2", "p3"]
    assert asdict(model.operating_point) == validation["chosen_by_fold"][fold]
    for number, network in enumerate(model.networks, start=1):
        trained = load_file(built / "training" / f"fold-{fold}_network-{number}.safetensors")
        for name, value in network.named_parameters():
            assert np.array_equal(value.detach().numpy(), trained[name].numpy())


def test_networks_of_one_detector_differ_by_their_seed_alone(
    built: Path, scans: list[KnownScan], tmp_path: Path
) -> None:
    """Two networks, unlike each other; the first is what a detector of one network would be."""
    first, second = load_lesion_model(built / "model.safetensors").networks
    build_detector(scans, tmp_path, replace(RECIPE, networks=1, folds=0))
    (alone,) = load_lesion_model(tmp_path / "model.safetensors").networks
    of_second = dict(second.named_parameters())
    of_alone = dict(alone.named_parameters())
    for name, value in first.named_parameters():
        assert np.array_equal(value.detach().numpy(), of_alone[name].detach().numpy())
    assert any(
        not np.allclose(value.detach().numpy(), of_second[name].detach().numpy(), atol=1e-2)
        for name, value in first.named_parameters()
    )


def test_a_second_call_finds_the_trainings_done(
    built: Path, scans: list[KnownScan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called again, nothing is trained anew and the model is the same to the byte."""
    from mslesion.lesions.learning import training

    before = (built / "model.safetensors").read_bytes()
    monkeypatch.setattr(training, "_run_step", None)
    build_detector(scans, built, RECIPE)
    assert (built / "model.safetensors").read_bytes() == before


def test_another_recipe_in_the_same_folder_is_refused(built: Path, scans: list[KnownScan]) -> None:
    """States of another recipe are not mixed with this one."""
    with pytest.raises(ModelFileError, match="other data or settings"):
        build_detector(scans, built, replace(RECIPE, learning_rate=1e-5))


def test_a_corrected_mask_is_learnt_anew(
    built: Path, scans: list[KnownScan], tmp_path: Path
) -> None:
    """One voxel more in one mask, and states of trainings on the old ones are refused."""
    mask = scans[0].scan_file.lesion_mask
    assert mask is not None
    voxels = np.asarray(nib.load(mask).dataobj).copy()
    voxels[50, 50, 3] = 1
    corrected = tmp_path / "corrected.nii.gz"
    write_nifti(corrected, voxels, AFFINE)
    again = replace(scans[0], scan_file=replace(scans[0].scan_file, lesion_mask=corrected))
    with pytest.raises(ModelFileError, match="other data or settings"):
        build_detector([again, *scans[1:]], built, RECIPE)


def test_nothing_is_left_beside_a_model_that_it_does_not_tell_of(
    scans: list[KnownScan], tmp_path: Path
) -> None:
    """Built again without cross-validation, the folder holds none."""
    build_detector(scans, tmp_path, RECIPE)
    assert (tmp_path / "folds" / "fold-1.safetensors").exists()
    (tmp_path / "verdict.json").touch()
    build_detector(scans, tmp_path, replace(RECIPE, folds=0))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors", "training"]
    model = load_lesion_model(tmp_path / "model.safetensors")
    assert model.voxel_calibration == Calibration()


def test_an_interrupted_call_leaves_no_older_model_beside_newer_results(
    scans: list[KnownScan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while the verdict is fitted: the folder holds no model until the call goes on."""
    build_detector(scans[:1], tmp_path, replace(RECIPE, folds=0, final_steps=1))
    monkeypatch.setattr(build, "_verdict", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        build_detector(
            scans[:1], tmp_path, replace(RECIPE, folds=0, final_steps=1, verdict_people=1)
        )
    assert not (tmp_path / "model.safetensors").exists()


def test_who_was_learnt_from_before_is_not_forgotten(
    built: Path, scans: list[KnownScan], tmp_path: Path
) -> None:
    """A model fine-tuned on new people names the old ones too, and is not validated on them."""
    start = built / "model.safetensors"
    new = [replace(scan, dataset="mine") for scan in scans[:2]]
    same_file = replace(scans[2], dataset="mine", person_id="p9")
    with pytest.raises(CohortError, match="has learnt from everybody"):
        build_detector([*scans, same_file], tmp_path, RECIPE, start=start)
    for scan, name in zip(new, ("a", "b"), strict=True):
        image = tmp_path / f"{name}.nii.gz"
        voxels = np.asarray(nib.load(scan.scan_file.image).dataobj)
        write_nifti(image, voxels + 1, AFFINE)
        new[new.index(scan)] = replace(scan, scan_file=replace(scan.scan_file, image=image))
    output = tmp_path / "tuned"
    recipe = replace(RECIPE, fold_steps=1, final_steps=1)
    tuned = build_detector([*new, same_file], output, recipe, start=start)
    assert tuned.validation is not None
    assert {row["person_id"] for row in tuned.validation["scans"]} == {"p0", "p1"}
    assert tuned.validation["people_left_out_as_seen"] == 1
    trained_on = load_lesion_model(tuned.path).trained_on
    assert trained_on["datasets"] == {
        "mine": ["p0", "p1", "p9"], "set": ["p0", "p1", "p2", "p3"],
    }  # fmt: skip
    before = load_lesion_model(start)
    assert set(before.trained_on["scans_sha256"]) < set(trained_on["scans_sha256"])
    assert trained_on["started_from"] == {"name": "small", "sha256": before.sha256}


def test_too_few_people_to_judge_leave_a_detector_without_a_verdict(
    scans: list[KnownScan], tmp_path: Path
) -> None:
    """Hours of training are not lost to it: the model is written, and the record says how many."""
    recipe = replace(RECIPE, folds=0, final_steps=1, verdict_people=1)
    built = build_detector(scans[:1], tmp_path, recipe)
    assert load_lesion_model(built.path).verdict is None
    record = json.loads((tmp_path / "verdict.json").read_text())
    assert record["fitting_controls"] + record["fitting_ms"] + record["fitting_abstained"] == 1
    assert "coefficients" not in record


def test_fine_tuning_starts_from_the_weights_of_a_model(
    built: Path, scans: list[KnownScan], tmp_path: Path
) -> None:
    """With a rate of almost nothing, fine-tuning gives back the weights it started from."""
    recipe = replace(RECIPE, networks=3, folds=0, final_steps=1, learning_rate=1e-12)
    start = built / "model.safetensors"
    tuned = build_detector(scans[:1], tmp_path, recipe, start=start)
    begun_with = load_lesion_model(start).networks
    # A third network, which the start has not, begins as its first.
    for network, begun in zip(
        load_lesion_model(tuned.path).networks, (*begun_with, begun_with[0]), strict=True
    ):
        weights = network.state_dict()
        for name, value in begun.named_parameters():
            assert np.allclose(weights[name].numpy(), value.detach().numpy(), atol=1e-6)
    assert tuned.validation is None


def test_fine_tuning_a_network_of_another_size_is_refused(
    built: Path, scans: list[KnownScan], tmp_path: Path
) -> None:
    """The small model's weights cannot start the default one."""
    recipe = replace(RECIPE, folds=0, model="default")
    with pytest.raises(ModelFileError, match="another size"):
        build_detector(scans[:1], tmp_path, recipe, start=built / "model.safetensors")
    assert not (tmp_path / "training").exists()  # not a minute was spent before
