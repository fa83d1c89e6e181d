"""Measures over slices, with intervals over people."""

from __future__ import annotations

from dataclasses import dataclass

from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import Confusion
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.tallies import tally


@dataclass(frozen=True)
class SliceMetrics:
    """What one set of slice predictions is worth.

    With several folds, predictions are pooled: each slice is tested once, and stands in training
    and validation as often as folds used it there; a pooled AUC compares probabilities of the
    different folds' models with each other.
    """

    confusion: Confusion
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    balanced_accuracy: Estimate
    auc: Estimate
    n_slices: int
    n_people: int

    def measure(self, name: str) -> Estimate:
        """A measure by its name in :data:`mslesion.evaluation.metrics.MEASURES`."""
        return measure_of(self, name)


def measure_of(metrics: object, name: str) -> Estimate:
    """The field ``name`` of a set of measures.

    Raises:
        TypeError: the field is no estimate.
    """
    estimate = getattr(metrics, name)
    if not isinstance(estimate, Estimate):
        raise TypeError(f"{name} is no measure")
    return estimate


def evaluate_slices(
    predictions: Predictions, threshold: float, draws: int, seed: int
) -> SliceMetrics:
    """Measure predictions of one part of the data; every measure is undefined without slices."""
    tallies = tally(predictions.person_id, predictions.label, predictions.probability, threshold)
    return SliceMetrics(
        confusion=tallies.confusion,
        **tallies.estimates(draws, seed),
        n_slices=len(predictions),
        n_people=len(tallies.people),
    )
