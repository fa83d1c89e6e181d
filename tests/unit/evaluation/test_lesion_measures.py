"""Agreement of lesion masks, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mslesion.evaluation.lesion_summary import lesion_summary, scan_rows, score_scan
from mslesion.evaluation.lesions import LesionAgreement, compare_masks
from mslesion.scan import Grid

GRID = Grid((12, 6, 3), np.diag([1.0, 2.0, 5.0, 1.0]))
"""Voxels of 10 mm3."""


def masks() -> tuple[np.ndarray, np.ndarray]:
    """Reference: lesions of 4, 2 and 1 voxels. Found: half the first, the third, a false one."""
    reference, found = np.zeros((2, 12, 6, 3), bool)
    reference[0:4, 0, 0] = True
    reference[6:8, 2, 1] = True
    reference[10, 5, 2] = True
    found[0:2, 0, 0] = True
    found[10, 5, 2] = True
    found[5:8, 5, 0] = True
    return found, reference


def agreement() -> LesionAgreement:
    """The agreement of these masks with voxels of 10 mm3."""
    return compare_masks(*masks(), 10.0)


def test_dice_by_hand() -> None:
    """Three shared voxels of six and seven: 6 / 13."""
    assert agreement().dice == pytest.approx(6 / 13)


def test_lesion_f1_by_hand() -> None:
    """Two of three lesions found, one of three marked ones false: 2/3 and 2/3 give 2/3."""
    found = agreement()
    assert found.is_found.tolist() == [True, False, True]
    assert (found.is_true.size, found.false_lesions) == (3, 1)
    assert found.lesion_f1 == pytest.approx(2 / 3)


def test_recall_by_size_by_hand() -> None:
    """Of lesions of 40, 20 and 10 mm3, the limits take in the lower and leave out the upper end."""
    found = agreement()
    assert found.recall_of_size(10, 20) == (1, 1)
    assert found.recall_of_size(20, 40) == (0, 1)
    assert found.recall_of_size(10, 1000) == (2, 3)
    assert found.recall_of_size(500, 1000) == (0, 0)


@pytest.mark.parametrize(
    ("has_found", "has_reference", "dice", "f1"),
    [(False, False, 1.0, 1.0), (True, False, 0.0, 0.0), (False, True, 0.0, 0.0)],
)
def test_empty_masks(has_found: bool, has_reference: bool, dice: float, f1: float) -> None:
    """Both empty agree fully; one empty does not agree at all."""
    found, reference = masks()
    both = compare_masks(found & has_found, reference & has_reference, 1.0)
    assert (both.dice, both.lesion_f1) == (dice, f1)


def test_masks_of_different_shape_are_a_mistake() -> None:
    """Masks on different grids are not compared."""
    with pytest.raises(ValueError, match="voxels"):
        compare_masks(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 3), bool), 1.0)


def test_two_scans_of_one_person_count_once() -> None:
    """A person's mean over scans weighs as much as another person's only scan."""
    found, reference = masks()
    scans = [
        score_scan("a", "a1", reference, reference, GRID),
        score_scan("a", "a2", found & False, reference, GRID),
        score_scan("b", "b1", reference, reference, GRID),
    ]
    summary = lesion_summary(scans)
    assert summary["people"] == 2
    assert summary["measures"]["dice"]["value"] == pytest.approx(0.75)
    assert summary["measures"]["recall_10_to_50_mm3"]["value"] == pytest.approx(6 / 9)
    assert np.isnan(summary["measures"]["recall_50_mm3_and_more"]["value"])
    assert summary["warnings"]


def test_f1_of_a_size_is_zero_where_nothing_of_it_was_found_and_undefined_where_there_is_none() -> (
    None
):
    """Nothing marked of a size that exists, or marked where none exists: 0, as Dice would be."""
    found, reference = masks()

    def f1(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
        measures = lesion_summary([score_scan("a", "a1", one, other, GRID)])["measures"]
        value: float = measures["f1_10_to_50_mm3"]["value"]
        return value

    assert f1(found & False, reference) == 0
    assert f1(found, reference & False) == 0
    assert np.isnan(f1(found & False, reference & False))
    assert 0 < f1(found, reference) <= 1


def test_intervals_hold_the_value_and_come_from_people() -> None:
    """With twenty people of varying Dice, the interval lies around the mean."""
    _, reference = masks()
    scans = []
    for number in range(20):
        found = reference.copy()
        found[number % 4 :, 0, 0] = False
        scans.append(score_scan(f"p{number}", "s", found, reference, GRID))
    dice = lesion_summary(scans)["measures"]["dice"]
    assert dice["low"] < dice["value"] < dice["high"]
    assert dice == lesion_summary(scans)["measures"]["dice"]


def test_a_scans_row_says_how_many_of_each_size_were_found() -> None:
    """The row has volumes in ml and counts as found/known."""
    (row,) = scan_rows([score_scan("a", "a1", *masks(), GRID)])
    assert row["reference_ml"] == 0.07
    assert row["found_ml"] == 0.06
    assert row["found_of_10_to_50_mm3"] == "2/3"
    assert row["found_of_100_mm3_and_more"] == "0/0"
