"""What volumes of every format have in common: a shape, a type, and a place for each voxel."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from mslesion.errors import GeometryError, UnreadableFileError, VoxelError
from mslesion.read.content import Content
from mslesion.read.stored import Remarks

MAX_VOXELS = 2**27
"""A head at 0.4 mm has fewer; a header that claims more is damaged or hostile."""

LARGE_BYTES = 2**29 + 2**20
MOST_COMPRESSION = 200
"""Scans are compressed to a half or, without skull and as float64, to a thirtieth, and masks of few
lesions to a three-hundredth. A file that claims to hold more than any mask of a head, and more than
this for each of its bytes, holds no scan."""

MIN_SLICES = 3
"""A volume has at least so many voxels along each axis."""

FARTHEST_MM = 1e6
"""Nothing in a scanner's room is a kilometre away."""

GET_AGAIN = "get the file again from where it came from"
EXPORT_AGAIN = "export the scan again, or give the original"

SIDES_UNKNOWN = Remarks(
    warnings=("no orientation in the header: left and right are not known, and no side is named",),
    sides_known=False,
)


def volumes_shape(dims: tuple[int, ...], path: Path) -> tuple[int, int, int, int]:
    """The shape of what a file holds: that of a volume, and how many there are.

    Raises:
        GeometryError: No voxels, or fewer slices than a volume has.
        UnreadableFileError: More voxels than ``MAX_VOXELS``.
    """
    shown = " x ".join(str(n) for n in dims)
    if any(n < 1 for n in dims):
        raise GeometryError(f"claims {shown} voxels", remedy=GET_AGAIN, file=path)
    x, y, z = (*dims, 1, 1)[:3]
    if min(x, y, z) < MIN_SLICES:
        count = "a single slice" if min(x, y, z) == 1 else f"only {min(x, y, z)} slices"
        raise GeometryError(f"holds {count} ({shown})", remedy="give the whole volume", file=path)
    if math.prod(dims) > MAX_VOXELS:
        raise UnreadableFileError(
            f"claims {shown} voxels, more than any image of a head has",
            remedy=GET_AGAIN,
            file=path,
        )
    return x, y, z, math.prod(dims[3:])


def stored_voxels(
    content: Content,
    header: Any,
    shape: tuple[int, int, int, int],
    first_byte: int,
    *,
    exact: bool,
) -> NDArray[np.generic]:
    """The voxels as stored, read to the file's end; ``exact`` where nothing may follow them.

    ``header`` is one of nibabel's. Nothing is read where it claims more than the file can hold.

    Raises:
        UnreadableFileError: The file ends early, or goes on, or its checksum is wrong.
        VoxelError: Complex or colour voxels.
    """
    dtype = _real_dtype(header, content.path)
    end_byte = first_byte + math.prod(shape) * dtype.itemsize
    if end_byte > content.most_bytes:
        raise UnreadableFileError(
            f"ends early: its header speaks of {end_byte} bytes, more than the file can hold",
            remedy=GET_AGAIN,
            file=content.path,
        )
    stored_bytes = content.path.stat().st_size
    if end_byte > max(LARGE_BYTES, MOST_COMPRESSION * stored_bytes):
        raise UnreadableFileError(
            f"claims {end_byte} bytes in {stored_bytes}: no scan can be compressed so much",
            remedy=GET_AGAIN,
            file=content.path,
        )
    # FreeSurfer adds its parameters and history after the voxels: a few kilobytes.
    data = content.exactly(end_byte) if exact else content.at_most(end_byte + 2**20)
    if len(data) < end_byte:
        raise UnreadableFileError("ends early", remedy=GET_AGAIN, file=content.path)
    voxels = np.frombuffer(data, dtype, math.prod(shape), first_byte)
    return voxels.reshape(shape, order="F")


def _real_dtype(header: Any, path: Path) -> np.dtype[np.generic]:
    try:
        dtype: np.dtype[np.generic] = np.dtype(header.get_data_dtype())
    except (HeaderDataError, KeyError) as error:
        raise UnreadableFileError(
            "has a damaged header: voxels of an unknown type", remedy=GET_AGAIN, file=path
        ) from error
    if dtype.kind not in "iuf" or not 0 < dtype.itemsize <= 8:
        kind = {"c": "complex", "V": "colour"}.get(dtype.kind, f"{dtype.name}")
        raise VoxelError(
            f"has {kind} voxels", remedy="give the magnitude image, in grey", file=path
        )
    return dtype


def is_regular(affine: NDArray[np.float64]) -> bool:
    """Whether an affine gives each voxel a place of its own."""
    if not np.isfinite(affine).all() or np.abs(affine).max() > FARTHEST_MM:
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(lengths.min() > 0 and abs(np.linalg.det(affine[:3, :3] / lengths)) > 1e-4)


def nowhere(path: Path) -> GeometryError:
    """The error for a header without a usable affine."""
    return GeometryError(
        "has a header that does not say where the voxels lie (no usable affine)",
        remedy=EXPORT_AGAIN,
        file=path,
    )
