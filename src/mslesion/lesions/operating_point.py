"""What of the lesion probability becomes a lesion: two thresholds and a least volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.components import label_lesions


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds of the calibrated probability, and the least volume of a lesion.

    Two thresholds, as in Canny's edges (IEEE PAMI 8, 1986): a lesion reaches as far as the
    probability exceeds ``threshold``, and is one at all if somewhere it exceeds ``peak``. One
    alone would have to choose between lesions too narrow and too many that are none.
    """

    threshold: float
    peak: float
    least_mm3: float

    def keeps(
        self, peaks: NDArray[np.float32], volumes_mm3: NDArray[np.floating]
    ) -> NDArray[np.bool_]:
        """Which components above ``threshold`` are lesions."""
        return (peaks > self.peak) & (volumes_mm3.round(6) >= self.least_mm3)


UNCHOSEN = OperatingPoint(threshold=0.3, peak=0.5, least_mm3=3.0)
"""Of a detector that was validated on nobody."""


def component_peaks(
    probability: NDArray[np.float32], labels: NDArray[np.int32], count: int
) -> NDArray[np.float32]:
    """The highest probability within each labelled component (count,)."""
    peaks = np.zeros(count + 1, np.float32)
    inside = labels > 0
    np.maximum.at(peaks, labels[inside], probability[inside])
    return peaks[1:]


def lesion_mask(
    probability: NDArray[np.float32], voxel_volume_mm3: float, point: OperatingPoint
) -> NDArray[np.bool_]:
    """The lesions (X, Y, Z) at an operating point; all False where there is none."""
    labels, count = label_lesions(probability > point.threshold)
    volumes_mm3 = np.bincount(labels.ravel(), minlength=count + 1)[1:] * voxel_volume_mm3
    kept = point.keeps(component_peaks(probability, labels, count), volumes_mm3)
    mask: NDArray[np.bool_] = np.concatenate([[False], kept])[labels]
    return mask
