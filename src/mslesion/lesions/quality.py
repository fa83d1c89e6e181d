"""How good a scan is: its noise, its bias field, the ghosts that motion leaves in the air.

And how much of the head is in it beside the brain. Plain measures in units of tissue, quick enough
for every scan. Blur, and motion in a scan whose air was set to zero, they do not see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.lesions.intensity import tissue_level
from mslesion.scan import Scan

MOST_NOISE = 0.1
MOST_BIAS = 1.5
MOST_GHOST = 0.04
"""What good scans stay below: of 17 real ones of five scanners none has more than 0.06 of noise, a
bias ratio of 1.35, or 0.037 of ghosts; heavy motion made in them gave 0.034 to 0.09."""

LEAST_SKULL = 0.1
LEAST_FACE = 0.15
"""With less signal around the brain the skull was removed, with less in front of it the face: of
17 real scans those without skull have 0 where others have 0.5 and more, and those without face at
most 0.12 where others have 0.19 and more."""

_LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
_MAD_TO_SD = 1 / 0.6745
_SLICES = 24
_COARSE_MM = 4.0
_FIELD_MM = 20.0
_AIR_MM = 15.0
_TISSUE = (0.6, 1.6)
_TURNS = 5
_LEAST_SAMPLES = 200
_SHELL_MM = (6.0, 14.0)
_FACE_MM = (12.0, 50.0)
_BASE = 0.4
"""The face lies before the lower part of the brain, this share of its height."""
_SEEN = 0.2
_LARGEST_LOWEST_SLICE = 0.5
"""Of the brain's largest slice: where its lowest one is larger, the lower head is not in the image,
and no face is missed. Of 17 real scans none has more than 0.19."""


@dataclass(frozen=True)
class ScanQuality:
    """Measures of one scan; None where they cannot be taken.

    ``noise_share`` is the noise's SD as a share of the tissue's signal; ``bias_ratio`` the
    brightest tissue over the darkest, once lesions and detail are smoothed away; ``ghost_share``
    how much brighter, in shares of tissue, the air beside the head is along one axis than in the
    corners, where no ghost falls. ``skull_share`` and ``face_share`` are how much of the shell
    around the brain, and of the space before its base, shows signal.
    """

    noise_share: float | None = None
    bias_ratio: float | None = None
    ghost_share: float | None = None
    skull_share: float | None = None
    face_share: float | None = None

    @property
    def head(self) -> str:
        """What of the head is seen, in words; empty where it was not measured."""
        if self.skull_share is None:
            return ""
        if self.skull_share < LEAST_SKULL:
            return "without skull"
        if self.face_share is not None and self.face_share < LEAST_FACE:
            return "with skull, without face"
        return "with skull"


UNMEASURED = ScanQuality()
"""Of a scan in which nothing can be measured."""


def measure_quality(
    scan: Scan, brain: NDArray[np.bool_], lesions: NDArray[np.bool_]
) -> ScanQuality:
    """Measure a scan whose brain and lesions (X, Y, Z) are roughly known."""
    level = tissue_level(scan.voxels)
    if level <= 0 or not brain.any():
        return UNMEASURED
    steps = tuple(max(1, round(_COARSE_MM / mm)) for mm in scan.spacing_mm)
    coarse = tuple(slice(None, None, step) for step in steps)
    spacing_mm = tuple(mm * step for mm, step in zip(scan.spacing_mm, steps, strict=True))
    share = scan.voxels[coarse] / np.float32(level)
    return ScanQuality(
        _noise(*_by_slices(scan, brain), level),
        _bias(share, brain[coarse] & ~lesions[coarse], spacing_mm),
        _ghosts(share, brain[coarse], spacing_mm),
        *_skull_and_face(share, brain[coarse], spacing_mm),
    )


def _by_slices(
    scan: Scan, brain: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Both with the axis across the slices as the last."""
    across = scan.grid.slice_axis
    return np.moveaxis(scan.voxels, across, 2), np.moveaxis(brain, across, 2)


def _noise(voxels: NDArray[np.float32], brain: NDArray[np.bool_], level: float) -> float | None:
    """Noise left by a kernel that edges pass little of (Immerkaer, CVIU 64(2), 1996).

    The median instead of his mean, for edges of cortex are many.
    """
    filled = np.flatnonzero(brain.any(axis=(0, 1)))
    chosen = filled[np.unique(np.linspace(0, filled.size - 1, _SLICES).round().astype(int))]
    inner = ndimage.binary_erosion(brain[:, :, chosen], np.ones((5, 5, 1)))
    if inner.sum() < _LEAST_SAMPLES:
        return None
    residual = ndimage.convolve(voxels[:, :, chosen], _LAPLACIAN[:, :, None])
    return float(np.median(np.abs(residual[inner])) * _MAD_TO_SD / level)


def _bias(
    share: NDArray[np.float32], healthy: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> float | None:
    """Tissue is what is about as bright as the tissue around it, found by turns with the field."""
    sigma = [_FIELD_MM / mm for mm in spacing_mm]
    field = np.ones_like(share)
    for _ in range(_TURNS):
        tissue = healthy & (share > _TISSUE[0] * field) & (share < _TISSUE[1] * field)
        if tissue.sum() < _LEAST_SAMPLES:
            return None
        weight = ndimage.gaussian_filter(tissue.astype(np.float32), sigma)
        mean = ndimage.gaussian_filter(np.where(tissue, share, 0), sigma)
        field = mean / np.maximum(weight, 1e-6)
    low, high = np.percentile(field[tissue], (2, 98))
    return float(high / low)


def _ghosts(
    share: NDArray[np.float32], brain: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> float | None:
    """The larger excess of the air in front and behind, or left and right, over the corners."""
    head = ndimage.binary_opening(share > 0.3, np.ones((3, 3, 1)))
    air = ndimage.distance_transform_edt(~head, sampling=spacing_mm) > _AIR_MM
    columns = np.asarray(brain.any(axis=(1, 2)))[:, None, None]
    rows = np.asarray(brain.any(axis=(0, 2)))[None, :, None]
    slices = np.asarray(brain.any(axis=(0, 1)))[None, None, :]
    means = []
    for is_column, is_row in ((True, False), (False, True), (False, False)):
        place = air & (columns == is_column) & (rows == is_row) & slices
        if place.sum() < _LEAST_SAMPLES:
            return None
        means.append(float(share[place].mean()))
    return max(means[0], means[1]) - means[2]


def _skull_and_face(
    share: NDArray[np.float32], brain: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> tuple[float | None, float | None]:
    away_mm = ndimage.distance_transform_edt(~brain, sampling=spacing_mm)
    slices = np.flatnonzero(brain.any(axis=(0, 1)))
    rows = np.flatnonzero(brain.any(axis=(0, 2)))
    height, depth = (np.arange(brain.shape[axis]) for axis in (2, 1))
    beside = (height >= slices[0]) & (height <= slices[-1])
    base = height < slices[0] + _BASE * np.ptp(slices)
    before = (depth > rows.mean())[:, None] & base[None, :]
    places = (
        (away_mm > _SHELL_MM[0]) & (away_mm < _SHELL_MM[1]) & beside,
        (away_mm > _FACE_MM[0]) & (away_mm < _FACE_MM[1]) & before,
    )
    skull, face = (
        float((share[place] > _SEEN).mean()) if place.sum() >= _LEAST_SAMPLES else None
        for place in places
    )
    areas = brain.sum(axis=(0, 1))
    is_cut_off = areas[slices[0]] > _LARGEST_LOWEST_SLICE * areas.max()
    return skull, None if is_cut_off else face
