"""The parts of the detector that need no trained network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from mslesion.lesions.components import label_lesions
from mslesion.lesions.field_of_view import Box, head_box
from mslesion.lesions.findings import measure_lesions
from mslesion.lesions.intensity import tissue_level
from mslesion.lesions.operating_point import OperatingPoint, lesion_mask
from mslesion.lesions.slabs import AXES, context_offsets, slabs_of, to_scan
from mslesion.scan import Scan


def scan_of(voxels: np.ndarray, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Scan:
    """A scan along RAS+ of these voxels."""
    return Scan.from_stored(voxels.astype(np.float32), np.diag([*spacing_mm, 1.0]))


def head(shape: tuple[int, int, int] = (60, 70, 10), level: float = 100.0) -> np.ndarray:
    """An ellipsoid of one tissue with a little noise, in air."""
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    inside = (grid**2).sum(axis=0) < 0.8
    noise = np.random.default_rng(0).normal(1, 0.05, shape)
    return np.where(inside, level * noise, 0.0)


def test_voxels_that_share_only_a_corner_are_one_lesion() -> None:
    """Two voxels that touch at a corner count as one lesion, two with a gap as two."""
    mask = np.zeros((4, 4, 4), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = True
    assert label_lesions(mask)[1] == 1
    mask[1, 1, 1], mask[2, 2, 2] = False, True
    assert label_lesions(mask)[1] == 2


def test_lesions_below_the_least_volume_go_and_those_at_it_stay() -> None:
    """Of lesions of 1 and 2 voxels of 3 mm3, a limit of 6 mm3 keeps the larger one."""
    mask = np.zeros((6, 3, 3), bool)
    mask[0, 0, 0] = mask[3, 0, 0] = mask[4, 0, 0] = True
    point = OperatingPoint(0.5, 0.5, least_mm3=6.0)
    kept = lesion_mask(mask.astype(np.float32), 3.0, point)
    assert np.argwhere(kept).tolist() == [[3, 0, 0], [4, 0, 0]]
    assert not lesion_mask(np.zeros(mask.shape, np.float32), 3.0, point).any()


def test_a_lesion_exceeds_the_peak_somewhere_and_the_threshold_everywhere() -> None:
    """Of noise, those blobs stay that rise above the peak, each down to the lower threshold."""
    point = OperatingPoint(threshold=0.3, peak=0.6, least_mm3=0.0)
    line = np.array([0.4, 0.61, 0.31, 0.3, 0.5, 0.6, 0.0, 0.7], np.float32).reshape(8, 1, 1)
    kept = lesion_mask(line, 1.0, point)
    assert kept.ravel().tolist() == [True, True, True, False, False, False, False, True]
    noise = gaussian_filter(np.random.default_rng(0).random((30, 30, 30)), 1.5)
    noise = ((noise - noise.min()) / np.ptp(noise)).astype(np.float32)
    point = OperatingPoint(threshold=0.6, peak=0.75, least_mm3=0.0)
    labels, count = label_lesions(noise > 0.6)
    slowly = np.zeros(noise.shape, bool)
    for label in range(1, count + 1):
        slowly |= (labels == label) & bool((noise[labels == label] > 0.75).any())
    assert 1 < label_lesions(slowly)[1] < count
    assert (lesion_mask(noise, 1.0, point) == slowly).all()


@pytest.mark.parametrize("scale", [0.001, 1.0, 1000.0])
def test_tissue_level_follows_the_units_of_the_scan(scale: float) -> None:
    """The level of tissue is where most of the head's voxels lie, in any units."""
    assert tissue_level((head() * scale).astype(np.float32)) == pytest.approx(100 * scale, rel=0.03)


def test_tissue_level_ignores_bright_fat_and_empty_air() -> None:
    """A rim of fat three times as bright, and a field twice as wide, leave the level as it is."""
    voxels = np.zeros((120, 140, 10))
    voxels[30:90, 35:105] = head()
    voxels[28:30, 30:110] = voxels[90:92, 30:110] = 300.0
    assert tissue_level(voxels.astype(np.float32)) == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.15])
def test_tissue_level_is_not_that_of_noisy_air(noise: float) -> None:
    """With Rician noise of up to 15 % of tissue, its level is what it is without, within 5 %."""
    rng = np.random.default_rng(3)
    clean = head()
    real, imaginary = (rng.normal(0, 100 * noise, clean.shape) for _ in range(2))
    noisy = np.hypot(clean + real, imaginary).astype(np.float32)
    assert tissue_level(noisy) == pytest.approx(tissue_level(clean), rel=0.05)


