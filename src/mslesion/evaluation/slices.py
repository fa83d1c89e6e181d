"""Measures over slices, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mslesion.evaluation.measured import Measured
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.tallies import STATED_PREVALENCE, Average, tally


@dataclass(frozen=True)
class SliceMetrics(Measured):
    """What one set of slice predictions is worth.

    With several folds, predictions are pooled: each slice is tested once, and stands in training
    and validation as often as folds used it there; a pooled AUC compares probabilities of the
    different folds' models with each other. ``averages`` are means over people instead, in which
    each person's slices were measured by themselves.
    """

    n_slices: int
    averages: Mapping[str, Average]


def evaluate_slices(
    predictions: Predictions,
    threshold: float,
    draws: int,
    seed: int,
    *,
    stated_prevalence: float = STATED_PREVALENCE,
) -> SliceMetrics:
    """Measure predictions of one part of the data; every measure is undefined without slices."""
    tallies = tally(
        predictions.person_id,
        predictions.label,
        predictions.probability,
        threshold,
        stated_prevalence,
    )
    return SliceMetrics(
        confusion=tallies.confusion,
        estimates=tallies.estimates(draws, seed),
        n_people=len(tallies.people),
        n_slices=len(predictions),
        averages=tallies.averages(draws, seed),
    )
