"""Whose seeds are whose: those of ``--seed``, and the package's own beyond them."""

OWN_SEEDS = 2**32
"""``--seed`` is below. From here on are the seeds of the simulated people whom detectors learn from
and are chosen by, so that nobody simulates a cohort whose heads and lesions a detector has met."""
