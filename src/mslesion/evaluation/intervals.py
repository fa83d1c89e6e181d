"""95 % intervals: for measures over slices by resampling people, for proportions by Wilson.

Slices of one person resemble each other, so people are drawn, with all their slices (the cluster
bootstrap; Field and Welsh 2007, J. R. Statist. Soc. B 69:369). Resampling slices instead would
give intervals that are far too narrow.

Limits are taken from the draws by the bias-corrected and accelerated method (BCa; Efron 1987,
JASA 82:171): where the draws lie askew of the value, or spread the wider the higher it is, the
limits are moved to make up for it. It falls back on plain percentiles where it cannot be had:
see :meth:`Resampled.correction`. What this is worth is measured in
``docs/results/interval-coverage.json``; reports warn under :data:`FEW_PEOPLE`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import copysign, inf, isnan, nan, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_NORMAL = NormalDist()
NORMAL_QUANTILE = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)
"""The 97.5 % point of the normal distribution, which belongs to :data:`CONFIDENCE`."""

FEW_PEOPLE = 30
"""With fewer people than this, bootstrap intervals are too narrow to be taken at their word."""

MOST_UNDEFINED = 0.05
"""If a measure is undefined in more than this share of draws, its interval is given up."""

BOOTSTRAP_IN_WORDS = "95 %, BCa bootstrap over people"
"""How a file of figures names its intervals."""

_ALIKE = 1e-12
"""Values that differ by less are the same: sums in another order differ in their last bits."""

Weights = NDArray[np.int64]
"""(draws, people): how often each person was drawn."""

Statistics = Callable[[Weights], dict[str, NDArray[np.float64]]]
"""From weights (draws, people) to named measures, one value a draw, nan where undefined."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; nan for whatever cannot be had."""

    value: float
    low: float
    high: float

    @property
    def is_defined(self) -> bool:
        """Whether there is a value at all."""
        return not isnan(self.value)

    @property
    def has_interval(self) -> bool:
        """Whether there is an interval beside the value."""
        return not isnan(self.low)


UNDEFINED = Estimate(nan, nan, nan)


@dataclass(frozen=True)
class Correction:
    """Where among the draws a limit lies; both 0 for plain percentiles (Efron 1987, section 2).

    Attributes:
        bias: z0, how far the draws' median lies from the value, in SD of a normal distribution.
        acceleration: a, how fast the spread grows with the value, a sixth of a skewness.
    """

    bias: float = 0.0
    acceleration: float = 0.0

    def position(self, tail: float) -> float:
        """The share of draws below the limit that leaves ``tail`` in (0, 1) below it."""
        z = self.bias + _NORMAL.inv_cdf(tail)
        return _NORMAL.cdf(self.bias + z / (1 - self.acceleration * z))

    def tail(self, position: float) -> float:
        """The inverse: what the limit with ``position`` in (0, 1) of the draws below it leaves."""
        moved = _NORMAL.inv_cdf(position) - self.bias
        stretch = 1 + self.acceleration * moved
        z = moved / stretch if stretch > 0 else copysign(inf, moved)
        return _NORMAL.cdf(z - self.bias)


@dataclass(frozen=True, eq=False)
class Resampled:
    """One measure of the people as they are, as they were drawn, and without each of them.

    Attributes:
        value: with everybody counted once; nan where undefined.
        drawn: float64 (draws,), nan where undefined.
        left_out: float64 (people,) for each sample that people were drawn from, without each
            person in turn; nan where undefined.
    """

    value: float
    drawn: NDArray[np.float64]
    left_out: tuple[NDArray[np.float64], ...]

    @cached_property
    def _defined(self) -> NDArray[np.float64]:
        return self.drawn[~np.isnan(self.drawn)]

    @property
    def is_usable(self) -> bool:
        """Whether the draws say anything of how far the value can be trusted.

        They do not where the value is undefined; where more than :data:`MOST_UNDEFINED` of them
        are (nobody with the label was drawn), for then what is left is no fair sample; and where
        all agree (one person, or not one error), for then resampling knows nothing of what it has
        not seen, and a width of zero would claim certainty.
        """
        if isnan(self.value) or not len(self._defined):
            return False
        is_fair = len(self._defined) >= (1 - MOST_UNDEFINED) * len(self.drawn)
        return is_fair and float(np.ptp(self._defined)) >= _ALIKE

    def share_below(self, limit: float) -> float:
        """The share of defined draws below ``limit``, those level with it counting half."""
        below = (self._defined < limit - _ALIKE).sum()
        not_above = (self._defined <= limit + _ALIKE).sum()
        return float(below + not_above) / (2 * len(self._defined))

    @property
    def correction(self) -> Correction:
        """Bias and acceleration; both 0, which is the percentile method, where there are none.

        That is where all draws lie on one side of the value (the bias would be infinite), where
        leaving out a person never changes anything or nobody can be left out (the acceleration
        would be 0/0), and where the acceleration is so large that limits would change places.
        """
        share = self.share_below(self.value)
        influences = [_influences(values) for values in self.left_out]
        squares = sum(float((each**2).sum()) for each in influences)
        if not 0 < share < 1 or squares < _ALIKE**2:
            return Correction()
        cubes = sum(float((each**3).sum()) for each in influences)
        bias, acceleration = _NORMAL.inv_cdf(share), cubes / (6 * squares**1.5)
        if any(acceleration * (bias + z) >= 1 for z in (-NORMAL_QUANTILE, NORMAL_QUANTILE)):
            return Correction()
        return Correction(bias, acceleration)

    def interval(self) -> Estimate:
        """The value between its BCa limits; see :attr:`is_usable` for when there are none."""
        return self._between(self.correction) if self.is_usable else self._alone

    def percentile_interval(self) -> Estimate:
        """The value between plain percentiles of the draws, for comparison."""
        return self._between(Correction()) if self.is_usable else self._alone

    @property
    def _alone(self) -> Estimate:
        return Estimate(self.value, nan, nan)

    def _between(self, correction: Correction) -> Estimate:
        tail = (1 - CONFIDENCE) / 2
        positions = [correction.position(tail), correction.position(1 - tail)]
        low, high = np.quantile(self._defined, positions)
        return Estimate(self.value, float(low), float(high))

    def p_value(self) -> float:
        """Twice the smaller tail that 0 cuts off: below 0.05 where the interval leaves out 0.

        For differences. nan where there is no interval; never below what so many draws can show.
        """
        if not self.is_usable:
            return nan
        count = len(self._defined)
        # Half a draw at either end keeps positions off 0 and 1. Draws of 0 speak against a
        # difference on either side.
        below = (self._defined < -_ALIKE).sum() + 0.5
        not_above = (self._defined <= _ALIKE).sum() + 0.5
        low = self.correction.tail(float(not_above) / (count + 1))
        high = 1 - self.correction.tail(float(below) / (count + 1))
        return min(1.0, max(2 * min(low, high), 1 / (count + 1)))


