"""Scans and cohorts in: :func:`read_cohort` finds the scans, :func:`load` reads one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import Diagnosis, ScanFile
from mslesion.read.layouts import LAYOUTS, read_cohort, read_people
from mslesion.read.nifti import read_lesion_mask, read_scan
from mslesion.scan import Scan

__all__ = [
    "LAYOUTS",
    "LoadedScan",
    "load",
    "mask_doubts",
    "read_cohort",
    "read_lesion_mask",
    "read_people",
    "read_scan",
]


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan and its lesion mask: bool (X, Y, Z) on ``scan.grid``, None where there is none.

    What was mended in the mask stands in the scan's history.
    """

    scan: Scan
    lesion_mask: NDArray[np.bool_] | None


def load(scan_file: ScanFile) -> LoadedScan:
    """Read the voxels of one scan of a cohort, and its lesion mask where it has one.

    Raises:
        ScanError: One of its kinds: the image or the mask cannot be used, see
            :func:`~mslesion.read.nifti.read_scan` and
            :func:`~mslesion.read.nifti.read_lesion_mask`.
    """
    scan = read_scan(scan_file.image, scan_file.volume)
    if scan_file.lesion_mask is None:
        return LoadedScan(scan, None)
    mask, remarks = read_lesion_mask(scan_file.lesion_mask, scan)
    history = (*scan.history, *remarks.history)
    return LoadedScan(replace(scan, history=history), mask)


def mask_doubts(
    lesion_mask: NDArray[np.bool_] | None, diagnosis: Diagnosis | None
) -> tuple[str, ...]:
    """What is in doubt about a person's mask: that it is empty, unless they are a control."""
    if lesion_mask is None or lesion_mask.any() or diagnosis is Diagnosis.CONTROL:
        return ()
    return ("the lesion mask is empty",)
