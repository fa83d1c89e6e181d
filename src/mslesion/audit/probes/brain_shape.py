"""The outline of the brain, without any intensity."""

from __future__ import annotations

import numpy as np

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut, numbers

_LEVELS = 8


def facts(seen: Seen) -> Facts | None:
    """Volume, extent, and how much of each level's box is filled; None where no brain is seen."""
    brain = seen.regions.brain
    if not brain.any():
        return None
    spacing_mm = np.array(seen.regions.spacing_mm)
    sides = [np.flatnonzero(brain.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    extent_mm = [float(np.ptp(side) + 1) * mm for side, mm in zip(sides, spacing_mm, strict=True)]
    areas = brain[:, :, sides[2][0] : sides[2][-1] + 1].sum(axis=(0, 1)) * spacing_mm[:2].prod()
    levels = np.interp(np.linspace(0, len(areas) - 1, _LEVELS), np.arange(len(areas)), areas)
    return {
        "ml": float(brain.sum() * spacing_mm.prod() / 1000),
        **numbers("extent mm", extent_mm),
        **numbers("area mm2", levels),
    }


SHORTCUT = Shortcut(
    "brain shape",
    "the outline of the brain",
    facts,
    "match the classes by age and sex; what stays may be atrophy, which is real but no lesion: "
    "say so beside the results",
)
