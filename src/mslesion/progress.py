"""Progress of long work, shown by whoever asks for it and silent otherwise.

The library calls :func:`track`; only the command line installs a display with
:func:`showing_progress`. So nothing needs to hand a progress bar down through its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
Display = Callable[[Iterable[Any], str, int | None], Iterable[Any]]


def _silent(items: Iterable[Any], _label: str, _total: int | None) -> Iterable[Any]:
    return items


_display: ContextVar[Display] = ContextVar("progress_display", default=_silent)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterable[T]:
    """Iterate over ``items``, showing progress when a display is installed."""
    return _display.get()(items, label, total)


@contextmanager
def showing_progress(display: Display) -> Iterator[None]:
    """Install a display for the work done inside the ``with`` block."""
    token = _display.set(display)
    try:
        yield
    finally:
        _display.reset(token)
