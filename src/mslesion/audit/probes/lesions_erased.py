"""The picture with every lesion painted over by what surrounds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut, numbers
from mslesion.paper.slices import resize_slices

_AROUND_MM = 6.0
_SLICES = 8
_PIXELS = 16
_LOWEST, _HIGHEST = 0.25, 0.9
"""Of the head's height: where the brain is."""


def facts(seen: Seen) -> Facts | None:
    """Eight coarse slices without lesions; None where it is not known where lesions are."""
    if seen.lesion_mask is None or not seen.regions.head.any():
        return None
    return numbers("pixel", coarse_picture(seen, erased(seen)).ravel())


def erased(seen: Seen) -> NDArray[np.float32]:
    """The scan with each voxel of and beside a lesion set to the mean of healthy tissue around it.

    That mean is weighted by a Gaussian of 6 mm in the slice.
    """
    voxels = seen.scan.voxels
    if seen.lesion_mask is None or not seen.lesion_mask.any():
        return voxels
    wide = ndimage.binary_dilation(seen.lesion_mask, np.ones((3, 3, 1)))
    sigma = (_AROUND_MM / seen.scan.spacing_mm[0], _AROUND_MM / seen.scan.spacing_mm[1], 0)
    weight = ndimage.gaussian_filter((~wide).astype(np.float32), sigma)
    around = ndimage.gaussian_filter(np.where(wide, 0, voxels), sigma)
    filled = np.where(wide, around / np.maximum(weight, 1e-3), voxels)
    return np.asarray(filled, np.float32)


def coarse_picture(seen: Seen, voxels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slices of 16 x 16 pixels (8, 16, 16) through the brain, mean 0 and SD 1 together."""
    heights = np.flatnonzero(seen.regions.head.any(axis=(0, 1)))
    steps = seen.scan.voxels.shape[2] / seen.regions.head.shape[2]
    low, high = ((heights[0] + share * np.ptp(heights)) * steps for share in (_LOWEST, _HIGHEST))
    last = seen.scan.voxels.shape[2] - 1
    indices = np.clip(np.rint(np.linspace(low, high, _SLICES)), 0, last).astype(np.intp)
    images = resize_slices(voxels, seen.scan.grid, indices, _PIXELS)
    standard: NDArray[np.float32] = (images - images.mean()) / np.float32(images.std() or 1.0)
    return standard


SHORTCUT = Shortcut(
    "lesions erased",
    "the scans with their lesions painted over",
    facts,
    "a classifier may answer rightly without seeing a lesion: find out what differs (age, scanner, "
    "skull, atrophy), and measure it on scans with lesions erased",
)
