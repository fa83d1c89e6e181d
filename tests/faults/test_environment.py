"""The catalogue of faults, where the fault is not in the scan but around the run.

Names, pipes, devices and loops as inputs stand in ``test_catalogue.py`` with the other files;
kills at a hundred random moments in ``tools/measure_reliability.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from good_scan import GoodScan

import mslesion
from mslesion import batch
from mslesion.cli import main
from mslesion.errors import OutputError
from mslesion.lesions.model import shipped_path
from mslesion.write.folder import output_folder


@pytest.fixture
def scan(good: GoodScan, tmp_path: Path) -> Path:
    """The good scan, alone in its folder."""
    path = tmp_path / "scans" / "scan_FLAIR.nii"
    path.parent.mkdir()
    path.write_bytes(good.nifti())
    return path


def _detect(scan: Path, output: Path, *options: str) -> int:
    return main(["detect", str(scan), "--output", str(output), *options])


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- where results cannot be written ------------------------------------------------------------


def _a_file(out: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    out.write_text("mine")
    return out


def _below_a_file(out: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    out.write_text("mine")
    return out / "results"


def _read_only(_out: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    place = Path("/sys/mslesion")
    if not place.parent.is_dir():
        pytest.skip("no /sys here, in which nobody may make a folder")
    return place


def _full(out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2**40, 2**40 - 2**20, 2**20))
    return out


def _name_too_long(out: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    return out / ("a" * 300)


def _link_loop(out: Path, _monkeypatch: pytest.MonkeyPatch) -> Path:
    loop = out.with_name("loop")
    loop.symlink_to(loop.name)
    return loop


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        pytest.param(_name_too_long, "choose a shorter name", id="name too long"),
        pytest.param(_link_loop, "a file stands where a folder is needed", id="link loop"),
        pytest.param(_a_file, "a file stands where a folder is needed", id="a file"),
        pytest.param(_below_a_file, "a file stands where a folder is needed", id="below a file"),
        pytest.param(_read_only, "cannot be written", id="read-only"),
        pytest.param(_full, "lies on a disk that is full: 1 MB are left", id="full disk"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(
    make: Callable[[Path, pytest.MonkeyPatch], Path], phrase: str, scan: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit code 5 and one line; what stands in the way is left as it is, and no scan is begun."""
    output = make(tmp_path / "out", monkeypatch)
    assert _detect(scan, output) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("OUTPUT: ")
    assert phrase in line
    out = tmp_path / "out"
    assert not out.exists() or out.is_dir() or out.read_text() == "mine"
    assert not out.is_dir() or not any(out.iterdir())


