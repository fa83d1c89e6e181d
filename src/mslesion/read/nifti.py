"""One scan, or one lesion mask, out of one file of any format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import GeometryError, MaskError, VoxelError
from mslesion.read.content import Content, open_content
from mslesion.read.dicom.address import is_address
from mslesion.read.dicom.reading import decode_dicom, read_series
from mslesion.read.dicom.stream import is_dicom
from mslesion.read.image import decode_png, is_png
from mslesion.read.mgh import decode_mgh, is_mgh
from mslesion.read.nifti_format import decode_nifti, is_nifti
from mslesion.read.stored import NO_REMARKS, Remarks, StoredVolume, doubtful, mended
from mslesion.read.volume import EXPORT_AGAIN
from mslesion.scan import MOST_SHEAR_DEGREES, Grid, Scan, to_canonical_order

USUAL_POWER = 40
"""Images whose largest value lies between 2 to this power and its inverse are left as they are."""

_NEXT_TO = 0.005
"""Half a step of 255 in 16 bits is 0.002; a half of 1 is far away."""


class Format(NamedTuple):
    """How a file format is known by its first bytes, and how it is read."""

    matches: Callable[[bytes], bool]
    decode: Callable[[Content], StoredVolume]


FORMATS = (
    Format(is_nifti, decode_nifti),
    Format(is_png, decode_png),
    Format(is_mgh, decode_mgh),
    Format(is_dicom, decode_dicom),
)


def read_scan(path: Path, volume: int | None = None) -> Scan:
    """Read one scan: NIfTI-1, NIfTI-2 or MGH, compressed or not, DICOM, or one slice as PNG.

    The format is known by the file's first bytes, not by its name; a DICOM series, which lies in
    many files, by its address (:mod:`mslesion.read.dicom`). ``volume``, counted from 0, is
    needed where a file holds several. Voxels come back as float32 with scaling applied in
    float64, on axes closest to RAS+. NaN and infinite voxels become 0. What was mended stands in
    the scan's history, what is in doubt in its warnings.

    Raises:
        UnreadableFileError: No such file, not a scan, damaged, cut short, or too large.
        GeometryError: A single slice where a volume should be, several volumes and none
            chosen, no such volume, or a header that puts the voxels nowhere.
        VoxelError: Complex or colour voxels, or the same value everywhere.
    """
    stored = _read_stored(path)
    chosen, volume_remarks = _chosen_volume(stored, volume, path)
    voxels, voxel_remarks = _image_voxels(stored.scaled(chosen), path)
    affine = stored.affine_vox_to_ras
    shear = _shear(Grid(voxels.shape, affine))
    remarks = stored.remarks + shear + volume_remarks + voxel_remarks
    return Scan.from_stored(
        voxels,
        affine,
        path,
        remarks.history,
        remarks.warnings,
        sides_known=remarks.sides_known,
        may_be_shown=remarks.may_be_shown,
    )


def read_lesion_mask(path: Path, scan: Scan) -> tuple[NDArray[np.bool_], Remarks]:
    """Read the lesion mask of ``scan``: a read-only bool array on ``scan.grid``, and remarks.

    Raises:
        UnreadableFileError, GeometryError, VoxelError, MaskError: As in :func:`read_mask`.
        MaskError: It lies on another grid than the scan.
    """
    mask = read_mask(path)
    require_same_grid(mask.grid, scan.grid, path, "its scan")
    return mask.voxels, mask.remarks


class LoadedMask(NamedTuple):
    """A mask by itself: read-only bool voxels (X, Y, Z) on a grid closest to RAS+, and remarks.

    ``stored_grid`` is the grid of the file, whose axes may run in any order. ``sides_known`` is
    False where the file does not say where left and right are.
    """

    voxels: NDArray[np.bool_]
    grid: Grid
    remarks: Remarks
    stored_grid: Grid
    sides_known: bool


def read_mask(path: Path) -> LoadedMask:
    """Read a lesion mask by itself.

    The file may store its axes in any order, and mark lesions with 1 or with 255; where its header
    scales whole numbers, values next to these count as these. A mask without a lesion is all False.

    Raises:
        UnreadableFileError, GeometryError, VoxelError: As in :func:`read_scan`.
        MaskError: It has other values.
    """
    stored = _read_stored(path)
    only, _ = _chosen_volume(stored, None, path)
    values = _whole_where_near(stored.scaled(only))
    marked = np.asarray(values != 0)
    _check_mask_values(values, marked, path)
    stored_grid = Grid(values.shape, stored.affine_vox_to_ras)
    mask = to_canonical_order(marked, stored_grid).astype(bool)
    mask.setflags(write=False)
    is_255 = bool(values[marked].max(initial=0) == 255)
    mending = mended("the lesion mask holds 0 and 255: 255 is lesion") if is_255 else NO_REMARKS
    sides_known = stored.remarks.sides_known
    return LoadedMask(mask, stored_grid.canonical(), mending, stored_grid, sides_known)


def read_probability(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Read a map of probabilities by itself: (X, Y, Z) on a grid closest to RAS+.

    Raises:
        UnreadableFileError, GeometryError, VoxelError: As in :func:`read_scan`.
        VoxelError: A value is none from 0 to 1.
    """
    stored = _read_stored(path)
    only, _ = _chosen_volume(stored, None, path)
    values = stored.scaled(only)
    if not (values.min() >= 0 and values.max() <= 1):
        raise VoxelError(
            "holds values that are no probability",
            remedy="give a map of values from 0 to 1",
            file=path,
        )
    grid = Grid(values.shape, stored.affine_vox_to_ras)
    return to_canonical_order(values, grid).astype(np.float32, copy=False), grid.canonical()


