"""One scan as one value: voxels in RAS+ order, where they lie in the world, and their history."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from nibabel.orientations import (
    aff2axcodes,
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
)
from numpy.typing import NDArray

GRID_TOLERANCE_MM = 0.01
"""Two grids are the same when no corner voxel lies further apart than this."""

MOST_SHEAR_DEGREES = 1.0
"""Axes this close to perpendicular are so: less is what rounding and registration leave."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of a volume lie: shape and affine, nothing else.

    ``affine_vox_to_ras`` is a read-only float64 (4, 4) array that takes voxel indices
    ``(i, j, k, 1)`` to millimetres, +x to the patient's right, +y anterior, +z superior
    (the NIfTI-1 world space).
    """

    shape: tuple[int, int, int]
    affine_vox_to_ras: NDArray[np.float64]

    def __post_init__(self) -> None:
        affine = np.array(self.affine_vox_to_ras, dtype=np.float64)
        affine.setflags(write=False)
        object.__setattr__(self, "affine_vox_to_ras", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along each axis, to six digits."""
        x, y, z = np.sqrt((self.affine_vox_to_ras[:3, :3] ** 2).sum(axis=0))
        return _as_sure(x), _as_sure(y), _as_sure(z)

    @property
    def pixel_area_mm2(self) -> float:
        """Area of one voxel in an axial slice, also on a sheared grid, to six digits."""
        x_axis, y_axis = self.affine_vox_to_ras[:3, 0], self.affine_vox_to_ras[:3, 1]
        return _as_sure(float(np.linalg.norm(np.cross(x_axis, y_axis))))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, also on a sheared grid, to six digits."""
        return _as_sure(abs(np.linalg.det(self.affine_vox_to_ras[:3, :3])))

    @property
    def slice_axis(self) -> int:
        """The axis across the slices: the longest side of the voxels, of equal ones the last."""
        return max(range(3), key=lambda axis: (round(self.spacing_mm[axis], 2), axis))

    @property
    def shear_degrees(self) -> float:
        """How far the axes are from perpendicular to each other, at most."""
        axes = self.affine_vox_to_ras[:3, :3]
        axes = axes / np.linalg.norm(axes, axis=0)
        return float(np.degrees(np.arcsin(np.abs(axes.T @ axes - np.eye(3)).max())))

    @property
    def axis_codes(self) -> str:
        """The direction each axis runs towards, as in ``"RAS"``."""
        return "".join(aff2axcodes(self.affine_vox_to_ras))

    def matches(self, other: Grid, tolerance_mm: float = GRID_TOLERANCE_MM) -> bool:
        """Whether both grids put every voxel in the same place."""
        return self.shape == other.shape and self.farthest_mm(other) <= tolerance_mm

    def farthest_mm(self, other: Grid) -> float:
        """How far the same voxel lies apart on two grids of one shape, at most."""
        corners = np.array(
            [[i, j, k, 1] for i in (0, self.shape[0] - 1) for j in (0, self.shape[1] - 1)
             for k in (0, self.shape[2] - 1)]
        ).T  # fmt: skip
        shift = (self.affine_vox_to_ras - other.affine_vox_to_ras) @ corners
        return float(np.sqrt((shift[:3] ** 2).sum(axis=0)).max())

    def canonical(self) -> Grid:
        """The same voxels with axes permuted and flipped so that they run closest to RAS+."""
        orientation = io_orientation(self.affine_vox_to_ras)
        shape = tuple(int(self.shape[int(i)]) for i in np.argsort(orientation[:, 0]))
        affine = self.affine_vox_to_ras @ inv_ornt_aff(orientation, self.shape)
        return Grid(shape, affine)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Scan:
    """A three-dimensional image, its axes closest to RAS+.

    ``voxels`` is a read-only float32 array (X, Y, Z) on ``grid``; NaN and infinite voxels have
    become 0 on reading. ``stored_grid`` is the grid of the file, whose axes may run in any of 48
    orders: results are written on it. ``history`` says in words what was mended or changed,
    ``warnings`` what is in doubt. Where ``sides_known`` is False, no file said where left and
    right are, and the names of the axes are a guess. Where ``may_be_shown`` is False, a person's
    name may be burned into the voxels, and no picture of them is made.
    """

    voxels: NDArray[np.float32]
    grid: Grid
    stored_grid: Grid
    source: Path | None = None
    history: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())
    sides_known: bool = True
    may_be_shown: bool = True

    def __post_init__(self) -> None:
        if self.voxels.shape != self.grid.shape:
            raise ValueError(f"voxels {self.voxels.shape} do not fill the grid {self.grid.shape}")
        voxels = np.ascontiguousarray(self.voxels, dtype=np.float32)
        voxels.setflags(write=False)
        object.__setattr__(self, "voxels", voxels)

    @classmethod
    def from_stored(
        cls,
        stored_voxels: NDArray[np.generic],
        affine_vox_to_ras: NDArray[np.float64],
        source: Path | None = None,
        history: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        *,
        sides_known: bool = True,
        may_be_shown: bool = True,
    ) -> Scan:
        """A scan from voxels in the order of their file, of any orientation."""
        stored_grid = Grid(stored_voxels.shape, affine_vox_to_ras)
        voxels = to_canonical_order(stored_voxels, stored_grid).astype(np.float32)
        grid = stored_grid.canonical()
        return cls(voxels, grid, stored_grid, source, history, warnings, sides_known, may_be_shown)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along x, y, z."""
        return self.grid.spacing_mm

    def with_note(self, note: str) -> Scan:
        """The same scan with one more line of history."""
        return replace(self, history=(*self.history, note))

    def to_stored_order(self, volume: NDArray[np.generic]) -> NDArray[np.generic]:
        """Take a volume on ``grid`` back to the order of the file it came from."""
        return to_stored_order(volume, self.stored_grid)


def _as_sure(value: float) -> float:
    """A size from an affine without the last bits of single precision, in which headers hold it.

    On an oblique grid they would decide whether three voxels of 1 mm3 are 3 mm3.
    """
    return float(f"{value:.6g}")


def to_canonical_order(
    stored_volume: NDArray[np.generic], stored_grid: Grid
) -> NDArray[np.generic]:
    """Permute and flip a volume on ``stored_grid`` so that its axes run closest to RAS+."""
    orientation = io_orientation(stored_grid.affine_vox_to_ras)
    return np.ascontiguousarray(apply_orientation(stored_volume, orientation))


def to_stored_order(
    canonical_volume: NDArray[np.generic], stored_grid: Grid
) -> NDArray[np.generic]:
    """Undo :func:`to_canonical_order`: the same volume in the order of ``stored_grid``."""
    orientation = io_orientation(stored_grid.affine_vox_to_ras)
    flipped = canonical_volume
    for axis in range(3):
        stored_axis = int(np.flatnonzero(orientation[:, 0] == axis)[0])
        if orientation[stored_axis, 1] < 0:
            flipped = np.flip(flipped, axis=axis)
    return np.ascontiguousarray(np.transpose(flipped, orientation[:, 0].astype(int)))
