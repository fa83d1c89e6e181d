"""Output folders: tried before the work that fills them, and one run at a time in each."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mslesion.errors import OutputError
from mslesion.write.atomic import output_error, remove_partial_files

LOCK_NAME = ".mslesion.lock"
LEAST_FREE_BYTES = 2**24
"""The results of one scan take a megabyte or a few; with less room than this none is begun."""

_PATIENCE_S = 0.2


@contextmanager
def output_folder(folder: Path, *inputs: Path) -> Iterator[bool]:
    """Make ``folder``, try to write in it, and keep other runs out of it inside the block.

    Trying first spares hours of work that would end in an error. The lock is one of the operating
    system's, which goes with its process. The file that it is on stays behind where a run was
    killed: the block is told so (True), and what was half written is taken away.

    Raises:
        OutputError: the folder cannot be made or written, its disk is full, it is one of
            ``inputs``, or is another run's at the moment.
    """
    if any(os.path.realpath(folder) == os.path.realpath(source) for source in inputs):
        raise OutputError("is an input of this command", remedy="choose another", file=folder)
    lock = FileLock(folder / LOCK_NAME)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        was_killed = os.path.lexists(folder / LOCK_NAME)
        lock.acquire(timeout=_PATIENCE_S)
    except Timeout:
        raise OutputError(
            "another run of mslesion writes there", remedy="wait for it, or choose another folder",
            file=folder,
        ) from None  # fmt: skip
    except OSError as error:
        raise output_error(error, folder) from error
    try:
        _require_room(folder)
        if was_killed:
            remove_partial_files(folder)
        yield was_killed
    finally:
        # Taken away while still locked: whoever opened it meanwhile sees that it is gone.
        with suppress(OSError):
            (folder / LOCK_NAME).unlink()
        lock.release()


def _require_room(folder: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < LEAST_FREE_BYTES:
        raise OutputError(
            f"lies on a disk that is full: {free_bytes / 2**20:.0f} MB are left",
            remedy="free some space, or choose another folder",
            file=folder,
        )
