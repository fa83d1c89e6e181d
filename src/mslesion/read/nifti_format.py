"""NIfTI-1 and NIfTI-2, read field by field.

Not through nibabel's loader, which mends some damage in silence, prints about other, and
believes any size that a header claims. nibabel still says where the fields lie and what a
quaternion means.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from mslesion.errors import GeometryError, UnreadableFileError
from mslesion.read.content import Content
from mslesion.read.stored import NO_REMARKS, Remarks, StoredVolume, doubtful, mended
from mslesion.read.volume import (
    EXPORT_AGAIN,
    GET_AGAIN,
    SIDES_UNKNOWN,
    is_regular,
    nowhere,
    stored_voxels,
    volumes_shape,
)
from mslesion.scan import Grid

FIELD_OF_VIEW_MM = (100.0, 350.0)
"""The longest side of an image of a head lies within this."""

_UNITS = {1: ("metre", 1000.0), 3: ("micron", 0.001)}


def is_nifti(head: bytes) -> bool:
    """Whether a file begins as a single-file NIfTI-1 or NIfTI-2 does, of either endianness."""
    return _is_nifti1(head) or _is_nifti2(head)


def _is_nifti1(head: bytes) -> bool:
    return head[344:348] == b"n+1\0" and head[:4] in {b"\x5c\1\0\0", b"\0\0\1\x5c"}


def _is_nifti2(head: bytes) -> bool:
    return head[4:8] == b"n+2\0" and head[:4] in {b"\x1c\2\0\0", b"\0\0\2\x1c"}


def decode_nifti(content: Content) -> StoredVolume:
    """Read the volumes of a NIfTI file.

    Raises:
        UnreadableFileError: Damaged, cut short, or too large.
        GeometryError: A single slice, or voxels that lie nowhere.
        VoxelError: Complex or colour voxels.
    """
    path = content.path
    header = _header(content)
    dims = _dims(header, path)
    shape = volumes_shape(dims, path)
    first_byte = float(header["vox_offset"])
    # The header and the four bytes that say whether extensions follow come first.
    if not (
        header.template_dtype.itemsize + 4 <= first_byte < 2**31 and first_byte == int(first_byte)
    ):
        raise UnreadableFileError(
            f"has a damaged header: its voxels begin at byte {first_byte:g}",
            remedy=GET_AGAIN,
            file=path,
        )
    voxels = stored_voxels(content, header, shape, int(first_byte), exact=True)
    affine, affine_remarks = _affine(header, shape[:3], path)
    slope, intercept, scaling_remarks = _scaling(header)
    squeezed = NO_REMARKS
    if len(dims) > 3 and shape[3] == 1:
        squeezed = mended(f"stored as {' x '.join(map(str, dims))}: one volume")
    remarks = squeezed + affine_remarks + scaling_remarks
    return StoredVolume(voxels, affine, slope, intercept, remarks)


def _header(content: Content) -> Any:
    kind = nib.Nifti1Header if _is_nifti1(content.head) else nib.Nifti2Header
    endianness = "<" if content.head[0] else ">"
    block = content.head[: kind.template_dtype.itemsize]
    if len(block) < kind.template_dtype.itemsize:
        raise UnreadableFileError("ends within its header", remedy=GET_AGAIN, file=content.path)
    return kind(block, endianness, check=False)


def nifti_dims(content: Content) -> tuple[int, ...]:
    """How many voxels a NIfTI header claims along each of its axes.

    Raises:
        UnreadableFileError: The file ends within its header.
        GeometryError: It claims no axes, or more than seven.
    """
    return _dims(_header(content), content.path)


def _dims(header: Any, path: Path) -> tuple[int, ...]:
    axis_count = int(header["dim"][0])
    if not 1 <= axis_count <= 7:
        raise GeometryError(f"claims {axis_count} axes", remedy=GET_AGAIN, file=path)
    return tuple(int(n) for n in header["dim"][1 : axis_count + 1])


def _scaling(header: Any) -> tuple[float, float, Remarks]:
    """Slope, intercept and remarks. NIfTI-1 says that a slope of 0 means no scaling."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0, NO_REMARKS
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        ignored = f"scaling of {slope:g} and {intercept:g} in the header ignored"
        return 1.0, 0.0, doubtful(ignored)
    if slope < 0:
        return (
            slope,
            intercept,
            doubtful("negative scaling in the header: the highest stored value is the darkest"),
        )
    return slope, intercept, NO_REMARKS


