"""Lesion masks of the catalogue of faults, as a command that needs masks meets them."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from good_scan import GoodScan
from numpy.typing import NDArray

from mslesion.cli import main
from mslesion.errors import UnreadableFileError
from mslesion.read import read_lesion_mask, read_scan

Mask = NDArray[np.bool_]


def _claiming_3_gb(good: GoodScan) -> bytes:
    """Few bytes that claim to be a large mask."""
    return gzip.compress(good.nifti(dim=[3, 1000, 1000, 800, 1, 1, 1, 1])[:352])


def _followed_by_3_gb(good: GoodScan) -> bytes:
    """An empty mask, and then zeros without end."""
    zeros = gzip.compress(bytes(64 * 2**20))
    return gzip.compress(good.nifti(0 * good.voxels)) + 48 * zeros


BOMBS = {"claims 3 GB": (_claiming_3_gb, "claims 1000 x 1000 x 800 voxels"),
         "unpacks to 3 GB": (_followed_by_3_gb, "goes on after the")}  # fmt: skip


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


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_place_of_a_mask_is_refused_at_once(
    bomb: str, folder: Path, good: GoodScan
) -> None:
    """In a second's work and 200 MB, whatever the file claims or unpacks to."""
    make, phrase = BOMBS[bomb]
    scan = read_scan(folder / "scan_FLAIR.nii")
    path = folder / "scan_lesion_mask.nii.gz"
    path.write_bytes(make(good))
    assert path.stat().st_size < 5e6
    tracemalloc.start()
    started = process_time()
    with pytest.raises(UnreadableFileError, match=phrase):
        read_lesion_mask(path, scan)
    seconds = process_time() - started
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 1
    assert peak_bytes < 200e6


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_place_of_a_mask_is_told_in_one_line(
    bomb: str, folder: Path, good: GoodScan, lesions: Mask, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the mask of a tool that is to be measured: exit code 4, and nothing is measured."""
    make, phrase = BOMBS[bomb]
    (folder / "scan_lesion_mask.nii").write_bytes(good.nifti(lesions.astype(np.uint8)))
    masks, output = folder.parent / "masks", folder.parent / "out"
    masks.mkdir()
    (masks / "scan_mask.nii.gz").write_bytes(make(good))
    assert main(["evaluate", str(masks), str(folder), "--output", str(output)]) == 4
    (line,) = (s for s in capsys.readouterr().err.splitlines() if s.startswith("UNREADABLE: "))
    assert f"{masks / 'scan_mask.nii.gz'}: {phrase}" in line
    assert list(output.iterdir()) == []
