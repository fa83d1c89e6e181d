"""How much memory a detection takes, told from the header of a scan before any voxel is read."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib

from mslesion.errors import ScanError
from mslesion.read.content import open_content
from mslesion.read.nifti_format import is_nifti, nifti_dims

_BASE_MB, _MB_PER_MEGAVOXEL = 500, 90
"""What is asked for: a little more than the peaks in docs/results/detection-speed.json."""


def needed_memory_mb(voxel_count: int) -> int:
    """Megabytes (2**20 bytes) that are surely enough for a scan of so many voxels."""
    return math.ceil(_BASE_MB + _MB_PER_MEGAVOXEL * voxel_count / 1e6)


def require_memory(path: Path, most_mb: int) -> None:
    """Refuse a scan for which so many megabytes might be too few.

    A file whose header cannot be read passes: whoever reads the scan says what is wrong with it.

    Raises:
        ScanError: it might need more.
    """
    try:
        shape = _claimed_shape(path)
    except Exception:  # noqa: BLE001 - a damaged header may fail in any way, here without harm
        return
    needed_mb = needed_memory_mb(math.prod(shape))
    if needed_mb > most_mb:
        raise ScanError(
            f"may need {needed_mb:,} MB of memory, more than the {most_mb:,} MB allowed",
            remedy="allow more with --mem-mb",
            file=path,
        )


def _claimed_shape(path: Path) -> tuple[int, ...]:
    """What the header of a file claims; NIfTI is known by its content, whatever it is called."""
    with open_content(path) as content:
        if is_nifti(content.head):
            return nifti_dims(content)[:3]
    shape: tuple[int, ...] = nib.load(path).shape[:3]  # type: ignore[attr-defined]
    return shape
