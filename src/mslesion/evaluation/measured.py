"""What is measured of any set of answers, be they of slices or of people."""

from __future__ import annotations

from dataclasses import dataclass

from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import Confusion


@dataclass(frozen=True)
class Measured:
    """Counts and measures with their intervals."""

    confusion: Confusion
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    balanced_accuracy: Estimate
    auc: Estimate
    n_people: int

    def measure(self, name: str) -> Estimate:
        """A measure by its name in :data:`mslesion.evaluation.metrics.MEASURES`.

        Raises:
            TypeError: the field is no estimate.
        """
        estimate = getattr(self, name)
        if not isinstance(estimate, Estimate):
            raise TypeError(f"{name} is no measure")
        return estimate
