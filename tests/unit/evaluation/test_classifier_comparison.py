"""Classifiers against each other: McNemar, DeLong, resampled people, Holm."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mslesion.errors import CohortError
from mslesion.evaluation.classifier_comparison import compare_classifiers, comparisons_as_json
from mslesion.evaluation.intervals import Correction, resample
from mslesion.evaluation.multiple import holm
from mslesion.evaluation.paired_tests import delong, mcnemar
from mslesion.evaluation.predictions import Predictions, Question
from mslesion.paper.protocol import DecisionProtocol

DECISION = DecisionProtocol(bootstrap_draws=400)
PAIRS = (("good", "bad"), ("good", "other"), ("good", "not run"))


def answers(skill: float, seed: int, people: int = 40) -> Predictions:
    """Test answers on the same ten slices of everybody, the better the greater ``skill``."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(people) % 2, 10).astype(np.int8)
    names = np.repeat([f"p{number:02d}" for number in range(people)], 10)
    score = skill * (label - 0.5) + random.normal(size=len(label))
    score += np.repeat(random.normal(size=people), 10)
    return Predictions(
        fold=np.zeros(len(label), np.int16),
        subset=np.full(len(label), "test"),
        person_id=names,
        scan_name=names,
        slice_index=np.tile(np.arange(10, dtype=np.int16), people),
        label=label,
        probability=1 / (1 + np.exp(-score)),
    )


RUNS = {"good": answers(3, 1), "bad": answers(0, 2), "other": answers(3, 3)}


def test_a_real_difference_is_found_and_a_small_one_is_not() -> None:
    """Every test tells the good from the bad; none tells two that are equally good apart."""
    against_bad, against_other = compare_classifiers(
        RUNS, PAIRS, Question.DIAGNOSIS, DECISION, seed=0
    )
    assert (against_bad.first, against_bad.second) == ("good", "bad")
    assert all(test.p_holm < 0.05 for test in against_bad.tests)
    assert all(test.p_holm > 0.05 for test in against_other.tests)
    assert [test.test for test in against_bad.tests] == [
        "exact McNemar", "DeLong", "cluster bootstrap", "cluster bootstrap",
    ]  # fmt: skip


def test_p_values_agree_with_intervals() -> None:
    """Below 0.05 where the interval leaves out 0, for every measure of slices and DeLong."""
    for pair in compare_classifiers(RUNS, PAIRS, Question.DIAGNOSIS, DECISION, seed=0):
        for test in (t for t in pair.tests[1:] if t.difference.has_interval):
            leaves_out = not test.difference.low <= 0 <= test.difference.high
            assert (test.p_value < 0.05) == leaves_out


def test_holm_is_over_all_pairs() -> None:
    """The corrected p values are those of all tests of all pairs at once."""
    pairs = compare_classifiers(RUNS, PAIRS, Question.DIAGNOSIS, DECISION, seed=0)
    tests = [test for pair in pairs for test in pair.tests]
    expected = holm({str(number): test.p_value for number, test in enumerate(tests)})
    assert [test.p_holm for test in tests] == list(expected.values())


def test_a_classifier_against_itself() -> None:
    """No difference: p is 1 where it can be told, and n/a where draws have no spread."""
    (pair,) = compare_classifiers(
        {"good": RUNS["good"], "bad": RUNS["good"]}, PAIRS, Question.DIAGNOSIS, DECISION, 0
    )
    mcnemar_test, delong_test, *of_slices = pair.tests
    assert mcnemar_test.p_value == delong_test.p_value == 1
    assert all(math.isnan(test.p_value) for test in of_slices)
    plain = comparisons_as_json([pair])
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_other_slices_are_not_compared() -> None:
    """Both must have been tested on the same slices."""
    runs = {"good": RUNS["good"], "bad": answers(0, 2, people=30)}
    with pytest.raises(CohortError, match="different slices"):
        compare_classifiers(runs, PAIRS, Question.DIAGNOSIS, DECISION, 0)


def test_mcnemar_by_hand() -> None:
    """Of 5 people on whom one is right, that is the first in all: twice 1/32."""
    first = np.array([True] * 8)
    second = np.array([True] * 3 + [False] * 5)
    assert mcnemar(first, second) == pytest.approx(2 / 32)
    assert mcnemar(first, first) == 1
    assert math.isnan(mcnemar(first[:0], second[:0]))


def test_delong_cannot_test_one_positive() -> None:
    """With one person of a class there is no variance, and so no p value."""
    areas = delong(np.array([1, 0, 0], np.int8), np.array([[0.9, 0.1, 0.2], [0.1, 0.2, 0.3]]))
    difference, p_value = areas.difference(0, 1)
    assert difference.value == 1
    assert not difference.has_interval
    assert math.isnan(p_value)


def test_where_a_limit_lies_and_what_it_leaves_are_inverses() -> None:
    """From tail to position and back, for skewed and plain draws."""
    for correction in (Correction(), Correction(0.3, 0.1), Correction(-0.2, -0.15)):
        for tail in (0.005, 0.025, 0.5, 0.975):
            assert correction.tail(correction.position(tail)) == pytest.approx(tail)
    assert Correction().position(0.025) == pytest.approx(0.025)


def test_two_samples_are_drawn_each_by_itself() -> None:
    """The difference of two means of 30 and 50 has the variance of both together."""
    random = np.random.default_rng(0)
    values = random.normal(size=80)

    def statistics(weights):
        return {"": weights[:, :30] @ values[:30] / 30 - weights[:, 30:] @ values[30:] / 50}

    found = resample([30, 50], statistics, draws=4000, seed=1)[""]
    expected = math.sqrt(values[:30].var() / 30 + values[30:].var() / 50)
    assert found.drawn.std() == pytest.approx(expected, rel=0.05)
    assert [len(each) for each in found.left_out] == [30, 50]
