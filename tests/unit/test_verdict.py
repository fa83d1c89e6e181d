"""What is said of a patient: the features of lesions, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from made_up_detection import detection_of, oblique_scan
from mslesion.verdict import FEATURES, VerdictModel, lesion_features, told_probability


def test_features_are_those_of_the_lesions() -> None:
    """Two of 1 and 3 ml, the larger by the ventricle: log of 1 + count, ml, mm3; share near."""
    lesion, other = detection_of(oblique_scan()).lesions[:2]
    small = replace(lesion, volume_mm3=1000.0, ventricle_distance_mm=30.0)
    large = replace(other, volume_mm3=3000.0, ventricle_distance_mm=0.5)
    features = lesion_features([small, large])
    assert features == pytest.approx([math.log(3), math.log(5), math.log(3001), 0.75])
    assert lesion_features([small])[3] == 0
    assert lesion_features([replace(small, ventricle_distance_mm=None)])[3] == 0


def test_without_lesions_all_features_are_zero() -> None:
    """A point like any other: log of 1 is 0."""
    assert np.array_equal(lesion_features([]), np.zeros(4))


@pytest.mark.parametrize(("intercept", "told"), [(50.0, 0.9999), (-50.0, 0.0001), (0.0, 0.5)])
def test_no_verdict_is_told_as_certain(intercept: float, told: float) -> None:
    """However large the load: a logistic model gives neither 0 nor 1."""
    ones, rate = (1.0,) * len(FEATURES), (0.0, 0.0, 0.1)
    model = VerdictModel((0.0,) * 4, ones, (0.0,) * 4, intercept, 0.5, rate, rate, "nobody")
    assert told_probability(np.zeros(4), model) == told
