"""Calibration, temperature and decision curves: what probabilities are worth."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mslesion.evaluation.calibration import Answered, measure_calibration
from mslesion.evaluation.decision_curve import decision_curve
from mslesion.evaluation.logistic import fit_logistic, logit
from mslesion.evaluation.predictions import Predictions, Question
from mslesion.evaluation.probability_quality import measure_probabilities, quality_as_json
from mslesion.evaluation.temperature import apply_temperature, fit_temperature
from mslesion.paper.protocol import DecisionProtocol

DECISION = DecisionProtocol(bootstrap_draws=100)


def answered(people: int, slope: float, seed: int, each: int = 10) -> Answered:
    """Answers whose true log odds are ``slope`` times those that are given."""
    random = np.random.default_rng(seed)
    score = random.normal(scale=1.5, size=people * each)
    label = random.random(len(score)) < 1 / (1 + np.exp(-slope * score))
    person = np.repeat([f"p{number:03d}" for number in range(people)], each)
    return Answered(person, label.astype(np.int8), 1 / (1 + np.exp(-score)))


def predictions(seed: int, folds: int = 2, subsets: tuple[str, ...] = ("validation", "test")):
    """Probabilities twice too extreme, in each fold for people of its own."""
    parts = []
    for fold in range(folds):
        for number, subset in enumerate(subsets):
            some = answered(20, 0.5, seed + 10 * fold + number)
            names = np.char.add(f"{subset}-{fold}-", some.person_id)
            parts.append(
                Predictions(
                    fold=np.full(len(some), fold, np.int16),
                    subset=np.full(len(some), subset, dtype="U10"),
                    person_id=names,
                    scan_name=names,
                    slice_index=np.tile(np.arange(10, dtype=np.int16), 20),
                    label=some.label,
                    probability=some.probability,
                )
            )
    return Predictions.join(parts)


def test_many_weightings_are_fitted_as_each_by_itself() -> None:
    """Weights of 0 to 3 against scikit-learn without penalty, one weighting after the other."""
    some = answered(15, 1.0, seed=3)
    scores = logit(some.probability)
    weights = np.random.default_rng(0).integers(0, 4, (6, len(some))).astype(float)
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    ours = fit_logistic(design, some.label == 1, weights, start=np.array([1.0, 0.0]))
    for row, weight in zip(ours, weights, strict=True):
        theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
            scores[:, None], some.label, sample_weight=weight
        )
        assert row[0] == pytest.approx(theirs.coef_[0, 0], abs=1e-4)
        assert row[1] == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_a_start_far_away_is_found_back_from() -> None:
    """Newton's overshoot is halved: a start of slope 40 ends where a start of 1 does."""
    some = answered(30, 1.0, seed=4)
    design = np.stack([logit(some.probability), np.ones(len(some))], axis=1)
    ends = [
        fit_logistic(design, some.label == 1, np.ones((1, len(some))), start=np.array([start, 5.0]))
        for start in (1.0, 40.0)
    ]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-6)


def test_answers_that_are_all_too_sure_are_fitted() -> None:
    """Ten positives of twelve, half of either at 0 and at 0.2: slope 0, and the odds of 10 to 2."""
    probability = np.array([0.0, 0.2] * 6)
    label = np.array([1] * 10 + [0] * 2, np.int8)
    people = np.array([f"p{number:02d}" for number in range(12)])
    found = measure_calibration(Answered(people, label, probability), draws=50, seed=0).measures
    assert found["slope"].value == pytest.approx(0, abs=1e-6)
    assert found["intercept"].value == pytest.approx(math.log(5), abs=1e-6)


def test_probabilities_twice_too_extreme_have_a_slope_of_one_half() -> None:
    """True odds are the square root of those given: slope 0.5, intercept 0, within intervals."""
    found = measure_calibration(answered(80, 0.5, seed=1), draws=400, seed=0).measures
    assert found["slope"].low < 0.5 < found["slope"].high < 1
    assert found["intercept"].low < 0 < found["intercept"].high


def test_probabilities_that_are_right_lie_on_the_diagonal() -> None:
    """Each bin's share of positives is its mean probability, and errors are small."""
    found = measure_calibration(answered(400, 1.0, seed=2), draws=100, seed=0)
    assert sum(each.count for each in found.bins) == 4000
    for each in found.bins:
        assert each.observed.value == pytest.approx(each.mean_probability, abs=0.08)
        assert each.observed.low < each.observed.value < each.observed.high
    assert found.measures["ece"].value < 0.03


