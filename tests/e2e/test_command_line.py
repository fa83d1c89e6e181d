"""The command line as a user meets it: output, exit codes, and files."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mslesion.cli import COMMANDS, main
from mslesion.cli.command import say
from mslesion.errors import UsageError
from mslesion.lesions.learning.recipe import DetectorRecipe
from mslesion.read import masks
from mslesion.simulate import CohortRecipe, simulate_cohort
from mslesion.write.nifti import write_nifti

AFFINE = np.diag([5.0, 5.0, 6.0, 1.0])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, make_bids_cohort) -> Path:
    """Eight people with MS and eight controls, twelve slices each."""
    people = {f"{i:02d}": "MS" if i < 8 else "control" for i in range(16)}
    return make_bids_cohort(tmp_path_factory.mktemp("cohort"), people)


@pytest.fixture(scope="module")
def tree_model(cohort: Path, tmp_path_factory) -> Path:
    """A decision tree for lesions, trained by the command line."""
    folder = tmp_path_factory.mktemp("models") / "tree"
    command = ["train", "--data", str(cohort), "--label", "lesion", "--classifier", "tree"]
    assert main([*command, "--output", str(folder)]) == 0
    return folder


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_help_comes_at_once() -> None:
    """Help loads neither torch nor scikit-learn nor matplotlib, and takes well under a second."""
    code = (
        "import sys\nfrom mslesion.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'sklearn', 'matplotlib', 'nibabel', 'scipy', 'numpy', 'rich'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - started < 2  # 0.1 s on a quiet machine
    for command in COMMANDS:
        assert command.name in done.stdout


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_shows_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of each command ends with examples of it, and offers --seed and --threads."""
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert f"mslesion {command} " in text.split("examples:")[1]
    assert "--seed" in text
    assert "--threads" in text


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["simulat"], "invalid choice"),
        (["simulate", "x", "--people", "0"], "0 is below 1"),
        (["simulate", "x", "--ms-share", "2"], "2 is not between 0 and 1"),
        (["reproduce", "--output", "x"], "required: --data"),
        (["reproduce", "--data", "x", "--output", "y", "--folds", "two"], "not a whole number"),
    ],
)
def test_a_mistyped_command_is_one_line(
    arguments: list[str], phrase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors end with exit code 2 and one line that says where help is."""
    assert main(arguments) == 2
    (line,) = _lines(capsys.readouterr().err)
    assert line.startswith("USAGE: ")
    assert phrase in line
    assert "--help" in line


def _empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def _patients_alone(folder: Path, make_bids_cohort) -> Path:
    return make_bids_cohort(folder / "c", {f"{i}": "MS" for i in range(8)})


def _listed_twice(folder: Path, make_bids_cohort) -> Path:
    cohort = make_bids_cohort(folder / "c")
    with (cohort / "participants.tsv").open("a") as table:
        table.write("sub-01\tMS\n")
    return cohort


def _single_slices(folder: Path) -> Path:
    write_nifti(folder / "c" / "a.nii.gz", np.ones((20, 20, 1), np.float32), AFFINE)
    return folder / "c"


def _only_nan(folder: Path) -> Path:
    write_nifti(folder / "c" / "a.nii.gz", np.full((20, 20, 9), np.nan, np.float32), AFFINE)
    return folder / "c"


def _nameless_slices(folder: Path) -> Path:
    from PIL import Image

    for group in ("Control-Axial", "MS-Axial"):
        for number in range(3):
            (folder / "k" / group).mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64), np.uint8)
            Image.fromarray(pixels).save(folder / "k" / group / f"{group[0]}-A ({number}).png")
    return folder / "k"


BAD_COHORTS = {
    "missing folder": (lambda f, _: f / "nowhere", [], "nowhere", 4),
    "folder without scans": (lambda f, _: _empty_folder(f), [], "empty", 4),
    "one class only": (_patients_alone, ["--label", "diagnosis"], "give --label lesion", 4),
    "fewer patients than folds": (_patients_alone, ["--folds", "9"], "--folds 8", 4),
    "participant listed twice": (_listed_twice, [], "participants.tsv", 4),
    "single slice": (lambda f, _: _single_slices(f), [], "a.nii.gz", 4),
    "only NaN": (lambda f, _: _only_nan(f), [], "a.nii.gz", 4),
    "slices of nobody": (lambda f, _: _nameless_slices(f), [], "--split slice", 4),
    "people without simulation": (lambda f, _: f, ["--people", "9"], "--people", 2),
}


@pytest.mark.parametrize("case", list(BAD_COHORTS))
def test_what_no_study_can_be_made_from_is_one_line(
    case: str, tmp_path: Path, make_bids_cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the file or folder, what is wrong and what to do; no report is left."""
    make, options, phrase, code = BAD_COHORTS[case]
    data = make(tmp_path, make_bids_cohort)
    out = tmp_path / "out"
    assert main(["reproduce", "--data", str(data), "--output", str(out), *options]) == code
    captured = capsys.readouterr()
    complaints = [line for line in _lines(captured.err) if not line.startswith("cutting slices")]
    assert len(complaints) == 1, complaints
    assert phrase in complaints[0]
    assert "Traceback" not in captured.err
    assert not (out / "report.html").exists()


def test_bad_scans_are_named_where_the_study_fails(
    tmp_path: Path, make_bids_cohort, capsys: pytest.CaptureFixture[str]
) -> None:
    """All controls unreadable: the line that a class is missing comes with those that say why."""
    people = {f"{i}": "MS" if i < 4 else "control" for i in range(6)}
    data = make_bids_cohort(tmp_path / "c", people)
    for name in ("sub-4", "sub-5"):
        (data / name / "anat" / f"{name}_FLAIR.nii.gz").write_bytes(b"")
    command = ["reproduce", "--data", str(data), "--label", "diagnosis"]
    assert main([*command, "--output", str(tmp_path / "o")]) == 4
    text = capsys.readouterr().err
    assert "sub-4_FLAIR.nii.gz" in text
    assert "sub-5_FLAIR.nii.gz" in text
    assert "one class only" in _lines(text)[-1]


def test_one_person_of_unknown_diagnosis_does_not_stop_a_lesion_study(
    tmp_path: Path, make_bids_cohort
) -> None:
    """Lesions can be asked for without knowing everybody's diagnosis."""
    people = {f"{i}": "MS" if i < 7 else "n/a" for i in range(8)}
    data = make_bids_cohort(tmp_path / "c", people)
    command = ["train", "--data", str(data), "--label", "lesion", "--classifier", "tree"]
    assert main([*command, "--output", str(tmp_path / "m")]) == 0


def test_files_of_the_user_stay(cohort: Path, tree_model: Path, tmp_path: Path) -> None:
    """Training a tree leaves an interrupted training of the network and other files alone."""
    (tmp_path / "checkpoint.safetensors").write_text("of a network")
    command = ["train", "--data", str(cohort), "--label", "lesion", "--classifier", "tree"]
    assert main([*command, "--output", str(tmp_path)]) == 0
    assert (tmp_path / "checkpoint.safetensors").read_text() == "of a network"
    into_model = ["predict", str(tree_model), "--data", str(cohort), "--output", str(tree_model)]
    assert main(into_model) == 5


def test_a_bad_scan_does_not_stop_the_good_ones(
    cohort: Path, tree_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One damaged file among scans: the others get answers, and the exit code says 3."""
    for number in range(3):
        name = f"sub-{number:02d}"
        source = cohort / name / "anat" / f"{name}_FLAIR.nii.gz"
        target = tmp_path / "in" / name / "anat" / source.name
        target.parent.mkdir(parents=True)
        content = source.read_bytes()
        target.write_bytes(content if number else content[: len(content) // 2])
    out = tmp_path / "out"
    code = main(["predict", str(tree_model), "--data", str(tmp_path / "in"), "--output", str(out)])
    captured = capsys.readouterr()
    assert code == 3
    assert "sub-00_FLAIR.nii.gz" in captured.err
    with (out / "people.csv").open() as table:
        people = [row["person_id"] for row in csv.DictReader(table)]
    assert people == ["sub-01", "sub-02"]


def test_a_scan_without_labels_is_answered(
    cohort: Path, tree_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One NIfTI file in: a probability for each of its slices out, and one answer."""
    scan = cohort / "sub-00/anat/sub-00_FLAIR.nii.gz"
    code = main(["predict", str(tree_model), "--data", str(scan), "--output", str(tmp_path)])
    assert code == 0
    with (tmp_path / "predictions.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert len(rows) > 5
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)
    assert "lesion yes" in capsys.readouterr().out


def test_a_model_is_measured_on_people_it_has_not_seen(
    cohort: Path, tree_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of sixteen people the twelve seen are left out, also when they have other names now."""
    renamed = tmp_path / "renamed"
    for number in range(16):
        old, new = f"sub-{number:02d}", f"sub-x{number:02d}"
        for part in (f"{old}/anat/{old}_FLAIR.nii.gz",
                     f"derivatives/manual/{old}/anat/{old}_label-L_mask.nii.gz"):  # fmt: skip
            target = renamed / part.replace(old, new)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((cohort / part).read_bytes())
    out = tmp_path / "out"
    assert main(["evaluate", str(tree_model), str(renamed), "--output", str(out)]) == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["people_left_out_as_seen"] == 12
    assert metrics["slices"]["test"]["n_people"] == 4
    calibration = json.loads((out / "calibration.json").read_text())
    assert calibration["slices"]["temperatures"] == []
    assert (out / "calibration.png").is_file()
    assert (out / "decision-curve.png").is_file()
    assert "12 left out, seen in training" in capsys.readouterr().out


def test_what_a_models_answers_rest_on_is_checked(
    cohort: Path, tree_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the four people not seen, slices with lesions get a map, and a row in the table."""
    command = ["explain", str(tree_model), "--data", str(cohort), "--output"]
    outs = [tmp_path / "a", tmp_path / "b"]
    for out in outs:
        assert main([*command, str(out)]) == 0
    checks = json.loads((outs[0] / "explanation_checks.json").read_text())
    rows = (outs[0] / "explanations.csv").read_text().splitlines()
    assert checks["people_left_out_as_seen"] == 12
    assert checks["people"] == 2
    assert len(rows) == checks["slices"] + 1
    assert 0 < checks["measures"]["deletion_area_at_random"]["value"] < 1
    assert "correlation_with_random_weights" not in checks["measures"]
    assert checks["deletion_curve"][0]["by_map"] == checks["deletion_curve"][0]["at_random"]
    for name in ("explanation_checks.json", "explanations.csv", "explanations.png"):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
    assert "deletion_area_below_random" in capsys.readouterr().out


def test_maps_cannot_be_checked_without_lesion_masks(
    cohort: Path, tree_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scans without masks are refused, saying so; nothing is written."""
    scans = tmp_path / "scans"
    shutil.copytree(cohort, scans, ignore=shutil.ignore_patterns("derivatives"))
    out = tmp_path / "out"
    assert main(["explain", str(tree_model), "--data", str(scans), "--output", str(out)]) == 4
    assert "give scans with lesion masks" in capsys.readouterr().err
    assert not (out / "explanation_checks.json").exists()


def test_the_study_runs_from_the_command_line(cohort: Path, tmp_path: Path) -> None:
    """Report, figures, tables and split are there; a second run gives the same bytes."""
    outs = [tmp_path / "a", tmp_path / "b"]
    for out, threads in zip(outs, ("1", "2"), strict=True):
        command = ["reproduce", "--data", str(cohort), "--label", "lesion", "--output", str(out)]
        assert main([*command, "--threads", threads]) == 0
    names = {str(p.relative_to(outs[0])) for p in outs[0].rglob("*") if p.is_file()}
    assert {"report.html", "metrics.json", "predictions.csv", "split.json"} <= names
    assert "figures/figure-7-comparison-lesion.png" in names
    assert not (outs[0] / "checkpoints").exists()
    differ = {"timings.json", "test_looks.jsonl", "test_looks.sha256"}
    assert differ <= names
    for name in sorted(names - differ):
        assert (outs[0] / name).read_bytes() == (outs[1] / name).read_bytes(), name
    report = (outs[0] / "report.html").read_text()
    assert "mslesion reproduce --data" in report
    assert str(tmp_path) not in report


def test_killed_training_resumes_to_the_same_model(cohort: Path, tmp_path: Path) -> None:
    """Kill -9 after some epochs, the same command again: the model of an undisturbed run."""
    command = [sys.executable, "-m", "mslesion", "train", "--data", str(cohort), "--label",
               "lesion", "--output"]  # fmt: skip
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    killed = tmp_path / "killed"
    with subprocess.Popen(
        [*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 60
        while not (killed / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (killed / "model.json").exists()
    subprocess.run([*command, str(killed)], check=True, capture_output=True)
    for name in ("model.json", "weights.safetensors"):
        assert (killed / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_output_that_cannot_be_written_is_known_before_the_work(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file where the output folder should be: exit code 5, and no slice was cut."""
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "out"
    assert main(["reproduce", "--data", str(cohort), "--output", str(out)]) == 5
    captured = capsys.readouterr()
    assert captured.err.startswith("OUTPUT: ")
    assert "cutting slices" not in captured.err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_damaged_model_has_its_own_exit_code(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that holds no model: exit code 6."""
    (tmp_path / "model").mkdir()
    arguments = ["predict", str(tmp_path / "model"), "--data", str(cohort)]
    assert main([*arguments, "--output", str(tmp_path / "o")]) == 6
    assert capsys.readouterr().err.startswith("MODEL: ")


def test_our_own_bugs_are_called_so(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    """An unforeseen error is one line that asks to report it; --debug shows where it happened."""
    from mslesion.commands import shared

    def broken(*_args: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(shared, "cut_cohort", broken)
    arguments = ["reproduce", "--data", str(cohort), "--output", str(tmp_path / "o")]
    assert main(arguments) == 70
    (line,) = _lines(capsys.readouterr().err)
    assert line.startswith("BUG: RuntimeError: two lines: ")
    assert main([*arguments, "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_names_that_a_terminal_cannot_show_do_not_end_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a Latin-1 terminal, or a file on Windows, letters of other scripts are told by number."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    say("report: \u65e5\u672c_report.html, \xe9")
    assert raw.getvalue().decode("latin-1") == "report: \\u65e5\\u672c_report.html, \xe9\n"


def test_what_the_system_forbids_is_no_bug_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without rights among the masks, and a path that is too long: one line, code 4."""
    arguments = ["evaluate", str(tmp_path), str(tmp_path), "--output", str(tmp_path / "out")]

    def forbidden(folder: Path) -> list[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "lost+found"))

    with monkeypatch.context() as patch:
        patch.setattr(masks, "entries", forbidden)
        assert main(arguments) == 4
    line = f"UNREADABLE: {tmp_path / 'lost+found'}: cannot be used (Permission denied)"
    assert capsys.readouterr().err.startswith(line)
    assert main(["view", str(tmp_path / ("x" * 300))]) == 4
    assert "File name too long" in capsys.readouterr().err


def test_the_seeds_of_the_package_are_nobodys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whom detectors learn from cannot be simulated, from the command line or from Python."""
    assert main(["simulate", str(tmp_path / "c"), "--seed", str(2**32)]) == 2
    assert "choose one below 4294967296" in capsys.readouterr().err
    with pytest.raises(UsageError, match="too large"):
        simulate_cohort(CohortRecipe(people=1, seed=2**32), tmp_path / "c")
    with pytest.raises(UsageError, match="too large"):
        DetectorRecipe(seed=2**32)
    assert not (tmp_path / "c").exists()
