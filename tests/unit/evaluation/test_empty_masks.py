"""The table of empty masks of docs/reference/evaluation.md, cell by cell."""

from __future__ import annotations

from math import nan
from pathlib import Path

import numpy as np
import pytest

from mslesion.evaluation.lesion_summary import SCAN_MEASURES, score_scan
from mslesion.scan import Grid

GRID = Grid((6, 6, 6), np.diag([1.0, 2.0, 5.0, 1.0]))
MARKED, DRAWN = np.zeros((2, *GRID.shape), bool)
MARKED[0:3, 0, 0] = MARKED[5, 5, 5] = True
DRAWN[0:2, 0, 0] = DRAWN[4, 4, 0] = True
NOTHING = np.zeros(GRID.shape, bool)

CASES = {
    "both empty": (NOTHING, NOTHING),
    "reference empty": (MARKED, NOTHING),
    "prediction empty": (NOTHING, DRAWN),
    "neither": (MARKED, DRAWN),
}
"""Marked are lesions of 3 and 1 voxels of 10 mm3, drawn are lesions of 2 and 1; 2 voxels agree."""

TABLE = {
    #                               both empty, reference empty, prediction empty, neither
    "dice":                        (1.0,        0.0,             0.0,              4 / 7),
    "normalised_surface_distance": (1.0,        0.0,             0.0,              5 / 7),
    "hausdorff95_mm":              (nan,        nan,             nan,              None),
    "lesion_f1":                   (1.0,        0.0,             0.0,              0.5),
    "lesion_sensitivity":          (nan,        nan,             0.0,              0.5),
    "lesion_precision":            (nan,        0.0,             nan,              0.5),
    "false_lesions":               (0.0,        2.0,             0.0,              1.0),
    "false_lesions_ml":            (0.0,        0.04,            0.0,              0.01),
    "volume_difference_ml":        (0.0,        0.04,            -0.03,            0.01),
    "relative_volume_difference":  (nan,        nan,             -1.0,             1 / 3),
}  # fmt: skip
"""None stands for a distance that has its own test by hand."""

WORDS = {
    "dice": ("1", "0", "0"),
    "normalised_surface_distance": ("1", "0", "0"),
    "hausdorff95_mm": ("n/a", "n/a", "n/a"),
    "lesion_f1": ("1", "0", "0"),
    "lesion_sensitivity": ("n/a", "n/a", "0"),
    "lesion_precision": ("n/a", "0", "n/a"),
    "false_lesions": ("0", "all marked", "0"),
    "false_lesions_ml": ("0", "all marked", "0"),
    "volume_difference_ml": ("0", "all marked", "minus the reference"),
    "relative_volume_difference": ("n/a", "n/a", "-1"),
}
"""The same as the page says it, without the column of two masks that are not empty."""


@pytest.mark.parametrize("column", range(4), ids=CASES)
@pytest.mark.parametrize("measure", TABLE)
def test_each_cell_of_the_table(measure: str, column: int) -> None:
    """What a measure is where both masks, one of them or none is empty."""
    found, reference = list(CASES.values())[column]
    value = SCAN_MEASURES[measure](score_scan("a", "a", found, reference, GRID))
    expected = TABLE[measure][column]
    if expected is not None:
        assert value == pytest.approx(expected, nan_ok=True)


def test_the_page_says_the_same() -> None:
    """Every measure of a scan has its row on the page, with these words."""
    page = Path(__file__).parents[3] / "docs/reference/evaluation.md"
    rows = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5:
            rows |= {name.strip(" `"): tuple(cells[2:]) for name in cells[0].split(",")}
    assert {name: rows[name] for name in SCAN_MEASURES} == WORDS
    assert set(TABLE) == set(SCAN_MEASURES)
