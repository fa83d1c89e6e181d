"""Calls of one function shared by several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mslesion.progress import track

R = TypeVar("R")


def share(
    work: Callable[..., R], calls: Sequence[tuple[Any, ...]], workers: int, label: str
) -> Iterable[R]:
    """The result of ``work`` for the arguments of each call, in their order, as they are done.

    Progress is shown under ``label``. Worker processes outlive this and stay in the folder that
    they were started in, wherever the caller has gone since; each is brought to the caller's, so
    that a relative path means the same to all.
    """
    from joblib import Parallel, delayed  # of an extra, which finding lesions does without

    caller, folder = os.getpid(), Path.cwd()
    done = Parallel(n_jobs=workers, return_as="generator")(
        delayed(_called_from)(caller, folder, work, call) for call in calls
    )
    return track(done, label, len(calls))


def _called_from(caller: int, folder: Path, work: Callable[..., R], call: tuple[Any, ...]) -> R:
    if os.getpid() != caller:
        os.chdir(folder)
    return work(*call)
