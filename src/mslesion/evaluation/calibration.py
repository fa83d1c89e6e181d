"""Whether probabilities mean what they say: of 100 answers of 70 %, are 70 right?

    brier               mean squared difference of probability and truth (Brier 1950)
    slope, intercept    of the logistic regression of the truth on the logit of the probability
                        (Cox 1958, Biometrika 45:562): 1 and 0 are right; a slope below 1 says that
                        probabilities are too extreme
    intercept_at_slope_1  the same with the slope held at 1: above 0, probabilities are too low
    ece                 expected calibration error: over ten bins of equal width, how far the mean
                        probability lies from the share of positives, each bin weighing what it
                        holds (Naeini et al. 2015, AAAI); with few answers it is too high

Probabilities closer than a millionth to 0 or 1 count as that far from it. Intervals resample
people, as everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import (
    Estimate,
    Statistics,
    Weights,
    cluster_bootstrap,
    wilson,
)
from mslesion.evaluation.logistic import fit_logistic, logit

BIN_EDGES = tuple(number / 10 for number in range(11))
"""A probability on an edge belongs to the bin above it, and 1 to the last."""

_MOST_CELLS = 1 << 20
"""Draws are worked through in parts of so many weighted answers: 8 MB an array."""


@dataclass(frozen=True, eq=False)
class Answered:
    """N probabilities beside the truth, and whose they are.

    Attributes:
        person_id: str (N,).
        label: int8 (N,), 0 or 1.
        probability: float64 (N,) in [0, 1].
    """

    person_id: NDArray[np.str_]
    label: NDArray[np.int8]
    probability: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose probability lies from ``low`` to ``high``.

    ``observed`` is the share of positives among them; ``mean_probability`` what was said.
    """

    low: float
    high: float
    count: int
    people: int
    mean_probability: float
    observed: Estimate


@dataclass(frozen=True)
class Calibration:
    """What a set of probabilities is worth, and the bins of its reliability diagram."""

    measures: dict[str, Estimate]
    bins: tuple[ReliabilityBin, ...]


def measure_calibration(answered: Answered, draws: int, seed: int) -> Calibration:
    """Every measure above with its interval; nan where it is undefined, as without answers.

    The share of positives in a bin has a Wilson interval where every answer is another person,
    and else one over resampled people: answers of one person are not independent.
    """
    people, owner = np.unique(answered.person_id, return_inverse=True)
    binned = _bin_people(answered, owner, len(people))
    measures = cluster_bootstrap(
        len(people), _statistics(answered, owner, binned), draws=draws, seed=seed
    )
    if len(people) == len(answered):
        totals = binned.sum(axis=0)
        observed = {str(b): wilson(int(yes), int(n)) for b, (n, _, yes) in enumerate(totals)}
    else:
        observed = cluster_bootstrap(
            len(people), lambda weights: _shares(weights, binned), draws=draws, seed=seed
        )
    return Calibration(measures, _reliability(binned, observed))


def _bin_people(answered: Answered, owner: NDArray[np.intp], people: int) -> NDArray[np.float64]:
    """Of each person in each bin: answers, sum of probabilities, positives; (P, bins, 3)."""
    bins = len(BIN_EDGES) - 1
    place = np.searchsorted(BIN_EDGES, answered.probability, side="right") - 1
    cell = owner * bins + np.clip(place, 0, bins - 1)
    values = (np.ones(len(answered)), answered.probability, answered.label)
    sums = [np.bincount(cell, each, people * bins).reshape(people, bins) for each in values]
    return np.stack(sums, axis=-1)


def _statistics(
    answered: Answered, owner: NDArray[np.intp], binned: NDArray[np.float64]
) -> Statistics:
    people = len(binned)
    squares = np.bincount(owner, (answered.probability - answered.label) ** 2, people)
    lines = _RecalibrationLines(answered, owner, people)

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        weighted = weights.astype(np.float64)
        counts, said, positives = np.moveaxis(np.tensordot(weighted, binned, axes=1), -1, 0)
        total = counts.sum(axis=1)
        with np.errstate(invalid="ignore"):
            return {
                "brier": weighted @ squares / total,
                "ece": np.abs(said - positives).sum(axis=1) / total,
                **lines(weighted),
            }

    return statistics


