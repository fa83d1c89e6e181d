"""What numbers say, in words that follow from them: no claim here that an interval does not carry.

A difference is called one where its 95 % interval leaves out zero; else none is shown, which is
not the same as none being there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mslesion.evaluation.intervals import Estimate
from mslesion.report.wording import (
    MEASURE_NAMES,
    format_interval,
    format_value,
    is_share,
)

_HIGHER, _LOWER, _NONE_SHOWN, _NOTHING_CLAIMED = "higher", "lower", "none shown", "none claimed"
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
    unit = " points" if is_share(measure) else ""
    value = f"{_signed(measure, estimate.value)}{unit}"
    if not estimate.has_interval:
        return f"{value} (no interval)"
    return f"{value} ({_signed(measure, estimate.low)} to {_signed(measure, estimate.high)})"


def _signed(measure: str, value: float) -> str:
    # One digit more than values have, so that no limit beside zero is told as zero.
    text = f"{100 * value:+.1f}" if is_share(measure) else f"{value:+.3f}"
    return text.replace("-", "\N{MINUS SIGN}")


def compared(first: str, second: str, measure: str, estimate: Estimate) -> str:
    """Whether the first does better than the second, from the interval of their difference."""
    name, amount = MEASURE_NAMES[measure], told_difference(measure, estimate)
    sentence = {
        _NOTHING_CLAIMED: f"{first} against {second}, {name} {amount}: nothing is claimed.",
        _HIGHER: f"{first} has a **higher** {name} than {second}: {amount}.",
        _LOWER: f"{first} has a **lower** {name} than {second}: {amount}.",
        _NONE_SHOWN: f"no difference in {name} is shown between {first} and {second}: {amount}.",
    }[_side_of(estimate, 0.0)]
    return sentence[0].upper() + sentence[1:]


def all_compared(second: str, measure: str, differences: Mapping[str, Estimate]) -> str:
    """Who does better than ``second``, who worse, and of whom it is not shown, in one sentence."""
    words = {
        _HIGHER: "**Higher**", _LOWER: "**Lower**", _NONE_SHOWN: "No difference shown",
        _NOTHING_CLAIMED: "Nothing claimed, for want of an interval",
    }  # fmt: skip
    listed = _listed(words, 0.0, differences, lambda e: told_difference(measure, e))
    return f"{MEASURE_NAMES[measure]} against {second}: {listed}."


def all_against_chance(measure: str, estimates: Mapping[str, Estimate]) -> str:
    """Who does better than guessing, who worse, and of whom neither is shown, in one sentence."""
    words = {
        _HIGHER: "**Better than chance**", _LOWER: "**Worse than chance**",
        _NONE_SHOWN: "Not shown to be better than chance",
        _NOTHING_CLAIMED: "Nothing claimed, for want of an interval",
    }  # fmt: skip
    listed = _listed(words, _CHANCE[measure], estimates, lambda e: told(measure, e))
    return f"{listed} ({MEASURE_NAMES[measure]})."


def _listed(
    words: Mapping[str, str],
    line: float,
    estimates: Mapping[str, Estimate],
    tell: Callable[[Estimate], str],
) -> str:
    parts = []
    for side, beginning in words.items():
        members = [
            f"{who} {tell(estimate)}"
            for who, estimate in estimates.items()
            if _side_of(estimate, line) == side
        ]
        if members:
            parts.append(f"{beginning}: {', '.join(members)}")
    return ". ".join(parts)


def _side_of(estimate: Estimate, line: float) -> str:
    """On which side of a line the whole interval lies, if it lies on one."""
    if not estimate.has_interval:
        return _NOTHING_CLAIMED
    if estimate.low > line:
        return _HIGHER
    return _LOWER if estimate.high < line else _NONE_SHOWN


def over_shuffles(values: Sequence[float]) -> Estimate:
    """The mean of repeated runs with two standard errors on both sides; no interval for one run."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return Estimate(mean, float("nan"), float("nan"))
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    error = (variance / count) ** 0.5
    return Estimate(mean, mean - 2 * error, mean + 2 * error)
