"""Measures as lines of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any


def measures_as_lines(measures: dict[str, Any]) -> Iterable[str]:
    """One line a measure, with its interval where it has one."""
    for name, estimate in measures.items():
        value, low, high = (estimate[key] for key in ("value", "low", "high"))
        if value is None or isnan(value):
            yield f"  {name:<32} n/a"
        elif low is None or isnan(low):
            yield f"  {name:<32} {value:.3f}"
        else:
            yield f"  {name:<32} {value:.3f}  (95 % interval {low:.3f} to {high:.3f})"
