"""Numbers as sentences and tables tell them."""

from __future__ import annotations

from math import isnan


def counted(count: int, thing: str, things: str | None = None) -> str:
    """``1 lesion``, ``1,234 lesions``, ``no lesion``; ``things`` where no s makes the plural."""
    if count > 1:
        return f"{count:,} {things or thing + 's'}"
    return f"{('no', '1')[count]} {thing}"


def is_or_are(count: int) -> str:
    """The verb to :func:`counted`."""
    return "are" if count > 1 else "is"


def p_value(p: float) -> str:
    """``0.034``; ``< 0.001`` below what three digits show, ``n/a`` for nan."""
    if isnan(p):
        return "n/a"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def probability(value: float) -> str:
    """``0.88``; ``< 0.01`` and ``> 0.99`` for what two digits would show as certain."""
    if 0 < value < 0.005:
        return "< 0.01"
    return "> 0.99" if 0.995 <= value < 1 else f"{value:.2f}"