@np.errstate(over="ignore", invalid="ignore")  # of damaged headers; is_regular sees the result
def _affine(
    header: Any, shape: tuple[int, int, int], path: Path
) -> tuple[NDArray[np.float64], Remarks]:
    """Where the header puts the voxels, in millimetres; the sform before the qform."""
    remarks = _without_signs(header, path)
    claimed = {
        "sform": header.get_sform() if header["sform_code"] > 0 else None,
        "qform": _qform(header) if header["qform_code"] > 0 else None,
    }
    usable = {
        name: np.asarray(affine, dtype=np.float64)
        for name, affine in claimed.items()
        if affine is not None and is_regular(affine)
    }
    if header["sform_code"] <= 0 and header["qform_code"] <= 0:
        remarks += SIDES_UNKNOWN
        base = np.asarray(header.get_base_affine(), dtype=np.float64)
        usable = {"voxel sizes": base} if is_regular(base) else {}
    if not usable:
        raise nowhere(path)
    used = next(iter(usable))
    for name in claimed:
        if name not in usable and header[f"{name}_code"] > 0:
            remarks += mended(f"the {name} is unusable: the {used} is taken")
    to_mm, unit_remarks = _unit(usable[used], header, shape)
    in_mm = {name: _scaled(affine, to_mm) for name, affine in usable.items()}
    if len(in_mm) == 2:
        remarks += _disagreement(in_mm["sform"], in_mm["qform"], shape, path)
    return in_mm[used], remarks + unit_remarks


def _without_signs(header: Any, path: Path) -> Remarks:
    """Make the header's voxel sizes positive, which are all that it may say of a side."""
    spacing_mm = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if np.isnan(spacing_mm).any():
        raise GeometryError("has NaN as a voxel size", remedy=EXPORT_AGAIN, file=path)
    if (spacing_mm > 0).all():
        return NO_REMARKS
    header["pixdim"][1:4] = np.abs(spacing_mm)
    shown = " x ".join(f"{mm:.4g}" for mm in spacing_mm)
    return doubtful(f"zero or negative voxel sizes in the header ({shown} mm): no sign is believed")


def _qform(header: Any) -> NDArray[np.float64] | None:
    if header["pixdim"][0] == 0:
        header["pixdim"][0] = 1  # as the standard says: nifti1.h, on qfac
    try:
        return np.asarray(header.get_qform(), dtype=np.float64)
    except (HeaderDataError, ValueError):  # the quaternion is none, or qfac is neither 1 nor -1
        return None


def _disagreement(
    sform: NDArray[np.float64], qform: NDArray[np.float64], shape: tuple[int, int, int], path: Path
) -> Remarks:
    """How far sform and qform lie apart; mirrored, they cannot both be believed."""
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        raise GeometryError(
            "has two orientations (sform and qform) that are mirror images of each other",
            remedy="find out which is right, and remove the other",
            file=path,
        )
    shift_mm = Grid(shape, sform).farthest_mm(Grid(shape, qform))
    directions = [a[:3, :3] / np.linalg.norm(a[:3, :3], axis=0) for a in (sform, qform)]
    cosines = np.clip((directions[0] * directions[1]).sum(axis=0), -1.0, 1.0)
    angle_degrees = float(np.degrees(np.arccos(cosines.min())))
    if shift_mm < 0.1 and angle_degrees < 0.5:
        return NO_REMARKS
    apart = f"by {angle_degrees:.1f} degrees and up to {shift_mm:.1f} mm"
    return doubtful(f"sform and qform disagree {apart}: the sform is taken")


def _unit(
    affine: NDArray[np.float64], header: Any, shape: tuple[int, int, int]
) -> tuple[float, Remarks]:
    """Millimetres in a unit of the header.

    A unit other than the millimetre is believed only where that makes the image a head's size.
    """
    # The lowest three bits are the unit of length; NIfTI-1 counts metre, millimetre, micron.
    unit, to_mm = _UNITS.get(int(header["xyzt_units"]) & 7, ("millimetre", 1.0))
    if to_mm == 1.0:
        return 1.0, NO_REMARKS
    longest = max(np.linalg.norm(affine[:3, :3], axis=0) * shape)
    if not FIELD_OF_VIEW_MM[0] <= longest * to_mm <= FIELD_OF_VIEW_MM[1]:
        unlikely = f"the header's unit, {unit}, is not believed: millimetres are taken"
        return 1.0, doubtful(unlikely)
    return to_mm, mended(f"stored in units of {unit}, taken to millimetres")


def _scaled(affine: NDArray[np.float64], to_mm: float) -> NDArray[np.float64]:
    scaled = affine.copy()
    scaled[:3] *= to_mm
    return scaled
