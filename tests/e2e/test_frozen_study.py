"""A frozen split and its log of looks, as a user meets them on the command line."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from mslesion.cli import main


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, make_bids_cohort) -> Path:
    """Eight people with MS and eight controls, twelve slices each."""
    people = {f"{i:02d}": "MS" if i < 8 else "control" for i in range(16)}
    return make_bids_cohort(tmp_path_factory.mktemp("cohort"), people)


@pytest.fixture(scope="module")
def frozen(cohort: Path, tmp_path_factory) -> Path:
    """A split of the cohort, not looked at yet."""
    folder = tmp_path_factory.mktemp("frozen")
    assert main(["split", str(cohort), "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def tree(cohort: Path, frozen: Path, tmp_path_factory) -> Path:
    """A decision tree that was trained under the split."""
    return _train(cohort, frozen, tmp_path_factory.mktemp("model"), seed=0)


@pytest.fixture
def place(frozen: Path, tmp_path: Path) -> Path:
    """A copy of the frozen split, for one test to look at its people."""
    return Path(shutil.copytree(frozen, tmp_path / "frozen"))


def _train(cohort: Path, frozen: Path, out: Path, seed: int) -> Path:
    command = ["train", "--data", str(cohort), "--label", "lesion", "--classifier", "tree"]
    split = ["--split", str(frozen / "split.json"), "--seed", str(seed)]
    assert main([*command, *split, "--output", str(out)]) == 0
    return out


def _evaluate(what: Path, cohort: Path, place: Path, out: Path) -> int:
    split = ["--split", str(place / "split.json")]
    return main(["evaluate", str(what), str(cohort), *split, "--output", str(out)])


def _looks(place: Path) -> list[dict]:
    return [json.loads(line) for line in (place / "test_looks.jsonl").read_text().splitlines()]


def test_the_frozen_split_goes_through_training_to_the_measures(
    cohort: Path, frozen: Path, tree: Path, place: Path, tmp_path: Path
) -> None:
    """The model names the split; exactly its test people are measured; the look is logged."""
    split = json.loads((frozen / "split.json").read_text())
    model = json.loads((tree / "model.json").read_text())
    assert model["trained_on"]["split_sha256"] == split["sha256"]
    assert _evaluate(tree, cohort, place, tmp_path / "out") == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["split_sha256"] == metrics["trained_on_split_sha256"] == split["sha256"]
    assert metrics["dataset_sha256"] == split["dataset_sha256"]
    assert metrics["test_look"] == 1
    with (tmp_path / "out" / "predictions.csv").open() as table:
        tested = {row["person_id"] for row in csv.DictReader(table)}
    assert tested == set(split["folds"][0]["test"])
    (look,) = _looks(place)
    assert look["models_sha256"] == [model["sha256"]]
    assert look["test_set_sha256"] == split["sha256"]
    (seen,) = look["measures"].values()
    assert seen["accuracy"] == metrics["slices"]["test"]["accuracy"]["value"]
    assert not [name for name in tested if name in (place / "test_looks.jsonl").read_text()]


def test_a_second_look_is_told_and_a_repeated_one_changes_no_file(
    cohort: Path, tree: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same model again: the same bytes. Masks of the same people: look number 2, told so."""
    outs = [tmp_path / "a", tmp_path / "b"]
    for out in outs:
        assert _evaluate(tree, cohort, place, out) == 0
    for name in ("metrics.json", "predictions.csv"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes()
    capsys.readouterr()
    masks = cohort / "derivatives" / "manual"
    assert _evaluate(masks, cohort, place, tmp_path / "c") == 0
    assert "look number 2 at these test people" in capsys.readouterr().out
    split_sha256 = json.loads((place / "split.json").read_text())["sha256"]
    for folder in (outs[0], tmp_path / "c"):
        told = {p.name: json.loads(p.read_text())["split_sha256"] for p in folder.glob("*.json")}
        assert len(told) > 1
        assert set(told.values()) == {split_sha256}, told
    measured = json.loads((tmp_path / "c" / "metrics.json").read_text())
    assert (measured["people"], measured["test_look"]) == (4, 2)
    assert [look["look"] for look in _looks(place)] == [1, 1, 2]
    assert [look["is_repeat"] for look in _looks(place)] == [False, True, False]


def test_without_a_frozen_split_the_look_is_logged_in_the_output(
    cohort: Path, tree: Path, tmp_path: Path
) -> None:
    """Evaluate MODEL DATA --output OUT: OUT holds the log."""
    assert main(["evaluate", str(tree), str(cohort), "--output", str(tmp_path)]) == 0
    (look,) = _looks(tmp_path)
    assert (look["look"], look["people"]) == (1, 4)


def _moved_person(place: Path) -> None:
    value = json.loads((place / "split.json").read_text())
    value["folds"][0]["training"].append(value["folds"][0]["test"].pop())
    (place / "split.json").write_text(json.dumps(value))


def _shortened_log(place: Path) -> None:
    (place / "test_looks.jsonl").write_text("")
    (place / "test_looks.sha256").write_text(f"{'0' * 64}  test_looks.jsonl\n")


REFUSED = {
    "a changed split": (_moved_person, 4, "split.json: was changed after it was frozen"),
    "a changed log": (_shortened_log, 5, "test_looks.jsonl: was changed since it was written"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_what_was_tampered_with_is_one_line_and_nothing_is_measured(
    case: str, cohort: Path, tree: Path, place: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The line names the file and what to do; no measures are left."""
    change, code, phrase = REFUSED[case]
    change(place)
    assert _evaluate(tree, cohort, place, tmp_path / "out") == code
    text = capsys.readouterr().err.strip()
    assert phrase in text.splitlines()[-1]
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_a_model_of_another_split_that_saw_test_people_is_refused(
    cohort: Path, frozen: Path, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained with people whom this split tests: refused, and no look is logged."""
    assert main(["split", str(cohort), "--output", str(tmp_path / "f"), "--seed", "1"]) == 0
    model = _train(cohort, tmp_path / "f", tmp_path / "model", seed=0)
    assert _evaluate(model, cohort, place, tmp_path / "out") == 4
    assert "people on whom the model was trained" in capsys.readouterr().err
    assert not (place / "test_looks.jsonl").exists()
    assert frozen != place


def test_other_people_output_beside_the_split_and_other_folds_are_refused(
    place: Path, tmp_path: Path, make_bids_cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cohort of others: counted, not named. The split's own folder is no output."""
    others = make_bids_cohort(tmp_path / "others", {"00": "MS", "x1": "MS", "x2": "control"})
    study = ["reproduce", "--data", str(others), "--split", str(place / "split.json"), "--output"]
    assert main([*study, str(tmp_path / "out")]) == 4
    text = capsys.readouterr().err
    assert "15 of the split's people are not in the data" in text
    assert "2 of the data's people are not in the split" in text
    assert main([*study, str(place)]) == 5
    assert main([*study, str(tmp_path / "out"), "--folds", "3"]) == 2
    assert "the frozen split has 1" in capsys.readouterr().err
    misspelt = ["reproduce", "--data", str(others), "--split", "patinet", "--output", "o"]
    assert main(misspelt) == 2
    assert "neither 'patient' nor 'slice'" in capsys.readouterr().err


def test_comparing_two_tools_on_test_people_is_a_look_too(
    cohort: Path, place: Path, tmp_path: Path
) -> None:
    """The test people alone are compared; the look is logged, and a repeat is known as one."""
    tools = [tmp_path / "a", tmp_path / "b"]
    for tool in tools:
        shutil.copytree(cohort / "derivatives" / "manual", tool)
    command = ["compare", *map(str, tools), "--reference", str(cohort)]
    command += ["--split", str(place / "split.json"), "--output"]
    tested = json.loads((place / "split.json").read_text())["folds"][0]["test"]
    for out in ("first", "second"):
        assert main([*command, str(tmp_path / out)]) == 0
        compared = json.loads((tmp_path / out / "comparisons.json").read_text())
        assert compared["people"] == len(tested)
        assert compared["test_look"] == 1
    assert [look["is_repeat"] for look in _looks(place)] == [False, True]
    assert _looks(place)[0]["command"] == "mslesion compare A B"
