"""The scans that the detector is timed on: simulated people, cut to fixed sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.scan import Scan
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.write.nifti import write_nifti

THICK_SHAPE = (256, 256, 20)
THIN_SHAPE = (182, 218, 182)


@dataclass(frozen=True)
class TimedScan:
    """One scan on disk."""

    path: Path
    shape: tuple[int, int, int]

    @property
    def name(self) -> str:
        """As in ``256x256x20``."""
        return "x".join(map(str, self.shape))

    @property
    def megavoxels(self) -> float:
        """Millions of voxels."""
        x, y, z = self.shape
        return x * y * z / 1e6


def thick_scan(folder: Path) -> TimedScan:
    """A 2D scan of thick slices."""
    return _write(_person("axial2d"), THICK_SHAPE, folder)


def thin_scans(folder: Path, depths: tuple[int, ...]) -> tuple[TimedScan, ...]:
    """The middle slices of one 1 mm volume, as many as each of ``depths`` says."""
    scan = _person("volume3d")
    return tuple(_write(scan, (*THIN_SHAPE[:2], depth), folder) for depth in depths)


def _person(acquisition: str) -> Scan:
    return simulate_person(CohortRecipe(people=1, ms_share=1.0, acquisition=acquisition), 0).scan


def _write(scan: Scan, shape: tuple[int, int, int], folder: Path) -> TimedScan:
    voxels, affine_vox_to_ras = middle(scan, shape)
    timed = TimedScan(folder / f"sub-{'x'.join(map(str, shape))}_FLAIR.nii.gz", shape)
    write_nifti(timed.path, voxels.astype(np.int16), affine_vox_to_ras)
    return timed


def middle(
    scan: Scan, shape: tuple[int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The middle of a scan that is at least as large, and the affine of what is left."""
    first = [(n - wanted) // 2 for n, wanted in zip(scan.grid.shape, shape, strict=True)]
    box = tuple(slice(start, start + n) for start, n in zip(first, shape, strict=True))
    affine = scan.grid.affine_vox_to_ras.copy()
    affine[:3, 3] += affine[:3, :3] @ first
    return scan.voxels[box], affine
