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


@dataclass(frozen=True, eq=False)
class LesionMatches:
    """Which found lesions touch which reference lesions.

    ``found_voxels``, ``shared_voxels`` (with the reference) and ``reference_voxels`` have one entry
    a lesion, in the order of :func:`~mslesion.lesions.components.label_lesions`; ``touching`` is
    (N, 2), the index of a found and of a reference lesion that share voxels, from 0.
    """

    found_voxels: NDArray[np.int64]
    shared_voxels: NDArray[np.int64]
    reference_voxels: NDArray[np.int64]
    touching: NDArray[np.int64]
    voxel_volume_mm3: float

    def agreement(self, kept: NDArray[np.bool_]) -> LesionAgreement:
        """The agreement of the mask that has, of the found lesions, those that are ``kept``."""
        is_found = np.zeros(self.reference_voxels.size, np.bool_)
        is_found[self.touching[kept[self.touching[:, 0]], 1]] = True
        return LesionAgreement(
            shared_mm3=float(self.shared_voxels[kept].sum() * self.voxel_volume_mm3),
            found_total_mm3=float(self.found_voxels[kept].sum() * self.voxel_volume_mm3),
            reference_total_mm3=float(self.reference_voxels.sum() * self.voxel_volume_mm3),
            false_lesions=int((kept & (self.shared_voxels == 0)).sum()),
            found_lesions=int(kept.sum()),
            reference_mm3=self.reference_voxels.astype(np.float64) * self.voxel_volume_mm3,
            is_found=is_found,
        )


def match_lesions(
    found: tuple[NDArray[np.int32], int],
    reference: tuple[NDArray[np.int32], int],
    voxel_volume_mm3: float,
) -> LesionMatches:
    """Match the lesions of two masks on one grid, both as their labels (X, Y, Z) and count."""
    (found_labels, found_count), (reference_labels, reference_count) = found, reference
    both = (found_labels > 0) & (reference_labels > 0)
    pairs, voxels = np.unique(
        np.stack([found_labels[both], reference_labels[both]], axis=1).astype(np.int64) - 1,
        axis=0,
        return_counts=True,
    )
    return LesionMatches(
        found_voxels=np.bincount(found_labels.ravel(), minlength=found_count + 1)[1:],
        shared_voxels=np.bincount(pairs[:, 0], voxels, found_count).astype(np.int64),
        reference_voxels=np.bincount(reference_labels.ravel(), minlength=reference_count + 1)[1:],
        touching=pairs,
        voxel_volume_mm3=voxel_volume_mm3,
    )


def compare_masks(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], voxel_volume_mm3: float
) -> LesionAgreement:
    """Compare two masks (X, Y, Z) on one grid."""
    if found.shape != reference.shape:
        raise ValueError(f"masks of {found.shape} and {reference.shape} voxels")
    matches = match_lesions(label_lesions(found), label_lesions(reference), voxel_volume_mm3)
    return matches.agreement(np.ones(matches.found_voxels.size, np.bool_))
