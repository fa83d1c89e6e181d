"""A volume out as NIfTI-1: a clean header, and the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from mslesion.write.atomic import write_bytes

_UNKNOWN, _SCANNER, _ALIGNED = 0, 1, 2
"""NIFTI_XFORM of nifti1.h: nothing but voxel sizes; the scanner's millimetres; some others."""

_STORED_DTYPES: dict[str, type[np.generic]] = {
    # NIfTI-1 has no type for these, or (64 bit integers) one that many readers lack.
    "bool": np.uint8,
    "float16": np.float32,
    "int64": np.int32,
    "uint64": np.uint32,
}


def write_nifti(
    path: Path,
    volume: NDArray[np.generic],
    affine_vox_to_ras: NDArray[np.float64],
    *,
    sides_known: bool = True,
) -> None:
    """Write a volume (X, Y, Z) on the grid of ``affine_vox_to_ras``, compressed if so named.

    A mask (bool) becomes uint8, float16 becomes float32, 64 bit integers become 32 bit; every
    other type stays. The header holds nothing but the shape, the type, millimetres and the
    affine (as sform and, where the axes are perpendicular, as qform; both code 1). Where no side
    is known the header claims none: it holds voxel sizes alone, as a NIfTI file without orientation
    does, or, where those do not lead to ``affine_vox_to_ras``, code 2. No name and no time is
    stored, so equal volumes give equal files.

    Raises:
        OutputError: The file cannot be written; nothing is left at ``path``.
        ValueError: The volume is not three-dimensional, or has integers beyond 32 bit.
    """
    if volume.ndim != 3:
        raise ValueError(f"a volume has three axes, not {volume.ndim}")
    stored = volume.astype(_STORED_DTYPES.get(volume.dtype.name, volume.dtype))
    if volume.dtype.kind in "iu" and not np.array_equal(stored, volume):
        raise ValueError("integers beyond 32 bit")
    data = _nifti1(stored, affine_vox_to_ras, sides_known=sides_known).to_bytes()
    write_bytes(path, igzip.compress(data, mtime=0) if path.name.endswith(".gz") else data)


def _nifti1(
    stored: NDArray[np.generic], affine_vox_to_ras: NDArray[np.float64], *, sides_known: bool
) -> nib.Nifti1Image:
    image = nib.Nifti1Image(stored, affine_vox_to_ras)
    image.header.set_xyzt_units("mm")
    code = _SCANNER
    if not sides_known:
        is_bare = np.allclose(image.header.get_base_affine(), affine_vox_to_ras, atol=1e-3)
        code = _UNKNOWN if is_bare else _ALIGNED
    image.set_sform(affine_vox_to_ras, code=code)
    image.set_qform(affine_vox_to_ras, code=code)
    # A quaternion cannot hold shear: better no qform than one that says something else.
    if code != _UNKNOWN and not np.allclose(image.get_qform(), affine_vox_to_ras, atol=1e-3):
        image.set_qform(None, code=_UNKNOWN)
    return image
