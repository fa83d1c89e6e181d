"""Intervals: over people, not slices, and honest about what they cannot know."""

import math
import time

import numpy as np
import pytest

from mslesion.evaluation.intervals import Resampled, cluster_bootstrap, draw_people, wilson
from mslesion.evaluation.tallies import tally


def test_twelve_right_of_twelve_may_still_be_76_percent():
    """Wilson's lower limit for 12 of 12 is 75.8 %, and the upper 100 %."""
    estimate = wilson(12, 12)
    assert estimate.value == estimate.high == 1.0
    assert round(100 * estimate.low, 1) == 75.8


def test_wilson_by_hand_and_in_the_mirror():
    """50 of 100 gives 40.4 to 59.6 %; k of n and n - k of n mirror each other."""
    half = wilson(50, 100)
    assert (round(half.low, 3), round(half.high, 3)) == (0.404, 0.596)
    some, rest = wilson(3, 17), wilson(14, 17)
    assert some.low == pytest.approx(1 - rest.high)
    assert not wilson(0, 0).is_defined


def test_each_draw_takes_as_many_people_as_there_are():
    """Rows of the draws sum to the number of people, and a seed repeats them."""
    weights = draw_people(12, 500, seed=1)
    assert weights.shape == (500, 12)
    assert (weights.sum(axis=1) == 12).all()
    assert weights.mean() == pytest.approx(1.0)
    np.testing.assert_array_equal(weights, draw_people(12, 500, seed=1))
    assert (weights != draw_people(12, 500, seed=2)).any()


def test_people_who_differ_widen_the_interval():
    """With an intraclass correlation of 0.3, people give an interval twice as wide as slices."""
    random = np.random.default_rng(0)
    person = np.repeat([f"p{number:02d}" for number in range(40)], 21)
    # A beta with this sum has a correlation of 1 / (a + b + 1) = 0.3 between slices of a person.
    skill = random.beta(0.7 * 7 / 3, 0.3 * 7 / 3, 40)
    probability = np.where(random.random(len(person)) < np.repeat(skill, 21), 0.9, 0.1)
    label = np.ones(len(person), np.int8)
    by_person = tally(person, label, probability, 0.5).estimates(2000, 1)["accuracy"]
    slices = np.array([f"s{number:04d}" for number in range(len(person))])
    by_slice = tally(slices, label, probability, 0.5).estimates(2000, 1)["accuracy"]
    assert by_person.value == by_slice.value
    assert by_person.high - by_person.low > 2 * (by_slice.high - by_slice.low)


def test_people_cover_the_truth_far_more_often_than_slices():
    """Of 95 % intervals over 12 people, 75 to 95 % hold the truth; over slices, under 65 %."""
    random = np.random.default_rng(1)
    covered = {"person": 0, "slice": 0}
    trials = 200
    for _ in range(trials):
        right = random.binomial(21, random.beta(0.75 * 7 / 3, 0.25 * 7 / 3, 12))
        people = cluster_bootstrap(
            12, lambda w, right=right: {"accuracy": w @ right / (12 * 21)}, draws=400, seed=2
        )["accuracy"]
        share = right.sum() / 252
        resampled = random.binomial(252, share, 400) / 252
        slices = Resampled(share, resampled, (np.zeros(12),)).interval()
        covered["person"] += people.low <= 0.75 <= people.high
        covered["slice"] += slices.low <= 0.75 <= slices.high
    assert 0.75 < covered["person"] / trials < 0.95
    assert covered["slice"] / trials < 0.65


def test_draws_without_a_class_are_left_out_unless_they_are_many():
    """Up to 5 % undefined draws are dropped; with more, there is no interval."""
    drawn = np.linspace(0, 1, 1000)
    drawn[:50] = math.nan
    left_out = (np.array([0.4, 0.5, 0.6]),)
    assert Resampled(0.5, drawn, left_out).interval().has_interval
    drawn[50] = math.nan
    few = Resampled(0.5, drawn, left_out).interval()
    assert few.value == 0.5
    assert not few.has_interval


@pytest.mark.parametrize(("helped", "harmed"), [(5, 1), (3, 0), (4, 1), (8, 2), (12, 3), (1, 5)])
def test_p_is_below_one_in_twenty_just_where_the_interval_leaves_out_zero(helped, harmed):
    """Also where many draws are level with 0, as of 24 people of whom few differ."""
    change = np.array([1.0] * helped + [-1.0] * harmed + [0.0] * (24 - helped - harmed))
    weights = draw_people(24, 2000, seed=3)
    left_out = np.array([np.delete(change, n).mean() for n in range(24)])
    resampled = Resampled(change.mean(), weights @ change / 24, (left_out,))
    interval = resampled.interval()
    assert (resampled.p_value() < 0.05) == (interval.low > 0 or interval.high < 0)


def test_a_width_of_zero_is_no_interval():
    """Where every draw gives the same value, resampling knows nothing, and says so."""
    assert not Resampled(1.0, np.ones(2000), (np.ones(12),)).interval().has_interval
    alone = tally(np.array(["a", "a"]), np.array([1, 0], np.int8), np.array([0.9, 0.1]), 0.5)
    assert alone.estimates(200, 0)["auc"].value == 1.0
    assert not alone.estimates(200, 0)["auc"].has_interval


def test_two_thousand_draws_of_1300_slices_take_a_fraction_of_a_second():
    """All measures of a set with their intervals, for 12 people and 1,300 slices."""
    random = np.random.default_rng(5)
    person = np.array([f"p{number % 12}" for number in range(1300)])
    label, probability = random.integers(0, 2, 1300).astype(np.int8), random.random(1300)
    start = time.perf_counter()
    tally(person, label, probability, 0.5).estimates(2000, 1)
    assert time.perf_counter() - start < 1.0
