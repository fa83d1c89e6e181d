"""Whose seeds are whose: those that are given, and the package's own beyond them."""

from __future__ import annotations

from mslesion.errors import UsageError

OWN_SEEDS = 2**32
"""Given seeds are below. From here on are the seeds of the simulated people whom detectors learn
from and are chosen by, so that nobody simulates a cohort whose heads and lesions one has met."""


def require_given_seed(seed: int) -> None:
    """See that a seed is none of the package's own.

    Raises:
        UsageError: it is beyond those that may be given.
    """
    if seed >= OWN_SEEDS:
        raise UsageError(f"seed {seed} is too large", remedy=f"choose one below {OWN_SEEDS}")