def test_perfect_answers_have_no_slope() -> None:
    """Where a threshold tells all apart, no logistic line is the likeliest."""
    person, label = np.array(["a", "b", "c", "d"]), np.array([0, 0, 1, 1], np.int8)
    perfect = Answered(person, label, np.array([0.1, 0.2, 0.8, 1.0]))
    found = measure_calibration(perfect, draws=50, seed=0).measures
    assert math.isnan(found["slope"].value)
    assert found["brier"].value == pytest.approx((0.01 + 0.04 + 0.04) / 4)


def test_without_answers_nothing_is_measured() -> None:
    """No people, one class: undefined rather than a number or an error."""
    empty = Answered(np.array([], str), np.array([], np.int8), np.array([]))
    assert not any(m.is_defined for m in measure_calibration(empty, 20, 0).measures.values())
    assert not decision_curve(empty, 20, 0)[0].classifier.is_defined
    assert math.isnan(fit_temperature(empty))


def test_the_temperature_of_answers_twice_too_extreme_is_two() -> None:
    """And applying it, then its inverse, gives the probabilities back."""
    some = answered(500, 0.5, seed=5)
    assert fit_temperature(some) == pytest.approx(2, abs=0.2)
    there = apply_temperature(some.probability, 2.0)
    np.testing.assert_allclose(apply_temperature(there, 0.5), some.probability, atol=1e-9)
    np.testing.assert_array_equal(there > 0.5, some.probability > 0.5)


def test_answers_without_a_fault_or_turned_round_have_no_temperature() -> None:
    """The colder the better, or the hotter the better: there is no best one."""
    some = answered(20, 3.0, seed=6)
    right = Answered(some.person_id, (some.probability > 0.5).astype(np.int8), some.probability)
    wrong = Answered(some.person_id, 1 - right.label, some.probability)
    assert math.isnan(fit_temperature(right))
    assert math.isnan(fit_temperature(wrong))


def test_the_temperature_comes_from_validation_people_alone() -> None:
    """Other test labels leave it as it is; test answers at it are better calibrated."""
    whole = predictions(seed=7)
    quality = measure_probabilities(whole, Question.DIAGNOSIS, DECISION, 0).slices
    assert quality.at_temperature is not None
    assert len(quality.temperatures) == 2
    before, after = quality.calibration.measures, quality.at_temperature.measures
    assert after["brier"].value < before["brier"].value
    assert abs(after["slope"].value - 1) < abs(before["slope"].value - 1)
    is_test = whole.subset == "test"
    whole.label[is_test] = 1 - whole.label[is_test]
    turned = measure_probabilities(whole, Question.DIAGNOSIS, DECISION, 0).slices
    assert turned.temperatures == quality.temperatures


def test_without_validation_people_there_is_no_temperature() -> None:
    """A model met for the first time is measured as it is; plain values hold no nan."""
    alone = predictions(seed=8, folds=1, subsets=("test",))
    quality = measure_probabilities(alone, Question.DIAGNOSIS, DECISION, 0)
    assert quality.slices.temperatures == ()
    assert quality.slices.at_temperature is None
    plain = quality_as_json(quality)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_people_in_a_bin_have_wilson_limits_and_slices_those_over_people() -> None:
    """Eight of ten people: 49.0 to 94.3 %; with two slices of each, people are resampled."""
    label = np.array([1] * 8 + [0] * 2, np.int8)
    people = np.array([f"p{number}" for number in range(10)])
    single = Answered(people, label, np.full(10, 0.75))
    found = measure_calibration(single, draws=200, seed=0).bins[7].observed
    assert (round(found.low, 3), round(found.high, 3)) == (0.490, 0.943)
    double = Answered(np.repeat(people, 2), np.repeat(label, 2), np.full(20, 0.75))
    twice = measure_calibration(double, draws=200, seed=0).bins[7]
    assert (twice.count, twice.people) == (20, 10)
    assert twice.observed.high - twice.observed.low > 0.3


def test_net_benefit_by_hand() -> None:
    """At 0.2 a false alarm costs a quarter: of ten, 3 found and 2 false give (3 - 0.5) / 10."""
    probability = np.array([0.9, 0.8, 0.3, 0.1, 0.6, 0.4, 0.1, 0.1, 0.1, 0.1])
    label = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], np.int8)
    people = np.array([f"p{number}" for number in range(10)])
    curve = decision_curve(Answered(people, label, probability), draws=200, seed=0)
    point = next(each for each in curve if each.threshold == 0.2)
    assert point.classifier.value == pytest.approx(0.25)
    assert point.treat_all.value == pytest.approx((4 - 6 / 4) / 10)
