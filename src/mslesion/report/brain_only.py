"""Where a picture may show the scan: the brain and little around it, so that no face is seen.

The detector marks the brain beside the lesions, roughly. It is widened, without small parts that
lie apart, until its gaps and furrows are filled, and taken back to a few millimetres from it; all
beyond is black, and so is what lies next to the air around a head, whatever it was taken for. Eyes,
nose, skin and most of the skull lie outside, and what lies outside is in no picture of a report.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MARGIN_MM = 3.0
"""So much around the brain is shown, for a border that lies too far in to be seen."""

_WIDENED_MM = 6.0
"""Gaps of twice this less the margin are filled: furrows, fissures, ventricles at the border."""

_LESION_MM = 5.0
"""So much is shown around a lesion that lies away from the rest."""

_FAR_MM = 1000.0
"""So far apart are planes that are looked at one by one."""

_NOWHERE_MM = -1000.0
"""The depth of what is shown in no case."""

_LEAST_PART = 0.03
"""A part of brain with less of the largest's volume is none: an eye has half a percent of it, the
cerebellum a tenth."""

_SKIN_MM = 4.0
"""So far from the air around a head nothing is shown."""

_SKULL_MM = 6.0
"""Where half of a brain's border lies deeper than this in its head, it has skull and skin."""

_AIR = 0.15
"""Air is darker than this share of the brain's median, once smoothed."""

_SMOOTHED_MM = 2.0
_OPENINGS_MM = 12.0
"""Nostrils, ears and what else opens towards the air are narrower than twice this."""

_COARSE_MM = 2.0
_FEATHER_MM = 1.5


