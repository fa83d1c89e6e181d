"""What the study will take: about how many minutes each experiment needs, before any is begun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mslesion.experiments.bench import Bench
from mslesion.experiments.experiment import CNN, DETECTOR, Arm, Experiment, Thickening

_SECONDS_AN_IMAGE = 1 / 1410
"""Of the CNN's training at 64x64 on one core (docs/results.md)."""
_SECONDS_A_FIT = {"SVM": 9.0, "decision tree": 6.0}
"""Of all candidates on 800 slices."""
_SECONDS_A_SCAN = {1: 9.0, 3: 5.0, 5: 4.0, 8: 3.0}
"""Of a detection on two cores, by slice thickness in mm."""


def estimated_minutes(
    rows: Sequence[Experiment | Thickening], bench: Bench
) -> Iterator[tuple[str, float]]:
    """Each experiment's name, and about how many minutes of one core it takes.

    Fits that an experiment above it has done already cost nothing.
    """
    done: set[Arm] = set()
    for row in rows:
        if isinstance(row, Thickening):
            seconds = sum(2 * row.people * _SECONDS_A_SCAN[mm] for mm in row.thicknesses_mm)
        else:
            fitted = {replace(arm, label="", tested_on="") for arm in row.arms}
            seconds = sum(_arm_seconds(arm, bench) for arm in fitted - done)
            done |= fitted
        yield row.name, seconds / 60


def _arm_seconds(arm: Arm, bench: Bench) -> float:
    slices = bench.cohorts[arm.cohort].slices
    fits = arm.folds * len(arm.seeds)
    if arm.classifier == CNN:
        protocol = arm.protocol
        images = 0.6 * slices * protocol.augmentation.copies * protocol.training.epochs
        return fits * images * _SECONDS_AN_IMAGE * (protocol.slices.size_pixels / 64) ** 2
    if arm.classifier in _SECONDS_A_FIT:
        baselines = arm.protocol.baselines
        candidates = {
            "SVM": len(baselines.svm_costs) * len(baselines.svm_gammas),
            "decision tree": len(baselines.tree_depths) * len(baselines.tree_leaf_sizes),
        }[arm.classifier]
        # All three of training, choosing and answering grow with the slices.
        return fits * _SECONDS_A_FIT[arm.classifier] * candidates / 6 * (slices / 1320) ** 2
    return 6.0 * slices / 22 if arm.classifier == DETECTOR else 0.0
