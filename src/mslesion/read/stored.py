"""What a file format gives: voxels as they are stored, before they are judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Remarks:
    """What was mended in a file (``history``), and what is in doubt about it (``warnings``).

    ``sides_known`` is False where the file does not say where left and right are, ``may_be_shown``
    where its pictures may hold the name of a person.
    """

    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    sides_known: bool = True
    may_be_shown: bool = True

    def __add__(self, other: Remarks) -> Remarks:
        return Remarks(
            self.history + other.history,
            self.warnings + other.warnings,
            self.sides_known and other.sides_known,
            self.may_be_shown and other.may_be_shown,
        )


NO_REMARKS = Remarks()


def mended(what: str) -> Remarks:
    """The remark that something was put right."""
    return Remarks(history=(what,))


def doubtful(what: str) -> Remarks:
    """The remark that something may be wrong, and could not be put right."""
    return Remarks(warnings=(what,))


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """Voxels in the order of their file, of any real type, with the scaling still to be done.

    ``voxels`` has four axes, (X, Y, Z, volumes). ``slope`` and ``intercept`` are finite.
    ``affine_vox_to_ras`` is a regular float64 (4, 4) array.
    """

    voxels: NDArray[np.generic]
    affine_vox_to_ras: NDArray[np.float64]
    slope: float = 1.0
    intercept: float = 0.0
    remarks: Remarks = NO_REMARKS

    def with_remarks(self, remarks: Remarks) -> StoredVolume:
        """The same with more remarks."""
        return replace(self, remarks=self.remarks + remarks)

    def scaled(self, volume: int) -> NDArray[np.generic]:
        """The values (X, Y, Z) that the voxels of one volume stand for.

        They are as stored, or float64 where they are scaled.
        """
        voxels = self.voxels[..., volume]
        if (self.slope, self.intercept) == (1.0, 0.0):
            return voxels
        scaled = voxels.astype(np.float64)
        with np.errstate(over="ignore"):  # infinite values are dealt with by who reads them
            scaled *= self.slope
            scaled += self.intercept
        return scaled
