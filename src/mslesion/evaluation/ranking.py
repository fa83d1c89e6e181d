"""Answers in the order of their probability, for measures that look at every threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Weights

_MOST_CELLS = 1 << 20
"""Draws are worked through in parts of so many weighted answers: 8 MB an array."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """N answers from the highest probability to the lowest.

    Attributes:
        owner: int64 (N,), the number of the person an answer belongs to.
        is_positive: bool (N,).
        tie_ends: int64 (T,), the last place of each run of equal probabilities.
    """

    owner: NDArray[np.int64]
    is_positive: NDArray[np.bool_]
    tie_ends: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        owner: NDArray[np.int64],
        is_positive: NDArray[np.bool_],
        probability: NDArray[np.float64],
    ) -> Ranking:
        """Sort answers, all arrays (N,)."""
        order = np.argsort(-probability, kind="stable")
        falls = np.diff(probability[order]) != 0
        is_end = np.append(falls, np.ones(min(len(order), 1), bool))
        return cls(owner[order], is_positive[order], np.flatnonzero(is_end))

    def average_precision(self, weights: Weights) -> NDArray[np.float64]:
        """The precision at each threshold, weighted by the recall that it adds; (draws,).

        Equal probabilities are one threshold, and nothing is interpolated between thresholds, as
        in scikit-learn. nan where a draw has no positives. ``weights`` is (draws, people).
        """
        step = max(1, _MOST_CELLS // max(len(self.owner), 1))
        parts = [self._of_part(weights[at : at + step]) for at in range(0, len(weights), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _of_part(self, weights: Weights) -> NDArray[np.float64]:
        weight = weights.astype(np.float64)[:, self.owner]
        answered = weight.cumsum(axis=1)[:, self.tie_ends]
        found = (weight * self.is_positive).cumsum(axis=1)[:, self.tie_ends]
        precision = np.divide(found, answered, out=np.zeros_like(found), where=answered > 0)
        gained = np.diff(found, axis=1, prepend=0.0)
        positives = found[:, -1] if found.shape[1] else np.zeros(len(weights))
        area = np.full(len(weights), np.nan)
        np.divide((gained * precision).sum(axis=1), positives, out=area, where=positives > 0)
        return area
