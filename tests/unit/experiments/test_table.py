"""The table of experiments: valid protocols, one thing changed at a time, nothing named twice."""

from __future__ import annotations

import dataclasses

import pytest

from mslesion.evaluation.predictions import SplitUnit
from mslesion.experiments.experiment import FULL, REHEARSAL, Experiment, Scale, Thickening
from mslesion.experiments.table import TABRIZ, experiments, study_cohorts, transfer_label
from mslesion.paper.protocol import Protocol, rows

ALL_ARMS = [
    (row, arm) for row in experiments(FULL) if isinstance(row, Experiment) for arm in row.arms
]


@pytest.mark.parametrize("scale", [FULL, REHEARSAL])
def test_every_name_stands_once_and_every_pair_names_two_arms(scale: Scale) -> None:
    """Results are files by name, arms are found by label, and a difference needs both its arms."""
    table = experiments(scale)
    assert len({row.name for row in table}) == len(table)
    for row in table:
        if isinstance(row, Thickening):
            continue
        labels = [arm.label for arm in row.arms]
        assert len(set(labels)) == len(labels)
        assert set(labels).issuperset(label for pair in row.pairs for label in pair)
        assert {name for arm in row.arms for name in arm.cohorts} <= set(study_cohorts(scale))


def test_no_two_arms_of_an_experiment_are_the_same() -> None:
    """Arms that differ in their label alone would be one arm measured twice."""
    for row in experiments(FULL):
        if isinstance(row, Experiment):
            unnamed = [dataclasses.replace(arm, label="") for arm in row.arms]
            assert len(set(unnamed)) == len(unnamed), row.name


def test_slices_are_split_only_where_the_label_says_so() -> None:
    """A slice split is a demonstration of leakage and is called one."""
    for _, arm in ALL_ARMS:
        assert (arm.split_unit is SplitUnit.SLICE) == arm.label.endswith("slice split")


def test_comparisons_of_pooling_and_augmentation_have_five_seeds() -> None:
    """Fewer than five repetitions do not show how much chance there is in a training."""
    for row, arm in ALL_ARMS:
        if row.name in ("pooling", "augmentation"):
            assert len(arm.seeds) == 5
        if row.name == "random-labels":
            assert len(arm.seeds) == 20


def test_all_arms_of_the_augmentation_train_equally_long() -> None:
    """What is compared is the kind of change, not the number of images."""
    (row,) = (r for r in experiments(FULL) if r.name == "augmentation")
    assert isinstance(row, Experiment)
    assert {arm.protocol.augmentation.copies for arm in row.arms} == {5}
    assert len({arm.protocol.augmentation for arm in row.arms}) == len(row.arms) == 8


def test_the_study_keeps_the_papers_choices_unless_an_experiment_names_another() -> None:
    """An arm may differ from the standard protocol only in what its experiment is about."""
    allowed = {
        "random-labels": {"tree_depths", "tree_leaf_sizes", "svm_costs", "svm_gammas"},
        "input-size": {"size_pixels", "copies", "keep_one_original"},
        "pooling": {"pooling", "copies", "keep_one_original"},
        "augmentation": {"rotation_degrees", "flip_probability", "intensity_scale"},
    }
    standard = {(r.part, r.name): r.value for r in rows(Protocol())}
    for row, arm in ALL_ARMS:
        changed = {r.name for r in rows(arm.protocol) if standard[r.part, r.name] != r.value}
        assert changed <= allowed.get(row.name, set()), (row.name, arm.label)


def test_without_real_scans_what_needs_them_is_left_out() -> None:
    """The rest of the study stays, with its comparisons."""
    at_hand = [name for name, cohort in study_cohorts(FULL).items() if not cohort.folder]
    left = [r.within(at_hand) for r in experiments(FULL) if isinstance(r, Experiment)]
    assert all(TABRIZ not in arm.cohorts for row in left for arm in row.arms)
    (transfer,) = (row for row in left if row.name == "transfer")
    own = transfer_label("simulated", "simulated")
    assert (transfer_label("simulated", "simulated-1mm"), own) in transfer.pairs
