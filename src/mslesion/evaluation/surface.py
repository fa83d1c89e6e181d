"""How far the borders of two masks lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.scan import Grid

TOLERANCE_MM = 1.0
"""Borders this close agree: about the size of a voxel, and what two experts differ by."""

_FACES = ndimage.generate_binary_structure(3, 1)
_PERCENT = 95


@dataclass(frozen=True)
class SurfaceAgreement:
    """Two measures of borders.

    ``normalised_surface_distance`` is the share of both borders within :data:`TOLERANCE_MM` of the
    other (Nikolov et al., arXiv 1809.04430, counting voxels of the border as Metrics Reloaded
    does): 1 where both masks are empty, 0 where one is. ``hausdorff95_mm`` is the 95 % point of
    the distances from either border to the other, the larger of the two; nan where a mask is
    empty.
    """

    normalised_surface_distance: float
    hausdorff95_mm: float


def compare_surfaces(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], grid: Grid
) -> SurfaceAgreement:
    """Compare the borders of two masks (X, Y, Z) on ``grid``.

    The border of a mask are its voxels that have a face towards what is outside of it, the edge of
    the image counting as outside; distances are those of voxel centres.
    """
    from scipy.spatial import KDTree  # takes a quarter of a second to load

    borders = [_border_mm(mask, grid) for mask in (found, reference)]
    counts = [len(border) for border in borders]
    if not all(counts):
        return SurfaceAgreement(0.0 if any(counts) else 1.0, nan)
    first, second = borders
    there, back = KDTree(second).query(first)[0], KDTree(first).query(second)[0]
    # A grid turned by a hair must not decide about a distance of exactly the tolerance.
    limit_mm = TOLERANCE_MM + 1e-6
    close = int((there <= limit_mm).sum() + (back <= limit_mm).sum())
    farthest_mm = max(np.percentile(there, _PERCENT), np.percentile(back, _PERCENT))
    return SurfaceAgreement(close / sum(counts), float(farthest_mm))


def _border_mm(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.float64]:
    """Positions (N, 3) of the voxels of a mask's border, from any one origin."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8)) or (None,)
    if box is None:
        return np.zeros((0, 3))
    inside = ndimage.binary_erosion(mask[box], _FACES, border_value=0)
    voxels = np.argwhere(mask[box] & ~inside) + [axis.start for axis in box]
    positions_mm: NDArray[np.float64] = voxels @ grid.affine_vox_to_ras[:3, :3].T
    return positions_mm
