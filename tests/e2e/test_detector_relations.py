"""What must hold between the answers to a scan and to the same scan changed.

No reference mask is needed: whoever is right about the first scan is right about the second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.batch import detect_cohort
from mslesion.detector import detect_scan, load_detector
from mslesion.lesions.detection import FoundLesions, find_lesions
from mslesion.lesions.model import shipped_model
from mslesion.lesions.operating_point import lesion_mask
from mslesion.read import read_cohort, read_scan
from mslesion.scan import Grid, Scan
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.verdict import judge
from mslesion.write.nifti import write_nifti

TABRIZ = "sub-104670"
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Subject:
    """A scan, and what the shipped detector finds in it."""

    scan: Scan

    @cached_property
    def found(self) -> FoundLesions:
        """The lesions of the scan as it is."""
        return find_lesions(self.scan, shipped_model())

    def found_in(self, voxels: NDArray[np.float32]) -> FoundLesions:
        """The lesions when other voxels lie on the same grid."""
        return find_lesions(replace(self.scan, voxels=voxels.astype(np.float32)), shipped_model())


@pytest.fixture(scope="module", params=["simulated", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """A simulated patient with skull, and a real one."""
    if request.param == "simulated":
        return Subject(simulated_patient())
    real_data: Path = request.getfixturevalue("real_data")
    return Subject(read_scan(real_data / f"tabriz/{TABRIZ}/anat/{TABRIZ}_FLAIR.nii.gz"))


def simulated_patient(acquisition: str = "axial2d") -> Scan:
    """One with MS and skull, in thick axial slices or as a volume of 1 mm."""
    recipe = CohortRecipe(people=2, ms_share=1.0, seed=5, acquisition=acquisition)
    return simulate_person(recipe, 0).scan


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Dice coefficient of two masks of which one at least holds something."""
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.parametrize("factor", [0.001, 0.37, 1000.0])
def test_units_of_intensity_do_not_matter(subject: Subject, factor: float) -> None:
    """A scan in other units gets the same mask."""
    assert subject.found.mask.any()
    assert (subject.found_in(subject.scan.voxels * factor).mask == subject.found.mask).all()


def test_a_mirrored_scan_gets_the_mirrored_mask(subject: Subject) -> None:
    """Left and right are alike to the detector."""
    mirrored = subject.found_in(subject.scan.voxels[::-1])
    assert dice(mirrored.mask[::-1], subject.found.mask) >= 0.95


def test_air_around_the_head_does_not_matter(subject: Subject) -> None:
    """Zeros around the scan leave the mask as it is."""
    wide = [(13, 6), (9, 21), (0, 0)]
    mask = _found_on_other_grid(subject.scan, np.pad(subject.scan.voxels, wide))
    assert dice(mask[13:-6, 9:-21], subject.found.mask) >= 0.99


def test_a_scan_cut_to_the_head_gets_the_same_mask(subject: Subject) -> None:
    """The air that a scanner leaves around the head is not needed."""
    tissue = np.median(subject.scan.voxels[subject.found.brain])
    head = ndimage.gaussian_filter(subject.scan.voxels, 1.0) > 0.25 * tissue
    box = (*ndimage.find_objects(head.astype(int))[0][:2], slice(None))
    mask = _found_on_other_grid(subject.scan, subject.scan.voxels[box])
    assert dice(mask, subject.found.mask[box]) >= 0.99


def _found_on_other_grid(scan: Scan, voxels: NDArray[np.float32]) -> NDArray[np.bool_]:
    other = Scan.from_stored(voxels, scan.grid.affine_vox_to_ras)
    return find_lesions(other, shipped_model()).mask


def test_a_head_turned_by_five_degrees_gets_the_turned_mask(subject: Subject) -> None:
    """The head may lie askew in the scanner; the turned mask is that of the turned probability."""
    turn: dict[str, object] = {"angle": 5.0, "axes": (0, 1), "reshape": False}
    x_mm, y_mm, _ = subject.scan.spacing_mm
    assert x_mm == pytest.approx(y_mm, rel=0.01)
    turned = subject.found_in(ndimage.rotate(subject.scan.voxels, order=3, **turn).clip(0))
    expected = lesion_mask(
        ndimage.rotate(subject.found.probability, order=1, **turn),
        subject.scan.grid.voxel_volume_mm3,
        shipped_model().operating_point,
    )
    assert dice(turned.mask, expected) >= 0.90


