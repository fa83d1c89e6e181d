"""Every measure on thousands of small cases: against loops, scikit-learn and scipy.

Cases have ties, missing classes, one person or one slice, answers of 0 and 1.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import slow
from scipy import stats
from sklearn import metrics as sklearn_metrics
from sklearn.exceptions import UndefinedMetricWarning

from mslesion.evaluation.calibration import Answered, measure_calibration
from mslesion.evaluation.decision_curve import THRESHOLDS, decision_curve
from mslesion.evaluation.intervals import Resampled, wilson
from mslesion.evaluation.metrics import MEASURES
from mslesion.evaluation.paired_tests import delong, mcnemar
from mslesion.evaluation.tallies import tally

PREVALENCE = 0.1

case_counts = pytest.mark.parametrize("cases", [200, pytest.param(10_000, marks=pytest.mark.slow)])


def draw_case(seed):
    """Persons, labels, probabilities: one to thirty slices of one to five people."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 31))
    person = random.choice([f"p{number}" for number in range(random.integers(1, 6))], count)
    label = (random.random(count) < random.choice([0.0, 0.2, 0.5, 0.8, 1.0])).astype(np.int8)
    probability = random.random(count)
    if seed % 2:
        probability = np.round(probability * random.choice([1, 2, 5])) / 5
    return person, label, np.clip(probability, 0, 1)


def by_scikit_learn(label, probability):
    """What scikit-learn gives where it has the measure and it is defined."""
    is_yes = (probability > 0.5).astype(int)
    found = {
        "accuracy": sklearn_metrics.accuracy_score(label, is_yes),
        "brier": float(np.mean((probability - label) ** 2)),
    }
    if len(set(label.tolist())) == 2:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            positive, negative = sklearn_metrics.class_likelihood_ratios(label, is_yes)
        found |= {
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(label, is_yes),
            "mcc": sklearn_metrics.matthews_corrcoef(label, is_yes),
            "auc": sklearn_metrics.roc_auc_score(label, probability),
            "average_precision": sklearn_metrics.average_precision_score(label, probability),
            "brier": sklearn_metrics.brier_score_loss(label, probability),
            "sensitivity": sklearn_metrics.recall_score(label, is_yes),
            "specificity": sklearn_metrics.recall_score(label, is_yes, pos_label=0),
            "positive_likelihood_ratio": positive,
            "negative_likelihood_ratio": negative,
        }
        if is_yes.any():
            found["ppv"] = sklearn_metrics.precision_score(label, is_yes)
        if not is_yes.all():
            found["npv"] = sklearn_metrics.precision_score(label, is_yes, pos_label=0)
    return found


@case_counts
def test_every_measure_agrees_with_loops_and_with_scikit_learn(cases):
    """All fourteen to 1e-9; what is undefined is nan in ours and in the definition."""
    for seed in range(cases):
        person, label, probability = draw_case(seed)
        tallies = tally(person, label, probability, 0.5, PREVALENCE)
        ours = tallies.measures(np.ones((1, len(tallies.people)), np.int64))
        expected = slow.measures(label.tolist(), probability.tolist(), 0.5, PREVALENCE)
        theirs = by_scikit_learn(label, probability)
        for name in MEASURES:
            assert ours[name][0] == pytest.approx(expected[name], abs=1e-9, nan_ok=True), (
                seed, name,
            )  # fmt: skip
            if name in theirs:
                assert ours[name][0] == pytest.approx(theirs[name], abs=1e-9, nan_ok=True), (
                    seed, name,
                )  # fmt: skip


@case_counts
def test_drawing_people_is_copying_their_slices(cases):
    """A random weighting of people gives what the copied slices give, average precision too."""
    for seed in range(cases):
        person, label, probability = draw_case(seed)
        tallies = tally(person, label, probability, 0.5, PREVALENCE)
        weights = np.random.default_rng(seed).integers(0, 4, (2, len(tallies.people)))
        ours = tallies.measures(weights)
        for number, expected in enumerate(
            slow.resampled(person, label, probability, 0.5, PREVALENCE, weights)
        ):
            for name in MEASURES:
                assert ours[name][number] == pytest.approx(expected[name], abs=1e-9, nan_ok=True), (
                    seed,
                    name,
                )


@case_counts
def test_the_mcnemar_test_is_a_test_of_a_fair_coin(cases):
    """The exact p value is scipy's binomial test of the people on whom one alone is right."""
    for seed in range(cases):
        random = np.random.default_rng(seed)
        first, second = random.random((2, random.integers(1, 40))) < random.random()
        alone, discordant = int((first & ~second).sum()), int((first != second).sum())
        expected = stats.binomtest(alone, discordant, 0.5).pvalue if discordant else 1.0
        assert mcnemar(first, second) == pytest.approx(expected, abs=1e-9)