@dataclass(frozen=True, eq=False)
class BrainOnly:
    """The part of a volume (X, Y, Z) that may be shown.

    ``inside_mm`` is float32, how deep each cell of ``steps`` voxels lies within it, negative
    outside; cells are those around a brain, from ``first`` voxel on. Nothing lies beyond them.
    """

    shape: tuple[int, int, int]
    first: tuple[int, int, int]
    steps: tuple[int, int, int]
    inside_mm: NDArray[np.float32]

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The smallest box of voxels that holds all that is shown; all where nothing is."""
        sides = []
        for axis in range(3):
            others = tuple(n for n in range(3) if n != axis)
            shown = np.flatnonzero((self.inside_mm > -_FEATHER_MM).any(axis=others))
            low, high = (int(shown[0]), int(shown[-1]) + 1) if shown.size else (0, self.shape[axis])
            start, step = self.first[axis], self.steps[axis]
            sides.append(
                slice(max(0, start + low * step), min(self.shape[axis], start + high * step))
                if shown.size
                else slice(0, self.shape[axis])
            )
        return sides[0], sides[1], sides[2]

    def share(self, index: int) -> NDArray[np.float32]:
        """How much of each voxel of an axial slice is shown, float32 (X, Y), from 0 to 1."""
        places = [
            (np.arange(count) - start) / step - (step - 1) / (2 * step)
            for count, start, step in zip(self.shape, self.first, self.steps, strict=True)
        ]
        plane = self._plane(float(places[2][index]))
        across = np.stack(np.meshgrid(places[0], places[1], indexing="ij"))
        inside = ndimage.map_coordinates(plane, across, order=1, mode="nearest")
        return _share(inside)

    def _plane(self, height: float) -> NDArray[np.float32]:
        """Between the two planes of cells around a height, counted in cells."""
        last = self.inside_mm.shape[2] - 1
        low = int(np.clip(np.floor(height), 0, last))
        rest = float(np.clip(height - low, 0, 1))
        plane: NDArray[np.float32] = self.inside_mm[:, :, low] * np.float32(
            1 - rest
        ) + self.inside_mm[:, :, min(low + 1, last)] * np.float32(rest)
        # Beyond the first and last plane of cells there is nothing to be shown.
        is_beyond = height < -0.5 or height > last + 0.5
        return np.full_like(plane, _NOWHERE_MM) if is_beyond else plane

    def shares(self, box: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        """How much of each voxel of a box is shown, in cells, float32, from 0 to 1."""
        share = _share(self.inside_mm)
        for axis, side in enumerate(box):
            cells = (np.arange(side.start, side.stop) - self.first[axis]) // self.steps[axis]
            is_cell = (cells >= 0) & (cells < share.shape[axis])
            share = np.take(share, np.clip(cells, 0, share.shape[axis] - 1), axis)
            share *= np.expand_dims(is_cell, tuple(n for n in range(3) if n != axis))
        return share


def _share(inside_mm: NDArray[np.float32]) -> NDArray[np.float32]:
    """From 0 outside to 1 a little within."""
    share: NDArray[np.float32] = np.clip(inside_mm / np.float32(_FEATHER_MM), 0, 1)
    return share.astype(np.float32, copy=False)


def brain_only(
    voxels: NDArray[np.float32],
    brain: NDArray[np.bool_],
    lesions: NDArray[np.bool_],
    spacing_mm: tuple[float, ...],
) -> BrainOnly:
    """What may be shown of a volume whose brain and lesions (X, Y, Z) are roughly known.

    Nothing, where there is neither. Small parts that lie apart from the brain are left out: they
    are mostly eyes, nose or neck. Skin is left out where there is any. All lesions lie within what
    is shown.
    """
    steps, cell_mm, thin = _cells(spacing_mm)
    main, spots = _main_parts(brain[thin]), _in_cells(lesions, steps, brain[thin].shape)
    used = np.argwhere(main | spots)
    if not used.size:
        nothing = np.full((1, 1, 1), _NOWHERE_MM, np.float32)
        return BrainOnly(brain.shape, (0, 0, 0), (1, 1, 1), nothing)
    air = [int(np.ceil((_WIDENED_MM + _FEATHER_MM) / mm)) + 1 for mm in cell_mm]
    low, high = used.min(axis=0), used.max(axis=0) + 1
    around = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    padding = [(n, n) for n in air]
    main, spots = np.pad(main[around], padding), np.pad(spots[around], padding)
    inside_mm = _inside(main, _WIDENED_MM, MARGIN_MM, cell_mm)
    depth_mm = _depth_in_head_mm(voxels[thin], brain[thin], cell_mm)
    places = (np.arange(a - n, b + n) for a, b, n in zip(low, high, air, strict=True))
    nearest = (np.clip(at, 0, n - 1) for at, n in zip(places, depth_mm.shape, strict=True))
    depth_mm = depth_mm[np.ix_(*nearest)]
    if _has_skull(main, depth_mm):
        inside_mm = np.minimum(inside_mm, depth_mm - np.float32(_SKIN_MM))
    if (spots & (inside_mm < _LESION_MM)).any():
        inside_mm = np.maximum(inside_mm, _inside(spots, _LESION_MM, _LESION_MM, cell_mm))
    first = tuple(int(a - n) * step for a, n, step in zip(low, air, steps, strict=True))
    return BrainOnly(brain.shape, first, steps, inside_mm)  # type: ignore[arg-type]


def _depth_in_head_mm(
    voxels: NDArray[np.float32], brain: NDArray[np.bool_], cell_mm: tuple[float, ...]
) -> NDArray[np.float32]:
    """How deep each cell lies within the head, whose openings are closed in every axial plane.

    Infinitely, where there is no air or no brain to tell it by. What lies beyond the volume is not
    air.
    """
    if not brain.any():
        return np.full(brain.shape, np.inf, np.float32)
    air = _AIR * float(np.median(voxels[brain]))
    head = ndimage.gaussian_filter(voxels, [_SMOOTHED_MM / mm for mm in cell_mm]) > air
    wide = [max(1, round(_OPENINGS_MM / mm)) for mm in cell_mm[:2]]
    padded = np.pad(head, [(n, n) for n in wide] + [(0, 0)])
    in_plane_mm = (*cell_mm[:2], _FAR_MM)
    widened = ndimage.distance_transform_edt(~padded, in_plane_mm) <= _OPENINGS_MM
    closed = ndimage.distance_transform_edt(widened, in_plane_mm) > _OPENINGS_MM
    head |= closed[wide[0] : -wide[0], wide[1] : -wide[1]]
    for index in range(head.shape[2]):
        head[:, :, index] = ndimage.binary_fill_holes(head[:, :, index])
    if head.all():
        return np.full(head.shape, np.inf, np.float32)
    # Within planes: in the one below, a sinus may lie that is open where a face was removed.
    depth_mm: NDArray[np.float32] = ndimage.distance_transform_edt(head, in_plane_mm).astype(
        np.float32
    )
    return depth_mm


def _has_skull(brain: NDArray[np.bool_], depth_mm: NDArray[np.float32]) -> bool:
    """Whether more than a thin layer lies between the brain and the air, within planes."""
    border = brain & ~ndimage.binary_erosion(brain, np.ones((3, 3, 1)))
    return bool(border.any() and np.median(depth_mm[border]) > _SKULL_MM)


def _cells(
    spacing_mm: tuple[float, ...],
) -> tuple[tuple[int, ...], tuple[float, ...], tuple[slice, ...]]:
    """Voxels of a cell along each axis, its size in mm, and the slices that take one of each."""
    steps = tuple(max(1, round(_COARSE_MM / mm)) for mm in spacing_mm)
    cell_mm = tuple(step * mm for step, mm in zip(steps, spacing_mm, strict=True))
    return steps, cell_mm, tuple(slice(step // 2, None, step) for step in steps)


def _main_parts(brain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest part whose voxels share faces, and others that are not small beside it."""
    labels, count = ndimage.label(brain)
    if count < 2:
        return brain
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    main: NDArray[np.bool_] = (sizes >= _LEAST_PART * sizes.max())[labels] & brain
    return main


def _in_cells(
    mask: NDArray[np.bool_], steps: tuple[int, ...], shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Cells that hold any voxel of a mask."""
    cells = np.zeros(shape, np.bool_)
    places = np.nonzero(mask)
    at = tuple(
        np.minimum(place // step, count - 1)
        for place, step, count in zip(places, steps, shape, strict=True)
    )
    cells[at] = True
    return cells


def _inside(
    region: NDArray[np.bool_], widened_mm: float, left_mm: float, cell_mm: tuple[float, ...]
) -> NDArray[np.float32]:
    """How deep cells lie within a region that was widened and taken back, for less than it."""
    if not region.any():
        return np.full(region.shape, _NOWHERE_MM, np.float32)
    wide = ndimage.distance_transform_edt(~region, cell_mm) <= widened_mm
    depth_mm = ndimage.distance_transform_edt(wide, cell_mm) - (widened_mm - left_mm)
    inside: NDArray[np.float32] = depth_mm.astype(np.float32)
    return inside
