"""Splits frozen in a file: the same people again, or a refusal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mslesion.cohort.people import Cohort, Diagnosis, Person, ScanFile
from mslesion.cohort.split import Split, Unit, draw_split
from mslesion.errors import CohortError, OutputError
from mslesion.evaluation.predictions import SplitUnit
from mslesion.read import read_cohort
from mslesion.read.manifest import Manifest, dataset_manifest
from mslesion.read.split import read_split
from mslesion.write.split import write_frozen_split

PEOPLE = [Unit(f"p{i:02d}", "MS" if i < 8 else "control", float(i % 8)) for i in range(16)]
SPLIT = draw_split(PEOPLE, unit=SplitUnit.PATIENT, seed=0)
NO_FILES = Manifest(())


def written(folder: Path, split: Split = SPLIT) -> Path:
    """A frozen split of no files."""
    write_frozen_split(split, NO_FILES, folder)
    return folder / "split.json"


def test_a_frozen_split_returns_from_its_file(tmp_path: Path) -> None:
    """Who trains, validates and tests is read as it was written, with the hash of the data set."""
    frozen = read_split(written(tmp_path))
    assert frozen.split == SPLIT
    assert frozen.dataset_sha256 == NO_FILES.sha256
    assert frozen.tested == set(SPLIT.folds[0].test)


def test_the_split_of_a_study_can_be_used_again(tmp_path: Path) -> None:
    """A study's file holds one split for each question and unit; that by patient is taken."""
    by_slice = {"unit": "slice", "seed": 0, "sha256": "x", "folds": []}
    study = {
        question: {"patient_split": SPLIT.as_json(), "slice_split": by_slice}
        for question in ("diagnosis", "lesion")
    }
    (tmp_path / "split.json").write_text(json.dumps(study))
    assert read_split(tmp_path / "split.json").split == SPLIT


def _moved(value: dict) -> None:
    fold = value["folds"][0]
    fold["training"].append(fold["test"].pop())


def _straddling(value: dict) -> None:
    fold = value["folds"][0]
    fold["training"].append(fold["test"][0])
    value["sha256"] = Split.from_json(value).sha256


def _by_slice(value: dict) -> None:
    value["unit"] = "slice"


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        (_moved, "was changed after it was frozen"),
        (_straddling, "somebody in two parts"),
        (_by_slice, "no split by patient"),
        (lambda value: value.pop("folds"), "is no split"),
    ],
)
def test_a_changed_split_is_refused(change, phrase: str, tmp_path: Path) -> None:
    """Somebody moved, somebody in two parts, slices, no folds: the file and the reason are told."""
    file = written(tmp_path)
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))
    with pytest.raises(CohortError, match=phrase) as refused:
        read_split(file)
    assert refused.value.file == str(file)


def test_two_different_splits_in_one_file_are_refused(tmp_path: Path) -> None:
    """Questions asked of different people have different splits; none is guessed."""
    other = draw_split(PEOPLE, unit=SplitUnit.PATIENT, seed=1)
    study = {"a": {"patient_split": SPLIT.as_json()}, "b": {"patient_split": other.as_json()}}
    (tmp_path / "split.json").write_text(json.dumps(study))
    with pytest.raises(CohortError, match="holds several splits"):
        read_split(tmp_path / "split.json")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"folds": 3, "unit": "patient"}', "{}"])
def test_what_is_no_split_is_refused(content: str, tmp_path: Path) -> None:
    """Damaged files and other JSON end in one line, never in a traceback."""
    (tmp_path / "split.json").write_text(content)
    with pytest.raises(CohortError):
        read_split(tmp_path / "split.json")
    with pytest.raises(CohortError, match="cannot be read"):
        read_split(tmp_path / "nowhere.json")


def test_other_people_than_those_of_the_split_are_counted_not_named(tmp_path: Path) -> None:
    """Two people missing, one too many: the message says how many, and no names."""
    frozen = read_split(written(tmp_path))
    people = [unit.name for unit in PEOPLE]
    frozen.require_people(people)
    with pytest.raises(CohortError) as refused:
        frozen.require_people([*people[2:], "stranger"])
    assert "2 of the split's people are not in the data" in str(refused.value)
    assert "1 of the data's people is not in the split" in str(refused.value)
    assert "p00" not in str(refused.value)
    assert "stranger" not in str(refused.value)


def test_a_frozen_split_is_never_replaced(tmp_path: Path) -> None:
    """The same split may be written again; another one, or one of other files, may not."""
    before = written(tmp_path).read_bytes()
    assert written(tmp_path).read_bytes() == before
    with pytest.raises(OutputError, match="a frozen split is never replaced"):
        written(tmp_path, draw_split(PEOPLE, unit=SplitUnit.PATIENT, seed=1))
    row = dataset_manifest(
        Cohort("c", tmp_path, "x", (Person("p", None, (ScanFile("s", tmp_path / "gone"),)),))
    ).rows[0]
    with pytest.raises(OutputError, match="a frozen split is never replaced"):
        write_frozen_split(SPLIT, Manifest((row,)), tmp_path)
    assert (tmp_path / "split.json").read_bytes() == before


def test_a_model_that_saw_a_test_person_is_refused(tmp_path: Path) -> None:
    """With one fold nobody tested may have been seen; with several, they are left out instead."""
    frozen = read_split(written(tmp_path))
    frozen.require_unseen(0)
    frozen.require_one_fold()
    with pytest.raises(CohortError, match="tests 2 people on whom the model was trained"):
        frozen.require_unseen(2)
    folds = replace(frozen, split=draw_split(PEOPLE, unit=SplitUnit.PATIENT, seed=0, folds=4))
    folds.require_unseen(2)
    with pytest.raises(CohortError, match="has 4 folds"):
        folds.require_one_fold()


def test_a_data_set_is_known_by_its_content(tmp_path: Path, make_bids_cohort) -> None:
    """Moved it keeps its hash; with one byte, one diagnosis or one site changed it does not."""
    cohort = read_cohort(make_bids_cohort(tmp_path / "a"))
    manifest = dataset_manifest(cohort)
    assert [row.kind for row in manifest.rows[:2]] == ["image", "lesion mask"]
    assert {len(row.sha256 or "") for row in manifest.rows} == {64}
    for row in manifest.rows:
        assert (row.voxels_sha256 is None) == (row.kind == "lesion mask")
    (tmp_path / "a").rename(tmp_path / "b")
    moved = read_cohort(tmp_path / "b")
    assert dataset_manifest(moved).sha256 == manifest.sha256
    person = moved.people[0]
    for changed in (replace(person, diagnosis=Diagnosis.CONTROL), replace(person, site="Basel")):
        other = replace(moved, people=(changed, *moved.people[1:]))
        assert dataset_manifest(other).sha256 != manifest.sha256
    with person.scans[0].image.open("ab") as image:
        image.write(b"\0")
    assert dataset_manifest(moved).sha256 != manifest.sha256


def test_the_site_of_a_person_is_read_from_the_table(tmp_path: Path, make_bids_cohort) -> None:
    """Column 'site' of participants.tsv; 'n/a' and no column mean that it is not known."""
    folder = make_bids_cohort(tmp_path)
    assert set(read_cohort(folder).sites.values()) == {""}
    rows = ["participant_id\tgroup\tsite", "sub-01\tMS\tBasel", "sub-02\tMS\tn/a"]
    (folder / "participants.tsv").write_text("\n".join(rows))
    assert read_cohort(folder).sites == {
        "sub-01": "Basel", "sub-02": "", "sub-03": "", "sub-04": "",
    }  # fmt: skip
