"""A scan in which lesions can be looked for: the volume of a head, asked before any network is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mslesion.errors import GeometryError, VoxelError
from mslesion.read.nifti import read_scan
from mslesion.scan import Scan

LONGEST_MM = 600.0
"""No scanner's bore is wider; a header that says so is in another unit."""

SHORTEST_MM = 0.1
"""No scanner resolves a head more finely."""

LEAST_VALUES = 16
"""Masks and label images hold fewer different values, images of 8 bits up to 256."""


def read_head(path: Path, volume: int | None = None) -> Scan:
    """Read one scan as :func:`~mslesion.read.nifti.read_scan` does, if it may be one of a head.

    Raises:
        ScanError: One of its kinds: the file cannot be used.
        GeometryError: It is a picture, or larger than what fits into a scanner.
        VoxelError: It holds too few different values for an image.
    """
    scan = read_scan(path, volume)
    require_head(scan)
    return scan


def require_head(scan: Scan) -> None:
    """Refuse what can be no volume of a head, by its size and its grey levels.

    Raises:
        GeometryError, VoxelError: As in :func:`read_head`.
    """
    _require_size_of_a_head(scan)
    _require_greys(scan)


def _require_size_of_a_head(scan: Scan) -> None:
    if scan.grid.shape[2] == 1:
        raise GeometryError(
            "holds a single slice",
            remedy="give the whole volume, or ask 'mslesion predict' about the slice",
            file=scan.source,
        )
    longest_mm = max(n * mm for n, mm in zip(scan.grid.shape, scan.spacing_mm, strict=True))
    if longest_mm > LONGEST_MM:
        raise GeometryError(
            f"is {longest_mm:,.0f} mm long, longer than any image of a head",
            remedy="repair the voxel sizes in its header",
            file=scan.source,
        )
    if min(scan.spacing_mm) < SHORTEST_MM:
        raise GeometryError(
            f"has voxels of {min(scan.spacing_mm):.2g} mm, finer than any image of a head",
            remedy="repair the voxel sizes in its header",
            file=scan.source,
        )


def _require_greys(scan: Scan) -> None:
    # Some voxels tell almost always, and sorting all of a large scan takes seconds.
    some = scan.voxels.ravel()[:: max(1, scan.voxels.size // 2**16)]
    if np.unique(some).size >= LEAST_VALUES:
        return
    count = np.unique(scan.voxels).size
    if count < LEAST_VALUES:
        raise VoxelError(
            f"holds only {count} different values, as masks do and images do not",
            remedy="give the FLAIR image itself",
            file=scan.source,
        )
