"""One bit changed, in every place: a damaged file is never taken for a scan.

The fast suite carries a sample; all of it is marked slow.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from mslesion.errors import ScanError
from mslesion.read.nifti import read_scan
from mslesion.scan import Scan
from mslesion.write.nifti import write_nifti

HEADER_BITS = 348 * 8
SHAPE = (40, 44, 16)


def write_good_scan(path: Path) -> None:
    """A scan of some 30,000 bytes, or 56,000 uncompressed."""
    voxels = np.random.default_rng(1).normal(100, 20, SHAPE).astype(np.int16)
    write_nifti(path, voxels, np.diag([1.0, 1.0, 3.0, 1.0]))


def outcomes_of_flips(good: Path, bits: np.ndarray) -> Counter[str]:
    """How often a scan with one bit changed is refused, told of, without effect, or neither.

    ``told`` are scans that a remark was made on; ``other place`` are other voxel sizes or another
    place in the world, ``other values`` other intensities, both without a remark: a header has
    no checksum, and says nothing impossible.
    """
    content, expected = good.read_bytes(), read_scan(good)
    path = good.with_name(f"damaged-{good.name}")
    outcomes: Counter[str] = Counter()
    for bit in bits.tolist():
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            outcomes[_difference(read_scan(path), expected)] += 1
        except ScanError as error:
            outcomes[error.code] += 1
    return outcomes


def _difference(found: Scan, expected: Scan) -> str:
    assert np.isfinite(found.voxels).all()
    if found.history or found.warnings:
        return "told"
    if not found.stored_grid.matches(expected.stored_grid, tolerance_mm=1e-3):
        return "other place"
    same = np.array_equal(found.voxels, expected.voxels)
    return "no effect" if same else "other values"


def flips_of_stream(folder: Path, count: int) -> Counter[str]:
    """``count`` different bits anywhere in a compressed scan."""
    good = folder / "good.nii.gz"
    write_good_scan(good)
    size_bits = 8 * good.stat().st_size
    bits = np.random.default_rng(0).choice(size_bits, count, replace=False)
    return outcomes_of_flips(good, bits)


def flips_of_header(folder: Path, step: int = 1) -> Counter[str]:
    """Every bit, or every so many-th, of a NIfTI-1 header."""
    good = folder / "good.nii"
    write_good_scan(good)
    return outcomes_of_flips(good, np.arange(0, HEADER_BITS, step))


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_flipped_bit_in_a_compressed_scan_is_seen(count: int, tmp_path: Path) -> None:
    """Refused, or (in the stream's own header, which says nothing of the scan) without effect."""
    outcomes = flips_of_stream(tmp_path, count)
    assert outcomes["UNREADABLE"] > 0.99 * count
    assert outcomes["UNREADABLE"] + outcomes["no effect"] == count


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_flipped_bit_in_a_header_gives_a_scan_or_an_error_of_ours(
    step: int, tmp_path: Path
) -> None:
    """No traceback, and no voxel that is no number, whatever bit of the 2,784 is changed."""
    outcomes = flips_of_header(tmp_path, step)
    assert outcomes["UNREADABLE"] > 0
    assert outcomes["GEOMETRY"] > 0
    assert outcomes["told"] > 0
    # sform and qform tell of the place twice: what differs in one alone is told.
    assert outcomes["other place"] < 0.02 * outcomes.total()
    assert outcomes["other values"] < 0.02 * outcomes.total()
