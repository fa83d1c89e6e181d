"""What is measured of any set of answers, be they of slices or of people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import Confusion


@dataclass(frozen=True)
class Measured:
    """Counts, and each of :data:`mslesion.evaluation.metrics.MEASURES` with its interval."""

    confusion: Confusion
    estimates: Mapping[str, Estimate]
    n_people: int

    def measure(self, name: str) -> Estimate:
        """A measure by its name in :data:`mslesion.evaluation.metrics.MEASURES`.

        Raises:
            KeyError: there is no such measure.
        """
        return self.estimates[name]

    @property
    def accuracy(self) -> Estimate:
        """The share of right answers."""
        return self.estimates["accuracy"]

    @property
    def sensitivity(self) -> Estimate:
        """The share of positives that are found."""
        return self.estimates["sensitivity"]

    @property
    def auc(self) -> Estimate:
        """The area under the ROC curve."""
        return self.estimates["auc"]
