"""Which scans are said to lie apart, against fences worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mslesion.cohort.outliers import LEAST_SCANS, MEASURES, Measure, fences, outliers

VOLUME = next(measure for measure in MEASURES if measure.column == "lesion_volume_ml")


def _rows(column: str, values: list[float | None]) -> list[dict[str, float | None]]:
    return [{column: value} for value in values]


def test_the_fences_are_those_of_tukey_on_a_logarithmic_scale() -> None:
    """Nine values whose logarithms are 0 to 8: quartiles 2 and 6, fences -4 and 12."""
    plain = Measure("x", 0.0, low_matters=True)
    found = fences(np.exp(np.arange(9.0)), plain)
    assert found is not None
    assert found.quartiles == pytest.approx([math.exp(2), math.exp(4), math.exp(6)])
    assert (found.low, found.high) == pytest.approx((math.exp(-4), math.exp(12)))


def test_scans_far_above_and_far_below_the_others_lie_apart() -> None:
    """One of 900 ml, and one without lesions, among scans of about 10 ml; one is unknown."""
    values: list[float | None] = [9.0, 10.0, 11.0, 10.5, 9.5, 8.5, 12.0, 900.0, 0.0, None]
    found = outliers(_rows("lesion_volume_ml", values))
    assert [[(one.measure, one.side) for one in apart] for apart in found] == [
        *[[]] * 7,
        [("lesion_volume_ml", "high")],
        [("lesion_volume_ml", "low")],
        [],
    ]
    assert found[7][0].value == 900.0
    assert 12.0 < found[7][0].fence < 900.0


def test_little_noise_is_good_and_no_outlier() -> None:
    """Of noise, only what is high lies apart."""
    values: list[float | None] = [0.03, 0.031, 0.032, 0.03, 0.029, 0.031, 0.03, 0.0001, 0.3]
    found = outliers(_rows("noise_share", values))
    assert [len(apart) for apart in found] == [0] * 8 + [1]


def test_of_few_scans_none_is_said_to_lie_apart() -> None:
    """Below the least number there are no fences; from it on there are."""
    few = [10.0] * (LEAST_SCANS - 2) + [900.0]
    assert outliers(_rows("lesion_volume_ml", [*few])) == [()] * (LEAST_SCANS - 1)
    assert fences(np.array(few), VOLUME) is None
    assert [len(apart) for apart in outliers(_rows("lesion_volume_ml", [10.0, *few]))][-1] == 1


def test_where_most_scans_are_the_same_only_what_differs_lies_apart() -> None:
    """Quartiles that coincide do not make rounding an outlier; ghosts below 0 count as 0."""
    for column, least in (("lesion_count", 0.0), ("ghost_share", -0.001)):
        values: list[float | None] = [0.0] * 11 + [least, 5.0]
        assert [len(apart) for apart in outliers(_rows(column, values))] == [0] * 12 + [1]


def test_without_any_value_nothing_lies_apart() -> None:
    """No scan, or none with a value, gives no outlier and no error."""
    assert outliers([]) == []
    assert outliers(_rows("lesion_count", [None] * 9)) == [()] * 9


def test_the_median_between_two_scans_is_the_plain_one() -> None:
    """Fences are logarithmic; a median of 3 and 9 ml is 6 ml, wherever it is told."""
    found = fences(np.array([0.5, 1, 2, 3, 9, 12, 20, 30]), VOLUME)
    assert found is not None
    assert found.quartiles == pytest.approx([1.75, 6, 14])