def test_a_disk_that_fills_up_meanwhile_leaves_no_partial_file(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fourth file finds no room: exit code 5, and the three before it are taken away."""
    whole, cut_short = tmp_path / "whole", tmp_path / "out"
    assert _detect(scan, whole) == 0
    expected = _content(whole)
    sync, calls = os.fsync, iter(range(10**6))

    def fill_up(handle: int) -> None:
        # Two for each file: its bytes, and the list of names of its folder.
        if next(calls) >= 8:
            raise OSError(28, os.strerror(28))
        sync(handle)

    monkeypatch.setattr(os, "fsync", fill_up)
    capsys.readouterr()
    assert _detect(scan, cut_short) == 5
    assert "no space left on device" in capsys.readouterr().err
    assert _content(cut_short) == {}
    monkeypatch.undo()
    assert _detect(scan, cut_short, "--resume") == 0
    assert _content(cut_short) == expected


def test_two_runs_into_one_folder_do_not_mix(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While one run has the folder, another ends with exit code 5; afterwards it is free."""
    output = tmp_path / "out"
    with output_folder(output):
        assert _detect(scan, output) == 5
        assert "another run of mslesion writes there" in capsys.readouterr().err
    assert _detect(scan, output) == 0


# --- a run that is killed -----------------------------------------------------------------------


def test_a_killed_run_leaves_whole_files_and_can_be_resumed(good: GoodScan, tmp_path: Path) -> None:
    """A run is killed once its first result is there: files are whole, --resume ends the same."""
    scans, killed, whole = (tmp_path / name for name in ("scans", "killed", "whole"))
    scans.mkdir()
    for name in "abc":
        (scans / f"{name}_FLAIR.nii").write_bytes(good.nifti())
    assert _detect(scans, whole) == 0
    expected = _content(whole)
    command = [sys.executable, "-m", "mslesion", "detect", str(scans), "--output", str(killed)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while not (killed / "a_summary.json").exists():
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    left = {n: data for n, data in _content(killed).items() if not n.startswith(".")}
    assert len(left) < len(expected)
    assert all(expected[name] == data for name, data in left.items())
    assert _detect(scans, killed, "--resume") == 0
    assert _content(killed) == expected


def test_an_interrupted_run_says_how_to_go_on(good: GoodScan, tmp_path: Path) -> None:
    """Ctrl-C once the first result is there: exit code 130, one line, whole files, no half ones."""
    scans, stopped = tmp_path / "scans", tmp_path / "stopped"
    scans.mkdir()
    for name in "abcdefghij":
        (scans / f"{name}_FLAIR.nii").write_bytes(good.nifti())
    command = [sys.executable, "-m", "mslesion", "detect", str(scans), "--output", str(stopped)]
    # A shell starts what runs in its background deaf to Ctrl-C, the tests too; a terminal does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        while not (stopped / "a_summary.json").exists():
            assert run.poll() is None
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        assert run.stderr is not None
        said = run.stderr.read()
    assert run.returncode == 130
    (line,) = (line for line in said.splitlines() if "finding lesions" not in line)
    assert line.startswith("INTERRUPTED: run the same command again")
    assert not [path for path in stopped.iterdir() if ".partial" in path.name]
    summary = json.loads((stopped / "a_summary.json").read_text())
    for name, digest in summary["files"].items():
        assert sha256((stopped / name).read_bytes()).hexdigest() == digest
    assert not (stopped / "j_summary.json").exists()


def test_a_run_that_fails_at_its_last_file_can_be_resumed(
    good: GoodScan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when run.json is due: the tables go with it, and --resume ends the same."""
    scans, failed, whole = (tmp_path / name for name in ("scans", "failed", "whole"))
    scans.mkdir()
    (scans / "a_FLAIR.nii").write_bytes(good.nifti())

    def full(*_: object) -> None:
        raise OutputError("cannot be written (disk full)", remedy="free some space", file=failed)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_run", full)
        assert _detect(scans, failed) == 5
    assert (failed / "a_summary.json").exists()
    assert not (failed / "cohort.tsv").exists()
    assert _detect(scans, failed, "--resume") == 0
    assert _detect(scans, whole) == 0
    assert _content(failed) == _content(whole)


def test_a_scan_called_cohort_keeps_its_report(good: GoodScan, tmp_path: Path) -> None:
    """Its report is named as the one over a BIDS dataset is, and no other scan takes it away."""
    out = tmp_path / "out"
    for name in ("cohort", "other"):
        scan = tmp_path / f"{name}_FLAIR.nii"
        scan.write_bytes(good.nifti())
        assert _detect(scan, out) == 0
    assert (out / "cohort_report.html").exists()
    (out / "run.json").rename(tmp_path / "away")  # as after a run that failed at its last file
    assert _detect(tmp_path / "cohort_FLAIR.nii", out, "--resume") == 0
    both = tmp_path / "both"
    both.mkdir()
    for name in ("cohort", "other"):
        shutil.copy(tmp_path / f"{name}_FLAIR.nii", both)
    (out / "run.json").unlink()
    assert _detect(both, out, "--resume") == 0
    told = json.loads((out / "run.json").read_text())
    assert set(told["files"]) == {"cohort.tsv", "lesions.tsv"}
    assert [scan["status"] for scan in told["scans"]] == ["done", "done"]


# --- model files --------------------------------------------------------------------------------


def _truncated(data: bytes, _place: Path) -> bytes:
    return data[: len(data) // 2]


def _one_bit_flipped(data: bytes, _place: Path) -> bytes:
    changed = bytearray(data)
    changed[-1000] ^= 1
    return bytes(changed)


def _pickled(_data: bytes, place: Path) -> bytes:
    """A pickle that makes a folder when it is opened, written by hand: os.mkdir(place)."""
    return b"cos\nmkdir\n(V" + str(place).encode() + b"\ntR."


@pytest.mark.parametrize("change", [_truncated, _one_bit_flipped, _pickled])
def test_a_model_file_that_is_not_whole_is_refused(
    change: Callable[[bytes, Path], bytes], scan: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit code 6, one line, no result, and nothing that stands in the file is done."""
    model, sprung = tmp_path / "model.safetensors", tmp_path / "sprung"
    model.write_bytes(change(shipped_path("small").read_bytes(), sprung))
    assert _detect(scan, tmp_path / "out", "--model-path", str(model)) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"MODEL: {model}: ")
    assert not sprung.exists()
    assert not (tmp_path / "out").exists()


# --- bare surroundings --------------------------------------------------------------------------

WITHOUT_NETWORK = """
import socket, sys
def refuse(*_, **__):
    raise AssertionError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from mslesion.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_bare_surroundings_change_nothing(scan: Path, tmp_path: Path) -> None:
    """No network, no home, no locale, python -O: the same files as ever, and nothing else said."""
    mslesion.detect(scan).save(tmp_path / "usual")
    command = [sys.executable, "-O", "-c", WITHOUT_NETWORK, "detect", str(scan)]
    bare = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT")}
    bare |= {"HOME": "/nonexistent", "LANG": "C", "LC_ALL": "C", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "bare")],
        check=False, env=bare, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "finding lesions: " not in line] == []
    outcomes = json.loads((tmp_path / "bare" / "run.json").read_text())["scans"]
    assert [outcome["status"] for outcome in outcomes] == ["done"]
    (tmp_path / "bare" / "run.json").unlink()
    assert _content(tmp_path / "bare") == _content(tmp_path / "usual")


def test_the_demo_asks_nothing_of_the_network(tmp_path: Path) -> None:
    """People are simulated from what is installed: with every socket refused, one is made."""
    command = [sys.executable, "-c", WITHOUT_NETWORK, "simulate", str(tmp_path / "cohort")]
    done = subprocess.run(
        [*command, "--people", "1"], check=False, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "cohort").rglob("*_FLAIR.nii.gz"))) == 1


def test_a_reader_that_leaves_early_changes_nothing(scan: Path, tmp_path: Path) -> None:
    """``mslesion detect ... | head -0``: refused scans are told, and the exit code is the same."""
    (scan.parent / "bad_FLAIR.nii").write_bytes(b"text")
    command = [sys.executable, "-m", "mslesion", "detect", str(scan.parent)]
    with subprocess.Popen(
        [*command, "--output", str(tmp_path / "out")], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        complaints = run.stderr.read()
        assert run.wait() == 3, complaints
    assert "UNREADABLE: " in complaints
    assert "Traceback" not in complaints


def test_names_of_folders_do_not_command_the_terminal(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An output folder whose name holds a line break, an escape and bytes that are no text."""
    output = tmp_path / os.fsdecode(b"o\n\x1b[31m\xff")
    assert _detect(scan, output) == 0
    said = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in said)
    assert "report: " in said[-2]
    assert len(list(output.iterdir())) == 7


@pytest.mark.parametrize("name", ["a" * 300, "loop.nii"])
def test_a_path_that_cannot_be_looked_at_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name too long, or a link that leads in a circle: one line, exit code 4."""
    (tmp_path / "loop.nii").symlink_to("loop.nii")
    assert _detect(tmp_path / name, tmp_path / "out") == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.partition(":")[0] in ("UNREADABLE", "COHORT")
