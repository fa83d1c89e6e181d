"""From a scan to the slices the network sees, and from its answers back to the scan's grid.

The network sees slices of the head with pixels of 1 mm, tissue at 1, each among four neighbours.
Thick slices, which are axial in most scans, are taken as they are. A scan whose voxels are thin
along every axis is resampled to 1 mm and seen three times: in axial, coronal and sagittal slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mslesion.lesions.field_of_view import Box, head_box
from mslesion.lesions.intensity import tissue_level
from mslesion.scan import Grid, Scan

FAR_MM = 3.0
NEAR_MM = 1.0
PIXEL_MM = 1.0
BRIGHTEST = 6.0
"""In units of tissue; what shines more than this (fat, a clip) is as bright as this."""
THIN_MM = 1.65
"""Slices up to this are thin: 1.5 mm and less, and a little of rounding in headers."""

AXES = {"axial": (2, 1, 0), "coronal": (1, 2, 0), "sagittal": (0, 2, 1)}
"""Which axes of a volume (X, Y, Z) are a plane's slices, rows and columns."""


def planes_of(grid: Grid) -> tuple[str, ...]:
    """The planes a scan is seen in: the one it was acquired in, or every one where all are thin."""
    across = grid.slice_axis
    (acquired,) = (plane for plane, axes in AXES.items() if axes[0] == across)
    return tuple(AXES) if grid.spacing_mm[across] <= THIN_MM else (acquired,)


def shows_sides(plane: str) -> bool:
    """Whether left and right are columns of a plane's slices, and not slices themselves."""
    left_to_right = 0
    return AXES[plane][0] != left_to_right


def context_offsets(slice_spacing_mm: float) -> tuple[int, ...]:
    """Which slices the network sees, counted from the one that is asked about.

    Far neighbours lie about 3 mm away, or are the next slices; near ones about 1 mm away, or,
    where slices are thicker than 2 mm, are the slice itself once more.
    """
    far, near = max(1, round(FAR_MM / slice_spacing_mm)), round(NEAR_MM / slice_spacing_mm)
    return -far, -near, 0, near, far


@dataclass(frozen=True, eq=False)
class Slab:
    """A scan as the network sees it.

    ``slices`` is float32 (slices, rows, columns), each running to the right, to the front or up;
    ``plane`` is one of :data:`AXES`; ``offsets`` are those of the slices seen together; ``box`` is
    what of the scan they show, and ``scan_shape`` its (X, Y, Z): answers find their way back.
    """

    slices: NDArray[np.float32]
    plane: str
    box: Box
    scan_shape: tuple[int, int, int]
    offsets: tuple[int, ...]


def slabs_of(scan: Scan) -> Iterator[Slab]:
    """A scan's slices in each of :func:`planes_of` its grid."""
    planes = planes_of(scan.grid)
    box = head_box(scan.voxels, tissue_level(scan.voxels), scan.spacing_mm)
    head = box.cut(scan.voxels)
    sizes_mm = [n * mm for n, mm in zip(box.shape, scan.spacing_mm, strict=True)]
    shape = [max(1, round(mm / PIXEL_MM)) for mm in sizes_mm]
    shape[0] += shape[0] % 2  # a mirrored scan falls on the mirrored pixels, and pairs of them
    if len(planes) == 1:
        across = scan.grid.slice_axis
        shape[across] = box.shape[across]
    level = np.float32(tissue_level(head))
    volume = np.clip(_resample(head, tuple(shape)) / level, 0, BRIGHTEST)
    for plane in planes:
        axis = AXES[plane][0]
        offsets = context_offsets(sizes_mm[axis] / shape[axis])
        slices = np.ascontiguousarray(volume.transpose(AXES[plane]))
        yield Slab(slices, plane, box, scan.grid.shape, offsets)


def to_scan(slab: Slab, answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers (slices, rows, columns) for each pixel, as (X, Y, Z) on the scan's grid."""
    volume = answers.transpose(np.argsort(AXES[slab.plane]))
    part = _resample(np.ascontiguousarray(volume), slab.box.shape)
    return slab.box.put_back(part, slab.scan_shape)


def _resample(volume: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The volume on another number of voxels over the same field of view, one axis at a time.

    Linear where voxels become smaller; each new voxel is the weighted mean of those it covers
    where they become larger, so that small lesions do not fall between two samples. Sparse
    weights are quick, and give the same bits on any number of threads, as dense ones do not.
    """
    out = volume
    for axis in range(3):
        if out.shape[axis] != shape[axis]:
            first = np.moveaxis(out, axis, 0)
            weights = csr_array(_axis_weights(out.shape[axis], shape[axis]))
            new = (weights @ first.reshape(len(first), -1)).reshape(-1, *first.shape[1:])
            out = np.moveaxis(new, 0, axis)
    return np.ascontiguousarray(out, dtype=np.float32)


def _axis_weights(count: int, new_count: int) -> NDArray[np.float32]:
    """Rows of weights, summing to 1: a triangle as wide as the larger of old and new voxels."""
    ratio = count / new_count
    centre = (np.arange(new_count) + 0.5) * ratio - 0.5
    width = max(ratio, 1.0)
    distance = np.abs(centre[:, None] - np.arange(count)[None, :])
    weights = np.clip(1 - distance / width, 0, None)
    shares: NDArray[np.float32] = weights / weights.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)
