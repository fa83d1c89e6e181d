"""How well a lesion mask agrees with a reference mask: voxels, lesions, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.components import label_lesions


@dataclass(frozen=True, eq=False)
class LesionAgreement:
    """Counts of one scan, from which every measure of voxels and lesions follows.

    A reference lesion is found when any of its voxels is in the found mask; a found lesion is
    true when any of its voxels is in the reference, else false. ``reference_voxels`` and
    ``is_found`` have one entry a reference lesion, ``found_voxels`` and ``is_true`` one a found
    lesion.
    """

    shared_voxels: int
    reference_voxels: NDArray[np.int64]
    is_found: NDArray[np.bool_]
    found_voxels: NDArray[np.int64]
    is_true: NDArray[np.bool_]
    voxel_volume_mm3: float

    @property
    def reference_total_mm3(self) -> float:
        """Volume of the reference."""
        return float(self.reference_voxels.sum() * self.voxel_volume_mm3)

    @property
    def found_total_mm3(self) -> float:
        """Volume of what was found."""
        return float(self.found_voxels.sum() * self.voxel_volume_mm3)

    @property
    def false_lesions(self) -> int:
        """How many found lesions are false."""
        return int((~self.is_true).sum())

    @property
    def false_mm3(self) -> float:
        """Volume of false lesions; what is drawn too wide around a true one does not count."""
        return float(self.found_voxels[~self.is_true].sum() * self.voxel_volume_mm3)

    @property
    def dice(self) -> float:
        """Dice coefficient; 1 where both masks are empty."""
        total = int(self.found_voxels.sum() + self.reference_voxels.sum())
        return 2 * self.shared_voxels / total if total else 1.0

    @property
    def lesion_sensitivity(self) -> float:
        """The share of reference lesions that are found; nan where there are none."""
        return float(self.is_found.mean()) if self.is_found.size else nan

    @property
    def lesion_precision(self) -> float:
        """The share of found lesions that are true; nan where none were found."""
        return float(self.is_true.mean()) if self.is_true.size else nan

    @property
    def lesion_f1(self) -> float:
        """Harmonic mean of lesion-wise sensitivity and precision; 1 where there is no lesion."""
        if not self.is_found.size and not self.is_true.size:
            return 1.0
        if not self.is_found.any() or not self.is_true.any():
            return 0.0
        sensitivity, precision = self.lesion_sensitivity, self.lesion_precision
        return 2 * sensitivity * precision / (sensitivity + precision)

    @property
    def volume_difference_ml(self) -> float:
        """How much more was found than the reference holds; negative where less was."""
        return (self.found_total_mm3 - self.reference_total_mm3) / 1000

    @property
    def relative_volume_difference(self) -> float:
        """The same as a share of the reference's volume; nan where that is 0."""
        total = self.reference_total_mm3
        return (self.found_total_mm3 - total) / total if total else nan

    def recall_of_size(self, low_mm3: float, high_mm3: float) -> tuple[int, int]:
        """How many reference lesions of ``low <= volume < high`` were found, and how many are."""
        return self._counted(self.is_found, self.reference_voxels, low_mm3, high_mm3)

    def precision_of_size(self, low_mm3: float, high_mm3: float) -> tuple[int, int]:
        """How many found lesions of ``low <= volume < high`` are true, and how many are."""
        return self._counted(self.is_true, self.found_voxels, low_mm3, high_mm3)

    def _counted(
        self, hit: NDArray[np.bool_], voxels: NDArray[np.int64], low_mm3: float, high_mm3: float
    ) -> tuple[int, int]:
        # Ten voxels of 1 mm3 are 10 mm3, whatever the last bit of their affine's determinant says.
        volumes_mm3 = (voxels * self.voxel_volume_mm3).round(6)
        chosen = (volumes_mm3 >= low_mm3) & (volumes_mm3 < high_mm3)
        return int(hit[chosen].sum()), int(chosen.sum())


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
            shared_voxels=int(self.shared_voxels[kept].sum()),
            reference_voxels=self.reference_voxels,
            is_found=is_found,
            found_voxels=self.found_voxels[kept],
            is_true=self.shared_voxels[kept] > 0,
            voxel_volume_mm3=self.voxel_volume_mm3,
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
