"""The difference between two sets of predictions, with the interval that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Resampled, Weights, resample
from mslesion.evaluation.predictions import Predictions, Subset
from mslesion.evaluation.tallies import Tallies, tally


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
    differences = resample_difference(first, second, draws, seed)
    return Difference(
        {name: resampled.interval() for name, resampled in differences.items()},
        is_paired=have_same_people(first, second),
    )


def have_same_people(first: Tallies, second: Tallies) -> bool:
    """Whether each draw can take the same people for both."""
    return np.array_equal(first.people, second.people)


def resample_difference(
    first: Tallies, second: Tallies, draws: int, seed: int
) -> dict[str, Resampled]:
    """``first`` minus ``second`` in every measure, paired where both hold the same people."""
    count = len(first.people)
    is_paired = have_same_people(first, second)

    def differences(weights: Weights) -> dict[str, NDArray[np.float64]]:
        minuend = first.measures(weights[:, :count])
        subtrahend = second.measures(weights if is_paired else weights[:, count:])
        return {name: minuend[name] - subtrahend[name] for name in minuend}

    samples = [count] if is_paired else [count, len(second.people)]
    return resample(samples, differences, draws=draws, seed=seed)


def leakage_gap(
    patient_run: Predictions, slice_run: Predictions, threshold: float, draws: int, seed: int
) -> Difference:
    """What splitting slices instead of people adds to each measure: slice minus patient split."""
    return difference(slice_run, patient_run, threshold, draws, seed)
