"""``mslesion audit``: its lines, its files, its exit codes, what it refuses."""

from __future__ import annotations

import csv
import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from mslesion.cli import main
from small_head import MakeBidsCohort

PEOPLE = {"07": "MS", "02": "MS", "05": "MS", "04": "control", "01": "control", "06": "control"}


@pytest.fixture
def cohort(make_bids_cohort: MakeBidsCohort, tmp_path: Path) -> Path:
    """Six people of two classes, one of them under two names."""
    folder = make_bids_cohort(tmp_path / "cohort", PEOPLE, seed=3)
    scans = [folder / f"sub-{name}/anat/sub-{name}_FLAIR.nii.gz" for name in ("02", "05")]
    shutil.copy(*scans)
    return folder


def test_a_double_ends_with_exit_code_7(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its line says FAIL, who, and what to do; so does the page; the manifest names each file."""
    out = tmp_path / "out"
    assert main(["audit", str(cohort), "--output", str(out)]) == 7
    told = capsys.readouterr()
    assert "FAIL  exact duplicates: 1 scan stands under more than one name: sub-02 = sub-05" in (
        told.out
    )
    assert "To do: keep one of each, and draw the split again." in told.out
    assert "AUDIT: " in told.err
    assert "holds the same image as sub-05" in told.err or "same image as sub-02" in told.err
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert "sub-02 = sub-05" in page
    assert "://" not in page
    found = json.loads((out / "leakage_audit.json").read_text())
    outcomes = {f["check"]: f["outcome"] for f in found["findings"]}
    assert outcomes["exact duplicates"] == "FAIL"
    assert outcomes["skull"] == "NA"  # six people are too few for any p value
    names = ("random_label_control", "leakage_gap", "shortcut_audit")
    assert all((out / f"{name}.json").is_file() for name in names)
    with (out / "dataset_manifest.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) == 12
    row, double = (r for r in rows if r["file"].endswith(("02_FLAIR.nii.gz", "05_FLAIR.nii.gz")))
    assert row["sha256"] == sha256((cohort / row["file"]).read_bytes()).hexdigest()
    assert row["voxels_sha256"] == double["voxels_sha256"]


@pytest.mark.slow
def test_the_same_cohort_gives_the_same_bytes(cohort: Path, tmp_path: Path) -> None:
    """Every file of two runs, the page among them."""
    for name in ("one", "two"):
        main(["audit", str(cohort), "--output", str(tmp_path / name)])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_split_that_is_none_is_refused(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another file in place of split.json is named."""
    other = tmp_path / "other.json"
    other.write_text("[1, 2]", encoding="utf-8")
    arguments = ["audit", str(cohort), "--split", str(other), "--output", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert "cannot be read as a split" in capsys.readouterr().err


def test_a_model_that_is_none_is_refused(cohort: Path, tmp_path: Path) -> None:
    """A folder without a model ends with the code for models."""
    (tmp_path / "model").mkdir()
    arguments = ["audit", str(cohort), str(tmp_path / "model"), "--output", str(tmp_path / "out")]
    assert main(arguments) == 6
