"""Lesion masks of the catalogue of faults, as a command that needs masks meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from good_scan import GoodScan
from numpy.typing import NDArray

from mslesion.cli import main

Mask = NDArray[np.bool_]


@pytest.fixture
def folder(good: GoodScan, tmp_path: Path) -> Path:
    """A folder of the good scan, which has no mask yet."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "scan_FLAIR.nii").write_bytes(good.nifti())
    return tmp_path / "scans"


@pytest.mark.parametrize(
    ("mark", "dice", "history", "warnings"),
    [
        pytest.param(lambda lesions: lesions * np.uint8(1), 1.0, [], [], id="0 and 1"),
        pytest.param(
            lambda lesions: lesions * np.uint8(255), 1.0,
            ["the lesion mask holds 0 and 255: 255 is lesion"], [], id="0 and 255",
        ),
        pytest.param(
            lambda lesions: lesions * np.uint8(0), 0.0, [], ["the lesion mask is empty"],
            id="empty",
        ),
    ],
)  # fmt: skip
def test_a_mask_of_two_values_or_of_none_is_used(
    mark: Callable[[Mask], Mask], dice: float, history: list[str], warnings: list[str],
    folder: Path, good: GoodScan, lesions: Mask, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Lesions may be marked with 1 or with 255, and a mask may be empty; both are told."""
    (folder / "scan_lesion_mask.nii").write_bytes(good.nifti(mark(lesions)))
    output = folder.parent / "out"
    assert main(["evaluate-detector", str(folder), "--output", str(output)]) == 0
    (row,) = json.loads((output / "metrics.json").read_text())["rows"]
    assert (row["dice"], row["history"], row["warnings"]) == (dice, history, warnings)
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if line.startswith("scan: ")] == [f"scan: {w}" for w in warnings]


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        pytest.param(
            lambda good, lesions: good.nifti(lesions + 0.5 * np.roll(lesions, 3)),
            "holds the values 0, 0.5, 1,", id="0, 0.5 and 1",
        ),
        pytest.param(
            lambda good, lesions: good.nifti(lesions + np.uint8(2) * np.roll(lesions, 3)),
            "holds the values 0, 1, 2,", id="0, 1 and 2",
        ),
        pytest.param(
            lambda good, lesions: good.nifti(lesions[1:].astype(np.uint8)),
            "lies on another grid (127x128x23 voxels", id="another grid",
        ),
    ],
)  # fmt: skip
def test_a_mask_that_is_not_clear_is_refused(
    make: Callable[[GoodScan, Mask], bytes], phrase: str, folder: Path, good: GoodScan,
    lesions: Mask, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Values that leave open what is lesion, or another grid: named, and nothing is measured."""
    (folder / "scan_lesion_mask.nii").write_bytes(make(good, lesions))
    output = folder.parent / "out"
    assert main(["evaluate-detector", str(folder), "--output", str(output)]) == 4
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("COHORT: ")
    assert f"MASK: {folder / 'scan_lesion_mask.nii'}: {phrase}" in line
    assert not (output / "metrics.json").exists()
