"""Intervals hold the truth as often as they say, on made-up people of whom the truth is known."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """The simulation, ``tools/measure_interval_coverage.py``."""
    path = ROOT / "tools" / "measure_interval_coverage.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_from_60_people_on_intervals_hold_the_truth_in_90_to_97_of_100(tool: ModuleType) -> None:
    """With 21 slices a person and a correlation of 0.3; slices resampled singly do not."""
    for people in (60, 120):
        for accuracy in (0.75, 0.9):
            measured = tool.accuracy_coverage(people, accuracy, trials=1000, seed=1)
            assert 0.90 <= measured["bca"] <= 0.97
            assert measured["slices"] < 0.65


@pytest.mark.slow
def test_every_measure_holds_its_truth_from_60_people_on(tool: ModuleType) -> None:
    """All measures of slices, AUC and average precision among them."""
    for measured in tool.measures_coverage(60, 300, tool.true_measures()):
        assert measured["given"] == 1
        assert 0.90 <= measured["bca"] <= 0.98, measured


def test_what_the_documents_say_of_coverage_was_measured() -> None:
    """The stored simulation: 90 to 97 of 100 from 60 people on, in every measure."""
    stored = json.loads((ROOT / "docs" / "results" / "interval-coverage.json").read_text())
    assert stored["draws"] == 2000
    assert {row["people"] for row in stored["accuracy"]} >= {12, 30, 60}
    for row in (*stored["accuracy"], *stored["measures"]):
        if row["people"] >= 60:
            assert 0.90 <= row["bca"] <= 0.97, row
