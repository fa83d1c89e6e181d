"""Find multiple sclerosis lesions in brain MR images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mslesion.detection import Detection
    from mslesion.pipeline import detect

__all__ = ["Detection", "__version__", "detect"]
__version__ = "0.1.0"

_HOMES = {"Detection": "mslesion.detection", "detect": "mslesion.pipeline"}
"""Loaded when they are first asked for: numpy alone takes longer than all of ``--help``."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
