"""The rim of the head: skull and scalp, or the border where a stripper left the brain."""

from __future__ import annotations

from itertools import pairwise

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut, numbers

_DEPTHS_MM = (0.0, 3.0, 6.0, 9.0, 12.0, 16.0)


def facts(seen: Seen) -> Facts | None:
    """Mean and spread of the signal in five layers below the surface; None without a head."""
    regions = seen.regions
    layers = [
        regions.voxels[(regions.depth_mm > low) & (regions.depth_mm <= high)]
        for low, high in pairwise(_DEPTHS_MM)
    ]
    if not regions.head.any():
        return None
    means = [float(layer.mean()) if layer.size else 0.0 for layer in layers]
    spreads = [float(layer.std()) if layer.size else 0.0 for layer in layers]
    return {**numbers("mean", means), **numbers("SD", spreads), **_surface(seen)}


def _surface(seen: Seen) -> Facts:
    """How much of the head's surface is followed by a dark layer, as bone is."""
    regions = seen.regions
    below = (regions.depth_mm > 3.0) & (regions.depth_mm <= 9.0)
    dark = regions.voxels[below] < 0.5
    return {"dark below the surface": float(dark.mean()) if dark.size else 0.0}


SHORTCUT = Shortcut(
    "skull",
    "the rim of the head (skull, scalp, or the border that a stripper left)",
    facts,
    "strip the skull of both classes with one tool, or of neither, and train anew",
)
