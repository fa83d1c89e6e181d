"""What a file format gives: voxels as they are stored, before they are judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """Voxels in the order of their file, of any real type, with the scaling still to be done.

    ``voxels`` has three axes. ``slope`` and ``intercept`` are finite. ``affine_vox_to_ras`` is a
    regular float64 (4, 4) array. ``history`` says what was mended or is in doubt.
    """

    voxels: NDArray[np.generic]
    affine_vox_to_ras: NDArray[np.float64]
    slope: float = 1.0
    intercept: float = 0.0
    history: tuple[str, ...] = ()

    def scaled(self) -> NDArray[np.generic]:
        """The values the voxels stand for: as stored, or float64 where they are scaled."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            return self.voxels
        scaled = self.voxels.astype(np.float64)
        with np.errstate(over="ignore"):  # infinite values are dealt with by who reads them
            scaled *= self.slope
            scaled += self.intercept
        return scaled
