"""Numbers as sentences and tables tell them."""

from __future__ import annotations

from math import nan

import pytest

from mslesion.report.detection_wording import signed
from mslesion.told import counted, is_or_are, p_value, probability


@pytest.mark.parametrize(
    ("count", "phrase"),
    [(0, "is no person"), (1, "is 1 person"), (2, "are 2 people"), (1234, "are 1,234 people")],
)
def test_things_are_counted_in_grammar(count: int, phrase: str) -> None:
    """None and one are singular, verb and all."""
    assert f"{is_or_are(count)} {counted(count, 'person', 'people')}" == phrase
    assert counted(2, "scan") == "2 scans"


def test_a_p_value_is_never_told_as_zero() -> None:
    """Three digits, or that it is smaller than they can say."""
    assert [p_value(p) for p in (0.0, 0.0004, 0.001, 0.0342, 1.0, nan)] == [
        "< 0.001", "< 0.001", "0.001", "0.034", "1.000", "n/a",
    ]  # fmt: skip


def test_what_rounds_to_zero_has_no_sign() -> None:
    """A centre 0.04 mm to the left lies at 0.0 mm."""
    assert [signed(v) for v in (-0.04, 0.04, -0.06)] == ["0.0", "0.0", "\N{MINUS SIGN}0.1"]


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0.00"), (0.0049, "< 0.01"), (0.5, "0.50"), (0.994, "0.99"), (0.9999, "> 0.99")],
)
def test_a_probability_is_told_as_certain_only_if_it_is(value: float, told: str) -> None:
    """What two digits would round to 0 or 1 is told as below or above."""
    assert probability(value) == told
