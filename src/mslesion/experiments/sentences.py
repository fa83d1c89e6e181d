"""What numbers say, in words that follow from them: no claim here that an interval does not carry.

A difference is called one where its 95 % interval leaves out zero; else none is shown, which is
not the same as none being there.
"""

from __future__ import annotations

from collections.abc import Sequence

from mslesion.evaluation.intervals import Estimate
from mslesion.report.wording import (
    MEASURE_NAMES,
    format_interval,
    format_signed,
    format_value,
)

_CHANCE = {"auc": 0.5, "balanced_accuracy": 0.5}


def told(measure: str, estimate: Estimate) -> str:
    """``0.72 (0.66 to 0.78)``; ``n/a`` where it is undefined."""
    interval = format_interval(measure, estimate)
    value = format_value(measure, estimate.value)
    return f"{value} ({interval})" if interval else value


def told_difference(measure: str, estimate: Estimate) -> str:
    """``+3.2 points (+1.0 to +5.4)``."""
    if not estimate.is_defined:
        return "n/a"
    unit = "" if measure == "auc" else " points"
    value = f"{format_signed(measure, estimate.value)}{unit}"
    if not estimate.has_interval:
        return f"{value} (no interval)"
    low, high = (format_signed(measure, limit) for limit in (estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def compared(first: str, second: str, measure: str, estimate: Estimate) -> str:
    """Whether the first does better than the second, from the interval of their difference."""
    name = MEASURE_NAMES[measure]
    amount = told_difference(measure, estimate)
    if not estimate.has_interval:
        return f"{first} against {second}: {name} {amount}; no interval, so nothing is claimed."
    if estimate.low > 0:
        return f"{first} has a **higher** {name} than {second}: {amount}."
    if estimate.high < 0:
        return f"{first} has a **lower** {name} than {second}: {amount}."
    return f"No difference in {name} is shown between {first} and {second}: {amount}."


def against_chance(who: str, measure: str, estimate: Estimate) -> str:
    """Whether somebody does better than guessing, from the interval."""
    amount = f"{MEASURE_NAMES[measure]} {told(measure, estimate)}"
    chance = _CHANCE[measure]
    if not estimate.has_interval:
        return f"{who}: {amount}; no interval, so nothing is claimed."
    if estimate.low > chance:
        return f"{who} does **better than chance**: {amount}."
    if estimate.high < chance:
        return f"{who} does **worse than chance**: {amount}."
    return f"{who} is **not shown to be better than chance**: {amount}."


def over_shuffles(values: Sequence[float]) -> Estimate:
    """The mean of repeated runs with two standard errors on both sides; no interval for one run."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return Estimate(mean, float("nan"), float("nan"))
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    error = (variance / count) ** 0.5
    return Estimate(mean, mean - 2 * error, mean + 2 * error)
