"""What each person contributes to a measure, so that resampling people is a matrix product.

A confusion matrix is a sum over people, and so is a squared error. The area under the ROC is a sum
over pairs of people, the one holding the positive slice and the other the negative, so it needs one
square matrix. All are counted once; any weighting of the people then costs a few multiplications.
Average precision alone looks at every answer of every draw, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap, weighted_mean
from mslesion.evaluation.metrics import (
    COUNT_MEASURES,
    MEASURES,
    PREVALENCE_MEASURES,
    Confusion,
    answers,
    wins,
)
from mslesion.evaluation.ranking import Ranking
from mslesion.paper.protocol import DecisionProtocol

STATED_PREVALENCE = DecisionProtocol().stated_prevalence
"""The protocol's own, for whoever states no other."""

AVERAGED = tuple(name for name in MEASURES if not name.endswith("likelihood_ratio"))
"""Measures that are averaged over people.

A likelihood ratio is undefined in whoever had no false alarm: its mean would leave out the best.
"""


@dataclass(frozen=True, eq=False)
class Tallies:
    """The contributions of P people.

    Attributes:
        people: str (P,), sorted.
        counts: float64 (P, 4), each person's tp, fn, tn, fp.
        pairs_won: float64 (P, P), for person i's positives against person j's negatives, how many
            pairs are in the right order, ties counting half.
        squared_error: float64 (P,), the sum of each person's squared differences between
            probability and label.
        ranking: all answers in the order of their probability.
        stated_prevalence: where predictive values are asked for beside those of the data.
    """

    people: NDArray[np.str_]
    counts: NDArray[np.float64]
    pairs_won: NDArray[np.float64]
    squared_error: NDArray[np.float64]
    ranking: Ranking
    stated_prevalence: float

    @property
    def confusion(self) -> Confusion:
        """Everybody counted once."""
        return Confusion(*(int(n) for n in self.counts.sum(axis=0)))

    def measures(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """Every measure for each row of ``weights`` (draws, P): (draws,) each.

        nan where a draw leaves a measure undefined.
        """
        weighted = weights.astype(np.float64)
        tp, fn, tn, fp = (weighted @ self.counts).T
        total = tp + fn + tn + fp
        brier = np.full(len(total), np.nan)
        np.divide(weighted @ self.squared_error, total, out=brier, where=total > 0)
        counted = {name: measure(tp, fn, tn, fp) for name, measure in COUNT_MEASURES.items()}
        both = counted["sensitivity"], counted["specificity"]
        return {
            **counted,
            **{n: at(self.stated_prevalence, *both) for n, at in PREVALENCE_MEASURES.items()},
            "auc": weighted_area(weighted, self.pairs_won, (tp + fn) * (tn + fp)),
            "average_precision": self.ranking.average_precision(weights),
            "brier": brier,
        }

    def estimates(self, draws: int, seed: int) -> dict[str, Estimate]:
        """Every measure with its interval over resampled people."""
        return cluster_bootstrap(len(self.people), self.measures, draws=draws, seed=seed)

    def averages(self, draws: int, seed: int) -> dict[str, Average]:
        """Each person's own measures, averaged: everybody counts alike, however many slices."""
        alone = self.measures(np.eye(len(self.people), dtype=np.int64))
        means = cluster_bootstrap(
            len(self.people),
            lambda weights: {name: weighted_mean(weights, alone[name]) for name in AVERAGED},
            draws=draws,
            seed=seed,
        )
        return {
            name: Average(mean, int((~np.isnan(alone[name])).sum())) for name, mean in means.items()
        }


def weighted_area(
    weighted: NDArray[np.float64], pairs_won: NDArray[np.float64], pairs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The area under the ROC for each row of ``weighted`` (draws, P); nan without ``pairs``.

    ``pairs_won`` is (P, P) as in :class:`Tallies`; ``pairs`` is (draws,), how many pairs of a
    positive and a negative each draw holds.
    """
    won = ((weighted @ pairs_won) * weighted).sum(axis=1)
    area = np.full(len(pairs), np.nan)
    np.divide(won, pairs, out=area, where=pairs > 0)
    return area


@dataclass(frozen=True)
class Average:
    """A mean over ``n_people`` people, those of all in whom the measure is defined."""

    estimate: Estimate
    n_people: int


def tally(
    person_id: NDArray[np.str_],
    label: NDArray[np.int8],
    probability: NDArray[np.float64],
    threshold: float,
    stated_prevalence: float = STATED_PREVALENCE,
) -> Tallies:
    """Count the contributions of each person to N predictions, all arrays (N,)."""
    people, owner = np.unique(person_id, return_inverse=True)
    is_yes, is_positive = answers(probability, threshold), label.astype(bool)
    # Columns in the order of Confusion: tp, fn, tn, fp.
    column = np.where(is_positive, np.where(is_yes, 0, 1), np.where(is_yes, 3, 2))
    counts = np.bincount(owner * 4 + column, minlength=4 * len(people)).reshape(-1, 4)
    pairs_won = np.zeros((len(people), len(people)))
    holder, positives = owner[is_positive], probability[is_positive]
    for j in range(len(people)):
        negatives = np.sort(probability[(owner == j) & ~is_positive])
        if len(negatives) and len(positives):
            pairs_won[:, j] = np.bincount(
                holder, weights=wins(positives, negatives), minlength=len(people)
            )
    return Tallies(
        people,
        counts.astype(np.float64),
        pairs_won,
        np.bincount(owner, (probability - is_positive) ** 2, len(people)).astype(np.float64),
        Ranking.of(owner, is_positive, probability),
        stated_prevalence,
    )
