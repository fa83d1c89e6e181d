"""``mslesion view``: how it begins, what it refuses, how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mslesion.cli import main
from viewed_output import write_output


@pytest.mark.parametrize(
    ("kind", "what"), [("absent", "does not exist"), ("empty", "holds no detection")]
)
def test_a_folder_that_is_no_output_is_refused_in_one_line(
    kind: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, the folder, what is wrong, and what to give instead."""
    (tmp_path / "empty").mkdir()
    assert main(["view", str(tmp_path / kind), "--no-browser"]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"RESULTS: {tmp_path / kind}: {what}: give the --output folder of 'mslesion detect'"
    )


def test_options_that_cannot_be_met_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is taken or does not exist, a folder of scans that is not there: exit code 2."""
    write_output(tmp_path / "out")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for option, value, what in (
            ("--port", port, "cannot be had"),
            ("--port", "70000", "70000 is above 65535"),
            ("--scans", str(tmp_path / "absent"), "does not exist"),
        ):
            assert main(["view", str(tmp_path / "out"), "--no-browser", option, value]) == 2
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith("USAGE: ")
            assert what in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_viewer_prints_its_address_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    """On Ctrl-C and on a request to end: exit code 0, nothing on standard error."""
    write_output(tmp_path / "out")
    command = [sys.executable, "-m", "mslesion", "view", str(tmp_path / "out"), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0] == "1 scan with results\n"
        assert lines[1].startswith("viewer: http://127.0.0.1:")
        assert len(lines[1].partition("?token=")[2].strip()) == 43
        assert "no diagnosis" in lines[2]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "viewer closed\n", "")