@case_counts
def test_delong_by_midranks_is_delong_by_placements(cases):
    """Areas and the variance of their difference, ties included; nan without two of a class."""
    for seed in range(cases):
        random = np.random.default_rng(seed)
        count = int(random.integers(2, 16))
        label = random.integers(0, 2, count).astype(np.int8)
        scores = np.round(random.random((2, count)) + 0.2 * label, random.integers(1, 4))
        areas = delong(label, scores)
        if label.min() == label.max():
            assert np.isnan(areas.values).all()
            continue
        expected, variance = slow.delong(label.tolist(), *scores.tolist())
        np.testing.assert_allclose(areas.values, expected, atol=1e-9)
        contrast = np.array([1.0, -1.0])
        assert contrast @ areas.covariance @ contrast == pytest.approx(
            variance, abs=1e-9, nan_ok=True
        )
        difference, p_value = areas.difference(0, 1)
        if variance > 1e-12:
            z = (expected[0] - expected[1]) / math.sqrt(variance)
            assert p_value == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-9)
            assert difference.high - difference.low == pytest.approx(
                2 * stats.norm.ppf(0.975) * math.sqrt(variance), abs=1e-9
            )


@case_counts
def test_bca_limits_are_those_of_the_formula(cases):
    """Bias, acceleration and limits against Efron's equations, with ties among the draws."""
    for seed in range(cases):
        random = np.random.default_rng(seed)
        values = np.round(random.exponential(size=random.integers(3, 12)), 1)
        drawn = random.choice(values, (200, len(values))).mean(axis=1)
        left_out = (values.sum() - values) / (len(values) - 1)
        ours = Resampled(float(values.mean()), drawn, (left_out,))
        if not ours.is_usable:
            continue
        found = ours.interval()
        # Level with the value means within rounding: sums of draws differ in their last bits.
        levelled = np.where(np.abs(drawn - ours.value) < 1e-12, ours.value, drawn)
        expected = slow.bca_limits(ours.value, levelled.tolist(), left_out.tolist())
        assert (found.low, found.high) == pytest.approx(tuple(expected), abs=1e-9), seed


@case_counts
def test_wilson_limits_are_scipys(cases):
    """The score interval of any share, none and all included."""
    for seed in range(cases):
        random = np.random.default_rng(seed)
        count = int(random.integers(1, 60))
        successes = int(random.integers(0, count + 1))
        expected = stats.binomtest(successes, count).proportion_ci(method="wilson")
        found = wilson(successes, count)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("cases", [60, pytest.param(2_000, marks=pytest.mark.slow)])
def test_calibration_and_net_benefit_agree_with_their_definitions(cases):
    """Brier score and calibration error by loops, slope and intercept where the gradient is 0."""
    for seed in range(cases):
        person, label, probability = draw_case(seed)
        answered = Answered(person, label, probability)
        found = measure_calibration(answered, draws=2, seed=0).measures
        listed = label.tolist(), probability.tolist()
        assert found["brier"].value == pytest.approx(
            slow.measures(*listed, 0.5, PREVALENCE)["brier"], abs=1e-9
        )
        assert found["ece"].value == pytest.approx(
            slow.expected_calibration_error(*listed), abs=1e-9
        )
        for point in decision_curve(answered, draws=2, seed=0):
            assert point.threshold in THRESHOLDS
            expected = slow.net_benefit(*listed, point.threshold)
            assert point.classifier.value == pytest.approx(expected, abs=1e-9)
            everybody = slow.net_benefit(listed[0], [1.0] * len(label), point.threshold)
            assert point.treat_all.value == pytest.approx(everybody, abs=1e-9)
        clipped = np.clip(probability, 1e-6, 1 - 1e-6)
        logit = np.log(clipped / (1 - clipped))
        yes, no = logit[label == 1], logit[label == 0]
        overlap = len(yes) and len(no) and no.max() > yes.min() and yes.max() > no.min()
        assert math.isnan(found["slope"].value) == (not overlap)
        assert math.isnan(found["intercept_at_slope_1"].value) == (not (len(yes) and len(no)))
        if overlap:
            score = found["slope"].value * logit + found["intercept"].value
            rest = 1 / (1 + np.exp(-score)) - label
            assert abs(rest.sum()) < 1e-6
            assert abs((rest * logit).sum()) < 1e-5
        if len(yes) and len(no):
            shifted = 1 / (1 + np.exp(-logit - found["intercept_at_slope_1"].value))
            assert shifted.sum() == pytest.approx(label.sum(), abs=1e-6)
