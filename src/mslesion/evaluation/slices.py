"""Measures over slices, with intervals over people."""

from __future__ import annotations

from dataclasses import dataclass

from mslesion.evaluation.measured import Measured
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.tallies import tally


@dataclass(frozen=True)
class SliceMetrics(Measured):
    """What one set of slice predictions is worth.

    With several folds, predictions are pooled: each slice is tested once, and stands in training
    and validation as often as folds used it there; a pooled AUC compares probabilities of the
    different folds' models with each other.
    """

    n_slices: int


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
