"""Who is in a study: people, their diagnosis, and where their scans and masks lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from mslesion.errors import CohortError, MslesionError


class Diagnosis(StrEnum):
    """What is known of a person; the words are those of ``participants.tsv``."""

    MS = "MS"
    CONTROL = "control"


@dataclass(frozen=True)
class ScanFile:
    """Where one FLAIR scan lies, and its lesion mask where there is one.

    ``name`` is unique in the cohort and fit for a table or a file name. A DICOM series lies in many
    files: its ``image`` is an address, ``FOLDER/series-HASH`` (:mod:`mslesion.read.dicom`).
    ``volume`` is which of several volumes in the image's file is meant, from 0; None where it holds
    one.
    """

    name: str
    image: Path
    lesion_mask: Path | None = None
    volume: int | None = None


@dataclass(frozen=True)
class Person:
    """One person with one or more scans.

    ``diagnosis`` is None, and ``site`` (where the person was scanned) empty, where it is not known.
    ``same_person_as`` is the participant of the same cohort who is this person under another name;
    empty where there is none.
    """

    person_id: str
    diagnosis: Diagnosis | None
    scans: tuple[ScanFile, ...]
    site: str = ""
    same_person_as: str = ""


@dataclass(frozen=True)
class Cohort:
    """A set of people, in a fixed order.

    ``has_patient_names`` is False where the layout does not say which slices belong to one
    person (each slice then stands as a person of its own, and no patient split can be made).
    ``is_simulated`` is True where the dataset says that nobody real stands behind it.
    ``set_aside`` holds an error for each scan that was found but cannot be used, and ``remarks``
    what a reader of its figures must know about its people.
    """

    name: str
    root: Path
    layout: str
    people: tuple[Person, ...]
    has_patient_names: bool = True
    is_simulated: bool = False
    set_aside: tuple[MslesionError, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for ids, kind in (
            ([p.person_id for p in self.people], "participant"),
            ([s.name for p in self.people for s in p.scans], "scan"),
        ):
            repeated = [name for name, count in Counter(ids).items() if count > 1]
            if repeated:
                raise CohortError(
                    f"{kind} {repeated[0]} stands more than once",
                    remedy="give each its own name, or remove the copy",
                    file=self.root,
                )

    @property
    def diagnoses(self) -> dict[str, Diagnosis | None]:
        """Diagnosis by person."""
        return {person.person_id: person.diagnosis for person in self.people}

    @property
    def sites(self) -> dict[str, str]:
        """Where each person was scanned; empty where it is not known."""
        return {person.person_id: person.site for person in self.people}

    def without_masks(self) -> Cohort:
        """The same cohort with its lesion masks forgotten."""
        return self._with_scans(lambda scan: replace(scan, lesion_mask=None))

    def with_volume(self, volume: int | None) -> Cohort:
        """The same cohort where this volume of each file is meant, from 0."""
        return self._with_scans(lambda scan: replace(scan, volume=volume))

    def with_participants_joined(self) -> Cohort:
        """The same cohort where all participants who are one person are one, with all the scans.

        The person keeps the name that the others point to, and what is known of the diagnosis and
        site of any of them. To be divided or measured, people must be joined.

        Raises:
            CohortError: somebody is the same person as nobody in the cohort, or as a participant
                with the other diagnosis, or all of them point to one another.
        """
        by_id = {person.person_id: person for person in self.people}
        groups: dict[str, list[Person]] = {}
        for person in self.people:
            groups.setdefault(self._first_name(person, by_id), []).append(person)
        joined = tuple(self._one_person(by_id[first], group) for first, group in groups.items())
        remarks = tuple(
            f"{person.person_id}: counted as one person with {first}"
            for first, group in groups.items()
            for person in group
            if person.person_id != first
        )
        return replace(self, people=joined, remarks=self.remarks + remarks)

    def _first_name(self, person: Person, by_id: Mapping[str, Person]) -> str:
        passed = {person.person_id}
        while person.same_person_as:
            other = by_id.get(person.same_person_as)
            if other is None or other.person_id in passed:
                raise CohortError(
                    f"{person.person_id} is said to be the same person as {person.same_person_as}, "
                    + ("who has no scan here" if other is None else "and the other way round"),
                    remedy="let all names of a person point to one of them",
                    file=self.root,
                )
            passed.add(other.person_id)
            person = other
        return person.person_id

    def _one_person(self, first: Person, group: Sequence[Person]) -> Person:
        known = {person.diagnosis for person in group} - {None}
        if len(known) > 1:
            raise CohortError(
                f"{first.person_id} is one person under several names, once with MS and once a "
                "control",
                remedy="give all names of a person the same group",
                file=self.root,
            )
        sites = [person.site for person in (first, *group) if person.site]
        return Person(
            first.person_id,
            next(iter(known), None),
            tuple(scan for person in group for scan in person.scans),
            sites[0] if sites else "",
        )

    def _with_scans(self, change: Callable[[ScanFile], ScanFile]) -> Cohort:
        people = (replace(p, scans=tuple(map(change, p.scans))) for p in self.people)
        return replace(self, people=tuple(people))
