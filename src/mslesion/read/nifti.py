"""One scan, or one lesion mask, out of one file of any format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import MaskError, VoxelError
from mslesion.read.content import Content, open_content
from mslesion.read.image import decode_png, is_png
from mslesion.read.mgh import decode_mgh, is_mgh
from mslesion.read.nifti_format import decode_nifti, is_nifti
from mslesion.read.stored import StoredVolume
from mslesion.read.volume import EXPORT_AGAIN
from mslesion.scan import Grid, Scan, to_canonical_order


class Format(NamedTuple):
    """How a file format is known by its first bytes, and how it is read."""

    matches: Callable[[bytes], bool]
    decode: Callable[[Content], StoredVolume]


FORMATS = (
    Format(is_nifti, decode_nifti),
    Format(is_png, decode_png),
    Format(is_mgh, decode_mgh),
)


def read_scan(path: Path) -> Scan:
    """Read one scan: NIfTI-1, NIfTI-2 or MGH, compressed or not, or one slice as PNG.

    The format is known by the file's first bytes, not by its name. Voxels come back as float32
    with scaling applied in float64, on axes closest to RAS+. NaN and infinite voxels become 0.
    Whatever was mended or is in doubt stands in the scan's history.

    Raises:
        UnreadableFileError: No such file, not a scan, damaged, cut short, or too large.
        GeometryError: A single slice where a volume should be, several volumes, or a header
            that puts the voxels nowhere.
        VoxelError: Complex or colour voxels, or the same value everywhere.
    """
    stored = _read_stored(path)
    voxels, notes = _image_voxels(stored, path)
    history = (*stored.history, *notes)
    return Scan.from_stored(voxels, stored.affine_vox_to_ras, path, history)


def read_lesion_mask(path: Path, scan: Scan) -> NDArray[np.bool_]:
    """Read the lesion mask of ``scan``: a read-only bool array on ``scan.grid``.

    The file may store its axes in any order, and mark lesions with 1 or with 255. A mask
    without a lesion is all False.

    Raises:
        UnreadableFileError, GeometryError, VoxelError: As in :func:`read_scan`.
        MaskError: It has other values, or lies on another grid than the scan.
    """
    stored = _read_stored(path)
    values = stored.scaled()
    marked = np.asarray(values != 0)
    _check_mask_values(values, marked, path)
    stored_grid = Grid(values.shape, stored.affine_vox_to_ras)
    _check_same_grid(stored_grid.canonical(), scan, path)
    mask = to_canonical_order(marked, stored_grid).astype(bool)
    mask.setflags(write=False)
    return mask


def _check_mask_values(values: NDArray[Any], marked: NDArray[np.bool_], path: Path) -> None:
    marks = values[marked]
    if marks.size == 0 or np.all(marks == 1) or np.all(marks == 255):
        return
    found = np.unique(marks)
    shown = ", ".join(f"{value:g}" for value in found[:4]) + (", ..." if found.size > 4 else "")
    raise MaskError(
        f"holds the values 0, {shown}, so what is lesion is not clear",
        remedy="give a mask of 0 and 1",
        file=path,
    )


def _check_same_grid(mask_grid: Grid, scan: Scan, path: Path) -> None:
    if mask_grid.matches(scan.grid):
        return
    place = "" if _described(mask_grid) != _described(scan.grid) else ", but in another place"
    raise MaskError(
        f"lies on another grid ({_described(mask_grid)}) than its scan "
        f"({_described(scan.grid)}{place})",
        remedy="resample the mask onto the scan, to the nearest voxel, or give the one drawn on it",
        file=path,
    )


def _described(grid: Grid) -> str:
    shape = "x".join(str(n) for n in grid.shape)
    return f"{shape} voxels of " + "x".join(f"{mm:.4g}" for mm in grid.spacing_mm) + " mm"


def _image_voxels(stored: StoredVolume, path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Voxels fit for an image, and what had to be done to them."""
    notes = []
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, and is counted below
        voxels = np.array(stored.scaled(), dtype=np.float32, order="K")
    if stored.voxels.dtype.kind == "f" or stored.slope != 1.0:
        finite = np.isfinite(voxels)
        bad_count = voxels.size - int(np.count_nonzero(finite))
        if bad_count == voxels.size:
            raise VoxelError("has no voxel with a number in it", remedy=EXPORT_AGAIN, file=path)
        if bad_count:
            voxels[~finite] = 0.0
            notes.append(f"{bad_count} NaN or infinite voxels set to 0")
    for extreme in (voxels.min(), voxels.max()):
        if np.count_nonzero(voxels != extreme) < 2:
            raise VoxelError(
                f"has the value {extreme:g} in every voxel, or in all but one",
                remedy=EXPORT_AGAIN,
                file=path,
            )
    return voxels, notes


def _read_stored(path: Path) -> StoredVolume:
    with open_content(path) as content:
        decoders = [decode for matches, decode in FORMATS if matches(content.head)]
        return decoders[0](content) if decoders else content.refuse()
