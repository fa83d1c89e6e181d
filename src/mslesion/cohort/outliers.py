"""Which scans of a cohort lie apart from the others, by Tukey's fences.

A value is apart if it is more than 1.5 times the distance between the quartiles below the lower or
above the upper one (Tukey, Exploratory Data Analysis, 1977). Volumes, counts and shares are skewed:
they are compared on a logarithmic scale, so that a twofold value weighs the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LEAST_SCANS = 8
"""Of fewer scans nobody can tell which lies apart, and none is said to."""

_REACH = 1.5


@dataclass(frozen=True)
class Measure:
    """A column of the table of a cohort in which scans may lie apart.

    Values v are compared as log(v + ``offset``), those below 0 as 0. ``low_matters`` is False where
    a low value is simply good.
    """

    column: str
    offset: float
    low_matters: bool
    is_count: bool = False

    def scaled(self, value: float) -> float:
        """A value on the scale of the comparison."""
        return math.log(max(value, 0.0) + self.offset)

    def unscaled(self, scaled: float) -> float:
        """The value at a place on the scale; never below 0, as none of these can be."""
        return max(math.exp(scaled) - self.offset, 0.0)


MEASURES = (
    Measure("lesion_count", 1.0, low_matters=True, is_count=True),
    Measure("lesion_volume_ml", 0.1, low_matters=True),
    Measure("noise_share", 0.01, low_matters=False),
    Measure("bias_ratio", 0.01, low_matters=False),
    Measure("ghost_share", 0.01, low_matters=False),
)
"""The offset lets a value of 0 stand beside the least that matters."""


@dataclass(frozen=True)
class Fences:
    """Quartiles, median and fences of a measure over a cohort, in the measure's own unit."""

    low: float
    quartiles: tuple[float, float, float]
    high: float


@dataclass(frozen=True)
class Apart:
    """A scan lies apart in one measure; ``fence`` is what it exceeds or falls below."""

    measure: str
    side: Literal["high", "low"]
    value: float
    fence: float


def known_values(rows: Sequence[Mapping[str, Any]], measure: Measure) -> NDArray[np.float64]:
    """The values of a measure, of the scans of which it is known."""
    values = [row.get(measure.column) for row in rows]
    return np.array([float(value) for value in values if value is not None], np.float64)


def fences(values: NDArray[np.float64], measure: Measure) -> Fences | None:
    """Where the fences of a measure stand; None for fewer than ``LEAST_SCANS`` values."""
    if values.size < LEAST_SCANS:
        return None
    scaled = [measure.scaled(float(value)) for value in values]
    first, third = (float(q) for q in np.percentile(scaled, (25, 75)))
    reach = _REACH * (third - first)
    low, high = measure.unscaled(first - reach), measure.unscaled(third + reach)
    lower, middle, upper = (float(q) for q in np.percentile(values, (25, 50, 75)))
    return Fences(low, (lower, middle, upper), high)


def outliers(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Apart, ...]]:
    """In which measures each scan of a cohort lies apart, in the order of the rows."""
    found: list[list[Apart]] = [[] for _ in rows]
    for measure in MEASURES:
        limits = fences(known_values(rows, measure), measure)
        if limits is not None:
            for row, of_scan in zip(rows, found, strict=True):
                of_scan.extend(_apart(row.get(measure.column), measure, limits))
    return [tuple(apart) for apart in found]


def _apart(value: float | None, measure: Measure, limits: Fences) -> Iterator[Apart]:
    if value is None:
        return
    if value > limits.high + _LEAST_GAP:
        yield Apart(measure.column, "high", float(value), limits.high)
    elif measure.low_matters and value < limits.low - _LEAST_GAP:
        yield Apart(measure.column, "low", float(value), limits.low)


_LEAST_GAP = 1e-9
"""Where most values are the same the fences stand on it, but for rounding."""
