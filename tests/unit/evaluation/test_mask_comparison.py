"""Two tools on the same scans: the test that swaps them, and its correction."""

from __future__ import annotations

import itertools
from math import isnan

import numpy as np
import pytest

from mslesion.errors import CohortError
from mslesion.evaluation.lesion_summary import ScoredScan, lesion_summary, score_scan
from mslesion.evaluation.mask_comparison import compare_tools
from mslesion.evaluation.multiple import holm
from mslesion.scan import Grid

GRID = Grid((12, 12, 6), np.diag([1.0, 1.0, 3.0, 1.0]))


def scored(seed: int, people: int, share: float) -> list[ScoredScan]:
    """People with random references, and masks that hold a share of the reference's voxels."""
    scans = []
    for person in range(people):
        truth = np.random.default_rng(person).random(GRID.shape) < 0.03
        rng = np.random.default_rng([seed, person])
        found = (truth & (rng.random(GRID.shape) < share)) | (rng.random(GRID.shape) < 0.005)
        scans.append(score_scan(f"p{person:02d}", "s", found, truth, GRID))
    return scans


def test_the_p_value_is_that_of_trying_every_swap() -> None:
    """Of six people, all 64 ways to swap the two tools, one by one."""
    first, second = scored(1, 6, 0.9), scored(2, 6, 0.5)
    compared = compare_tools(first, second)["measures"]
    for name in ("dice", "lesion_f1", "recall_10_to_50_mm3"):
        differences = []
        for swaps in itertools.product((False, True), repeat=6):
            sides = [
                [b if swap else a for a, b, swap in zip(one, other, swaps, strict=True)]
                for one, other in ((first, second), (second, first))
            ]
            values = [lesion_summary(side)["measures"][name]["value"] for side in sides]
            differences.append(values[0] - values[1])
        expected = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
        assert compared[name]["p"] == pytest.approx(expected)
        assert compared[name]["difference"] == pytest.approx(differences[0])


def test_a_tool_against_itself_differs_in_nothing() -> None:
    """Differences of 0, p values of 1; no interval, for there is no spread."""
    compared = compare_tools(scored(1, 20, 0.7), scored(1, 20, 0.7))["measures"]
    assert compared["dice"]["difference"] == 0
    assert compared["dice"]["p"] == 1
    assert isnan(compared["dice"]["low"])


def test_the_interval_is_paired() -> None:
    """What is hard in a person is hard for both: the interval is narrower than each tool's own."""
    first, second = scored(1, 40, 0.9), scored(1, 40, 0.8)
    dice = compare_tools(first, second)["measures"]["dice"]
    own = lesion_summary(first)["measures"]["dice"]
    assert dice["low"] < dice["difference"] < dice["high"]
    assert dice["high"] - dice["low"] < own["high"] - own["low"]
    assert dice["p"] < 0.001


def test_chance_alone_is_rarely_called_a_difference() -> None:
    """Of 200 comparisons of tools that are alike, about 5 in 100 have a p value below 0.05."""
    below = 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        truth = np.zeros(GRID.shape, bool)
        truth[2:8, 2:8, 2:4] = True
        tools = [
            [
                score_scan(f"p{n}", "s", truth & (rng.random(GRID.shape) < 0.5), truth, GRID)
                for n in range(8)
            ]
            for _ in range(2)
        ]
        below += compare_tools(*tools)["measures"]["dice"]["p"] < 0.05
    assert 2 <= below <= 20


def test_holm_by_hand() -> None:
    """Times three, two and one, and never falling; what is undefined does not count."""
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    assert corrected["a"] == pytest.approx(0.03)
    assert corrected["c"] == pytest.approx(0.06)
    assert corrected["b"] == pytest.approx(0.06)
    assert isnan(corrected["d"])
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_other_scans_are_not_compared() -> None:
    """Both tools must have been run on the same people."""
    with pytest.raises(CohortError, match="different scans"):
        compare_tools(scored(1, 4, 0.9), scored(1, 3, 0.9))
