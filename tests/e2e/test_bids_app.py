"""``mslesion BIDS_DIR OUT_DIR participant|group`` as its users meet it.

Findings are made up except where a test says so; masks, tables, locks and pages are the real ones.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from made_up_detection import BOX, detection_of
from mslesion import batch
from mslesion.cli import main
from mslesion.detection import Detection
from mslesion.detector import Detector
from mslesion.errors import ContrastError
from mslesion.read import read_scan
from mslesion.read.detections import DetectionFiles
from mslesion.write import detection as writing
from mslesion.write.folder import LOCK_NAME, participant_folder
from mslesion.write.nifti import write_nifti
from small_head import small_head

FAILURES: dict[str, Exception] = {}
"""What to raise for a scan, by its name."""


def _found(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
    """Stands in for ``detect_scan``: one box in every scan."""
    if name in FAILURES:
        raise FAILURES[name]
    return detection_of(
        read_scan(path, volume), name, boxes=(BOX,), identity=detector.identity,
        input_sha256=sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick findings in place of the network's, and a report of one line for each scan."""
    FAILURES.clear()
    monkeypatch.setattr(batch, "detect_scan", _found)
    monkeypatch.setattr(writing, "detection_report", lambda found: f"<p>{found.name}</p>\n")


@pytest.fixture
def dataset(tmp_path: Path, make_bids_cohort) -> Path:
    """Three people; the third has two sessions, the second of them two runs."""
    folder = make_bids_cohort(tmp_path / "data", {"01": "MS", "02": "MS", "03": "control"})
    anat = folder / "sub-03" / "anat"
    for session, run in (("ses-1", ""), ("ses-2", "_run-1"), ("ses-2", "_run-2")):
        image = folder / "sub-03" / session / "anat" / f"sub-03_{session}{run}_FLAIR.nii.gz"
        image.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(anat / "sub-03_FLAIR.nii.gz", image)
    shutil.rmtree(anat)
    shutil.rmtree(folder / "derivatives")
    description = {"Name": "Ours", "BIDSVersion": "1.10.0"}
    (folder / "dataset_description.json").write_text(json.dumps(description))
    (folder / "README").write_text("Made-up heads.\n")
    return folder


