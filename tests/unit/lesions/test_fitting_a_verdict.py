"""How the verdict is fitted on one cohort of simulated people and tested on another."""

from __future__ import annotations

import numpy as np
import pytest

from mslesion.lesions.learning.verdict import (
    JudgedPeople,
    _threshold,
    can_fit_verdict,
    fit_verdict,
    measure_verdict,
)


def people(count: int, apart: float, seed: int) -> JudgedPeople:
    """Half with MS; all four features are ``apart`` higher in them, with a spread of 1."""
    rng = np.random.default_rng(seed)
    has_ms = np.arange(count) % 2 == 1
    return JudgedPeople(rng.normal(0, 1, (count, 4)) + apart * has_ms[:, None], has_ms)


def test_groups_far_apart_are_told_apart_without_an_error() -> None:
    """Six standard deviations between the groups: nobody is called wrongly, and sides are right."""
    verdict = fit_verdict(people(60, 6.0, 0), people(80, 6.0, 1), "60 made-up people")
    assert verdict.control_false_positive_rate == pytest.approx((0, 0, 0.0876), abs=1e-4)
    assert verdict.ms_missed_rate[0] == 0
    assert verdict.probability(np.full(4, 6.0)) > 0.95
    assert verdict.probability(np.zeros(4)) < 0.05


def test_rates_are_those_of_the_other_cohort() -> None:
    """The threshold is chosen where it was fitted; in a cohort that differs, errors show."""
    fitting, testing = people(60, 6.0, 0), people(80, 6.0, 1)
    shifted = JudgedPeople(testing.features + 6.0, testing.has_ms)
    verdict = fit_verdict(fitting, shifted, "60 made-up people")
    assert verdict.control_false_positive_rate[0] > 0.9
    assert verdict.ms_missed_rate[0] == 0


def test_the_threshold_balances_both_errors() -> None:
    """Where people overlap, MS is missed twice as often as controls are called MS: 10 and 5 %."""
    verdict = fit_verdict(people(2000, 1.2, 2), people(4000, 1.2, 3), "2000 made-up people")
    assert verdict.threshold > 0.5
    missed, called = verdict.ms_missed_rate[0], verdict.control_false_positive_rate[0]
    assert missed == pytest.approx(2 * called, rel=0.3)


def test_the_threshold_is_the_best_of_all_that_can_be_tried() -> None:
    """By hand: at 0.57 no control of 3 is called and 1 of 4 with MS missed; no other is better."""
    probability = np.array([0.1, 0.3, 0.54, 0.2, 0.6, 0.7, 0.9])
    has_ms = np.array([False, False, False, True, True, True, True])
    assert _threshold(probability, has_ms) == 0.57
    assert _threshold(np.array([0.1, 0.9]), np.array([False, True])) == 0.7


def test_what_the_probabilities_are_worth_is_measured_on_others() -> None:
    """Of people like those it was fitted on they are about right; the Brier score is by hand."""
    fitting, testing = people(2000, 1.0, 4), people(2000, 1.0, 5)
    verdict = fit_verdict(fitting, testing, "2000 made-up people")
    measured = measure_verdict(verdict, testing)
    assert measured["testing_slope"] == pytest.approx(1, abs=0.1)
    assert measured["testing_intercept"] == pytest.approx(0, abs=0.15)
    wrong = [verdict.probability(f) - ms for f, ms in zip(*_rows(testing), strict=True)]
    assert measured["testing_brier"] == pytest.approx(np.mean(np.square(wrong)), abs=1e-3)
    twice_as_far = JudgedPeople(testing.features * 2 - 0.5, testing.has_ms)
    assert measure_verdict(verdict, twice_as_far)["testing_slope"] < 0.7


def _rows(of: JudgedPeople) -> tuple[np.ndarray, np.ndarray]:
    return of.features, of.has_ms


def test_a_verdict_needs_people_of_both_classes() -> None:
    """Five of each to be fitted on, one of each to be tested on."""
    ten, nine, two = people(10, 1.0, 0), people(9, 1.0, 0), people(2, 1.0, 0)
    alone = JudgedPeople(ten.features, np.ones(10, np.bool_))
    nobody = JudgedPeople(np.zeros((0, 4)), np.zeros(0, np.bool_))
    assert can_fit_verdict(ten, two)
    for fitting, testing in ((nine, two), (alone, two), (ten, alone), (nobody, ten), (ten, nobody)):
        assert not can_fit_verdict(fitting, testing)
