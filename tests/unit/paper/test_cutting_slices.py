"""From scans to the paper's images."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from mslesion.cohort.people import Diagnosis, Person, ScanFile
from mslesion.errors import CohortError, ScanError
from mslesion.paper.protocol import SliceProtocol
from mslesion.paper.slices import (
    UNKNOWN,
    cut_cohort,
    cut_scan,
    otsu_threshold,
    resize_slices,
    scan_fingerprints,
    spread_indices,
    z_score,
)
from mslesion.read import read_cohort
from mslesion.scan import Grid
from mslesion.write.nifti import write_nifti


def test_twenty_three_slices_are_spread_over_a_volume() -> None:
    """Of 181 slices every eighth or ninth is taken, ends included; of 20 slices, all."""
    chosen = spread_indices(181, 23)
    assert len(chosen) == 23
    assert (chosen[0], chosen[-1]) == (0, 180)
    assert set(np.diff(chosen)) <= {8, 9}
    assert spread_indices(20, 23).tolist() == list(range(20))


def test_resizing_is_antialiased_bicubic() -> None:
    """Pillow's bicubic is the antialiased bicubic of torch, on a square slice of 1 mm."""
    volume = np.random.default_rng(0).normal(size=(200, 200, 2)).astype(np.float32)
    images = resize_slices(volume, Grid(volume.shape, np.eye(4)), np.array([0, 1]), 64)
    shown = torch.from_numpy(volume[::-1, ::-1].transpose(2, 1, 0).copy())[:, None]
    expected = torch.nn.functional.interpolate(
        shown, size=(64, 64), mode="bicubic", antialias=True, align_corners=False
    )[:, 0]
    np.testing.assert_allclose(images, expected.numpy(), atol=1e-4)


def test_a_small_lesion_does_not_fall_between_the_pixels() -> None:
    """Wherever a bright 2 mm square lies, about the same brightness is left of it at 64x64."""
    sums = []
    for shift in range(8):
        volume = np.zeros((224, 224, 1), np.float32)
        volume[100 + shift : 102 + shift, 60:62] = 100
        image = resize_slices(volume, Grid(volume.shape, np.eye(4)), np.array([0]), 64)
        sums.append(float(image.sum()))
    assert min(sums) > 0.95 * max(sums) > 0


def test_an_image_is_shown_as_radiologists_look_at_it() -> None:
    """The front of the head is on top and the patient's right is on the left of the image."""
    volume = np.zeros((100, 120, 1), np.float32)
    volume[90:, 110:, 0] = 1  # right and anterior in RAS+
    image = resize_slices(volume, Grid(volume.shape, np.eye(4)), np.array([0]), 60)[0]
    rows, columns = np.nonzero(image > 0.5)
    assert rows.max() < 10
    assert columns.max() < 12


def test_shapes_stay_true_on_voxels_that_are_not_square() -> None:
    """A round head on 1 x 2 mm voxels stays round after resizing."""
    x, y = np.meshgrid(np.arange(160), np.arange(80), indexing="ij")
    head = (((x - 79.5) ** 2 + (2 * (y - 39.5)) ** 2) < 60**2).astype(np.float32)[:, :, None]
    image = resize_slices(head, Grid(head.shape, np.diag([1.0, 2, 5, 1])), np.array([0]), 64)[0]
    rows, columns = np.nonzero(image > 0.5)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1)


def test_z_scores_have_mean_zero_and_deviation_one_over_tissue() -> None:
    """Over all tissue of a scan, or over each slice's own, as the protocol asks."""
    images = np.random.default_rng(0).gamma(2, 50, (4, 8, 8)).astype(np.float32)
    images[2] *= 3
    tissue = images > 40
    whole = z_score(images, tissue, "scan")
    assert whole[tissue].mean() == pytest.approx(0, abs=1e-5)
    assert whole[tissue].std() == pytest.approx(1, abs=1e-5)
    single = z_score(images, tissue, "slice")
    for image, mask in zip(single, tissue, strict=True):
        assert image[mask].mean() == pytest.approx(0, abs=1e-5)
        assert image[mask].std() == pytest.approx(1, abs=1e-5)


