"""``mslesion card``: what it writes, what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mslesion.cli import main

RESULTS = Path(__file__).parents[2] / "docs/results"


def test_a_study_gives_card_and_checklists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the study on real scans: the accuracy that stands in its metrics, and the same bytes."""
    study = tmp_path / "study"
    study.mkdir()
    shutil.copy(RESULTS / "tabriz.json", study / "metrics.json")
    for name in ("first", "second"):
        assert main(["card", str(study), "--output", str(tmp_path / name)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0].rpartition("/")[2] for line in lines[:3]] == [
        "MODEL_CARD.md", "CLAIM.md", "TRIPOD-AI.md",
    ]  # fmt: skip
    card = (tmp_path / "first/MODEL_CARD.md").read_text(encoding="utf-8")
    measured = json.loads((RESULTS / "tabriz.json").read_text(encoding="utf-8"))
    classifiers = measured["questions"]["lesion"]["patient_split"]["classifiers"]
    accuracy, low, high = (
        100 * classifiers["CNN"]["slices"]["test"]["accuracy"][part]
        for part in ("value", "low", "high")
    )
    assert f"| lesion | CNN | {accuracy:.1f} % ({low:.1f} to {high:.1f}) |" in card
    assert card == (tmp_path / "second/MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_folder_without_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, the folder, and what to give instead; nothing is written."""
    assert main(["card", str(tmp_path), "--output", str(tmp_path / "out")]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"RESULTS: {tmp_path}: holds no result file: give the --output folder")
    assert not (tmp_path / "out").exists()


def test_an_about_that_is_not_there_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that was asked for by name must be there."""
    shutil.copy(RESULTS / "tabriz.json", tmp_path / "metrics.json")
    options = ["--about", str(tmp_path / "absent.json"), "--output", str(tmp_path / "out")]
    assert main(["card", str(tmp_path), *options]) == 4
    assert "absent.json: cannot be read" in capsys.readouterr().err
