"""Values of elements as numbers; what is odd about them makes None of them, not an error."""

from __future__ import annotations

from math import isfinite
from typing import Any

from mslesion.read.dicom.stream import MOST_VALUE_BYTES


def first_item(place: Any, keyword: str) -> Any:
    """The first item of a sequence; {} where there is none."""
    items = place.get(keyword) if place else None
    return items[0] if items else {}


def value_of(place: Any, keyword: str) -> Any:
    """A value in a place; None where there is none, or one that is too long to be one."""
    if keyword not in place:
        return None
    raw = place.get_item(keyword).value
    if isinstance(raw, bytes) and len(raw) > MOST_VALUE_BYTES:
        return None
    return place.get(keyword)


def number(value: Any) -> float | None:
    """A finite number; None for anything else. The first, where there are several."""
    try:
        if value is None or isinstance(value, str):
            found = float(value) if value else None
        else:
            found = float(value[0]) if hasattr(value, "__len__") else float(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return found if found is not None and isfinite(found) else None


def numbers(values: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers; None for anything else."""
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if len(found) == count and all(map(isfinite, found)) else None