def test_scanner_units_do_not_matter() -> None:
    """The same head in other units has the same threshold, in those units."""
    voxels = np.random.default_rng(0).gamma(2, 50, (10, 10, 10)).astype(np.float32)
    assert otsu_threshold(voxels * 1000) == pytest.approx(1000 * otsu_threshold(voxels), rel=1e-5)
    assert otsu_threshold(np.full((3, 3, 3), 5, np.float32)) == 5


def _person(folder: Path, volume: np.ndarray, mask: np.ndarray | None = None) -> Person:
    write_nifti(folder / "a.nii.gz", volume.astype(np.float32), np.diag([2.0, 2, 5, 1]))
    if mask is not None:
        write_nifti(folder / "m.nii.gz", mask.astype(np.uint8), np.diag([2.0, 2, 5, 1]))
    scan = ScanFile("a", folder / "a.nii.gz", None if mask is None else folder / "m.nii.gz")
    return Person("a", Diagnosis.MS, (scan,))


def test_slices_with_less_than_five_percent_of_tissue_are_left_out(tmp_path: Path) -> None:
    """Of slices with 4.4 and 5.6 percent of bright pixels, the first is left out."""
    volume = np.zeros((64, 64, 4))
    volume[:18, :10, 1] = 100  # 180 of 4096 pixels: 4.4 %
    volume[:23, :10, 2] = 100  # 230 of 4096 pixels: 5.6 %
    volume[10:50, 10:50, 3] = 100
    cut = cut_scan(_person(tmp_path, volume), ScanFile("a", tmp_path / "a.nii.gz"), SliceProtocol())
    assert cut.slices.slice_index.tolist() == [2, 3]
    assert cut.left_out == 2
    assert (cut.slices.has_lesion == UNKNOWN).all()


def test_a_slice_holds_a_lesion_where_the_mask_has_a_voxel(tmp_path: Path) -> None:
    """One voxel of 2 x 2 mm in the third slice labels that slice and no other: 4 square mm."""
    volume = np.zeros((64, 64, 4))
    volume[8:56, 8:56] = 100
    volume += np.random.default_rng(0).normal(0, 1, volume.shape)
    mask = np.zeros(volume.shape)
    mask[30, 30, 2] = 1
    person = _person(tmp_path, volume, mask)
    cut = cut_scan(person, person.scans[0], SliceProtocol())
    assert cut.slices.has_lesion.tolist() == [0, 0, 1, 0]
    assert cut.slices.lesion_area_mm2.tolist() == [0, 0, 4, 0]
    assert cut.slices.is_ms.tolist() == [1, 1, 1, 1]


def test_good_scans_are_not_lost_with_a_bad_one(tmp_path: Path, make_bids_cohort) -> None:
    """A damaged file is set aside by name; of a scan whose mask is on another grid, the mask."""
    folder = make_bids_cohort(tmp_path / "c")
    (folder / "sub-02/anat/sub-02_FLAIR.nii.gz").write_bytes(b"not a scan")
    wrong = folder / "derivatives/manual/sub-03/anat/sub-03_label-L_mask.nii.gz"
    write_nifti(wrong, np.zeros((5, 5, 5), np.uint8), np.eye(4))
    cut = cut_cohort(read_cohort(folder), SliceProtocol())
    assert set(cut.slices.person_id) == {"sub-01", "sub-03", "sub-04"}
    assert (cut.slices.has_lesion[cut.slices.person_id == "sub-03"] == UNKNOWN).all()
    lines = [str(error) for error in cut.set_aside]
    assert len(lines) == 2
    assert any("sub-02_FLAIR.nii.gz" in line for line in lines)
    assert any("sub-03_label-L_mask.nii.gz" in line for line in lines)


