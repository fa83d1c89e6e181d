"""A scan whose axes are not perpendicular, as a tilted gantry leaves them, seen upright.

The network knows heads, not sheared heads: it looks at an upright copy, and its answers are taken
back to the scan's own voxels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.scan import MOST_SHEAR_DEGREES, Grid, Scan


def upright(scan: Scan) -> Scan:
    """The scan on perpendicular axes; itself where they are so already.

    The plane of its thinnest voxels is kept, so that thick slices shift along themselves and are
    not mixed. Linear interpolation; beyond the scan is 0.
    """
    if scan.grid.shear_degrees < MOST_SHEAR_DEGREES:
        return scan
    grid = _upright_grid(scan.grid)
    return Scan(_resampled(scan.voxels, scan.grid, grid), grid, grid, scan.source)


def taken_back(answers: NDArray[np.float32], seen: Scan, scan: Scan) -> NDArray[np.float32]:
    """Answers (X, Y, Z) on the grid of :func:`upright`'s scan, on the grid of the scan itself."""
    return answers if seen is scan else _resampled(answers, seen.grid, scan.grid)


def _upright_grid(grid: Grid) -> Grid:
    """Perpendicular axes around all of a sheared grid, the two of its thinnest voxels first kept.

    Gram and Schmidt's way: the first axis stays, the second keeps its plane with it, and the
    third, that of the thickest voxels, becomes the normal of that plane.
    """
    order = np.argsort(grid.spacing_mm, kind="stable")
    directions, lengths = np.linalg.qr(grid.affine_vox_to_ras[:3, :3][:, order])
    spacing_mm = np.diag(lengths)
    axes = np.empty((3, 3))
    axes[:, order] = directions * spacing_mm  # both may be negative: their product runs as before
    corners = np.stack(np.meshgrid(*((0, n - 1) for n in grid.shape), indexing="ij"), -1)
    corners_mm = corners.reshape(-1, 3) @ grid.affine_vox_to_ras[:3, :3].T
    places = corners_mm @ np.linalg.inv(axes).T
    first, last = np.floor(places.min(axis=0) + 1e-6), np.ceil(places.max(axis=0) - 1e-6)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = grid.affine_vox_to_ras[:3, 3] + axes @ first
    x, y, z = (int(n) for n in last - first + 1)
    return Grid((x, y, z), affine)


def _resampled(volume: NDArray[np.float32], old: Grid, new: Grid) -> NDArray[np.float32]:
    to_old = np.linalg.inv(old.affine_vox_to_ras) @ new.affine_vox_to_ras
    # With plain "constant", what lies a rounding error outside the last slice would be 0.
    moved: NDArray[np.float32] = ndimage.affine_transform(
        volume,
        to_old[:3, :3],
        to_old[:3, 3],
        new.shape,
        np.float32,
        order=1,
        mode="grid-constant",
    )
    return moved
