"""Whose scans are whose, when several datasets are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from mslesion.cohort.people import Cohort, Person
from mslesion.errors import CohortError
from mslesion.lesions.known_scans import require_different_people


def _cohort(name: str, *people: str) -> Cohort:
    return Cohort(name, Path(name), "BIDS", tuple(Person(person, None, ()) for person in people))


def test_people_of_two_hospitals_are_not_taken_for_each_other() -> None:
    """Datasets of one name that both have a sub-01 are refused; other names or ids are not."""
    require_different_people([_cohort("bids", "sub-01"), _cohort("other", "sub-01")])
    require_different_people([_cohort("bids", "sub-01"), _cohort("bids", "sub-02")])
    with pytest.raises(CohortError, match=r"both have sub-01: .* a Name of its own"):
        require_different_people([_cohort("bids", "sub-01"), _cohort("bids", "sub-02", "sub-01")])
