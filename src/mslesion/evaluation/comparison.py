"""The difference between two sets of predictions, with the interval that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mslesion.evaluation.intervals import Estimate, draw_people, percentiles
from mslesion.evaluation.metrics import MEASURES
from mslesion.evaluation.predictions import Predictions, Subset
from mslesion.evaluation.tallies import tally


@dataclass(frozen=True)
class Difference:
    """How much higher the measures of one set of test predictions are than those of another.

    ``measures`` are in the units of the measures (0.1 is ten points). ``is_paired`` tells whether
    the same people were tested in both.
    """

    measures: dict[str, Estimate]
    is_paired: bool


def difference(
    higher: Predictions, lower: Predictions, threshold: float, draws: int, seed: int
) -> Difference:
    """Each measure of ``higher`` minus that of ``lower``, on the slices they tested.

    Where the same people were tested in both, each draw takes the same people for both (paired):
    what is easy or hard in a person cancels. Where they were not (one fold by patient tests a
    fifth of the people, one fold by slice nearly all), people are drawn for each by itself, which
    makes the interval wider rather than narrower, as people in both would be alike.
    """
    first, second = (
        tally(test.person_id, test.label, test.probability, threshold)
        for test in (higher.of(Subset.TEST), lower.of(Subset.TEST))
    )
    is_paired = np.array_equal(first.people, second.people)
    drawn = [
        tallies.measures(draw_people(len(tallies.people), draws, tallies_seed))
        for tallies, tallies_seed in ((first, seed), (second, seed if is_paired else seed + 1))
    ]
    whole = [t.measures(np.ones((1, len(t.people)), np.int64)) for t in (first, second)]
    return Difference(
        {
            name: percentiles(
                float(whole[0][name][0] - whole[1][name][0]), drawn[0][name] - drawn[1][name]
            )
            for name in MEASURES
        },
        is_paired,
    )


def leakage_gap(
    patient_run: Predictions, slice_run: Predictions, threshold: float, draws: int, seed: int
) -> Difference:
    """What splitting slices instead of people adds to each measure: slice minus patient split."""
    return difference(slice_run, patient_run, threshold, draws, seed)
