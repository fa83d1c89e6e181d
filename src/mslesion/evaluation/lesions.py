"""How well a lesion mask agrees with a reference mask: voxels, lesions, sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.components import label_lesions


@dataclass(frozen=True)
class LesionAgreement:
    """Counts of one scan, from which every measure follows.

    A reference lesion is found when any of its voxels is in the found mask; a found lesion is
    false when none of its voxels is in the reference. ``reference_mm3`` and ``is_found`` have one
    entry a reference lesion.
    """

    shared_mm3: float
    found_total_mm3: float
    reference_total_mm3: float
    false_lesions: int
    found_lesions: int
    reference_mm3: NDArray[np.float64]
    is_found: NDArray[np.bool_]

    @property
    def dice(self) -> float:
        """Dice coefficient; 1 where both masks are empty."""
        total = self.found_total_mm3 + self.reference_total_mm3
        return 2 * self.shared_mm3 / total if total else 1.0

    @property
    def lesion_f1(self) -> float:
        """Harmonic mean of lesion-wise sensitivity and precision; 1 where there is no lesion."""
        count = self.is_found.size + self.found_lesions
        if count == 0:
            return 1.0
        sensitivity = self.is_found.mean() if self.is_found.size else 0.0
        precision = 1 - self.false_lesions / self.found_lesions if self.found_lesions else 0.0
        total = sensitivity + precision
        return float(2 * sensitivity * precision / total) if total else 0.0

    def recall_of_size(self, low_mm3: float, high_mm3: float) -> tuple[int, int]:
        """How many reference lesions of ``low <= volume < high`` were found, and how many are."""
        chosen = (self.reference_mm3 >= low_mm3) & (self.reference_mm3 < high_mm3)
        return int(self.is_found[chosen].sum()), int(chosen.sum())


def compare_masks(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_volume_mm3: float
) -> LesionAgreement:
    """Compare two masks (X, Y, Z) on one grid."""
    if found.shape != reference.shape:
        raise ValueError(f"masks of {found.shape} and {reference.shape} voxels")
    found_labels, found_count = label_lesions(found)
    reference_labels, reference_count = label_lesions(reference)
    hit = np.unique(found_labels[reference & found])
    met = np.unique(reference_labels[reference & found])
    sizes = np.bincount(reference_labels.ravel(), minlength=reference_count + 1)[1:]
    is_found = np.zeros(reference_count, np.bool_)
    is_found[met[met > 0] - 1] = True
    return LesionAgreement(
        shared_mm3=float((found & reference).sum() * voxel_volume_mm3),
        found_total_mm3=float(found.sum() * voxel_volume_mm3),
        reference_total_mm3=float(reference.sum() * voxel_volume_mm3),
        false_lesions=found_count - int((hit > 0).sum()),
        found_lesions=found_count,
        reference_mm3=sizes.astype(np.float64) * voxel_volume_mm3,
        is_found=is_found,
    )
