"""A small scan without a fault, and ways to write it with one."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray

from mslesion.scan import Scan
from mslesion.simulate import CohortRecipe
from mslesion.simulate.person import draw_person, replay


@dataclass(frozen=True, eq=False)
class GoodScan:
    """A scan without a fault.

    ``voxels`` is uint8 (X, Y, Z), 0 in air and up to 255, with axes to the right, front and top.
    """

    voxels: NDArray[np.uint8]
    affine_vox_to_ras: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between neighbouring voxels along x, y, z."""
        return np.linalg.norm(self.affine_vox_to_ras[:3, :3], axis=0)

    def nifti(
        self,
        voxels: NDArray[Any] | None = None,
        affine_vox_to_ras: NDArray[np.float64] | None = None,
        **fields: object,
    ) -> bytes:
        """The scan as a NIfTI-1 file, with other voxels, another affine, other header fields."""
        affine = self.affine_vox_to_ras if affine_vox_to_ras is None else affine_vox_to_ras
        stored = self.voxels if voxels is None else voxels
        image = nib.Nifti1Image(stored, affine, dtype=stored.dtype)
        image.set_sform(affine, 1)
        image.set_qform(affine, 1)
        data = bytearray(image.to_bytes())
        header = nib.Nifti1Header(bytes(data[:348]), check=False)
        for name, value in fields.items():
            header[name] = value
        data[:348] = header.binaryblock
        return bytes(data)

    def packed(self) -> bytearray:
        """The scan as a compressed NIfTI-1 file."""
        return bytearray(gzip.compress(self.nifti(), mtime=0))

    def stored_as(self, axis_codes: str, **fields: object) -> bytes:
        """The scan with its voxels stored in another order, as ``"PIR"``."""
        now = io_orientation(self.affine_vox_to_ras)
        to_order = ornt_transform(now, axcodes2ornt(tuple(axis_codes)))
        image = nib.Nifti1Image(self.voxels, self.affine_vox_to_ras).as_reoriented(to_order)
        return self.nifti(np.asarray(image.dataobj), image.affine, **fields)

    def with_qform(self, affine_vox_to_ras: NDArray[np.float64]) -> bytes:
        """The scan with its own sform and another qform."""
        image = nib.Nifti1Image(self.voxels, self.affine_vox_to_ras)
        image.set_sform(self.affine_vox_to_ras, 1)
        image.set_qform(affine_vox_to_ras, 1)
        data: bytes = image.to_bytes()
        return data

    def moved(self, *, degrees: float = 0.0, shift_mm: float = 0.0) -> NDArray[np.float64]:
        """The affine of the scan, turned about the vertical and then shifted to the right."""
        angle = np.deg2rad(degrees)
        motion = np.eye(4)
        motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        motion[0, 3] = shift_mm
        return motion @ self.affine_vox_to_ras


def simulated_good_scan(skull: str = "with", **tissues: float) -> GoodScan:
    """A simulated patient with MS at half the resolution in plane, without noise in air.

    ``tissues`` are intensities of tissues in units of white matter in place of FLAIR's.
    """
    draw = draw_person(CohortRecipe(people=2, ms_share=1.0, seed=5, skull=skull), 0)
    return _coarse(replay(replace(draw, contrast=replace(draw.contrast, **tissues))).scan, 2, 2, 1)


def scan_in_voxels_of(x_mm: int, y_mm: int, z_mm: int) -> GoodScan:
    """The same patient in voxels of so many millimetres, made of a scan at 1 mm."""
    return _coarse(_scan_of_1_mm(), x_mm, y_mm, z_mm)


@lru_cache
def _scan_of_1_mm() -> Scan:
    recipe = CohortRecipe(people=2, ms_share=1.0, seed=5, skull="with", acquisition="volume3d")
    return replay(draw_person(recipe, 0)).scan


def _coarse(scan: Scan, *block: int) -> GoodScan:
    """Means of blocks of voxels, as uint8; what is left over at the upper ends is dropped."""
    whole = tuple(slice(n // b * b) for n, b in zip(scan.voxels.shape, block, strict=True))
    blocks = [m for n, b in zip(scan.voxels.shape, block, strict=True) for m in (n // b, b)]
    coarse = scan.voxels[whole].reshape(blocks).mean(axis=(1, 3, 5))
    grey = np.rint(np.clip(coarse / np.percentile(coarse, 99.9), 0, 1) * 255).astype(np.uint8)
    grey[grey < 12] = 0
    return GoodScan(grey, scan.grid.affine_vox_to_ras @ np.diag([*block, 1.0]))
