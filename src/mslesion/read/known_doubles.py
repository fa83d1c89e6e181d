"""Public datasets in which one person probably stands under two names, as our audit found."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from mslesion.cohort.people import Cohort


class Double(NamedTuple):
    """Two participants of a dataset, by the first words of its name, who are probably one."""

    dataset: str
    person_id: str
    same_person_as: str


KNOWN_DOUBLES = (
    # Likeness 0.86, and 0.95 after finer registration; no other two people of the dataset exceed
    # 0.74, and two visits of one person reach 0.97 (docs/reference/audit.md).
    Double("Tabriz MS FLAIR", "sub-112776", "sub-107130"),
)


def one_name(dataset: str, person_id: str) -> tuple[str, str]:
    """Who a participant is, whichever of two names they stand under: the dataset, and the other."""
    for double in KNOWN_DOUBLES:
        if dataset.startswith(double.dataset) and person_id == double.person_id:
            return dataset, double.same_person_as
    return dataset, person_id


def with_known_doubles(cohort: Cohort) -> Cohort:
    """The cohort, with those named as one person whom its own table does not name so."""
    people = tuple(
        replace(person, same_person_as=person.same_person_as or _double(cohort, person.person_id))
        for person in cohort.people
    )
    return replace(cohort, people=people)


def _double(cohort: Cohort, person_id: str) -> str:
    """The other name of a participant, where that is in the cohort too; empty elsewhere."""
    _, other = one_name(cohort.name, person_id)
    return other if other != person_id and other in cohort.diagnoses else ""