def test_an_empty_scan_has_no_tissue_level() -> None:
    """Without signal the level is 0, not a division by nothing."""
    assert tissue_level(np.zeros((5, 5, 5), np.float32)) == 0.0


@pytest.mark.parametrize(
    ("spacing_mm", "offsets"),
    [
        (1.0, (-3, -1, 0, 1, 3)),
        (1.5, (-2, -1, 0, 1, 2)),
        (3.0, (-1, 0, 0, 0, 1)),
        (7.0, (-1, 0, 0, 0, 1)),
    ],
)
def test_neighbours_lie_one_and_three_millimetres_away_or_next(
    spacing_mm: float, offsets: tuple[int, ...]
) -> None:
    """In thin slices the network looks 1 and 3 mm up and down; in thick ones at the next slice."""
    assert context_offsets(spacing_mm) == offsets


def test_a_lesion_of_the_least_volume_is_kept_however_the_scan_is_turned() -> None:
    """Three voxels of 1 mm3 are 3 mm3, also by an oblique affine in single precision."""
    probability = np.zeros((6, 6, 6), np.float32)
    probability[2, 2, 2:5] = 0.9
    turn = Rotation.from_euler("xyz", [20, 7, 10], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn.astype(np.float32)
    volume_mm3 = Scan.from_stored(probability, affine).grid.voxel_volume_mm3
    assert lesion_mask(probability, volume_mm3, OperatingPoint(0.3, 0.5, 3.0)).sum() == 3
    assert lesion_mask(probability, volume_mm3, OperatingPoint(0.3, 0.5, 3.1)).sum() == 0


def test_a_head_is_seen_the_same_wherever_it_lies_in_the_field_of_view() -> None:
    """More air around a head, or less, leaves the slices that the network sees as they are."""
    voxels = head((60, 70, 10))
    spacing_mm = (0.9, 0.9, 6.0)
    (slab,) = slabs_of(scan_of(voxels, spacing_mm))
    wide = scan_of(np.pad(voxels, [(7, 12), (25, 0), (1, 2)]), spacing_mm)
    (same,) = slabs_of(wide)
    assert np.array_equal(slab.slices, same.slices)
    assert np.subtract(same.box.start, slab.box.start).tolist() == [7, 25, 1]
    ones = np.ones(slab.slices.shape, np.float32)
    inner = to_scan(same, ones)[7:-12, 25:, 1:-2]
    assert np.array_equal(inner, to_scan(slab, ones))


def test_a_box_goes_round_the_head_and_not_round_specks_of_noise() -> None:
    """It holds all planes with 1 cm2 of tissue, and 12 mm of air to the sides."""
    voxels = np.zeros((60, 50, 10), np.float32)
    voxels[20:40, 10:35, 2:7] = 100
    voxels[5, 45, 9] = 500
    box = head_box(voxels, 100.0, (2.0, 1.0, 5.0))
    assert box == Box((14, -2, 2), (46, 47, 7))
    assert head_box(voxels * 0, 0.0, (2.0, 1.0, 5.0)) == Box((0, 0, 0), (60, 50, 10))


def test_slices_have_pixels_of_one_millimetre_and_tissue_at_one() -> None:
    """A scan at 0.5 x 0.5 x 5 mm becomes half as many pixels a side; slices with the head stay."""
    (slab,) = slabs_of(scan_of(head((120, 140, 8)), (0.5, 0.5, 5.0)))
    assert slab.slices.shape == (6, *(round(n / 2) for n in slab.box.shape[1::-1]))
    assert np.median(slab.slices[slab.slices > 0.5]) == pytest.approx(1.0, abs=0.03)


def test_slices_below_a_millimetre_are_resampled() -> None:
    """A scan with slices of 0.5 mm is seen at 1 mm, in all three planes."""
    slabs = {slab.plane: slab for slab in slabs_of(scan_of(head((40, 36, 40)), (1.0, 1.0, 0.5)))}
    x, y, z = slabs["axial"].box.shape
    assert slabs["axial"].slices.shape == (round(z / 2), y, x)
    assert slabs["coronal"].slices.shape == (y, round(z / 2), x)
    assert slabs["sagittal"].slices.shape == (x, round(z / 2), y)
    assert all(slab.offsets == (-3, -1, 0, 1, 3) for slab in slabs.values())


@pytest.mark.parametrize(
    ("spacing_mm", "plane"),
    [((0.9, 0.9, 5.0), "axial"), ((0.5, 4.0, 0.5), "coronal"), ((3.0, 1.0, 1.0), "sagittal")],
)
def test_thick_slices_are_seen_in_the_plane_they_were_acquired_in(
    spacing_mm: tuple[float, float, float], plane: str
) -> None:
    """Slices of an axial, coronal or sagittal 2D scan stay as they are; pixels become 1 mm."""
    (slab,) = slabs_of(scan_of(head((40, 44, 36)), spacing_mm))
    depth, *sides = (slab.box.shape[axis] for axis in AXES[plane])
    sides_mm = (n * spacing_mm[axis] for n, axis in zip(sides, AXES[plane][1:], strict=True))
    assert slab.plane == plane
    assert slab.slices.shape[0] == depth
    assert slab.slices.shape[1:] == pytest.approx(tuple(sides_mm), abs=1.5)
    assert slab.offsets == (-1, 0, 0, 0, 1)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.6, 0.6, 3.0), (2.0, 0.8, 0.5)])
