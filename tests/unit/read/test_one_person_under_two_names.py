"""One person under several names: said in participants.tsv, or known of a public dataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mslesion.cohort.people import Cohort, Diagnosis
from mslesion.errors import CohortError
from mslesion.read import read_cohort


def _dataset(folder: Path, rows: dict[str, tuple[str, str]], name: str = "made up") -> Path:
    """A BIDS dataset: participant to (group, same_person_as)."""
    for person in rows:
        image = folder / person / "anat" / f"{person}_FLAIR.nii.gz"
        image.parent.mkdir(parents=True)
        image.touch()
    lines = ["participant_id\tgroup\tsite\tsame_person_as"]
    lines += [f"{who}\t{group}\tsite of {who}\t{same}" for who, (group, same) in rows.items()]
    (folder / "participants.tsv").write_text("\n".join(lines))
    (folder / "dataset_description.json").write_text(json.dumps({"Name": name}))
    return folder


def _who(cohort: Cohort) -> dict[str, list[str]]:
    return {person.person_id: [scan.name for scan in person.scans] for person in cohort.people}


def test_participants_who_point_to_one_another_are_one_person_with_all_scans(
    tmp_path: Path,
) -> None:
    """Of three names of one person the one pointed to stays, with three scans and the diagnosis."""
    rows = {
        "sub-1": ("n/a", "2"),
        "sub-2": ("n/a", "n/a"),
        "sub-3": ("MS", "sub-1"),
        "sub-4": ("control", ""),
    }
    cohort = read_cohort(_dataset(tmp_path, rows))
    assert list(_who(cohort)) == list(rows)
    joined = cohort.with_participants_joined()
    assert _who(joined) == {"sub-2": ["sub-1", "sub-2", "sub-3"], "sub-4": ["sub-4"]}
    assert joined.diagnoses == {"sub-2": Diagnosis.MS, "sub-4": Diagnosis.CONTROL}
    assert joined.sites["sub-2"] == "site of sub-2"
    assert joined.remarks == (
        "sub-1: counted as one person with sub-2",
        "sub-3: counted as one person with sub-2",
    )


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ({"sub-1": ("MS", "sub-9")}, "sub-9, who has no scan here"),
        ({"sub-1": ("MS", "sub-2"), "sub-2": ("MS", "sub-1")}, "and the other way round"),
        ({"sub-1": ("MS", "sub-1")}, "and the other way round"),
        ({"sub-1": ("MS", "sub-2"), "sub-2": ("control", "")}, "once with MS and once a control"),
    ],
)
def test_names_of_one_person_that_contradict_themselves_are_refused(
    rows: dict[str, tuple[str, str]], complaint: str, tmp_path: Path
) -> None:
    """A pointer to nobody, a circle and two diagnoses of one person are refused."""
    cohort = read_cohort(_dataset(tmp_path, rows))
    with pytest.raises(CohortError, match=complaint) as refusal:
        cohort.with_participants_joined()
    assert refusal.value.file == str(tmp_path)


def test_the_double_of_the_public_tabriz_sample_is_known(tmp_path: Path) -> None:
    """Its two names are one person without being told, and the same ids elsewhere are two."""
    rows = {"sub-107130": ("MS", ""), "sub-112776": ("MS", "")}
    tabriz = read_cohort(_dataset(tmp_path / "a", rows, "Tabriz MS FLAIR sample (10 patients)"))
    assert len(tabriz.with_participants_joined().people) == 1
    other = read_cohort(_dataset(tmp_path / "b", rows))
    assert len(other.with_participants_joined().people) == 2


def test_a_cohort_without_doubles_is_joined_to_itself(tmp_path: Path) -> None:
    """Where everybody stands once, joining changes nothing."""
    cohort = read_cohort(_dataset(tmp_path, {"sub-1": ("MS", ""), "sub-2": ("control", "")}))
    assert cohort.with_participants_joined() == cohort
