"""Output folders: one run at a time, and no trace of the lock afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mslesion.errors import OutputError
from mslesion.write import folder as folders
from mslesion.write.atomic import atomic_path
from mslesion.write.folder import ENTRANCE_NAME, LOCK_NAME, output_folder, participant_folder

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


def test_a_run_that_ends_while_it_is_waited_for_was_not_killed(tmp_path: Path) -> None:
    """Nothing is taken away as left behind by it."""
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("60", "0.1"), str(out)],
        stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folders, "_PATIENCE_S", 30.0)
            with output_folder(out) as killed:
                assert killed == frozenset()


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


# --- parts of single participants ----------------------------------------------------------------

JOB = """
import sys, time
from pathlib import Path
from mslesion.write.folder import participant_folder
out, name, seconds = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
with participant_folder(out, name, prepare=lambda: None):
    print("mine", flush=True)
    time.sleep(seconds)
    (out / name / "result").touch()
"""


def _job(out: Path, name: str, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", JOB, str(out), name, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _nothing() -> None:
    """No preparation is needed."""


def test_jobs_for_different_participants_write_at_the_same_time(tmp_path: Path) -> None:
    """Six begin in one moment, all finish, and no lock is left."""
    jobs = [_job(tmp_path, f"sub-{n}", 0.1) for n in range(6)]
    assert [job.wait() for job in jobs] == [0] * 6
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == [f"sub-{n}/result" for n in range(6)]
    for job in jobs:
        job.communicate()


def test_a_participant_is_one_jobs_and_the_whole_folder_nobodys_meanwhile(tmp_path: Path) -> None:
    """A second job for somebody ends with exit code 5, as does a run over all; others go on."""
    with _job(tmp_path, "sub-1", 60) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "mine\n"
        with (
            pytest.raises(OutputError, match="another run"),
            participant_folder(tmp_path, "sub-1", prepare=_nothing),
        ):
            pytest.fail("two jobs for one participant")
        for leaves_parts in (False, True):
            with (
                pytest.raises(OutputError, match="another run"),
                output_folder(tmp_path, leaves_parts=leaves_parts),
            ):
                pytest.fail("a run over a folder in which a job is at work")
        with participant_folder(tmp_path, "sub-2", prepare=_nothing) as killed:
            assert not killed
        job.kill()


def test_no_job_begins_while_a_run_writes_into_the_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits at the entrance, in the end in vain."""
    monkeypatch.setattr(folders, "_PATIENCE_AT_THE_ENTRANCE_S", 0.3)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        with (
            pytest.raises(OutputError, match="another run"),
            participant_folder(tmp_path, "sub-1", prepare=_nothing),
        ):
            pytest.fail("a job in a folder that is another's")
        holder.kill()


def test_what_was_killed_is_told_to_whoever_writes_the_same_again(tmp_path: Path) -> None:
    """A killed job's part, after a killed run over all every part; gathering forgets nothing."""
    one, two = tmp_path / "sub-1", tmp_path / "sub-2"
    for part in (one, two):
        part.mkdir()
    (one / LOCK_NAME).touch()
    with participant_folder(tmp_path, "sub-2", prepare=_nothing) as killed:
        assert not killed
    with output_folder(tmp_path, leaves_parts=True):
        pass
    with participant_folder(tmp_path, "sub-1", prepare=_nothing) as killed:
        assert killed == {one}
    (tmp_path / LOCK_NAME).touch()
    (tmp_path / ENTRANCE_NAME).touch()
    with output_folder(tmp_path, leaves_parts=True):
        pass
    with participant_folder(tmp_path, "sub-1", prepare=_nothing) as killed:
        assert killed == {one}
    with output_folder(tmp_path) as killed:
        assert killed == {two}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["sub-1", "sub-2"]