def test_answers_return_to_the_scans_own_grid(spacing_mm: tuple[float, float, float]) -> None:
    """A blob in the slices of any plane lies at the same millimetres of the scan."""
    scan = scan_of(head((50, 60, 64)), spacing_mm)
    for slab in slabs_of(scan):
        size = np.array(slab.slices.shape)
        centre = size * (0.5, 0.4, 0.6)
        places = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
        blob = np.exp(-((places - centre) ** 2).sum(axis=-1) / 18)
        back = to_scan(slab, blob.astype(np.float32))
        assert back.shape == scan.grid.shape
        found = [float((back * axis).sum() / back.sum()) for axis in np.indices(back.shape)]
        axes = list(AXES[slab.plane])
        shape, start = np.array(slab.box.shape)[axes], np.array(slab.box.start)[axes]
        expected = start + (centre + 0.5) * shape / size - 0.5
        assert np.array(found)[axes] == pytest.approx(expected, abs=0.25)


def test_a_lesions_row_tells_volume_place_and_probability() -> None:
    """Two lesions on a grid of 1 x 2 x 3 mm, checked by hand; the larger one comes first."""
    mask = np.zeros((10, 10, 6), bool)
    mask[2:4, 5, 1] = True
    mask[7, 2, 3] = True
    probability = np.where(mask, 0.75, 0.0).astype(np.float32)
    probability[2, 5, 1] = 0.25
    ventricles = np.zeros_like(mask)
    ventricles[2, 5, 3] = True
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-10, 20, 5)
    scan = Scan.from_stored(np.ones(mask.shape, np.float32), affine)
    first, second = measure_lesions(mask, probability, ventricles, scan)
    assert (first.lesion_id, first.volume_mm3, first.slice_count) == (1, 12.0, 1)
    assert (first.centroid_x_mm, first.centroid_y_mm, first.centroid_z_mm) == (-7.5, 30.0, 8.0)
    assert (first.mean_probability, first.max_probability) == (0.5, 0.75)
    assert first.ventricle_distance_mm == 6.0
    assert first.is_periventricular
    assert second.volume_mm3 == 6.0
    assert second.ventricle_distance_mm == pytest.approx(np.hypot(5, 6), abs=0.01)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SLA"])
def test_a_lesions_voxel_is_that_of_the_file(codes: str) -> None:
    """Whatever way the file is stored, the centroid's voxel indexes the file's own array."""
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

    mask = np.zeros((9, 8, 7), bool)
    mask[2, 6, 1] = True
    transform = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    from nibabel.orientations import apply_orientation

    stored = apply_orientation(mask, transform)
    affine = np.eye(4) @ inv_ornt_aff(transform, mask.shape)
    scan = Scan.from_stored(stored.astype(np.float32), affine)
    ras_mask = scan.voxels > 0.5
    (lesion,) = measure_lesions(ras_mask, ras_mask.astype(np.float32), ~ras_mask, scan)
    voxel = (lesion.centroid_i_voxel, lesion.centroid_j_voxel, lesion.centroid_k_voxel)
    assert stored[tuple(int(v) for v in voxel)]


def test_without_ventricles_no_distance_is_made_up() -> None:
    """Where the network saw no ventricle, the distance is left open."""
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 1, 1] = True
    scan = scan_of(np.ones((4, 4, 4)))
    (lesion,) = measure_lesions(mask, mask.astype(np.float32), np.zeros_like(mask), scan)
    assert lesion.ventricle_distance_mm is None
    assert not lesion.is_periventricular
