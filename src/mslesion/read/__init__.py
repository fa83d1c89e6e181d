"""Scans and cohorts in: :func:`read_cohort` finds the scans, :func:`load` reads one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import ScanFile
from mslesion.read.layouts import LAYOUTS, read_cohort
from mslesion.read.nifti import read_lesion_mask, read_scan
from mslesion.scan import Scan

__all__ = ["LAYOUTS", "LoadedScan", "load", "read_cohort", "read_lesion_mask", "read_scan"]


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A scan and its lesion mask: bool (X, Y, Z) on ``scan.grid``, None where there is none."""

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
    return LoadedScan(scan, read_lesion_mask(scan_file.lesion_mask, scan))
