"""Whose scans are whose, when several datasets are given, and what is known of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import CohortError
from mslesion.lesions.known_scans import known_scans, require_different_people, unseen_scans


def _cohort(name: str, *people: str) -> Cohort:
    scans = {
        person: (ScanFile(person, Path(name, f"{person}.nii"), Path("mask.nii")),)
        for person in people
    }
    return Cohort(name, Path(name), "BIDS", tuple(Person(p, None, scans[p]) for p in people))


def _unseen(cohort: Cohort, **trained_on: object) -> list[str]:
    return [scan.person_id for scan in unseen_scans(known_scans(cohort), trained_on)]


def _given(*cohorts: Cohort) -> None:
    require_different_people((cohort.root, known_scans(cohort)) for cohort in cohorts)


def test_people_of_two_hospitals_are_not_taken_for_each_other() -> None:
    """Datasets of one name that both have a sub-01 are refused; other names or ids are not."""
    _given(_cohort("bids", "sub-01"), _cohort("other", "sub-01"))
    _given(_cohort("bids", "sub-01"), replace(_cohort("copy", "sub-02"), name="bids"))
    with pytest.raises(CohortError, match=r"both have sub-01: .* a name of its own"):
        _given(_cohort("bids", "sub-01"), replace(_cohort("copy", "sub-01"), name="bids"))


@pytest.mark.parametrize("other", [("mine", "sub-01"), ("bids", "sub-02")])
def test_one_scan_under_two_names_is_refused(tmp_path: Path, other: tuple[str, str]) -> None:
    """Somebody in two datasets, or twice in one, would be learnt from and validated on."""
    cohorts = [_cohort(str(tmp_path / "bids"), "sub-01"), _cohort(str(tmp_path / "b"), "sub-03")]
    cohorts.append(_cohort(str(tmp_path / other[0]), other[1]))
    for content, cohort in zip(("one", "two", "one"), cohorts, strict=True):
        cohort.root.mkdir(exist_ok=True)
        cohort.people[0].scans[0].image.write_text(content)
    _given(*cohorts[:2])
    with pytest.raises(CohortError, match=r"scan of sub-0\d is also that of sub-01 of .*bids"):
        _given(*cohorts)


def test_who_has_two_names_has_been_seen_under_either() -> None:
    """A model that names one of the two participants who are one person has seen the other."""
    alone = _cohort("Tabriz MS FLAIR", "sub-112776", "sub-101228")
    assert _unseen(alone, datasets={"Tabriz MS FLAIR": ["sub-107130"]}) == ["sub-101228"]
    other = _cohort("Tabriz MS FLAIR", "sub-107130", "sub-101228")
    assert _unseen(other, datasets={"Tabriz MS FLAIR": ["sub-112776"]}) == ["sub-101228"]
    assert _unseen(alone, datasets={"elsewhere": ["sub-107130"]}) == ["sub-112776", "sub-101228"]


def test_of_lesion_free_scans_no_mask_is_looked_at() -> None:
    """What is found in them is false, should somebody have drawn something there too."""
    (with_lesions,) = known_scans(_cohort("bids", "sub-01"))
    (without,) = known_scans(_cohort("bids", "sub-01"), is_lesion_free=True)
    assert with_lesions.scan_file.lesion_mask == Path("mask.nii")
    assert without.scan_file.lesion_mask is None
