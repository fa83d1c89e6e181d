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


def with_known_doubles(cohort: Cohort) -> Cohort:
    """The cohort, with those named as one person whom its own table does not name so."""
    same = {
        double.person_id: double.same_person_as
        for double in KNOWN_DOUBLES
        if cohort.name.startswith(double.dataset)
        and {double.person_id, double.same_person_as} <= cohort.diagnoses.keys()
    }
    people = tuple(
        replace(person, same_person_as=person.same_person_as or same.get(person.person_id, ""))
        for person in cohort.people
    )
    return replace(cohort, people=people)
