"""Figures in a text: which numbers are measured ones, and whether a value is printed so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple


class Figure(NamedTuple):
    """A number as printed: its value, the digits behind its point, its unit."""

    printed: str
    value: float
    digits: int
    unit: str


_NUMBER = r"(?<![\w.,/-])[-]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,/-]\d)"
_UNITS = ("%", "points", "point", "images/s", "s", "ms", "minutes", "min", "ml", "MB", "GB")
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})(?P<unit>\s?%|\s(?:{'|'.join(_UNITS[1:])})\b)?"
    r"(?P<joint>\s(?:to|and|or|of|against|/)\s(?=-?\d)|,\s(?=-?\d))?"
)
_SIZE = re.compile(r"-?[\d.,]+(?:(?:\s(?:x|to|and|or)\s|-)[\d.,]+)*\s(?:T|mm[²³]?)(?!\w)")
_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
}  # fmt: skip
_ONE_IN = re.compile(rf"\bone in ({'|'.join(_WORDS)})\b")
_HIDDEN = re.compile(
    r"`[^`\n]*`|\]\([^)]*\)|<!--.*?-->|\b95 %\s+interval|\b10\.\d{4,}/\S+|Python 3\.\d+",
    re.DOTALL,
)


def figures(text: str) -> list[Figure]:
    """The figures that need a source: with a point, a unit of measuring, or as 'N of M'.

    Code, links and sizes in mm or T are passed over; so are other whole numbers, which say how
    many there were or what was set.
    """
    plain = _SIZE.sub("", _HIDDEN.sub("", text))
    found = [
        Figure(match[0], 1 / _WORDS[match[1]], -1, "one in") for match in _ONE_IN.finditer(plain)
    ]
    unit, tokens = "", list(_TOKEN.finditer(plain))
    for index in reversed(range(len(tokens))):
        match, number = tokens[index], tokens[index]["number"]
        joint = _joint(match)
        unit = (match["unit"] or "").strip() or (unit if joint else "")
        is_count = "of" in (joint, _joint(tokens[index - 1]) if index else "")
        if unit or "." in number or is_count:
            digits = len(number.partition(".")[2])
            value = float(number.replace(",", ""))
            found.append(Figure(f"{number} {unit}".strip(), value, digits, unit))
    return found


def _joint(match: re.Match[str]) -> str:
    """The word that ties a number to the next one, which may carry the unit of both."""
    return (match["joint"] or "").strip()


_SCALES: Mapping[str, tuple[float, ...]] = {
    "%": (100, 1), "points": (100,), "point": (100,), "GB": (1e-3,), "min": (1 / 60,),
    "minutes": (1 / 60,), "ms": (1000,),
}  # fmt: skip
"""What a value in a file is multiplied with for a unit; a share may stand as per cent.

Without a unit too: the bracket of '4.1 points (1.5 to 7.1)' does not say its unit again."""


def is_printed_as(value: float, figure: Figure) -> bool:
    """Whether a value, rounded as the figure is, gives the figure (its sign may be in words)."""
    if figure.unit == "one in":
        return value > 0 and round(1 / value) == round(1 / figure.value)
    reach = 0.5 * 10.0**-figure.digits * (1 + 1e-9)
    return any(
        abs(abs(scale * value) - abs(figure.value)) <= reach
        for scale in _SCALES.get(figure.unit, (1, 100))
    )