def test_a_scan_on_sheared_axes_gets_the_same_lesions(subject: Subject) -> None:
    """Voxels stored on axes 10 degrees from perpendicular show the same head in the world."""
    scan = subject.scan
    shear = np.eye(4)
    shear[0, 1] = np.tan(np.deg2rad(10))
    shear[0, 3] = -shear[0, 1] * scan.grid.shape[1] / 2
    voxels = ndimage.affine_transform(scan.voxels, shear[:3, :3], shear[:3, 3], order=1)
    stored = Scan.from_stored(voxels, scan.grid.affine_vox_to_ras @ shear)
    assert stored.grid.shear_degrees > 9
    mask = find_lesions(stored, shipped_model()).mask.astype(np.float32)
    back = np.linalg.inv(shear)
    upright = ndimage.affine_transform(mask, back[:3, :3], back[:3, 3], order=1) > 0.5
    assert dice(upright, subject.found.mask) >= 0.9


def test_a_little_noise_does_not_matter(subject: Subject) -> None:
    """Noise of 1 % of the tissue's intensity hardly changes the mask."""
    tissue = float(np.median(subject.scan.voxels[subject.found.brain]))
    noise = np.random.default_rng(0).normal(0, 0.01 * tissue, subject.scan.voxels.shape)
    noisy = subject.found_in((subject.scan.voxels + noise).clip(0))
    assert dice(noisy.mask, subject.found.mask) >= 0.95


