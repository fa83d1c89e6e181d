"""What of a scan, its header and its name may give a class away; one file a shortcut."""

from __future__ import annotations

from mslesion.audit.probes import (
    background,
    brain_shape,
    header,
    lesions_erased,
    names,
    skull,
)
from mslesion.audit.probes.shortcut import Shortcut

SHORTCUTS: tuple[Shortcut, ...] = (
    names.SHORTCUT,
    header.SHORTCUT,
    background.SHORTCUT,
    skull.SHORTCUT,
    brain_shape.SHORTCUT,
    lesions_erased.SHORTCUT,
)
"""Every shortcut that is tried, in the order in which a report shows them."""

__all__ = ["SHORTCUTS", "Shortcut"]