def _influences(left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each person of a sample adds to the measure, by the jackknife.

    For several samples, influences are those on the joint value (Efron and Tibshirani 1993, An
    Introduction to the Bootstrap, section 14.3), hence the sample's size in them.
    """
    defined = left_out[~np.isnan(left_out)]
    if not len(defined):
        return defined
    share: NDArray[np.float64] = (len(defined) - 1) / len(defined) * (defined.mean() - defined)
    return share


def draw_people(person_count: int, draws: int, seed: int) -> Weights:
    """How often each of ``person_count`` people is drawn when as many are drawn with return.

    Returns:
        int64 (draws, people); each row sums to ``person_count``. The same seed gives the same
        draws.
    """
    chosen = np.random.default_rng([seed, 0xB007]).integers(
        0, max(person_count, 1), (draws, person_count)
    )
    cells = chosen + person_count * np.arange(draws)[:, None]
    return np.bincount(cells.ravel(), minlength=draws * person_count).reshape(draws, person_count)


def resample(
    person_counts: Sequence[int], statistics: Statistics, *, draws: int, seed: int
) -> dict[str, Resampled]:
    """Measures of the people as they are, of many draws of them, and without each of them.

    Args:
        person_counts: how many people there are; with several counts, people are drawn in each of
            these samples by itself, and stand one sample after the other in the weights.
        statistics: gives the measures for any weighting of the people, many at a time.
        draws: how often people are drawn; 2,000 move a limit by less than a point.
        seed: the same seed gives the same draws.

    Returns:
        Each measure; all are taken from the same draws.
    """
    total = sum(person_counts)
    drawn_people = [draw_people(n, draws, seed + number) for number, n in enumerate(person_counts)]
    value = statistics(np.ones((1, total), np.int64))
    drawn = statistics(np.hstack(drawn_people))
    left_out = statistics(1 - np.eye(total, dtype=np.int64))
    ends = np.cumsum(person_counts)[:-1]
    return {
        name: Resampled(float(value[name][0]), drawn[name], tuple(np.split(left_out[name], ends)))
        for name in value
    }


def cluster_bootstrap(
    person_count: int, statistics: Statistics, *, draws: int, seed: int
) -> dict[str, Estimate]:
    """Measures over people and their slices, each with its BCa interval; see :func:`resample`.

    Without any people, all is undefined.
    """
    resampled = resample([person_count], statistics, draws=draws, seed=seed)
    return {name: measure.interval() for name, measure in resampled.items()}


def weighted_mean(weights: Weights, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of people's values (P,) for each weighting (draws, P); nan where nobody has one."""
    is_defined = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = (weights @ np.where(is_defined, values, 0)) / (
            weights @ is_defined.astype(np.float64)
        )
    return mean


def wilson(successes: int, count: int) -> Estimate:
    """A proportion with its score interval (Wilson 1927, JASA 22:209); nan for a count of 0.

    Unlike the bootstrap it has width where all succeed: 12 of 12 has a lower limit of 75.8 %.
    """
    if count == 0:
        return UNDEFINED
    share, z2 = successes / count, NORMAL_QUANTILE**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_QUANTILE * sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    half /= 1 + z2 / count
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))