def test_a_bright_blob_outside_the_brain_is_no_lesion(subject: Subject) -> None:
    """What shines in skull or scalp is not marked."""
    scan, brain = subject.scan, subject.found.brain
    away_mm = ndimage.distance_transform_edt(~brain, sampling=scan.spacing_mm)
    head = scan.voxels > 0.3 * np.median(scan.voxels[brain])
    middle = np.abs(np.arange(scan.grid.shape[2]) - scan.grid.shape[2] // 2) <= 1
    places = np.argwhere((away_mm > 9) & (away_mm < 14) & head & middle)
    blob = np.zeros(brain.shape, bool)
    for place in np.random.default_rng(0).choice(places, 5):
        blob |= _distance_mm(scan.grid, place) < 4
    bright = scan.voxels.copy()
    bright[blob] = 2.0 * np.median(scan.voxels[brain])
    assert not (subject.found_in(bright).mask & blob).any()


def test_lesions_put_into_white_matter_are_found(subject: Subject) -> None:
    """Of 100 spots of 100 to 300 mm3, 3 SD above white matter, 90 are found; none calms a verdict.

    Fifty scans get two spots each, far apart.
    """
    assert added_lesions_found(subject) >= 90


def added_lesions_found(subject: Subject) -> int:
    """How many of the hundred spots are found."""
    rng = np.random.default_rng(7)
    white = _deep_white_matter(subject)
    level, spread = _level_and_spread(subject, white)
    verdict_before = _probability(subject.found)
    found = 0
    for _ in range(50):
        changed, spots = subject.scan.voxels.copy(), []
        for place in _far_apart(np.argwhere(white), subject.scan.grid, rng):
            radius_mm = float(np.cbrt(rng.uniform(100, 300) * 0.75 / np.pi))
            share = np.clip((radius_mm - _distance_mm(subject.scan.grid, place)) + 0.5, 0, 1)
            changed += share * np.maximum(level + 3 * spread - changed, 0)
            spots.append(share > 0.5)
        answer = subject.found_in(changed)
        found += sum(bool((answer.mask & spot).any()) for spot in spots)
        assert _probability(answer) >= verdict_before
    return found


def _deep_white_matter(subject: Subject) -> NDArray[np.bool_]:
    """Places above the ventricles, far from midline, border, fluid and lesions.

    There, white matter is all there is: no deep grey matter can be mistaken for it.
    """
    found, spacing_mm = subject.found, subject.scan.spacing_mm
    tissue = float(np.median(subject.scan.voxels[found.brain]))
    smooth = ndimage.gaussian_filter(subject.scan.voxels, [2 / mm for mm in spacing_mm])
    is_tissue = found.brain & (smooth > 0.75 * tissue) & (smooth < 1.1 * tissue)
    fluid = found.brain & (subject.scan.voxels < 0.6 * tissue)
    off_limits = ~found.brain | found.ventricles | fluid
    near_mm = ndimage.distance_transform_edt(~off_limits, sampling=spacing_mm)
    lesion_mm = ndimage.distance_transform_edt(found.probability < 0.05, sampling=spacing_mm)
    heights = np.flatnonzero(found.brain.any(axis=(0, 1)))
    ventricle_mm2 = found.ventricles.sum(axis=(0, 1)) * spacing_mm[0] * spacing_mm[1]
    top_of_ventricles = np.flatnonzero(ventricle_mm2 > 50)[-1]
    above = np.zeros(found.brain.shape, bool)
    above[:, :, top_of_ventricles : int(heights[0] + 0.85 * np.ptp(heights))] = True
    sides = np.flatnonzero(found.brain.any(axis=(1, 2)))
    midline_mm = np.abs(np.arange(above.shape[0]) - sides.mean()) * spacing_mm[0]
    above[midline_mm < 12] = False
    return is_tissue & above & (near_mm > 6) & (lesion_mm > 8)


def _level_and_spread(subject: Subject, white: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of deep white matter, and SD of the brain without fluid and lesions."""
    voxels, found = subject.scan.voxels, subject.found
    level = float(voxels[white].mean())
    plain = found.brain & (voxels > 0.6 * level) & ~ndimage.binary_dilation(found.mask)
    return level, float(voxels[plain].std())


def _far_apart(
    places: NDArray[np.int64], grid: Grid, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    while True:
        first, second = rng.choice(places, 2, replace=False)
        if np.linalg.norm((first - second) * grid.spacing_mm) > 30:
            return [first, second]


def _distance_mm(grid: Grid, place: NDArray[np.int64]) -> NDArray[np.float64]:
    axes = [
        (np.arange(n) - centre) * mm
        for n, centre, mm in zip(grid.shape, place, grid.spacing_mm, strict=True)
    ]
    squares = np.ix_(*(axis**2 for axis in axes))
    distance: NDArray[np.float64] = np.sqrt(squares[0] + squares[1] + squares[2])
    return distance


def _probability(found: FoundLesions) -> float:
    probability = judge(found.lesions, (), shipped_model().verdict).ms_probability
    assert probability is not None
    return probability


def test_without_its_lesions_a_scan_has_almost_none(subject: Subject) -> None:
    """Tissue painted over the lesions: at least 80 % of the lesion volume is gone."""
    scan, found = subject.scan, subject.found
    hole = ndimage.binary_dilation(found.probability > 0.1, iterations=2)
    known = found.brain & ~hole & (scan.voxels > 0.7 * np.median(scan.voxels[found.brain]))
    weights = [4 / mm for mm in scan.spacing_mm]
    mean = ndimage.gaussian_filter(np.where(known, scan.voxels, 0), weights)
    mean /= np.maximum(ndimage.gaussian_filter(known.astype(np.float32), weights), 1e-6)
    painted = np.where(hole & found.brain, np.minimum(scan.voxels, mean), scan.voxels)
    assert subject.found_in(painted).mask.sum() <= 0.2 * found.mask.sum()


Store = Callable[[Path, Scan], None]


def _plain(path: Path, scan: Scan) -> None:
    write_nifti(path, scan.voxels.astype(np.int16), scan.grid.affine_vox_to_ras)


def _as_float64_big_endian(path: Path, scan: Scan) -> None:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">f8")
    voxels = scan.voxels.astype(np.int16).astype(np.float64)
    nib.save(nib.Nifti1Image(voxels, scan.grid.affine_vox_to_ras, header), path)


def _in_another_order(path: Path, scan: Scan) -> None:
    image = nib.Nifti1Image(scan.voxels.astype(np.int16), scan.grid.affine_vox_to_ras)
    to = nib.orientations.axcodes2ornt("SLA")
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), to)
    nib.save(image.as_reoriented(turn), path)


@pytest.mark.parametrize(
    ("ending", "store"),
    [
        ("nii", _plain), ("nii.gz", _plain), ("nii", _as_float64_big_endian),
        ("nii.gz", _in_another_order),
    ],
)  # fmt: skip
def test_the_way_a_scan_is_stored_does_not_matter(
    subject: Subject, ending: str, store: Store, tmp_path: Path
) -> None:
    """Compression, byte order, number format, order of axes: the same lesions at the same places.

    That all 48 orders are read to the same voxels is told by the contract of the readers.
    """
    path = tmp_path / f"scan_FLAIR.{ending}"
    store(path, subject.scan)
    detection = detect_scan(path, load_detector(), "scan")
    whole = subject.found_in(subject.scan.voxels.astype(np.int16))
    assert (detection.mask == whole.mask).all()
    assert np.array_equal(detection.probability, whole.probability)
    assert detection.lesions[0].volume_mm3 == pytest.approx(whole.lesions[0].volume_mm3)


# --- volumes of 1 mm, which are seen in three planes, by the small model -------------------------


@pytest.fixture(scope="module")
def thin() -> Scan:
    """A simulated patient in voxels of 1 mm."""
    return simulated_patient("volume3d")


def _mask_of(voxels: NDArray[np.float32], affine_vox_to_ras: NDArray[np.float64]) -> Mask:
    return find_lesions(Scan.from_stored(voxels, affine_vox_to_ras), shipped_model("small")).mask


@pytest.fixture(scope="module")
def thin_mask(thin: Scan) -> Mask:
    """Its lesions."""
    mask = _mask_of(thin.voxels, thin.grid.affine_vox_to_ras)
    assert mask.any()
    return mask


def test_a_thin_scan_mirrored_and_padded_gets_the_same_lesions(thin: Scan, thin_mask: Mask) -> None:
    """In three planes too: air on all six sides, and left and right exchanged."""
    wide = [(5, 8), (3, 0), (4, 9)]
    voxels = np.pad(thin.voxels[::-1], wide)
    mask = _mask_of(voxels, thin.grid.affine_vox_to_ras)
    assert dice(mask[5:-8, 3:, 4:-9][::-1], thin_mask) >= 0.95


def test_a_sagittal_volume_is_the_same_scan(thin: Scan, thin_mask: Mask) -> None:
    """Stored slice by slice from the left, as sagittal sequences are: identical lesions."""
    image = nib.Nifti1Image(thin.voxels, thin.grid.affine_vox_to_ras)
    to = nib.orientations.axcodes2ornt("PSR")
    turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), to)
    stored = image.as_reoriented(turn)
    assert (_mask_of(np.asarray(stored.dataobj), stored.affine) == thin_mask).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_thick_slices_of_any_direction_show_the_large_lesions(
    axis: int, thin: Scan, thin_mask: Mask
) -> None:
    """Sagittal, coronal or axial slices of 4 mm: most of what is found is found in 1 mm too."""
    count = thin.voxels.shape[axis] // 4
    thick = np.moveaxis(thin.voxels, axis, 0)[: 4 * count]
    thick = thick.reshape(count, 4, *thick.shape[1:]).mean(axis=1)
    affine = thin.grid.affine_vox_to_ras.copy()
    affine[:3, 3] += 1.5 * affine[:3, axis]
    affine[:3, axis] *= 4
    mask = _mask_of(np.moveaxis(thick, 0, axis), affine)
    back = np.repeat(mask, 4, axis=axis)
    whole = np.moveaxis(np.moveaxis(thin_mask, axis, 0)[: 4 * count], 0, axis)
    assert dice(back, whole) >= 0.6


def test_a_folder_gives_what_each_scan_gives_alone(tmp_path: Path) -> None:
    """One of several scans, in whatever order, has the files of a run of its own, to the byte."""
    people = [simulate_person(CohortRecipe(people=3, ms_share=1.0, seed=5), i) for i in range(3)]
    for name, person in zip("cab", people, strict=True):
        path = tmp_path / "scans" / f"{name}_FLAIR.nii.gz"
        voxels = person.scan.voxels.astype(np.int16)
        write_nifti(path, voxels, person.scan.grid.affine_vox_to_ras)
    together = tmp_path / "together"
    detector = load_detector("small")
    detect_cohort(read_cohort(tmp_path / "scans"), together, detector)
    for name in "abc":
        alone = tmp_path / name
        path = tmp_path / "scans" / f"{name}_FLAIR.nii.gz"
        detect_scan(path, detector, name).save(alone)
        assert len(list(alone.iterdir())) == 6
        assert all(
            (together / one.name).read_bytes() == one.read_bytes() for one in alone.iterdir()
        )
