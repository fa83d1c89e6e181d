"""Output folders: one run at a time, and no trace of the lock afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mslesion.errors import OutputError
from mslesion.write.atomic import atomic_path
from mslesion.write.folder import LOCK_NAME, output_folder

HOLDER = """
import sys, time
from pathlib import Path
from mslesion.write.folder import output_folder
with output_folder(Path(sys.argv[1])):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_a_second_run_into_one_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    """One run wins the folder; the other is told so, and a killed run's lock counts no more."""
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(out)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.raises(OutputError, match="another run") as refusal, output_folder(out):
            pytest.fail("two runs in one folder")
        assert refusal.value.exit_code == 5
        os.kill(holder.pid, signal.SIGKILL)
    with output_folder(out):
        (out / "result").touch()
    assert [path.name for path in out.iterdir()] == ["result"]


def test_a_folder_is_free_again_after_a_failure(tmp_path: Path) -> None:
    """Whatever ends the work, the lock goes with it."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), output_folder(tmp_path):
            1 / 0  # noqa: B018
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_half_written_is_taken_away(tmp_path: Path) -> None:
    """Its hidden files go, from subfolders too; files of other names stay."""
    inside = tmp_path / "sub-01" / "anat"
    inside.mkdir(parents=True)
    with atomic_path(inside / "a.json") as partial:
        left = partial.with_name(partial.name)
    left.touch()
    (tmp_path / ".partial-mine").touch()
    with output_folder(tmp_path) as was_killed:
        assert not was_killed  # another run may be at work in a folder below
        assert left.exists()
    (tmp_path / LOCK_NAME).touch()
    with output_folder(tmp_path) as was_killed:
        assert was_killed
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [".partial-mine"]


def test_an_input_is_no_output_folder(tmp_path: Path) -> None:
    """The folder that holds the scans is refused, by whatever name it is called."""
    same = tmp_path / "a" / ".."
    with pytest.raises(OutputError, match="is an input"), output_folder(same, tmp_path):
        pytest.fail("wrote into the input")
