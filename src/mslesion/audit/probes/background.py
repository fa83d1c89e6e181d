"""The air around the head: ghosts, noise, zeros left by a mask."""

from __future__ import annotations

import numpy as np

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut

_LEAST_VOXELS = 200


def facts(seen: Seen) -> Facts | None:
    """How bright and how noisy the air is, in units of tissue; None without air."""
    air = seen.regions.voxels[seen.regions.air]
    if air.size < _LEAST_VOXELS:
        return None
    return {
        "mean": float(air.mean()),
        "SD": float(air.std()),
        "median": float(np.median(air)),
        "99 % point": float(np.percentile(air, 99)),
        "share of zeros": float((air == 0).mean()),
        "share of most frequent": float(np.unique(air, return_counts=True)[1].max() / air.size),
    }


SHORTCUT = Shortcut(
    "background",
    "the air around the head",
    facts,
    "treat the background of both classes in one way (zero outside the head in all scans), "
    "and train anew",
)
