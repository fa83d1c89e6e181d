"""From a scan to the slices the network sees, and from its answers back to the scan's grid.

The network sees axial slices with pixels of 1 mm, tissue at 1, each between two neighbours. Thick
slices are taken as they are; slices thinner than 0.9 mm are first resampled to 1 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.intensity import tissue_level
from mslesion.scan import Scan

FAR_MM = 3.0
NEAR_MM = 1.0
PIXEL_MM = 1.0
BRIGHTEST = 6.0
"""In units of tissue; what shines more than this (fat, a clip) is as bright as this."""
_THINNEST_MM = 0.9


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

    ``slices`` is float32 (Z, Y, X), low to high; ``offsets`` are those of the slices seen together;
    ``scan_shape`` is (X, Y, Z) of the scan, so that answers find their way back.
    """

    slices: NDArray[np.float32]
    scan_shape: tuple[int, int, int]
    offsets: tuple[int, ...]


def slab_of(scan: Scan, level: float | None = None) -> Slab:
    """Resample a scan to 1 mm in plane and divide by its tissue level."""
    shape = _working_shape(scan)
    level = tissue_level(scan.voxels) if level is None else level
    volume = _resample(scan.voxels, shape)
    slices = np.clip(volume / np.float32(level), 0, BRIGHTEST).transpose(2, 1, 0)
    spacing_mm = scan.spacing_mm[2] * scan.grid.shape[2] / shape[2]
    return Slab(np.ascontiguousarray(slices), scan.grid.shape, context_offsets(spacing_mm))


def to_scan(slab: Slab, answers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers (Z, Y, X) for each pixel of the slab, as (X, Y, Z) on the scan's grid."""
    return _resample(np.ascontiguousarray(answers.transpose(2, 1, 0)), slab.scan_shape)


def _working_shape(scan: Scan) -> tuple[int, int, int]:
    nx, ny, nz = scan.grid.shape
    x_mm, y_mm, z_mm = scan.spacing_mm
    depth = nz if z_mm >= _THINNEST_MM else max(1, round(nz * z_mm / PIXEL_MM))
    return max(1, round(nx * x_mm / PIXEL_MM)), max(1, round(ny * y_mm / PIXEL_MM)), depth


def _resample(volume: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """The volume on another number of voxels over the same field of view, one axis at a time.

    Linear where voxels become smaller; each new voxel is the weighted mean of those it covers
    where they become larger, so that small lesions do not fall between two samples.
    """
    out = volume
    for axis in range(3):
        if out.shape[axis] != shape[axis]:
            weights = _axis_weights(out.shape[axis], shape[axis])
            out = np.moveaxis(np.tensordot(weights, out, axes=(1, axis)), 0, axis)
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
