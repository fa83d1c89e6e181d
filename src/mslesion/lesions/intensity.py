"""The unit of intensity: brain tissue, found in the histogram, becomes 1 in every scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_BINS = 256
_SMOOTHING_BINS = 6.0
_AIR_SHARE = 0.5


def tissue_level(voxels: NDArray[np.float32]) -> float:
    """The most frequent intensity among what is clearly not air: that of brain tissue.

    Grey and white matter are the largest tissue of a head and lie close together in FLAIR, so
    they make the highest peak with skull and scalp or without. Air (and the zeros of a stripped
    scan) lies below half of the bright voxels' mean. Noise may lift it to that border, from which
    its numbers only fall: what has no peak of its own is passed over. 0 for a scan without signal.
    """
    positive = voxels[voxels > 0]
    if positive.size == 0:
        return 0.0
    top = float(np.percentile(positive, 99.5))
    bright = positive[positive > 0.1 * top]
    if top <= 0 or bright.size == 0:
        return 0.0
    lowest = _AIR_SHARE * float(np.minimum(bright, top).mean())
    counts, edges = np.histogram(positive, bins=_BINS, range=(lowest, top))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), _SMOOTHING_BINS)
    peak = int(smooth.argmax())
    if peak == 0:
        inner = smooth[1:-1]
        peaks = 1 + np.flatnonzero((inner > smooth[:-2]) & (inner > smooth[2:]))
        peak = int(peaks[smooth[peaks].argmax()]) if peaks.size else 0
    return float(edges[peak] + edges[peak + 1]) / 2