def _shares(weights: Weights, binned: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The share of positives in each bin, for each weighting of the people."""
    with np.errstate(invalid="ignore"):
        shares = (weights @ binned[:, :, 2]) / (weights @ binned[:, :, 0])
    return {str(number): shares[:, number] for number in range(shares.shape[1])}


def _reliability(
    binned: NDArray[np.float64], observed: dict[str, Estimate]
) -> tuple[ReliabilityBin, ...]:
    bins = []
    for number, (low, high) in enumerate(itertools.pairwise(BIN_EDGES)):
        count, said, _ = binned[:, number].sum(axis=0)
        bins.append(
            ReliabilityBin(
                low,
                high,
                int(count),
                int((binned[:, number, 0] > 0).sum()),
                float(said / count) if count else nan,
                observed[str(number)],
            )
        )
    return tuple(bins)


class _RecalibrationLines:
    """Slope and intercepts of the truth on the logit, for any weighting of the people."""

    def __init__(self, answered: Answered, owner: NDArray[np.intp], people: int) -> None:
        self._owner = owner
        self._truth = answered.label.astype(bool)
        self._logit = logit(answered.probability)
        self._design = np.stack([self._logit, np.ones(len(answered))], axis=1)
        yes, no = self._truth, ~self._truth
        self._of_positives = _extremes(owner[yes], self._logit[yes], people)
        self._of_negatives = _extremes(owner[no], self._logit[no], people)
        # The lines of everybody: those of a draw lie near, and are found in few steps from there.
        self._start, self._level_start = np.array([1.0, 0.0]), np.zeros(1)
        found = self(np.ones((1, people)))
        if not np.isnan(found["slope"]).any():
            self._start = np.concatenate([found["slope"], found["intercept"]])
        if not np.isnan(found["intercept_at_slope_1"]).any():
            self._level_start = found["intercept_at_slope_1"]

    def __call__(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        lines, levels = np.full((len(weights), 2), np.nan), np.full((len(weights), 1), np.nan)
        has_both, overlaps = self._can_be_fitted(weights > 0)
        for rows in self._in_parts(overlaps):
            lines[rows] = fit_logistic(
                self._design, self._truth, weights[rows][:, self._owner], start=self._start
            )
        for rows in self._in_parts(has_both):
            levels[rows] = fit_logistic(
                self._design[:, 1:],
                self._truth,
                weights[rows][:, self._owner],
                start=self._level_start,
                offset=self._logit,
            )
        return {
            "slope": lines[:, 0],
            "intercept": lines[:, 1],
            "intercept_at_slope_1": levels[:, 0],
        }

    def _in_parts(self, is_usable: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
        rows, step = np.flatnonzero(is_usable), max(1, _MOST_CELLS // max(len(self._owner), 1))
        for at in range(0, len(rows), step):
            yield rows[at : at + step]

    def _can_be_fitted(
        self, is_drawn: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which draws hold both truths, and in which no threshold tells them apart."""
        low_yes, high_yes = _extremes_of_drawn(is_drawn, *self._of_positives)
        low_no, high_no = _extremes_of_drawn(is_drawn, *self._of_negatives)
        has_both = np.isfinite(low_no) & np.isfinite(low_yes)
        return has_both, has_both & (high_no > low_yes) & (high_yes > low_no)


def _extremes_of_drawn(
    is_drawn: NDArray[np.bool_], lowest: NDArray[np.float64], highest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and highest of those drawn, from each person's (P,), for bool (draws, P)."""
    low = np.where(is_drawn, lowest, np.inf).min(axis=1, initial=np.inf)
    high = np.where(is_drawn, highest, -np.inf).max(axis=1, initial=-np.inf)
    return low, high


def _extremes(
    owner: NDArray[np.intp], values: NDArray[np.float64], people: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and highest value of each person; infinite, the wrong way round, without any."""
    lowest, highest = np.full(people, np.inf), np.full(people, -np.inf)
    np.minimum.at(lowest, owner, values)
    np.maximum.at(highest, owner, values)
    return lowest, highest
