"""Groups of people that are measured apart: by lesion load, and by what a table says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from statistics import median

from mslesion.evaluation.lesion_summary import ScoredScan
from mslesion.read.participants import UNKNOWN, Participants

LESION_LOAD = "lesion load"
LOADS_ML = ((5.0, "below 5 ml"), (15.0, "5 to 15 ml"), (inf, "15 ml and more"))
"""Upper ends of the groups by volume of the reference lesions; nobody's lesions are one more."""

_MOST_NAMES, _LEAST_SHARED = 20, 3
"""Numbers are names of groups, as those of sites are, where there are no more different ones than
the first, and each stands for so many people on average as the second."""


@dataclass(frozen=True)
class Subgroup:
    """Some people, by what they have in common."""

    column: str
    name: str
    people: frozenset[str]


def load_groups(scans: Sequence[ScoredScan]) -> Iterator[Subgroup]:
    """People by the volume of their reference lesions, the mean of their scans."""
    loads: dict[str, list[float]] = {}
    for scan in scans:
        loads.setdefault(scan.person_id, []).append(scan.agreement.reference_total_mm3 / 1000)
    means = {person: sum(values) / len(values) for person, values in loads.items()}
    yield from _groups(LESION_LOAD, {person: _load_name(ml) for person, ml in means.items()},
                       ["no lesion", *(name for _, name in LOADS_ML)])  # fmt: skip


def _load_name(load_ml: float) -> str:
    if load_ml == 0:
        return "no lesion"
    return next(name for high, name in LOADS_ML if load_ml < high)


def column_groups(
    column: str, people: Sequence[str], participants: Participants
) -> Iterator[Subgroup]:
    """People by a column of their table; those of whom it says nothing are a group of their own.

    Numbers of more than 20 different values, or of more than a third as many as there are people,
    as ages are, are cut at the median of these people: what equals it belongs to the lower half.
    Anything else groups by its words.
    """
    values = {person: participants.value(person, column.lower()) for person in people}
    known = [text for text in values.values() if text != UNKNOWN]
    if not _are_amounts(known):
        yield from _groups(column, values, [*sorted(set(known)), UNKNOWN])
        return
    middle = median(float(text) for text in known)
    low, high = f"up to {middle:g}", f"above {middle:g}"
    halves = {
        person: UNKNOWN if text == UNKNOWN else low if float(text) <= middle else high
        for person, text in values.items()
    }
    yield from _groups(column, halves, [low, high, UNKNOWN])


def _are_amounts(known: Sequence[str]) -> bool:
    """Whether these are numbers of which few are alike."""
    different = len(set(known))
    return all(map(_is_number, known)) and (
        different > _MOST_NAMES or _LEAST_SHARED * different > len(known)
    )


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _groups(column: str, name_of: Mapping[str, str], order: Sequence[str]) -> Iterator[Subgroup]:
    for name in order:
        people = frozenset(person for person, own in name_of.items() if own == name)
        if people:
            yield Subgroup(column, name, people)
