"""Two classifiers on the same people: exact McNemar for answers, DeLong for areas."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import NORMAL_QUANTILE, Estimate


def mcnemar(first_is_right: NDArray[np.bool_], second_is_right: NDArray[np.bool_]) -> float:
    """The two-sided exact p value that two classifiers are right equally often; arrays (P,).

    Only people on whom one is right and the other wrong tell anything; were the two alike, either
    would be the one as often as the other (McNemar 1947, Psychometrika 12:153, in its exact form).
    1 where there are none, nan without people.
    """
    if not len(first_is_right):
        return nan
    alone = int((first_is_right & ~second_is_right).sum())
    discordant = int((first_is_right != second_is_right).sum())
    fewer = min(alone, discordant - alone)
    # Whole numbers, however large, so that nothing is rounded before the division.
    tail = sum(comb(discordant, k) for k in range(fewer + 1))
    return float(min(1.0, 2 * tail / 2**discordant))


@dataclass(frozen=True, eq=False)
class Areas:
    """Areas under the ROC curves of K classifiers on the same people.

    Attributes:
        values: float64 (K,), nan where a class is missing.
        covariance: float64 (K, K), nan with fewer than two people of a class.
    """

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def difference(self, first: int, second: int) -> tuple[Estimate, float]:
        """Area of ``first`` minus that of ``second`` with its 95 % interval, and the p value.

        Where the difference has no variance (two classifiers that rank alike, or both without a
        fault) there is no interval; p is then 1 if there is no difference either, else nan.
        """
        value = float(self.values[first] - self.values[second])
        contrast = np.zeros(len(self.values))
        contrast[first] += 1
        contrast[second] -= 1
        variance = float(contrast @ self.covariance @ contrast)
        if not variance > _NO_VARIANCE:
            is_same = variance == variance and abs(value) < _NO_VARIANCE  # noqa: PLR0124 - nan
            return Estimate(value, nan, nan), 1.0 if is_same else nan
        half = NORMAL_QUANTILE * sqrt(variance)
        p_value = 2 * NormalDist().cdf(-abs(value) / sqrt(variance))
        return Estimate(value, value - half, value + half), p_value


_NO_VARIANCE = 1e-14


def delong(label: NDArray[np.int8], scores: NDArray[np.float64]) -> Areas:
    """Areas of K classifiers' scores (K, P) against labels (P,), and how they vary together.

    DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837) by midranks (Sun and Xu 2014, IEEE
    Signal Process. Lett. 21:1389): sorting takes the place of comparing every pair.
    """
    from scipy.stats import rankdata

    is_positive = label.astype(bool)
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not positives or not negatives:
        count = len(scores)
        return Areas(np.full(count, nan), np.full((count, count), nan))
    overall = rankdata(scores, axis=1)
    among_positives = rankdata(scores[:, is_positive], axis=1)
    among_negatives = rankdata(scores[:, ~is_positive], axis=1)
    # For each positive the share of negatives below it; for each negative, of positives above it.
    of_positives = (overall[:, is_positive] - among_positives) / negatives
    of_negatives = 1 - (overall[:, ~is_positive] - among_negatives) / positives
    covariance = _covariance(of_positives) / positives + _covariance(of_negatives) / negatives
    return Areas(of_positives.mean(axis=1), covariance)


def _covariance(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of K rows; nan with fewer than two columns."""
    count, columns = components.shape
    if columns < 2:
        return np.full((count, count), nan)
    return np.atleast_2d(np.cov(components))
