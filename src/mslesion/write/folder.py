"""Output folders: tried before the work that fills them, and one run at a time in each.

A run over the whole folder holds the whole; jobs for single participants hold a part each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mslesion.errors import OutputError
from mslesion.write.atomic import output_error, remove_partial_files

LOCK_NAME = ".mslesion.lock"
"""Held for as long as somebody writes into a folder, or into one participant's part of it."""

ENTRANCE_NAME = ".mslesion-entrance.lock"
"""Held in a whole folder by whoever writes into all of it, and by a job for one participant just
while it begins. So a whole run and the jobs for participants keep each other out."""

LOCK_NAMES = (LOCK_NAME, ENTRANCE_NAME)
"""What lies in a folder besides results, while somebody writes into it."""

LEAST_FREE_BYTES = 2**24
"""The results of one scan take a megabyte or a few; with less room than this none is begun."""

_PATIENCE_S = 0.2
_PATIENCE_AT_THE_ENTRANCE_S = 60.0
"""Many jobs of an array begin in one moment, and each is in the entrance for some milliseconds."""


@contextmanager
def output_folder(
    folder: Path, *inputs: Path, leaves_parts: bool = False
) -> Iterator[frozenset[Path]]:
    """Make ``folder``, try to write in it, and keep other runs out of it inside the block.

    Trying first spares hours of work that would end in an error. The lock is one of the operating
    system's, which goes with its process. The file that it is on stays behind where a run was
    killed: the block is given the folders of killed runs, ``folder`` itself or the parts of single
    participants, and what was half written there is taken away. Who only gathers what others wrote
    ``leaves_parts`` as they are, and the word of killed runs in them.

    Raises:
        OutputError: the folder cannot be made or written, its disk is full, it is one of
            ``inputs``, or is another run's at the moment.
    """
    _refuse_inputs(folder, inputs)
    with ExitStack() as locks:
        locks.enter_context(_locked(folder, ENTRANCE_NAME, _PATIENCE_S))
        if leaves_parts:
            _tell_parts_of_a_killed_run(folder)
        parts = [lock.parent for lock in sorted(folder.glob(f"sub-*/{LOCK_NAME}"))]
        killed = frozenset(
            part
            for part in (folder, *parts)
            if locks.enter_context(
                _locked(part, LOCK_NAME, _PATIENCE_S, stays=leaves_parts and part in parts)
            )
        )
        _require_room(folder)
        if killed:
            remove_partial_files(folder)
        yield killed


@contextmanager
def participant_folder(
    folder: Path, participant: str, *inputs: Path, prepare: Callable[[], None]
) -> Iterator[frozenset[Path]]:
    """As :func:`output_folder`, for one participant's part of ``folder``: others go on in theirs.

    ``prepare`` is called while nobody else begins or writes into the whole folder. The block is
    given the part where a run was killed that wrote it.

    Raises:
        OutputError: as :func:`output_folder`; somebody else is at work on this participant, or on
            the whole folder for longer than a minute.
    """
    _refuse_inputs(folder, inputs)
    part = folder / participant
    with ExitStack() as until_done:
        with _locked(folder, ENTRANCE_NAME, _PATIENCE_AT_THE_ENTRANCE_S):
            _require_room(folder)
            _tell_parts_of_a_killed_run(folder)
            was_killed = until_done.enter_context(_locked(part, LOCK_NAME, _PATIENCE_S))
            prepare()
        if was_killed:
            remove_partial_files(part)
        yield frozenset({part} if was_killed else ())


def _refuse_inputs(folder: Path, inputs: Iterable[Path]) -> None:
    if any(os.path.realpath(folder) == os.path.realpath(source) for source in inputs):
        raise OutputError("is an input of this command", remedy="choose another", file=folder)


@contextmanager
def _locked(folder: Path, name: str, patience_s: float, *, stays: bool = False) -> Iterator[bool]:
    """Make a folder and hold a lock in it; tells whether its file had been left behind.

    With ``stays``, the file is left behind again.
    """
    lock = FileLock(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        was_left = os.path.lexists(folder / name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            # Somebody lives who holds it: whoever is waited for was not killed.
            was_left = False
            lock.acquire(timeout=patience_s)
    except Timeout:
        raise OutputError(
            "another run of mslesion writes there", remedy="wait for it, or choose another folder",
            file=folder,
        ) from None  # fmt: skip
    except OSError as error:
        raise output_error(error, folder) from error
    try:
        yield was_left
    finally:
        # Taken away while still locked: whoever opened it meanwhile sees that it is gone.
        if not stays:
            with suppress(OSError):
                (folder / name).unlink()
        lock.release()


def _tell_parts_of_a_killed_run(folder: Path) -> None:
    """Leave word in each part where a run over the whole folder was killed.

    Whoever holds the entrance knows that no such run is alive. Without word, what it left
    unfinished in a part would look like somebody else's.
    """
    if os.path.lexists(folder / LOCK_NAME):
        for part in folder.glob("sub-*"):
            if part.is_dir():
                (part / LOCK_NAME).touch()
        with suppress(OSError):
            (folder / LOCK_NAME).unlink()


def _require_room(folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < LEAST_FREE_BYTES:
        raise OutputError(
            f"lies on a disk that is full: {free_bytes / 2**20:.0f} MB are left",
            remedy="free some space, or choose another folder",
            file=folder,
        )
