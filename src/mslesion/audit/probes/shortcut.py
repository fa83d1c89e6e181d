"""A way in which a class could be told without a lesion being looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from mslesion.audit.regions import Regions
from mslesion.cohort.people import Person, ScanFile
from mslesion.scan import Scan

Fact = float | str
Facts = dict[str, Fact]
"""Numbers and words, by their name."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One scan as a shortcut sees it: ``place`` counts the scans of the cohort from 0.

    ``lesion_mask`` is bool on the scan's grid; None where none is known, all False in a control.
    """

    person: Person
    scan_file: ScanFile
    place: int
    scan: Scan
    regions: Regions
    lesion_mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Shortcut:
    """One row of the table.

    ``facts`` gives what one scan shows, or None where it cannot; ``what`` says from what the class
    would be told, ``remedy`` what to do where it is.
    """

    check: str
    what: str
    facts: Callable[[Seen], Facts | None]
    remedy: str


def numbers(name: str, values: Sequence[float] | NDArray[np.floating]) -> Facts:
    """Several numbers of one kind."""
    return {f"{name} {place}": float(value) for place, value in enumerate(values)}


_MOST_LEVELS = 8


def as_features(people: Sequence[Facts]) -> tuple[list[str], NDArray[np.float64]]:
    """Facts of N people as names (F,) and an array (N, F).

    Numbers are columns, positive ones that spread widely by their logarithm. Words, and numbers of
    which there are only a few, are a column for each value as well.
    """
    columns: dict[str, list[float]] = {}
    for name in sorted({name for facts in people for name in facts}):
        values = [facts.get(name, "") for facts in people]
        levels = sorted(set(values), key=str)
        are_numbers = all(isinstance(value, float) for value in values)
        if are_numbers:
            columns[name] = _number_column([float(value) for value in values])
        if not are_numbers or 2 < len(levels) <= _MOST_LEVELS:
            for level in levels:
                shown = "missing" if level == "" else level
                columns[f"{name} is {shown}"] = [float(v == level) for v in values]
    return list(columns), np.array(list(columns.values())).reshape(len(columns), len(people)).T


def _number_column(values: list[float]) -> list[float]:
    if min(values) > 0 and max(values) > 10 * min(values):
        return [log(value) for value in values]
    return values
