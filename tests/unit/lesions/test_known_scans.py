"""Whose scans are whose, when several datasets are given, and what is known of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import CohortError
from mslesion.lesions.known_scans import known_scans, require_different_people


def _cohort(name: str, *people: str) -> Cohort:
    scans = {person: (ScanFile(person, Path("scan.nii"), Path("mask.nii")),) for person in people}
    return Cohort(name, Path(name), "BIDS", tuple(Person(p, None, scans[p]) for p in people))


def _given(*cohorts: Cohort) -> None:
    require_different_people((cohort.root, known_scans(cohort)) for cohort in cohorts)


def test_people_of_two_hospitals_are_not_taken_for_each_other() -> None:
    """Datasets of one name that both have a sub-01 are refused; other names or ids are not."""
    _given(_cohort("bids", "sub-01"), _cohort("other", "sub-01"))
    _given(_cohort("bids", "sub-01"), _cohort("bids", "sub-02"))
    with pytest.raises(CohortError, match=r"both have sub-01: .* a name of its own"):
        _given(_cohort("bids", "sub-01"), _cohort("bids", "sub-02", "sub-01"))


def test_of_lesion_free_scans_no_mask_is_looked_at() -> None:
    """What is found in them is false, should somebody have drawn something there too."""
    (with_lesions,) = known_scans(_cohort("bids", "sub-01"))
    (without,) = known_scans(_cohort("bids", "sub-01"), is_lesion_free=True)
    assert with_lesions.scan_file.lesion_mask == Path("mask.nii")
    assert without.scan_file.lesion_mask is None
