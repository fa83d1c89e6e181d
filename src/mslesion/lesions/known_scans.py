"""Scans whose lesions somebody drew: what a detector learns from and is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mslesion.cohort.people import Cohort, Diagnosis, ScanFile
from mslesion.errors import CohortError, ScanError
from mslesion.read.inputs import input_sha256
from mslesion.read.known_doubles import one_name


@dataclass(frozen=True)
class KnownScan:
    """A scan whose lesions are known; ``dataset`` and ``person_id`` say whose it is.

    ``is_lesion_free`` scans have no mask, for there is nothing to draw. ``diagnosis`` is None where
    it is not known.
    """

    dataset: str
    person_id: str
    scan_file: ScanFile
    is_lesion_free: bool = False
    diagnosis: Diagnosis | None = None

    @property
    def person(self) -> tuple[str, str]:
        """Who it is: participants of two datasets may have the same id."""
        return self.dataset, self.person_id


def known_scans(cohort: Cohort, *, is_lesion_free: bool = False) -> tuple[KnownScan, ...]:
    """The scans of a cohort that have a lesion mask; all of them where none has lesions.

    Of these no mask is looked at, should there be one: whatever is found there is false.

    Raises:
        CohortError: no scan has a mask.
    """
    scans = tuple(
        KnownScan(
            cohort.name,
            person.person_id,
            replace(scan_file, lesion_mask=None) if is_lesion_free else scan_file,
            is_lesion_free,
            person.diagnosis,
        )
        for person in cohort.people
        for scan_file in person.scans
        if is_lesion_free or scan_file.lesion_mask is not None
    )
    if not scans:
        raise CohortError(
            "has no scan with a lesion mask",
            remedy="add masks (docs/reference/layouts.md says where), or give it as lesion-free",
            file=cohort.root,
        )
    return scans


def require_different_people(given: Iterable[tuple[Path, Sequence[KnownScan]]]) -> None:
    """See that nobody, of datasets in their folders, is taken for two, nor two for one.

    Else a person could be learnt from and be validated on.

    Raises:
        CohortError: two datasets are of one name and have a participant of the same id, or two
            participants have the same scan.
    """
    before: set[tuple[str, str]] = set()
    owner_of: dict[str, tuple[str, str]] = {}
    for folder, scans in given:
        for scan in scans:
            owner = owner_of.setdefault(_sha256(scan) or str(scan.scan_file.image), scan.person)
            if owner != scan.person:
                raise CohortError(
                    f"the scan of {scan.person_id} is also that of {owner[1]} of {owner[0]}",
                    remedy="give it once, or say in participants.tsv, in the column "
                    "same_person_as, who is the same person",
                    file=scan.scan_file.image,
                )
        people = {scan.person for scan in scans}
        if shared := before & people:
            dataset, person_id = min(shared)
            raise CohortError(
                f"is called {dataset}, as another dataset that is given, and both have "
                f"{person_id}: whether that is one person cannot be told",
                remedy="give each dataset a name of its own: the Name in dataset_description.json "
                "of BIDS, else that of the folder",
                file=folder,
            )
        before |= people


def unseen_scans(scans: Sequence[KnownScan], trained_on: Mapping[str, Any]) -> list[KnownScan]:
    """The scans of people whom a model does not name as its training people.

    ``trained_on`` is what the model's file says. People are known by dataset and id, also by the
    other name of somebody who has two, or by the hash of a scan's file.
    """
    datasets = trained_on.get("datasets", {})
    people = {one_name(name, person) for name, known in datasets.items() for person in known}
    hashes = set(trained_on.get("scans_sha256", ()))
    seen = {
        scan.person for scan in scans if one_name(*scan.person) in people or _sha256(scan) in hashes
    }
    return [scan for scan in scans if scan.person not in seen]


def _sha256(scan: KnownScan) -> str:
    """Of the scan's file; empty for one that cannot be read, which is refused later on."""
    try:
        return input_sha256(scan.scan_file.image)
    except (ScanError, OSError):
        return ""
