"""The detectors kept in docs/results/networks give the figures that the pages tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mslesion.cli import EXIT_SOME_REFUSED, main

RESULTS = Path(__file__).parents[2] / "docs/results"
WORD_OF = {"tabriz": "Tabriz", "ljubljana-mni": "Ljubljana", "lesion-free": "adult"}
"""Folders of the data, and a word of the dataset's name in the tables."""
SEEN_ALONE = {
    "tabriz": ("ljubljana-mni", "ljubljana_unseen"),
    "ljubljana": ("tabriz", "tabriz_unseen"),
}
MEASURES = ("dice", "lesion_f1", "found_ml")
Rows = dict[str, dict[str, Any]]


def _told(model: str) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(
        (RESULTS / f"detector-{model}.json").read_text(encoding="utf-8")
    )
    return results


def _asked(data: Path, model: str, name: str, output: Path) -> Rows:
    """The rows of ``evaluate-detector``, by scan."""
    network = RESULTS / "networks" / model / f"{name}.safetensors"
    command = ["evaluate-detector", str(data), "--model-path", str(network)]
    command += ["--output", str(output)]
    command += ["--lesion-free"] if data.name == "lesion-free" else []
    assert main(command) in {0, EXIT_SOME_REFUSED}
    rows = json.loads((output / "metrics.json").read_text(encoding="utf-8"))["rows"]
    return {row["scan_name"]: row for row in rows}


def _agree(asked: Rows, told: Rows) -> None:
    """Another kind of processor may round a voxel at a threshold to the other side."""
    assert asked.keys() == told.keys()
    for name, row in told.items():
        for measure in MEASURES:
            assert asked[name][measure] == pytest.approx(row[measure], rel=0.02, abs=0.01)


def _folds() -> list[Any]:
    """Every fold of every model that has people of a dataset; one of them in the fast suite."""
    cases = []
    for model in ("default", "small"):
        for folder, word in WORD_OF.items():
            rows = [r for r in _told(model)["everything"]["scans"] if word in r["dataset"]]
            for fold in sorted({row["fold"] for row in rows}):
                is_quick = (model, folder, fold) == ("small", "tabriz", 0)
                marks = [] if is_quick else [pytest.mark.slow]
                cases.append(pytest.param(model, folder, fold, marks=marks))
    return cases


@pytest.mark.parametrize(("model", "folder", "fold"), _folds())
def test_a_fold_s_detector_gives_its_rows_of_the_cross_validation(
    model: str, folder: str, fold: int, real_data: Path, tmp_path: Path
) -> None:
    """Everybody it has learnt from is left out, and those left answer as the table says."""
    told = {
        row["scan_name"]: row
        for row in _told(model)["everything"]["scans"]
        if row["fold"] == fold and WORD_OF[folder] in row["dataset"]
    }
    _agree(_asked(real_data / folder, model, f"fold-{fold}", tmp_path / "out"), told)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["default", "small"])
@pytest.mark.parametrize("learnt_from", SEEN_ALONE)
def test_a_detector_of_one_dataset_gives_its_rows_of_the_other(
    model: str, learnt_from: str, real_data: Path, tmp_path: Path
) -> None:
    """The figures for a hospital it never saw, asked again."""
    dataset, part = SEEN_ALONE[learnt_from]
    told = {row["scan_name"]: row for row in _told(model)[part]["rows"]}
    _agree(_asked(real_data / dataset, model, learnt_from, tmp_path / "out"), told)
