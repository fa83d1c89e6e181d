"""What a person sees while they wait: progress bars on a terminal, one line a stage elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from mslesion.errors import one_line
from mslesion.progress import showing_progress


@contextmanager
def progress_on_stderr(*, each: bool = False) -> Iterator[None]:
    """Show the progress of the work inside the ``with`` block on standard error.

    With ``each``, whatever has a name gets a line as it begins, on a terminal too.
    """
    show = _named_lines if each else _bars if sys.stderr.isatty() else _lines
    with show():
        yield


@contextmanager
def _bars() -> Iterator[None]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:

        def display(items: Iterable[Any], label: str, total: int | None) -> Iterable[Any]:
            return bars.track(items, total=total, description=label)

        with showing_progress(display):
            yield


@contextmanager
def _lines() -> Iterator[None]:
    """A log file gets one line when a stage ends: its name, how many, how long."""

    def display(items: Iterable[Any], label: str, _total: int | None) -> Iterable[Any]:
        started, count = perf_counter(), 0
        for item in items:
            yield item
            count += 1
        sys.stderr.write(f"{label}: {count} in {perf_counter() - started:.1f} s\n")

    with showing_progress(display):
        yield


@contextmanager
def _named_lines() -> Iterator[None]:
    """A line as each named thing of a stage begins: which of how many, and after how long."""

    def display(items: Iterable[Any], label: str, total: int | None) -> Iterable[Any]:
        started = perf_counter()
        for number, item in enumerate(items, 1):
            if isinstance(item, str):
                of_all = f"{number} of {total}"
                passed = f"after {perf_counter() - started:.1f} s"
                sys.stderr.write(f"{label}: {of_all}, {one_line(item)}, {passed}\n")
                sys.stderr.flush()
            yield item

    with showing_progress(display):
        yield