def test_an_empty_mask_of_a_patient_is_remarked_on(tmp_path: Path, make_bids_cohort) -> None:
    """A control's mask is empty as it should be; a patient's is listed, and one of 0 and 255."""
    folder = make_bids_cohort(tmp_path / "c", people={"01": "MS", "02": "MS", "03": "control"})
    for name, mark in (("01", 0), ("02", 255), ("03", 0)):
        path = folder / f"derivatives/manual/sub-{name}/anat/sub-{name}_label-L_mask.nii.gz"
        image = nib.load(folder / f"sub-{name}/anat/sub-{name}_FLAIR.nii.gz")
        mask = np.zeros(image.shape, np.uint8)
        mask[tuple(n // 2 for n in image.shape)] = mark
        path.parent.mkdir(parents=True, exist_ok=True)
        write_nifti(path, mask, image.affine)
    cut = cut_cohort(read_cohort(folder), SliceProtocol())
    assert cut.doubts == ("sub-01: the lesion mask is empty",)
    assert cut.mended == ("sub-02: the lesion mask holds 0 and 255: 255 is lesion",)


def test_a_cohort_of_damaged_scans_is_refused(tmp_path: Path, make_bids_cohort) -> None:
    """Where no scan can be used, the first reason is told."""
    folder = make_bids_cohort(tmp_path / "c", people={"01": "MS", "02": "MS"})
    for name in ("sub-01", "sub-02"):
        (folder / f"{name}/anat/{name}_FLAIR.nii.gz").write_bytes(b"")
    with pytest.raises(CohortError, match="none of 2 scans can be used; the first: UNREADABLE"):
        cut_cohort(read_cohort(folder), SliceProtocol())


def test_the_same_image_under_two_names_is_used_once(tmp_path: Path, make_bids_cohort) -> None:
    """A copy could stand on the other side of a split: it is set aside, and both are named."""
    folder = make_bids_cohort(tmp_path / "c")
    original = folder / "sub-01/anat/sub-01_FLAIR.nii.gz"
    copy = folder / "sub-77/anat/sub-77_FLAIR.nii.gz"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(original.read_bytes())
    cut = cut_cohort(read_cohort(folder), SliceProtocol())
    assert "sub-77" not in cut.slices.person_id
    (line,) = map(str, cut.set_aside)
    assert "sub-77_FLAIR.nii.gz" in line
    assert "the same image as sub-01" in line


def test_a_scan_is_known_again_in_other_units(tmp_path: Path) -> None:
    """The fingerprint of a scan stays when its voxels are multiplied, and differs for another."""
    random = np.random.default_rng(0)
    head = np.zeros((64, 64, 4))
    head[8:56, 8:56] = 100 + random.normal(0, 20, (48, 48, 4))
    marks = []
    for name, volume in (("a", head), ("b", head * 1.7), ("c", head[::-1])):
        person = _person(tmp_path / name, volume)
        cut = cut_scan(person, person.scans[0], SliceProtocol())
        marks.append(scan_fingerprints(cut.slices)["a"])
    assert marks[0] == marks[1] != marks[2]


def test_a_volume_without_tissue_is_refused(tmp_path: Path) -> None:
    """One bright voxel is no brain."""
    volume = np.zeros((64, 64, 4))
    volume[3, 3, 3] = volume[3, 4, 3] = 9
    person = _person(tmp_path, volume)
    with pytest.raises(ScanError, match="no slice holds 5% of tissue"):
        cut_scan(person, person.scans[0], SliceProtocol())


def test_real_scans_are_cut_as_the_paper_says(real_data: Path) -> None:
    """Ten Tabriz scans of 18 to 20 slices give 197 slices, 106 of them with a lesion."""
    cut = cut_cohort(read_cohort(real_data / "tabriz"), SliceProtocol())
    assert len(cut.slices) == 197
    assert int((cut.slices.has_lesion == 1).sum()) == 106
    assert not cut.set_aside
    assert np.isfinite(cut.slices.pixels).all()
