"""train-detector and evaluate-detector on the command line, and who counts as seen."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mslesion import pipeline
from mslesion.cli import EXIT_SOME_REFUSED, main
from mslesion.detector import detect_scan, load_detector
from mslesion.lesions.learning.recipe import DetectorRecipe
from mslesion.lesions.model import save_lesion_model, shipped_model
from mslesion.read.inputs import input_sha256
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.write.nifti import write_nifti


@pytest.fixture(scope="module")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scans of two simulated controls, without masks."""
    folder = tmp_path_factory.mktemp("controls")
    recipe = CohortRecipe(people=2, ms_share=0.0, seed=7)
    for index in range(recipe.people):
        scan = simulate_person(recipe, index).scan
        path = folder / f"c{index}_FLAIR.nii.gz"
        write_nifti(path, scan.voxels.astype(np.int16), scan.grid.affine_vox_to_ras)
    return folder


@pytest.fixture(scope="module")
def who_knows_the_first(controls: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector whose file says that it has learnt from the first of them."""
    seen = input_sha256(controls / "c0_FLAIR.nii.gz")
    model = replace(shipped_model("small"), trained_on={"scans_sha256": [seen]})
    path = tmp_path_factory.mktemp("model") / "mine.safetensors"
    save_lesion_model(model, path)
    return path


def test_false_lesions_are_counted_in_scans_without_masks(
    controls: Path, who_knows_the_first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--lesion-free needs no masks; whom the detector has learnt from is left out and told."""
    command = ["evaluate-detector", str(controls), "--lesion-free", "--output", str(tmp_path)]
    assert main([*command, "--model-path", str(who_knows_the_first)]) == 0
    measured = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    (row,) = measured["rows"]
    assert row["scan_name"] == "c1"
    assert (row["reference_ml"], row["reference_lesions"]) == (0, 0)
    assert row["false_lesions"] == row["found_lesions"]
    assert measured["people_left_out_as_seen"] == 1
    assert "1 scan of 1 person; 1 seen in training" in capsys.readouterr().out
    assert main(["evaluate-detector", str(controls), "--output", str(tmp_path / "b")]) == 4
    assert "no scan with a lesion mask" in capsys.readouterr().err


def test_a_scan_that_the_detector_refuses_stands_beside_its_measures(
    controls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measures over the scans that it took alone would be too good: the others are named."""
    data = tmp_path / "data"
    shutil.copytree(controls, data)
    noise = np.random.default_rng(0).integers(0, 900, (60, 70, 20), np.int16)
    write_nifti(data / "noise_FLAIR.nii.gz", noise, np.diag([3.0, 3.0, 6.0, 1.0]))
    command = ["evaluate-detector", str(data), "--lesion-free", "--output", str(tmp_path / "out")]
    assert main([*command, "--model", "small"]) == EXIT_SOME_REFUSED
    measured = json.loads((tmp_path / "out/metrics.json").read_text(encoding="utf-8"))
    assert measured["scans_refused"] == {"noise": "NO_BRAIN"}
    assert [row["scan_name"] for row in measured["rows"]] == ["c0", "c1"]
    assert "NO_BRAIN" in capsys.readouterr().err


def test_a_scan_that_a_detector_has_learnt_from_is_told(
    controls: Path, who_knows_the_first: Path
) -> None:
    """In the result's value and among its warnings; of another scan neither."""
    detector = load_detector(model_path=who_knows_the_first)
    for index, seen in ((0, True), (1, False)):
        found = detect_scan(controls / f"c{index}_FLAIR.nii.gz", detector, "c")
        assert found.seen_in_training is seen
        told = [warning for warning in found.warnings if "trained on this very scan" in warning]
        assert len(told) == seen


def test_options_of_training_reach_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every option of train-detector, and the shorter recipe of fine-tuning."""
    asked: list[tuple[Any, ...]] = []

    def instead(*arguments: Any, **options: Any) -> pipeline.Answer:
        asked.append((*arguments, options))
        return pipeline.Answer({"validation": None, "path": "model.safetensors"}, ())

    monkeypatch.setattr(pipeline, "train_detector", instead)
    words = (
        "--data a --data b --lesion-free c --output out --model small --networks 3 --folds 3 "
        "--fold-steps 11 --steps 12 --simulated-people 13 --verdict-people 14 --cache d "
        "--device cpu --seed 15 --threads 2"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["train-detector", *words.split()]) == 0
    (data, output, recipe, options) = asked[0]
    assert (data, output) == ([Path("a"), Path("b")], Path("out"))
    assert recipe == DetectorRecipe(
        model="small", networks=3, folds=3, fold_steps=11, final_steps=12, simulated_people=13,
        verdict_people=14, seed=15,
    )  # fmt: skip
    assert options == {
        "lesion_free": [Path("c")], "start": None, "cache": Path("d"), "workers": 2,
        "device": "cpu",
    }  # fmt: skip
    assert main(["train-detector", "--data", "a", "--output", "o", "--from", "default"]) == 0
    (_, _, recipe, options) = asked[1]
    assert (recipe.fold_steps, recipe.final_steps) == (600, 600)
    assert recipe.learning_rate == DetectorRecipe().learning_rate / 8
    assert options["start"].name == "default.safetensors"
