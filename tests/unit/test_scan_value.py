"""The scan as a value: where its voxels lie, and the way back to the order of its file."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mslesion.errors import OutputError, ScanError
from mslesion.scan import Grid, Scan


def test_spacing_and_voxel_volume_follow_from_the_affine() -> None:
    """A 0.9 x 0.9 x 6.5 mm voxel holds 5.265 cubic millimetres, oblique or not."""
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0],
                     [0, 0, 1]])  # fmt: skip
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([0.9, 0.9, 6.5])
    grid = Grid((10, 11, 12), affine)
    assert grid.spacing_mm == pytest.approx((0.9, 0.9, 6.5))
    assert grid.voxel_volume_mm3 == pytest.approx(0.9 * 0.9 * 6.5)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.0, 1.0, 3.0), (2.0, 2.0, 2.0)])
def test_single_precision_decides_nothing_about_sizes(
    spacing_mm: tuple[float, float, float],
) -> None:
    """However a head lies, affines in the 32 bits of headers give sizes without their last bits."""
    sizes = set()
    for degrees in range(1, 90, 3):
        turn = Rotation.from_euler("xyz", [degrees, 7, degrees / 2], degrees=True).as_matrix()
        affine = np.eye(4)
        affine[:3, :3] = (turn * spacing_mm).astype(np.float32)
        grid = Grid((10, 11, 12), affine)
        sizes.add((grid.spacing_mm, grid.voxel_volume_mm3, grid.slice_axis))
    assert sizes == {(spacing_mm, float(np.prod(spacing_mm)), 2)}


@pytest.mark.parametrize(
    ("spacing_mm", "axis"), [((5, 0.9, 0.9), 0), ((1, 1.2, 1), 1), ((0.5, 0.5, 0.5), 2)]
)
def test_slices_lie_across_the_longest_side_of_the_voxels(
    spacing_mm: tuple[float, float, float], axis: int
) -> None:
    """Of equal sides the last counts: volumes are looked at in axial slices."""
    assert Grid((4, 4, 4), np.diag([*spacing_mm, 1.0])).slice_axis == axis


def test_two_grids_match_only_where_every_corner_does() -> None:
    """A rotation of a tenth of a degree moves the far corner of a head by more than allowed."""
    angle = np.deg2rad(0.1)
    turned = np.diag([1.0, 1.0, 1.0, 1.0])
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    straight = Grid((200, 200, 100), np.eye(4))
    assert straight.matches(Grid((200, 200, 100), np.eye(4)))
    assert not straight.matches(Grid((200, 200, 100), turned))
    assert not straight.matches(Grid((200, 200, 101), np.eye(4)))


def test_a_point_stays_where_it_is_when_a_scan_is_read() -> None:
    """The bright voxel of a file stored left-posterior-superior keeps its place in millimetres."""
    stored = np.zeros((4, 5, 6), np.float32)
    stored[1, 3, 2] = 7
    affine = np.array([[-2, 0, 0, 30], [0, -3, 0, 40], [0, 0, 4, -10], [0, 0, 0, 1]], float)
    scan = Scan.from_stored(stored, affine)
    place = np.argwhere(scan.voxels == 7)[0]
    assert scan.grid.axis_codes == "RAS"
    np.testing.assert_allclose(
        scan.grid.affine_vox_to_ras @ [*place, 1], affine @ [1, 3, 2, 1], atol=1e-9
    )
    np.testing.assert_array_equal(scan.to_stored_order(scan.voxels), stored)


def test_a_scan_cannot_be_changed_by_accident() -> None:
    """Voxels and affine are read-only: a stage that wants others makes a new scan."""
    scan = Scan.from_stored(np.ones((3, 3, 3)), np.eye(4))
    with pytest.raises(ValueError, match="read-only"):
        scan.voxels[0, 0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        scan.grid.affine_vox_to_ras[0, 0] = 2
    assert scan.with_note("shifted").history == ("shifted",)
    assert scan.history == ()


def test_an_error_is_one_line_whatever_the_file_is_called() -> None:
    """Line breaks and control characters in a file's name are escaped."""
    error = ScanError("is empty", remedy="copy it again", file="a\nb\x1b[31m.nii")
    assert str(error) == r"SCAN: a\nb\x1b[31m.nii: is empty: copy it again"
    assert OutputError.exit_code == 5


def test_pixels_of_a_sheared_slice_are_as_large_as_they_are() -> None:
    """Two axes of 1 and 2 mm, 30 degrees apart: 2 x sin 30 is 1 mm2, and upright ones 2 mm2."""
    upright = np.diag([1.0, 2.0, 5.0, 1.0])
    sheared = upright.copy()
    sheared[:2, 1] = 2 * np.cos(np.pi / 6), 2 * np.sin(np.pi / 6)
    assert Grid((3, 3, 3), upright).pixel_area_mm2 == 2
    assert Grid((3, 3, 3), sheared).pixel_area_mm2 == pytest.approx(1)
