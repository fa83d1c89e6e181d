"""Sheared axes: the upright copy lies where the scan lies, and answers find their way back."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from mslesion.lesions.shear import taken_back, upright
from mslesion.scan import Scan

SHAPE = (40, 44, 24)


def scan_of_a_ball(shear, spacing_mm=(2.0, 2.0, 4.0)):
    """A ball of 25 mm around the middle, in the world's millimetres, on sheared axes."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(shear) @ np.diag(spacing_mm)
    middle = affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), -1)
    away_mm = np.linalg.norm(places @ affine[:3, :3].T - middle, axis=-1)
    voxels = np.clip(25 - away_mm, 0, 10).astype(np.float32)
    return Scan.from_stored(voxels, affine), middle


SHEARS = {
    "within slices": [[1, 0.2, 0], [0, 1, 0], [0, 0, 1]],
    "from slice to slice": [[1, 0, 0], [0, 1, 0.3], [0, 0, 1]],
    "along every axis": [[1, 0.1, -0.1], [0, 1, 0.2], [0.05, 0, 1]],
}


@pytest.mark.parametrize("shear", SHEARS.values(), ids=SHEARS)
def test_the_upright_copy_shows_the_same_place_in_the_world(shear):
    """Its axes are perpendicular, and what is in the scan lies at the same millimetres."""
    scan, middle_mm = scan_of_a_ball(shear)
    seen = upright(scan)
    assert scan.grid.shear_degrees > 5
    assert seen.grid.shear_degrees < 1e-6
    assert seen.grid.axis_codes == "RAS"
    centre = ndimage.center_of_mass(seen.voxels)
    centre_mm = (seen.grid.affine_vox_to_ras @ [*centre, 1])[:3]
    assert np.abs(centre_mm - middle_mm).max() < 0.1
    volumes = [s.voxels.sum() * s.grid.voxel_volume_mm3 for s in (scan, seen)]
    assert volumes[1] == pytest.approx(volumes[0], rel=0.01)


@pytest.mark.parametrize("shear", SHEARS.values(), ids=SHEARS)
def test_answers_come_back_to_the_scans_own_voxels(shear):
    """To the upright copy and back is the scan again, but for two interpolations."""
    scan, _ = scan_of_a_ball(shear)
    seen = upright(scan)
    back = taken_back(seen.voxels, seen, scan)
    assert back.shape == scan.voxels.shape
    assert back.dtype == np.float32
    assert np.abs(back - scan.voxels).mean() < 0.1


def test_slices_that_slide_along_themselves_are_not_mixed():
    """With thick slices that lean, as behind a tilted gantry, each slice stays one slice."""
    scan, _ = scan_of_a_ball(SHEARS["from slice to slice"])
    seen = upright(scan)
    assert seen.grid.shape[2] == SHAPE[2]
    assert seen.spacing_mm == pytest.approx((2, 2, 4))
    assert seen.voxels.sum(axis=(0, 1)) == pytest.approx(scan.voxels.sum(axis=(0, 1)), rel=0.01)


def test_perpendicular_axes_are_left_alone():
    """A scan that is upright, or oblique, is not resampled."""
    turn = [[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]
    for axes in (np.eye(3), turn):
        scan, _ = scan_of_a_ball(axes)
        assert upright(scan) is scan
        assert taken_back(scan.voxels, scan, scan) is scan.voxels


@pytest.mark.parametrize("degrees", [0, 7, 13, 40])
@pytest.mark.parametrize("shear", SHEARS.values(), ids=SHEARS)
def test_no_slice_is_lost_to_rounding(shear, degrees):
    """A scan full of tissue is full in every slice of its answers, however its header turns it."""
    turn = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = (turn @ np.array(shear) @ np.diag([2.0, 2.0, 4.0])).astype(np.float32)
    scan = Scan.from_stored(np.ones((24, 24, 8), np.float32), affine)
    seen = upright(scan)
    assert seen is not scan
    assert seen.voxels.sum() == pytest.approx(scan.voxels.size, rel=0.05)
    back = taken_back(np.ones_like(seen.voxels), seen, scan)
    assert back.min() > 0.99
