"""From slice predictions to measures, verdicts and differences."""

import json
import math

import numpy as np
import pytest

from mslesion.evaluation.comparison import difference, leakage_gap
from mslesion.evaluation.metrics import MEASURES, Confusion
from mslesion.evaluation.patients import evaluate_patients, patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit
from mslesion.evaluation.slices import evaluate_slices
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.protocol import DecisionProtocol

DECISION = DecisionProtocol(bootstrap_draws=200)


def predictions(people, label, probability, subset="test"):
    """Predictions of one fold from three lists."""
    count = len(label)
    return Predictions(
        fold=np.zeros(count, np.int16),
        subset=np.full(count, subset),
        person_id=np.array(people, dtype=str),
        scan_name=np.array(people, dtype=str),
        slice_index=np.arange(count, dtype=np.int16),
        label=np.array(label, np.int8),
        probability=np.array(probability, np.float64),
    )


THREE = predictions(
    ["b", "b", "a", "a", "c", "c"], [1, 0, 0, 0, 1, 1], [0.9, 0.2, 0.6, 0.1, 0.4, 0.3]
)


def test_slices_are_counted_with_the_people_they_come_from():
    """Six slices of three people: one found, two missed, two left alone, one false alarm."""
    metrics = evaluate_slices(THREE, 0.5, 200, 1)
    assert metrics.confusion == Confusion(tp=1, fn=2, tn=2, fp=1)
    assert (metrics.n_slices, metrics.n_people) == (6, 3)
    assert metrics.accuracy.value == 0.5
    assert metrics.sensitivity.value == pytest.approx(1 / 3)


def test_no_slices_leave_every_measure_undefined():
    """An empty part of the data has counts of zero and no measures."""
    metrics = evaluate_slices(predictions([], [], []), 0.5, 200, 1)
    assert metrics.n_slices == metrics.n_people == metrics.confusion.total == 0
    assert not any(metrics.measure(name).is_defined for name in MEASURES)


def test_a_person_has_ms_when_the_mean_probability_exceeds_the_threshold():
    """For 'diagnosis': means 0.35, 0.55 and 0.35 against 0.5."""
    verdicts = patient_verdicts(THREE, Question.DIAGNOSIS, DECISION)
    assert verdicts.person_id.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(verdicts.score, [0.35, 0.55, 0.35])
    assert verdicts.verdict.tolist() == [False, True, False]
    assert verdicts.label.tolist() == [0, 1, 1]
    assert verdicts.slice_count.tolist() == [2, 2, 2]


def test_a_person_has_lesions_when_the_most_suspicious_slice_exceeds_the_threshold():
    """For 'lesion': maxima 0.6, 0.9 and 0.4; a person with any lesion slice is positive."""
    verdicts = patient_verdicts(THREE, Question.LESION, DECISION)
    assert verdicts.score.tolist() == [0.6, 0.9, 0.4]
    assert verdicts.verdict.tolist() == [True, True, False]
    assert evaluate_patients(verdicts, 200, 1).confusion == Confusion(tp=1, fn=1, tn=0, fp=1)


def test_people_of_one_class_have_no_specificity():
    """When everybody has lesions, specificity, balanced accuracy and AUC are undefined."""
    everybody = predictions(["a", "a", "b"], [1, 0, 1], [0.9, 0.1, 0.8])
    metrics = evaluate_patients(patient_verdicts(everybody, Question.LESION, DECISION), 200, 1)
    assert metrics.accuracy.value == metrics.sensitivity.value == 1.0
    assert metrics.sensitivity.low < 0.5
    for name in ("specificity", "balanced_accuracy", "auc"):
        assert not metrics.measure(name).is_defined


def many(skill, people, seed):
    """Test predictions of the given people, the better the greater ``skill``."""
    random = np.random.default_rng(seed)
    owner = np.repeat(people, 10)
    label = np.repeat(np.arange(len(people)) % 2, 10)
    logit = skill * (label - 0.5) + random.normal(size=len(label))
    return predictions(owner, label, 1 / (1 + np.exp(-logit)))


def test_the_leakage_gap_is_slice_split_minus_patient_split():
    """The gap's value is the difference of the two values, and its interval holds it."""
    people = [f"p{number:02d}" for number in range(30)]
    honest, leaky = many(0.5, people, 1), many(4, people, 2)
    gap = leakage_gap(honest, leaky, 0.5, 2000, 1)
    assert gap.is_paired
    expected = (
        evaluate_slices(leaky, 0.5, 10, 1).accuracy.value
        - evaluate_slices(honest, 0.5, 10, 1).accuracy.value
    )
    accuracy = gap.measures["accuracy"]
    assert accuracy.value == pytest.approx(expected)
    assert 0 < accuracy.low < accuracy.value < accuracy.high


def test_a_run_does_not_differ_from_itself():
    """The same people are drawn on both sides, so nothing is left, not even an interval."""
    run = many(1, [f"p{number}" for number in range(8)], 1)
    for estimate in difference(run, run, 0.5, 300, 1).measures.values():
        assert estimate.value == 0
        assert not estimate.has_interval


def test_different_people_are_drawn_for_each_side_by_itself():
    """One fold by patient tests few people, one by slice nearly all: the gap is unpaired."""
    everybody = [f"p{number:02d}" for number in range(20)]
    gap = leakage_gap(many(1, everybody[:6], 1), many(4, everybody, 2), 0.5, 500, 1)
    assert not gap.is_paired
    assert gap.measures["accuracy"].has_interval


def test_metrics_are_plain_values_and_never_nan():
    """What is undefined is null, and few people come with a warning."""
    value = metrics_as_json(THREE, Question.DIAGNOSIS, DECISION, 1)
    assert value["demonstration"] is False
    assert "3 people" in value["warnings"][0]
    assert value["slices"]["test"]["confusion"] == {"tp": 1, "fn": 2, "tn": 2, "fp": 1}
    assert "training" not in value["slices"]
    assert json.loads(json.dumps(value, allow_nan=False)) == value
    one_class = predictions(["a"], [1], [0.9])
    undefined = metrics_as_json(one_class, Question.LESION, DECISION, 1)
    assert undefined["slices"]["test"]["auc"] == {"value": None, "low": None, "high": None}
    assert json.dumps(undefined, allow_nan=False)


def test_a_slice_split_is_marked_in_its_metrics():
    """The mark is a field of its own beside the name of the split."""
    value = metrics_as_json(THREE, Question.DIAGNOSIS, DECISION, 1, SplitUnit.SLICE)
    assert value["split_unit"] == "slice"
    assert value["demonstration"] is True
    assert value["mark"] == "DEMONSTRATION OF LEAKAGE"


def test_intervals_hold_their_values():
    """Low, value and high come in this order wherever there is an interval."""
    run = many(1, [f"p{number:02d}" for number in range(16)], 3)
    metrics = evaluate_slices(run, 0.5, 1000, 1)
    for name in MEASURES:
        estimate = metrics.measure(name)
        assert estimate.low <= estimate.value <= estimate.high
        assert not math.isnan(estimate.low)
