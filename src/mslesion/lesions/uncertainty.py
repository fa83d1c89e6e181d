"""How many lesions, and of what volume, the calibrated probabilities leave plausible.

The mask is one answer of many that fit the probabilities. A candidate, a connected set of voxels
with some probability, is drawn again and again: a level u, all of [0, 1] as likely, and what of
the candidate has a probability above u is lesion this time. Every voxel is then lesion as often
as its probability says, a candidate exists as often as its highest probability says, and its
border is further out in one draw than in the other. The number of lesions is Poisson binomial
given the candidates, as with Schroeter et al. (arXiv 2204.05276, 2022).

The levels of one scan are drawn together (a Gaussian copula of one factor), for detectors see too
much or too little in a whole scan, not in one lesion alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from mslesion.lesions.components import common_box, label_lesions
from mslesion.lesions.operating_point import OperatingPoint

LEVEL = 0.95
"""Share of the draws that an interval holds."""

TOGETHER = 0.3
"""Correlation of the levels of two candidates of one scan, 0 to 1, before the copula. Lesions of
one scan that erred on their own would give intervals of half the width."""

_FLOOR = 0.05
"""With less probability a voxel is no candidate, unless the threshold is lower: there are very many
such voxels, and they are noise."""

_DRAWS = 4000
_SEED = 0

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Plausible:
    """The mean of the draws, and the ends of their central 95 %."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class LoadUncertainty:
    """Number of lesions of at least the least volume, and volume of them together.

    In the volume, faint spots that touch are one: it may hold lesions that are smaller.
    """

    count: Plausible
    volume_ml: Plausible


def load_uncertainty(
    probability: Values, voxel_volume_mm3: float, point: OperatingPoint
) -> LoadUncertainty:
    """What a calibrated probability (X, Y, Z) leaves plausible; all 0 without a candidate.

    The same probability gives the same numbers. It covers what the probabilities know of: whether a
    spot is a lesion, and how far it reaches. It does not cover lesions without any probability,
    how lesions that touch are told apart, or probabilities that are wrong, as on a scanner
    unlike those that they were calibrated on.
    """
    floor = min(_FLOOR, point.threshold)
    box = common_box(probability > floor)
    cut = probability[box]
    faint = label_lesions(cut > floor)
    least_voxels = max(1, int(np.ceil(point.least_mm3 / voxel_volume_mm3 - 1e-6)))
    candidates = [values for values in _by_component(cut, *faint) if len(values) >= least_voxels]
    peaks = _peaks(cut, *faint, least_voxels, point)
    rng = np.random.default_rng(_SEED)
    of_scan = np.sqrt(TOGETHER) * rng.standard_normal((1, _DRAWS))
    counts = (_drawn(rng, of_scan, len(peaks)) < ndtri(peaks)[:, None]).sum(
        axis=0, dtype=np.float64
    )
    voxels = np.zeros(_DRAWS)
    for values, level in zip(candidates, _drawn(rng, of_scan, len(candidates)), strict=True):
        # Values fall; as many are above a level as come before its place.
        voxels += np.searchsorted(-ndtri(values), -level)
    return LoadUncertainty(_plausible(counts, 1), _plausible(voxels * voxel_volume_mm3 / 1000, 4))


def _by_component(values: Values, labels: NDArray[np.int32], count: int) -> Iterator[Values]:
    """The values of each component, the highest first."""
    inside = labels > 0
    of, held = labels[inside], values[inside]
    order = np.lexsort((-held, of))
    ends = np.searchsorted(of[order], np.arange(1, count + 2))
    for start, end in pairwise(ends.tolist()):
        yield held[order[start:end]]


def _peaks(
    probability: Values,
    faint: NDArray[np.int32],
    faint_count: int,
    least_voxels: int,
    point: OperatingPoint,
) -> NDArray[np.float64]:
    """How probable each candidate is as a lesion of at least so many voxels.

    Lesions that only faint voxels connect are candidates of their own, as they are counted.
    """
    bright, bright_count = label_lesions(probability > point.threshold)
    is_large = np.bincount(bright.ravel(), minlength=bright_count + 1) >= least_voxels
    is_large[0] = False
    holds_lesion = np.zeros(faint_count + 1, np.bool_)
    holds_lesion[faint[is_large[bright]]] = True
    faint = np.where(holds_lesion[faint], 0, faint)
    found = [
        values[least_voxels - 1]
        for labels, count in ((bright, bright_count), (faint, faint_count))
        for values in _by_component(probability, labels, count)
        if len(values) >= least_voxels
    ]
    return np.array(found, np.float64)


def _drawn(
    rng: np.random.Generator, of_scan: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """A level for each candidate and draw, as the standard normal's quantile of it."""
    own = rng.standard_normal((count, _DRAWS))
    levels: NDArray[np.float64] = of_scan + np.sqrt(1 - TOGETHER) * own
    return levels


def _plausible(draws: NDArray[np.floating], digits: int) -> Plausible:
    ends = (50 * (1 - LEVEL), 50 * (1 + LEVEL))
    low, high = np.percentile(draws, ends, method="nearest")
    return Plausible(
        round(float(np.mean(draws)), digits),
        round(float(low), digits),
        round(float(high), digits),
    )