def _whole_where_near(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers where all values are next to one, as a scaled header leaves those of a mask.

    Of a float mask that was saved with the integer type of a scan, 1 comes back as 0.99999.
    """
    if values.dtype.kind != "f":
        return values
    whole = np.rint(values)
    return whole if np.all(np.abs(values - whole) <= _NEXT_TO) else values


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


def require_same_grid(mask_grid: Grid, grid: Grid, path: Path, of_what: str) -> None:
    """Refuse a mask that lies on another grid than ``of_what``, whose grid is ``grid``.

    Raises:
        MaskError: The grids differ.
    """
    if mask_grid.matches(grid):
        return
    place = "" if _described(mask_grid) != _described(grid) else ", but in another place"
    raise MaskError(
        f"lies on another grid ({_described(mask_grid)}) than {of_what} "
        f"({_described(grid)}{place})",
        remedy=f"resample it onto that of {of_what}, to the nearest voxel, or give the one "
        "drawn on it",
        file=path,
    )


def _described(grid: Grid) -> str:
    shape = "x".join(str(n) for n in grid.shape)
    return f"{shape} voxels of " + "x".join(f"{mm:.4g}" for mm in grid.spacing_mm) + " mm"


def _chosen_volume(stored: StoredVolume, volume: int | None, path: Path) -> tuple[int, Remarks]:
    """Which of the volumes that a file holds is meant, from 0."""
    count = stored.voxels.shape[3]
    if volume is None and count > 1:
        raise GeometryError(
            f"holds {count} volumes",
            remedy="give the FLAIR image as a file of its own; 'mslesion detect' also takes it "
            f"out with --volume N, from 0 to {count - 1}",
            file=path,
        )
    chosen = volume or 0
    if not 0 <= chosen < count:
        raise GeometryError(
            f"has no volume {chosen}: counted from 0, the last is {count - 1}",
            remedy="choose another --volume",
            file=path,
        )
    taken = f"volume {chosen} of {count} (from 0) is taken"
    return chosen, mended(taken) if count > 1 else NO_REMARKS


def _shear(grid: Grid) -> Remarks:
    """Whether the axes are perpendicular, as those of nearly all scans are."""
    if grid.shear_degrees < MOST_SHEAR_DEGREES:
        return NO_REMARKS
    return doubtful(
        f"the voxels are sheared by {grid.shear_degrees:.1f} degrees: lesions are looked for in "
        "an upright copy, and their distances are rough"
    )


@np.errstate(over="ignore", invalid="ignore")  # what becomes no number is counted
def _image_voxels(values: NDArray[np.generic], path: Path) -> tuple[NDArray[np.float32], Remarks]:
    """Voxels fit for an image, and what had to be done to them."""
    finite = np.isfinite(values)
    numbers = values if finite.all() else values[finite]
    _require_several_values(numbers, path)
    if not finite.all():  # what is not known around a brain is background, as 0 is
        numbers = np.where(finite, values, values.dtype.type(0))
    lowest, highest = float(numbers.min()), float(numbers.max())
    remarks = NO_REMARKS
    if highest <= 0:
        values = values.astype(np.float64) - lowest
        remarks += mended(f"no voxel is above 0: all raised by {-lowest:g}")
    elif _is_centred(numbers):
        values, how = _raised(values, numbers)
        remarks += mended(f"much of the image is below 0, as after z-scoring: {how}")
    elif (offset := _offset(numbers)) > 0:
        values = np.maximum(values.astype(np.float64) - offset, 0)
        remarks += mended(f"no air is near 0: all lowered by {offset:g}")
    power = _power_of_usual_units(numbers)
    if power != 0:
        values = np.ldexp(values.astype(np.float64), power)
        remarks += mended(f"voxels taken times 2 to the power of {power}")
    voxels = np.array(values, dtype=np.float32, order="K")
    finite = np.isfinite(voxels)
    bad_count = voxels.size - int(np.count_nonzero(finite))
    if bad_count:
        voxels[~finite] = 0.0
        remarks += mended(f"{bad_count} NaN or infinite voxels set to 0")
    return voxels, remarks


_LOW_PERCENT, _HIGH_PERCENT = 0.5, 99.0
_CENTRED_SHARE = 0.1
_BACKGROUND_SHARE = 0.2
_OFFSET_SHARE = 0.05


def _is_centred(numbers: NDArray[np.generic]) -> bool:
    """Whether intensities reach far below 0, unlike those of resampled images, which overshoot."""
    if numbers.dtype.kind == "u" or numbers.min() >= 0:
        return False
    low, high = _range(numbers)
    return low < -_CENTRED_SHARE * abs(high)


def _offset(numbers: NDArray[np.generic]) -> float:
    """What seems to be added to every voxel, as none is as dark as air; 0 where some are."""
    low, high = _range(numbers)
    return low if low > _OFFSET_SHARE * high else 0.0


def _raised(
    values: NDArray[np.generic], numbers: NDArray[np.generic]
) -> tuple[NDArray[np.float64], str]:
    """Values from 0, and how they came about; zeros that surround a stripped brain stay zeros."""
    low, _ = _range(numbers)
    raised = np.maximum(values.astype(np.float64) - low, 0)
    if np.count_nonzero(numbers == 0) < _BACKGROUND_SHARE * numbers.size:
        return raised, f"all raised by {-low:g}"
    return np.where(values == 0, 0.0, raised), f"all but zeros raised by {-low:g}"


def _range(numbers: NDArray[np.generic]) -> tuple[float, float]:
    """The darkest and the brightest of enough of many numbers, without the outermost."""
    some = numbers.ravel()[:: 1 + numbers.size // 2**20].astype(np.float64)
    low, high = np.percentile(some, (_LOW_PERCENT, _HIGH_PERCENT))
    return float(low), float(high)


def _require_several_values(numbers: NDArray[np.generic], path: Path) -> None:
    if numbers.size == 0:
        raise VoxelError("has no voxel with a number in it", remedy=EXPORT_AGAIN, file=path)
    for extreme in (numbers.min(), numbers.max()):
        if np.count_nonzero(numbers != extreme) < 2:
            raise VoxelError(
                f"has the value {extreme:g} in every voxel, or in all but one",
                remedy=EXPORT_AGAIN,
                file=path,
            )


def _power_of_usual_units(numbers: NDArray[np.generic]) -> int:
    """The power of 2 that makes values of an unusual size ordinary; 0 for the usual ones.

    Sums and squares of float32 overflow long before the values themselves do.
    """
    if _is_usual(max(abs(float(numbers.min())), abs(float(numbers.max())))):
        return 0
    typical = float(np.median(np.abs(numbers[numbers != 0].astype(np.float64))))
    return 0 if _is_usual(typical) else -int(np.frexp(typical)[1])


def _is_usual(size: float) -> bool:
    return 2.0**-USUAL_POWER < size < 2.0**USUAL_POWER


def _read_stored(path: Path) -> StoredVolume:
    if is_address(path):
        return read_series(path)
    with open_content(path) as content:
        decoders = [decode for matches, decode in FORMATS if matches(content.head)]
        stored = decoders[0](content) if decoders else content.refuse()
        return stored.with_remarks(content.remarks)
