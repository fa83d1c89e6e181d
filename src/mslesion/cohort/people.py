"""Who is in a study: people, their diagnosis, and where their scans and masks lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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

    ``name`` is unique in the cohort and fit for a table or a file name. ``volume`` is which of
    several volumes in the image's file is meant, from 0; None where it holds one.
    """

    name: str
    image: Path
    lesion_mask: Path | None = None
    volume: int | None = None


@dataclass(frozen=True)
class Person:
    """One person with one or more scans.

    ``diagnosis`` is None, and ``site`` (where the person was scanned) empty, where it is not known.
    """

    person_id: str
    diagnosis: Diagnosis | None
    scans: tuple[ScanFile, ...]
    site: str = ""


@dataclass(frozen=True)
class Cohort:
    """A set of people, in a fixed order.

    ``has_patient_names`` is False where the layout does not say which slices belong to one
    person (each slice then stands as a person of its own, and no patient split can be made).
    ``is_simulated`` is True where the dataset says that nobody real stands behind it.
    ``set_aside`` holds an error for each scan that was found but cannot be used.
    """

    name: str
    root: Path
    layout: str
    people: tuple[Person, ...]
    has_patient_names: bool = True
    is_simulated: bool = False
    set_aside: tuple[MslesionError, ...] = ()

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

    def _with_scans(self, change: Callable[[ScanFile], ScanFile]) -> Cohort:
        people = (replace(p, scans=tuple(map(change, p.scans))) for p in self.people)
        return replace(self, people=tuple(people))
