"""What each person contributes to a measure, so that resampling people is a matrix product.

A confusion matrix is a sum over people. The area under the ROC is a sum over pairs of people,
the one holding the positive slice and the other the negative, so it needs one square matrix.
Both are counted once; any weighting of the people then costs a few multiplications.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.metrics import COUNT_MEASURES, Confusion, answers, wins


@dataclass(frozen=True, eq=False)
class Tallies:
    """The contributions of P people.

    Attributes:
        people: str (P,), sorted.
        counts: float64 (P, 4), each person's tp, fn, tn, fp.
        pairs_won: float64 (P, P), for person i's positives against person j's negatives, how many
            pairs are in the right order, ties counting half.
    """

    people: NDArray[np.str_]
    counts: NDArray[np.float64]
    pairs_won: NDArray[np.float64]

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
        won = ((weighted @ self.pairs_won) * weighted).sum(axis=1)
        pairs = (tp + fn) * (tn + fp)
        area = np.full(len(pairs), np.nan)
        np.divide(won, pairs, out=area, where=pairs > 0)
        counted = {name: measure(tp, fn, tn, fp) for name, measure in COUNT_MEASURES.items()}
        return {**counted, "auc": area}

    def estimates(self, draws: int, seed: int) -> dict[str, Estimate]:
        """Every measure with its interval over resampled people."""
        return cluster_bootstrap(len(self.people), self.measures, draws=draws, seed=seed)


def tally(
    person_id: NDArray[np.str_],
    label: NDArray[np.int8],
    probability: NDArray[np.float64],
    threshold: float,
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
    return Tallies(people, counts.astype(np.float64), pairs_won)
