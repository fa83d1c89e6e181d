"""Measures against hand arithmetic."""

import numpy as np
import pytest

from mslesion.evaluation.metrics import Confusion, auc, confusion


def test_the_papers_counts_give_the_papers_figures():
    """131 of 138 MS slices and 118 of 120 others right are 96.5, 94.9 and 98.3 percent."""
    paper = Confusion(tp=131, fn=7, tn=118, fp=2)
    assert paper.total == 258
    assert paper.accuracy == pytest.approx(249 / 258)
    assert round(100 * paper.sensitivity, 1) == 94.9
    assert round(100 * paper.specificity, 1) == 98.3
    assert paper.balanced_accuracy == pytest.approx((131 / 138 + 118 / 120) / 2)


def test_a_missing_class_leaves_its_measures_undefined():
    """Without positives there is no sensitivity, and no balanced accuracy; accuracy stays."""
    healthy = Confusion(tp=0, fn=0, tn=9, fp=1)
    assert np.isnan(healthy.sensitivity)
    assert np.isnan(healthy.balanced_accuracy)
    assert healthy.accuracy == healthy.specificity == 0.9
    assert np.isnan(Confusion(3, 1, 0, 0).specificity)
    assert np.isnan(Confusion(0, 0, 0, 0).accuracy)


def test_a_probability_at_the_threshold_means_no():
    """Only what exceeds the threshold is a yes."""
    label = np.array([1, 1, 0, 0], np.int8)
    assert confusion(label, np.array([0.5, 0.6, 0.5, 0.4]), 0.5) == Confusion(1, 1, 2, 0)


@pytest.mark.parametrize(
    ("probability", "expected"),
    [
        ([0.9, 0.8, 0.2, 0.1], 1.0),
        ([0.1, 0.2, 0.8, 0.9], 0.0),
        ([0.5, 0.5, 0.5, 0.5], 0.5),
        ([0.9, 0.3, 0.3, 0.1], 3.5 / 4),
    ],
)
def test_the_area_under_the_curve_by_hand(probability, expected):
    """Perfect order is 1, reversed 0, all level a half; one tie of four pairs costs an eighth."""
    assert auc(np.array([1, 1, 0, 0], np.int8), np.array(probability)) == expected


@pytest.mark.parametrize("label", [[], [1, 1], [0, 0, 0]])
def test_with_one_class_there_is_no_area_under_the_curve(label):
    """Nothing can be ordered, so the AUC is nan."""
    assert np.isnan(auc(np.array(label, np.int8), np.full(len(label), 0.5)))
