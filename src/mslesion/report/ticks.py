"""Round numbers beside an axis."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor, log10


def round_step(extent: float, count: int) -> float:
    """The round step (1, 2 or 5 times a power of ten) that makes about so many of an extent."""
    rough = extent / count
    power = 10.0 ** floor(log10(rough))
    return float(next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough))


def ticks(low: float, high: float, step: float) -> Iterator[float]:
    """The multiples of a step from ``low`` to ``high``."""
    for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1):
        yield number * step


def logarithmic_ticks(low: float, high: float) -> Iterator[float]:
    """0, and 1, 2 and 5 times powers of ten, from ``low`` to ``high`` (0 or more, and more)."""
    if low <= 0 <= high:
        yield 0.0
    smallest = max(low, high / 1e4)
    for power in range(floor(log10(smallest)), ceil(log10(high)) + 1):
        for factor in (1, 2, 5):
            if smallest <= factor * 10.0**power <= high:
                yield factor * 10.0**power