def _app(dataset: Path, output: Path, level: str, *options: str) -> int:
    return main([str(dataset), str(output), level, *options])


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def _complaints(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Standard error without the lines that tell of progress."""
    progress = ("participants: ", "finding lesions: ")
    return [line for line in capsys.readouterr().err.splitlines() if not line.startswith(progress)]


# --- both levels -----------------------------------------------------------------------------


def test_both_levels_give_what_detect_gives_and_a_report(dataset: Path, tmp_path: Path) -> None:
    """Participant after participant, then the group: the bytes of 'detect', and one page more."""
    app, plain = tmp_path / "app", tmp_path / "plain"
    for label in ("01", "sub-02", "03"):
        assert _app(dataset, app, "participant", "--participant_label", label) == 0
    assert _app(dataset, app, "group") == 0
    assert main(["detect", str(dataset), "--output", str(plain)]) == 0
    by_app, by_detect = _bytes(app), _bytes(plain)
    assert by_app.pop("cohort_report.html")
    runs = [json.loads(files.pop("run.json")) for files in (by_app, by_detect)]
    assert runs[0].pop("files").pop("cohort_report.html")
    runs[1].pop("files")
    # Jobs may have run on other computers than who gathers their results.
    assert runs[0].pop("environment") is None
    assert runs[1].pop("environment")
    assert runs[0] == runs[1]
    assert by_app == by_detect


def test_sessions_and_runs_are_kept_apart(dataset: Path, tmp_path: Path) -> None:
    """Each run of a session has its own files, and its own row that names the session."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    assert _app(dataset, out, "group") == 0
    rows = [
        (row["scan"], row["participant_id"], row["session_id"])
        for row in _table(out / "cohort.tsv")
    ]
    assert rows == [
        ("sub-01", "sub-01", "n/a"),
        ("sub-02", "sub-02", "n/a"),
        ("sub-03_ses-1", "sub-03", "ses-1"),
        ("sub-03_ses-2_run-1", "sub-03", "ses-2"),
        ("sub-03_ses-2_run-2", "sub-03", "ses-2"),
    ]
    for scan, _, _ in rows[3:]:
        sidecar = json.loads((out / f"sub-03/ses-2/anat/{scan}_label-L_mask.json").read_text())
        assert sidecar["Sources"] == [f"bids:raw:sub-03/ses-2/anat/{scan}_FLAIR.nii.gz"]


def test_labels_choose_participants_and_sessions(dataset: Path, tmp_path: Path) -> None:
    """Only the scans that are asked for are looked at, with 'ses-' before the label or without."""
    out = tmp_path / "out"
    options = ("--participant-label", "02", "03", "--session-label", "ses-1")
    assert _app(dataset, out, "participant", *options) == 0
    assert [path.name for path in out.rglob("*_summary.json")] == ["sub-03_ses-1_summary.json"]
    assert _app(dataset, out, "group", *options) == 0
    assert [row["scan"] for row in _table(out / "cohort.tsv")] == ["sub-03_ses-1"]


def test_jobs_of_an_array_write_into_one_folder_at_once(dataset: Path, tmp_path: Path) -> None:
    """Three jobs, a participant each, at the same time: what one job for all of them gives."""
    together, alone = tmp_path / "together", tmp_path / "alone"
    labels = ("01", "02", "03")
    with ThreadPoolExecutor(len(labels)) as jobs:
        codes = jobs.map(
            lambda label: _app(dataset, together, "participant", "--participant-label", label),
            labels,
        )
        assert list(codes) == [0, 0, 0]
    assert _app(dataset, alone, "participant") == 0
    assert _bytes(together) == _bytes(alone)


def test_a_scan_without_a_result_is_missing_by_name(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused, without image, not done yet: exit code 3, and each has its line, row and reason."""
    out = tmp_path / "out"
    (dataset / "sub-04" / "anat").mkdir(parents=True)
    FAILURES["sub-02"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
    assert _app(dataset, out, "participant", "--participant-label", "01", "02", "04") == 3
    assert [line.split(":")[0] for line in _complaints(capsys)] == ["CONTRAST", "SCAN"]
    assert _app(dataset, out, "group") == 3
    codes = [line.split(":")[0] for line in _complaints(capsys)]
    assert codes == ["CONTRAST", *["NO_RESULT"] * 3, "SCAN"]
    rows = {row["scan"]: row for row in _table(out / "cohort.tsv")}
    assert rows["sub-01"]["status"] == "done"
    assert rows["sub-02"]["reason"] == "CONTRAST: looks like a T1w image"
    assert rows["sub-03_ses-1"]["reason"] == "NO_RESULT: has no result yet"
    assert rows["sub-04"]["reason"].startswith("SCAN: has no image named *_FLAIR")
    assert "looks like a T1w image" in (out / "cohort_report.html").read_text()


def test_a_participant_who_gets_a_scan_is_not_told_to_have_none(
    dataset: Path, tmp_path: Path
) -> None:
    """The word that there is no FLAIR goes when there is one, beside the new results."""
    flair = dataset / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz"
    away = flair.rename(tmp_path / "away.nii.gz")
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 3
    assert (out / "sub-01" / "sub-01_refused.json").exists()
    away.rename(flair)
    assert _app(dataset, out, "participant") == 0
    assert not list(out.rglob("*_refused.json"))
    assert (out / "sub-01" / "anat" / "sub-01_summary.json").exists()


def test_a_session_without_flair_is_named(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's visit with a T1w image alone has a row and a line, until its FLAIR is there."""
    anat = dataset / "sub-03" / "ses-3" / "anat"
    anat.mkdir(parents=True)
    flair = shutil.copy(dataset / "sub-01/anat/sub-01_FLAIR.nii.gz", tmp_path)
    t1w = anat / "sub-03_ses-3_T1w.nii.gz"
    shutil.copy(flair, t1w)
    out = tmp_path / "out"
    asked = ("--participant-label", "02", "03", "--session-label", "2", "3")
    assert _app(dataset, out, "participant", *asked) == 3
    (line,) = _complaints(capsys)
    assert line.startswith(f"SCAN: {anat.parent}: has no image named *_FLAIR")
    assert (out / "sub-03" / "ses-3" / "sub-03_ses-3_refused.json").exists()
    assert _app(dataset, out, "participant", "--participant-label", "01", "02", "03") == 3
    assert _app(dataset, out, "group") == 3
    rows = {row["scan"]: row for row in _table(out / "cohort.tsv")}
    assert rows["sub-03_ses-2_run-1"]["status"] == "done"
    assert rows["sub-03_ses-3"]["reason"].startswith("SCAN: has no image named *_FLAIR")
    assert (rows["sub-03_ses-3"]["participant_id"], rows["sub-03_ses-3"]["session_id"]) == (
        "sub-03",
        "ses-3",
    )
    shutil.copy(flair, anat / "sub-03_ses-3_FLAIR.nii.gz")
    assert _app(dataset, out, "participant") == 0
    assert not list(out.rglob("*_refused.json"))


def test_a_scan_that_was_refused_and_is_mended_has_a_result(dataset: Path, tmp_path: Path) -> None:
    """The refusal goes when the scan is done, and a detection when it is refused."""
    out = tmp_path / "out"
    job = ("participant", "--participant-label", "01")

    def names() -> list[str]:
        return sorted(path.name for path in (out / "sub-01" / "anat").iterdir())

    for _ in range(2):
        FAILURES["sub-01"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
        assert _app(dataset, out, *job) == 4
        assert names() == ["sub-01_refused.json"]
        FAILURES.clear()
        assert _app(dataset, out, *job) == 0
        assert "sub-01_summary.json" in names()
        assert "sub-01_refused.json" not in names()


def test_a_new_job_takes_the_tables_of_the_group_away(dataset: Path, tmp_path: Path) -> None:
    """They are not true any more; with --resume, what is done is not done again."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    assert _app(dataset, out, "group") == 0
    before = (out / "sub-01/anat/sub-01_summary.json").stat().st_mtime_ns
    assert _app(dataset, out, "participant", "--participant-label", "01", "--resume") == 0
    assert (out / "sub-01/anat/sub-01_summary.json").stat().st_mtime_ns == before
    for name in ("cohort.tsv", "lesions.tsv", "run.json", "cohort_report.html"):
        assert not (out / name).exists()


def test_results_of_two_detectors_make_no_table(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another threshold for one participant: exit code 4, and the file that differs is named."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant", "--participant-label", "01", "03") == 0
    other = ("--participant-label", "02", "--threshold", "0.9")
    assert _app(dataset, out, "participant", *other) == 0
    _complaints(capsys)
    assert _app(dataset, out, "group") == 4
    (line,) = _complaints(capsys)
    assert line.startswith("COHORT: ")
    assert "sub-02_summary.json" in line
    assert not (out / "cohort.tsv").exists()


def test_a_result_that_was_changed_is_no_result(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mask that is not the one its summary was written for is left out and named."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    (out / "sub-01/anat/sub-01_label-L_mask.nii.gz").write_bytes(b"edited")
    _complaints(capsys)
    assert _app(dataset, out, "group") == 3
    (line,) = _complaints(capsys)
    assert line.startswith("UNREADABLE: ")
    assert "sub-01_summary.json" in line


def test_the_first_crash_can_end_a_run(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --stop-on-first-crash its own exit code and line; those before it keep their results."""
    out = tmp_path / "out"
    FAILURES["sub-02"] = ZeroDivisionError("division by zero")
    assert _app(dataset, out, "participant", "--stop-on-first-crash") == 70
    assert _complaints(capsys)[-1].startswith("BUG: ")
    assert [path.name for path in out.rglob("*_summary.json")] == ["sub-01_summary.json"]
    assert not list(out.rglob(LOCK_NAME))


def test_a_job_that_was_killed_is_done_again_and_nothing_of_others_is_lost(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it left unfinished is replaced; an expert's mask in another's folder ends that job."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant", "--participant-label", "01") == 0
    home = out / "sub-01"
    (home / "anat" / "sub-01_summary.json").unlink()
    DetectionFiles(home / "anat", "sub-01").unfinished.touch()
    (home / LOCK_NAME).touch()
    mask = out / "sub-02" / "anat" / "sub-02_label-L_mask.nii.gz"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"an expert's")
    assert _app(dataset, out, "participant", "--participant-label", "01") == 0
    _complaints(capsys)
    assert _app(dataset, out, "participant", "--participant-label", "02") == 5
    assert "which mslesion did not write" in _complaints(capsys)[-1]
    (home / LOCK_NAME).touch()
    assert main(["detect", str(dataset), "--output", str(out)]) == 5
    assert mask.read_bytes() == b"an expert's"


def test_a_participant_at_work_is_waited_for(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a job holds a participant, a second job for it and the group end with exit code 5."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    _complaints(capsys)
    with participant_folder(out, "sub-01", prepare=lambda: None):
        for level in ("participant", "group"):
            assert _app(dataset, out, level) == 5
            assert "another run of mslesion writes there" in _complaints(capsys)[-1]


# --- the command line ----------------------------------------------------------------------------


def test_a_dataset_named_as_a_command_is_written_with_its_path(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'detect' is the command, './detect' the dataset."""
    dataset.rename(tmp_path / "detect")
    monkeypatch.chdir(tmp_path)
    assert main(["detect", "out", "participant"]) == 2
    assert main(["./detect", "out", "participant"]) == 0


def test_the_usual_options_are_understood(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that BIDS-Apps share, before the folders or after them, in either spelling."""
    out, work = tmp_path / "out", tmp_path / "work"
    # The place of temporary files, which -w moves, goes back to where other tests expect it.
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    common = ["--nthreads", "1", "--mem-mb", "4000", "-w", str(work), "--skip_bids_validation"]
    assert main([*common, str(dataset), str(out), "participant"]) == 0
    assert work.is_dir()
    assert tempfile.gettempdir() == str(work)
    more = ["--n_cpus", "2", "--mem_mb", "4000", "--work-dir", str(work), "--resume"]
    assert _app(dataset, out, "participant", *more, "--stop_on_first_crash", "-vv") == 0


def test_verbose_tells_who_is_looked_at(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line on standard error for each participant, as it begins; -vv shows where it failed."""
    FAILURES["sub-02"] = ZeroDivisionError("division by zero")
    assert _app(dataset, tmp_path / "out", "participant", "-vv") == 3
    text = capsys.readouterr().err
    assert "participants: 2 of 3, sub-02, after " in text
    assert "Traceback" in text


def test_a_scan_that_needs_more_memory_than_allowed_is_set_aside(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told from the header, before the detector sees the scan."""
    options = ("--participant-label", "01", "--mem-mb", "100")
    assert _app(dataset, tmp_path / "out", "participant", *options) == 4
    line = _complaints(capsys)[-1]
    assert line.startswith("SCAN: ")
    assert "more than the 100 MB allowed: allow more with --mem-mb" in line


def test_help_has_all_options_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the BIDS-App stands behind its levels, and the general help points there."""
    with pytest.raises(SystemExit) as stopped:
        main(["participant", "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "--participant-label" in text
    assert "derivatives/mslesion group" in text
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "BIDS_DIR OUT_DIR participant" in capsys.readouterr().out


# --- what cannot be used -------------------------------------------------------------------------


def _no_description(dataset: Path, out: Path) -> list[str]:
    (dataset / "dataset_description.json").unlink()
    return [str(dataset), str(out), "participant"]


def _broken_description(dataset: Path, out: Path) -> list[str]:
    (dataset / "dataset_description.json").write_text('{"Name": "Ours", ')
    return [str(dataset), str(out), "participant"]


def _nameless_description(dataset: Path, out: Path) -> list[str]:
    (dataset / "dataset_description.json").write_text('["Name"]')
    return [str(dataset), str(out), "participant"]


def _no_participants(dataset: Path, out: Path) -> list[str]:
    for folder in dataset.glob("sub-*"):
        shutil.rmtree(folder)
    return [str(dataset), str(out), "participant"]


def _no_dataset(dataset: Path, out: Path) -> list[str]:
    return [str(dataset / "nowhere"), str(out), "participant"]


def _a_file(dataset: Path, out: Path) -> list[str]:
    return [str(dataset / "README"), str(out), "participant"]


def _our_own_results(dataset: Path, out: Path) -> list[str]:
    results = dataset.parent / "results"
    assert _app(dataset, results, "participant", "--participant-label", "01") == 0
    return [str(results), str(out), "participant"]


def _unknown_participant(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out), "participant", "--participant-label", "01", "9\n<img src=x>"]


def _unknown_session(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out), "participant", "--session-label", "7"]


def _no_level(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out)]


def _wrong_level(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out), "session"]


def _inside_the_dataset(dataset: Path, _out: Path) -> list[str]:
    return [str(dataset), str(dataset / "results"), "participant"]


def _derivatives_itself(dataset: Path, _out: Path) -> list[str]:
    return [str(dataset), str(dataset / "derivatives"), "participant"]


def _the_dataset_itself(dataset: Path, _out: Path) -> list[str]:
    return [str(dataset), str(dataset / "sub-01" / ".."), "participant"]


def _around_the_dataset(dataset: Path, _out: Path) -> list[str]:
    return [str(dataset), str(dataset.parent), "participant"]


def _group_before_anything(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out), "group"]


def _no_place_for_work(dataset: Path, out: Path) -> list[str]:
    return [str(dataset), str(out), "participant", "-w", str(dataset / "README")]


BAD_CALLS: tuple[tuple[Callable[[Path, Path], list[str]], int, str, str], ...] = (
    (_no_description, 4, "COHORT", "dataset_description.json: is missing"),
    (_broken_description, 4, "COHORT", "is no JSON"),
    (_nameless_description, 4, "COHORT", "has no Name and no BIDSVersion"),
    (_no_participants, 4, "COHORT", "no folder is named sub-*"),
    (_no_dataset, 4, "COHORT", "does not exist"),
    (_a_file, 4, "COHORT", "is no folder"),
    (_our_own_results, 4, "COHORT", "holds what mslesion found, and no scans"),
    (_unknown_participant, 2, "USAGE", "has no participant sub-9\\n<img src=x>"),
    (_unknown_session, 2, "USAGE", "has no session ses-7 with a FLAIR image"),
    (_no_level, 2, "USAGE", "analysis_level"),
    (_wrong_level, 2, "USAGE", "invalid choice: 'session'"),
    (_inside_the_dataset, 5, "OUTPUT", "BIDS has no place for results"),
    (_derivatives_itself, 5, "OUTPUT", "BIDS has no place for results"),
    (_the_dataset_itself, 5, "OUTPUT", "is the dataset itself"),
    (_around_the_dataset, 5, "OUTPUT", "holds the dataset itself"),
    (_group_before_anything, 4, "COHORT", "holds no results of single participants"),
    (_no_place_for_work, 5, "OUTPUT", "cannot be written"),
)


@pytest.mark.parametrize(
    ("make", "code", "kind", "phrase"), BAD_CALLS, ids=[row[0].__name__ for row in BAD_CALLS]
)
def test_what_cannot_be_done_is_one_line(
    make: Callable[[Path, Path], list[str]], code: int, kind: str, phrase: str,
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The right exit code, one line on standard error, and nothing is written."""
    words = make(dataset, tmp_path / "out")
    capsys.readouterr()
    assert main(words) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{kind}: ")
    assert phrase in line
    assert not (tmp_path / "out").exists()
    assert not (dataset / "results").exists()


@pytest.mark.parametrize("make", [_no_description, _broken_description, _nameless_description])
def test_a_dataset_that_does_not_describe_itself_can_be_read_all_the_same(
    make: Callable[[Path, Path], list[str]], dataset: Path, tmp_path: Path
) -> None:
    """--skip-bids-validation sees past the description alone."""
    assert main([*make(dataset, tmp_path / "out"), "--skip-bids-validation"]) == 0


def test_a_dataset_without_flair_names_everybody(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No visit has a FLAIR image: exit code 4, a line for each, and one that sums them up."""
    for image in dataset.rglob("*_FLAIR.nii.gz"):
        image.rename(image.with_name(image.name.replace("FLAIR", "T1w")))
    assert _app(dataset, tmp_path / "out", "participant") == 4
    lines = _complaints(capsys)
    assert [line.split(":")[0] for line in lines] == [*["SCAN"] * 4, "COHORT"]
    assert "none of 4 scans can be used" in lines[-1]


def test_hostile_names_reach_neither_page_nor_terminal(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line breaks, markup and bytes that are no text, in a dataset's name and a file's."""
    odd = "sub-<img src=x onerror=1>\n\udcff"
    (dataset / "sub-01").rename(dataset / odd)
    image = dataset / odd / "anat" / "sub-01_FLAIR.nii.gz"
    image.rename(image.with_name(f"{odd}_FLAIR.nii.gz"))
    description = {"Name": "<script>alert(1)</script>", "BIDSVersion": "1.10.0"}
    (dataset / "dataset_description.json").write_text(json.dumps(description))
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    assert _app(dataset, out, "group") == 0
    captured = capsys.readouterr()
    assert "\udcff" not in captured.out + captured.err
    page = (out / "cohort_report.html").read_text()
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "sub-%3Cimg%20src%3Dx%20onerror%3D1%3E%0A%FF/anat/" in page


# --- the validator -------------------------------------------------------------------------------


def _errors_of_the_validator(folder: Path) -> list[str]:
    """What the official validator calls an error."""
    pytest.importorskip("bids_validator_deno", reason="the official validator is not installed")
    command = [Path(sys.executable).with_name("bids-validator-deno"), "--format", "json", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [f"{one['code']} {one['location']}" for one in issues if one["severity"] == "error"]


def test_the_official_validator_finds_no_error(dataset: Path, tmp_path: Path) -> None:
    """In the dataset with results among its derivatives, in these, and in results elsewhere."""
    FAILURES["sub-02"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
    for out in (dataset / "derivatives" / "mslesion", tmp_path / "out"):
        assert _app(dataset, out, "participant") == 3
        assert _errors_of_the_validator(out) == []
        assert _app(dataset, out, "group") == 3
        assert _errors_of_the_validator(out) == []
    assert _errors_of_the_validator(dataset) == []


def test_results_of_resampled_images_are_valid_too(dataset: Path, tmp_path: Path) -> None:
    """Entities that only derivatives have keep the order that BIDS gives them."""
    image = dataset / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz"
    image.rename(image.with_name("sub-01_space-MNI152_res-2_desc-brain_FLAIR.nii.gz"))
    out = tmp_path / "out"
    assert _app(dataset, out, "participant", "--participant-label", "01") == 0
    assert (out / "sub-01/anat/sub-01_space-MNI152_res-2_label-L_desc-brain_mask.nii.gz").is_file()
    assert _errors_of_the_validator(out) == []


def test_the_validator_would_find_an_error(dataset: Path, tmp_path: Path) -> None:
    """Without the list of what BIDS has no name for, the same results are not valid."""
    out = tmp_path / "out"
    assert _app(dataset, out, "participant") == 0
    (out / ".bidsignore").unlink()
    assert "NOT_INCLUDED /sub-01/anat/sub-01_lesions.tsv" in _errors_of_the_validator(out)


# --- what studies make of several runs -----------------------------------------------------------


@pytest.mark.parametrize("names_run", [True, False])
def test_runs_are_measured_each_against_its_own_mask(names_run: bool, tmp_path: Path) -> None:
    """With a mask for each run, two scans a person; with one that names no run, the first."""
    dataset, out = tmp_path / "data", tmp_path / "out"
    affine = np.diag([5.0, 5.0, 6.0, 1.0])
    for sub in ("sub-01", "sub-02"):
        for run in ("run-1", "run-2"):
            image, mask = small_head(lesions=3, seed=int(sub[-1]) + 10 * int(run[-1]))
            write_nifti(dataset / sub / "anat" / f"{sub}_{run}_FLAIR.nii.gz", image, affine)
            drawn = dataset / "derivatives" / "manual" / sub / "anat"
            if names_run:
                write_nifti(drawn / f"{sub}_{run}_label-L_mask.nii.gz", mask, affine)
            elif run == "run-1":
                write_nifti(drawn / f"{sub}_label-L_mask.nii.gz", mask, affine)
    assert _app(dataset, out, "participant", "--skip-bids-validation") == 0
    measures = tmp_path / "measures"
    assert main(["evaluate", str(out), str(dataset), "--output", str(measures)]) == 0
    measured = json.loads((measures / "metrics.json").read_text())
    runs = ["run-1", "run-2"] if names_run else ["run-1"]
    expected = [f"{sub}_{run}" for sub in ("sub-01", "sub-02") for run in runs]
    assert [row["scan_name"] for row in measured["rows"]] == expected
    assert measured["people"] == 2
