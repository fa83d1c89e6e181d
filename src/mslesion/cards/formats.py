"""How a value is printed: one row a format."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from mslesion.told import p_value


def ends(value: Any) -> tuple[float | None, float | None, float | None]:
    """A value and the ends of its interval, None where there are none.

    Result files write an estimate as ``{"value": v, "low": l, "high": h}`` or ``[v, l, h]``.

    Raises:
        TypeError: it is neither an estimate nor a number.
    """
    if isinstance(value, Mapping) and "value" in value:
        parts = (value["value"], value.get("low"), value.get("high"))
    elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3:
        parts = (value[0], value[1], value[2])
    else:
        parts = (value, None, None)
        if value is None:
            raise TypeError("null is no number")
    numbers = [None if part is None else float(part) for part in parts]
    return tuple(n if n is None or isfinite(n) else None for n in numbers)  # type: ignore[return-value]


def _estimate(scale: float, digits: int, unit: str = "") -> Callable[[Any], str]:
    def told(value: Any) -> str:
        middle, low, high = ends(value)
        if middle is None:
            return "undefined"
        text = f"{scale * middle:,.{digits}f}{unit}"
        if low is None or high is None:
            return text
        return f"{text} ({scale * low:,.{digits}f} to {scale * high:,.{digits}f})"

    return told


def _text(value: Any) -> str:
    """Text in one line, in which nothing is taken for markup of a page or a table."""
    if value is None or isinstance(value, (dict, list)):
        raise TypeError("no text")
    told = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return html.escape(" ".join(told.split()), quote=False).replace("|", "\\|")


def _p_value(value: Any) -> str:
    return "undefined" if value is None else p_value(float(value))


def _three_digits(value: Any) -> str:
    return "undefined" if value is None else f"{float(value):.3f}"


def _entries(value: Any) -> str:
    if not isinstance(value, (dict, list)):
        raise TypeError("neither list nor mapping")
    return f"{len(value):,}"


def _of_confusion(*cells: str) -> Callable[[Any], str]:
    return lambda value: f"{sum(int(value[cell]) for cell in cells):,}"


def _joined(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_text(v)} {_text(k)}" for k, v in value.items()) or "none"
    return "; ".join(_text(entry) for entry in value) or "none"


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "text": _text,
    "count": lambda value: f"{int(value):,}",
    "entries": _entries,
    "joined": _joined,
    "keys": lambda value: ", ".join(_text(key) for key in value),
    "number": _estimate(1, 2),
    "interval": _estimate(1, 2),
    "percent": _estimate(100, 1, " %"),
    "whole percent": _estimate(100, 0, " %"),
    "p": _p_value,
    "three": _three_digits,
    "points": _estimate(100, 1, " points"),
    "seconds": _estimate(1, 1, " s"),
    "ml": _estimate(1, 1, " ml"),
    "mm3": _estimate(1, 0, " mm³"),
    "right": _of_confusion("tp", "tn"),
    "positives": _of_confusion("tp", "fn"),
    "negatives": _of_confusion("tn", "fp"),
}
"""What may stand after the bar in ``{file:place|format}``."""
