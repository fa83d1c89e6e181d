"""The parts of the study: thick slices, shuffled people, means over seeds, and what is claimed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mslesion.evaluation.comparison import difference
from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import MEASURES
from mslesion.evaluation.predictions import Predictions, Subset
from mslesion.experiments.answers import height_bins, split_of_two, with_shuffled_people
from mslesion.experiments.cohorts import thicken, thickened_affine
from mslesion.experiments.measures import difference_of, measures_of
from mslesion.experiments.sentences import (
    all_against_chance,
    all_compared,
    compared,
    over_shuffles,
)
from mslesion.experiments.thickness import spread
from mslesion.paper.protocol import DecisionProtocol
from mslesion.paper.slices import SliceSet

QUICK = DecisionProtocol(bootstrap_draws=200)


def _slices(people: int = 6, slices: int = 4) -> SliceSet:
    count = people * slices
    owner = np.repeat(np.arange(people), slices)
    return SliceSet(
        pixels=np.zeros((count, 2, 2), np.float32),
        lesion_share=np.zeros((count, 0, 0), np.float32),
        person_id=np.array([f"p{n}" for n in owner]),
        scan_name=np.array([f"s{n}" for n in owner]),
        slice_index=np.tile(np.arange(slices), people).astype(np.int16),
        is_ms=(owner % 2).astype(np.int8),
        has_lesion=np.zeros(count, np.int8),
        lesion_area_mm2=np.zeros(count, np.float32),
    )


def _predictions(seed: int, strength: float = 1.0, people: int = 12) -> Predictions:
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), 8)
    label = (random.random(len(owner)) < 0.4).astype(np.int8)
    score = strength * label + random.normal(size=len(owner))
    return Predictions(
        fold=np.zeros(len(owner), np.int16),
        subset=np.full(len(owner), Subset.TEST.value),
        person_id=np.array([f"p{n:02d}" for n in owner]),
        scan_name=np.array([f"s{n:02d}" for n in owner]),
        slice_index=np.tile(np.arange(8), people).astype(np.int16),
        label=label,
        probability=1 / (1 + np.exp(-score)),
    )


def test_a_thick_slice_is_the_mean_of_its_thin_ones_and_lies_in_their_middle() -> None:
    """Seven slices of 1 mm give two of 3 mm; the seventh fills no slab and is left out."""
    volume = np.arange(7, dtype=np.float32)[None, None, :] * np.ones((2, 3, 1), np.float32)
    thick = thicken(volume, 3)
    assert thick.shape == (2, 3, 2)
    np.testing.assert_array_equal(thick[0, 0], [1, 4])
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[2, 3] = -10.0
    new = thickened_affine(affine, 3)
    assert [(new @ [0, 0, k, 1])[2] for k in (0, 1)] == [-9.0, -6.0]  # of thin slices 1 and 4
    assert new[2, 2] == 3.0


def test_a_thick_mask_spread_out_covers_the_slices_it_was_made_of() -> None:
    """Averaged again, it is the same mask."""
    mask = np.random.default_rng(0).random((4, 5, 6)) < 0.5
    thin = spread(mask, 5)
    assert thin.shape == (4, 5, 30)
    np.testing.assert_array_equal(thicken(thin.astype(np.float32), 5), mask)


def test_shuffling_keeps_each_person_whole_and_the_number_with_ms() -> None:
    """Labels change hands between people, not between slices; the same seed deals alike."""
    slices = _slices()
    shuffled = [with_shuffled_people(slices, seed) for seed in range(6)]
    for one in shuffled:
        for person in np.unique(one.person_id):
            assert len(np.unique(one.is_ms[one.person_id == person])) == 1
        assert one.is_ms.sum() == slices.is_ms.sum()
    assert len({one.is_ms.tobytes() for one in shuffled}) > 1
    np.testing.assert_array_equal(with_shuffled_people(slices, 3).is_ms, shuffled[3].is_ms)


def test_of_two_people_nobody_is_tested_and_each_trains_once() -> None:
    """With one to train and one to choose the epoch, there is none left."""
    split = split_of_two(["a", "b"], seed=0)
    assert [(f.training, f.validation, f.test) for f in split.folds] == [
        (("a",), ("b",), ()),
        (("b",), ("a",), ()),
    ]


def test_height_runs_from_the_lowest_to_the_highest_slice_of_each_scan() -> None:
    """Tenths of the scan, whatever the number of its slices."""
    assert height_bins(_slices(people=1, slices=11)).tolist() == [*range(10), 9]


def test_one_run_is_measured_as_everywhere_else() -> None:
    """Means over a single seed are the measures themselves, and so are differences."""
    first, second = _predictions(1, 2.0), _predictions(2)
    found = difference_of([first], [second], QUICK, seed=5)
    expected = difference(first, second, QUICK.threshold, QUICK.bootstrap_draws, 5)
    assert found["same_people"]
    for name in MEASURES:
        assert found[name]["value"] == pytest.approx(expected.measures[name].value, abs=1e-12)
        assert found[name]["low"] == pytest.approx(expected.measures[name].low, abs=1e-12)


def test_several_seeds_give_their_mean_and_spread_also_where_other_people_are_tested() -> None:
    """By hand: the mean of two accuracies, and their SD with one degree of freedom."""
    runs = [_predictions(1), _predictions(2)]
    fewer = runs[1].where(runs[1].person_id < "p06")
    found = measures_of([runs[0], fewer], QUICK)
    accuracies = [
        float(((run.probability > 0.5) == (run.label == 1)).mean()) for run in (runs[0], fewer)
    ]
    assert found["of_each_seed"]["accuracy"] == pytest.approx(accuracies)
    assert found["measures"]["accuracy"]["value"] == pytest.approx(sum(accuracies) / 2)
    expected = abs(accuracies[0] - accuracies[1]) / 2**0.5
    assert found["sd_over_seeds"]["accuracy"] == pytest.approx(expected)
    assert found["n_people"] == 12


def test_cohorts_of_other_people_are_not_paired() -> None:
    """People are paired by name, and names of two cohorts differ."""
    other = _predictions(2)
    renamed = replace(other, person_id=np.char.add("other/", other.person_id))
    assert not difference_of([_predictions(1)], [renamed], QUICK)["same_people"]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.3, "has a **higher** AUC than"),
        (-0.3, -0.01, "has a **lower** AUC than"),
        (-0.1, 0.3, "no difference in AUC is shown"),
        (float("nan"), float("nan"), "nothing is claimed"),
    ],
)
def test_what_is_said_of_a_difference_follows_from_its_interval(
    low: float, high: float, said: str
) -> None:
    """Only an interval that leaves out zero carries the word higher or lower."""
    sentence = compared("the CNN", "the SVM", "auc", Estimate(0.1, low, high))
    assert said in sentence.replace("No difference", "no difference")
    assert "+0.10" in sentence


def test_a_list_sorts_its_members_by_what_is_shown_of_them() -> None:
    """Each member stands under one heading; headings without members are left out."""
    differences = {
        "a": Estimate(0.2, 0.1, 0.3),
        "b": Estimate(0.1, -0.1, 0.3),
        "c": Estimate(-0.2, -0.3, -0.1),
    }
    text = all_compared("d", "auc", differences)
    assert text.index("**Higher**: a") < text.index("**Lower**: c")
    assert text.index("**Lower**: c") < text.index("No difference shown: b")
    text = all_against_chance("auc", {"a": Estimate(0.6, 0.4, 0.8)})
    assert text.startswith("Not shown to be better than chance: a 0.60")
    assert "**" not in text


def test_shuffles_give_their_mean_with_two_standard_errors() -> None:
    """By hand: 0.4, 0.5 and 0.6 have SD 0.1 and a standard error of 0.1 over the root of 3."""
    found = over_shuffles([0.4, 0.5, 0.6])
    assert found.value == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5 + 2 * 0.1 / 3**0.5)
    assert not over_shuffles([0.4]).has_interval
