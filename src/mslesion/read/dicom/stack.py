"""The slices of a stack in the order in which they lie, without gaps, and where that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import GeometryError, UnreadableFileError
from mslesion.read.dicom.pixels import same_pixels
from mslesion.read.dicom.series import Slice, Stack
from mslesion.read.stored import NO_REMARKS, Remarks, mended
from mslesion.read.volume import EXPORT_AGAIN, MAX_VOXELS, MIN_SLICES, is_regular, nowhere

SAME_PLACE_MM = 0.01
MOST_TILT = 1e-3
"""Direction cosines of slices in one volume differ by no more than rounding does."""
LEAST_TOLERANCE_MM, TOLERANCE = 0.02, 0.02
"""How far a slice may lie from where even spacing puts it: 0.02 mm, or 2 % of the spacing."""

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_EXPORT_WHOLE = "export the whole series again, as the scanner made it"


@dataclass(frozen=True, eq=False)
class OrderedStack:
    """Slices from the first to the last along their normal.

    ``affine_vox_to_ras`` takes (column, row, slice) to millimetres, RAS+ (PS3.3, C.7.6.2.1.1,
    whose own millimetres are LPS+).
    """

    slices: tuple[Slice, ...]
    affine_vox_to_ras: NDArray[np.float64]
    remarks: Remarks


@np.errstate(over="ignore", invalid="ignore")  # of damaged headers; is_regular sees the result
def order_stack(stack: Stack, source: Path) -> OrderedStack:
    """Sort the slices of a stack by position, and see that they fill a volume evenly.

    Raises:
        GeometryError: Slices without a place, of several sizes, not parallel, unevenly spaced, with
            one missing, several at one place, or fewer than three.
        UnreadableFileError: A file cannot be used.
    """
    slices = stack.slices
    _require_usable(slices, source)
    rows, columns, spacing_mm = _one_size(slices, source)
    along_row, down_column = _one_direction(slices, source)
    normal = np.cross(along_row, down_column)
    in_order = sorted(slices, key=lambda one: (float(_position(one) @ normal), _identity(one)))
    kept, remarks = _without_copies(in_order, normal, source)
    if len(kept) < MIN_SLICES:
        count = "a single slice" if len(kept) == 1 else f"only {len(kept)} slices"
        raise GeometryError(
            f"holds {count}", remedy="give the folder with all slices of the series", file=source
        )
    if rows * columns * len(kept) > MAX_VOXELS:
        raise UnreadableFileError(
            f"claims {columns} x {rows} x {len(kept)} voxels, more than any image of a head has",
            remedy=EXPORT_AGAIN,
            file=source,
        )
    positions = np.array([_position(one) for one in kept])
    step = _even_step(positions, normal, source)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = along_row * spacing_mm[1], down_column * spacing_mm[0]
    affine[:3, 2], affine[:3, 3] = step, positions[0]
    if not is_regular(affine):
        raise nowhere(source)
    if _is_out_of_order(kept):
        remarks += mended("the numbers of the slices do not follow their places: sorted by place")
    return OrderedStack(tuple(kept), _LPS_TO_RAS @ affine, remarks)


def _require_usable(slices: Sequence[Slice], source: Path) -> None:
    for one in slices:
        problem = one.image.problem
        if problem is not None:
            count = len({s.image.path for s in slices})
            where = f"holds a file, 1 of {count}, that " if count > 1 else ""
            raise type(problem)(where + problem.what, remedy=problem.remedy, file=source)
    for name, value in (
        ("orientation (ImageOrientationPatient)", "orientation"),
        ("position (ImagePositionPatient)", "position_mm"),
        ("spacing (PixelSpacing)", "spacing_mm"),
    ):
        without = sum(getattr(one.frame, value) is None for one in slices)
        if without:
            raise GeometryError(
                f"holds {without} of {len(slices)} slices without {name}: where they lie is not "
                "known",
                remedy=EXPORT_AGAIN,
                file=source,
            )


def _one_size(slices: Sequence[Slice], source: Path) -> tuple[int, int, tuple[float, ...]]:
    sizes = {
        (one.image.pixels.rows, one.image.pixels.columns) for one in slices if one.image.pixels
    }
    spacings = np.array([one.frame.spacing_mm for one in slices])
    is_even = np.allclose(spacings, spacings[0], rtol=1e-3) and spacings.min() > 0
    types = {one.frame.image_type[2:3] for one in slices}
    echoes = {one.frame.echo_ms for one in slices}
    for is_mixed, what in (
        (len(sizes) > 1, "slices of several sizes"),
        (not is_even, "slices of several voxel sizes, or of none"),
        (len(types) > 1, "images of several kinds (ImageType)"),
        (len(echoes) > 1, f"images of {len(echoes)} echo times"),
    ):
        if is_mixed:
            raise GeometryError(
                f"holds {what} under one series",
                remedy="export the FLAIR images as a series of their own",
                file=source,
            )
    (rows, columns) = next(iter(sizes))
    return rows, columns, slices[0].frame.spacing_mm or ()


def _one_direction(
    slices: Sequence[Slice], source: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    directions = np.array([one.frame.orientation for one in slices])
    if np.abs(directions - directions[0]).max() > MOST_TILT:
        raise GeometryError("holds slices that are not parallel", remedy=_EXPORT_WHOLE, file=source)
    along_row, down_column = directions[0, :3], directions[0, 3:]
    lengths = np.linalg.norm([along_row, down_column], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(along_row @ down_column) > 0.01:
        raise GeometryError(
            "has a header whose directions are none (ImageOrientationPatient)",
            remedy=EXPORT_AGAIN,
            file=source,
        )
    return along_row / lengths[0], down_column / lengths[1]


def _position(one: Slice) -> NDArray[np.float64]:
    return np.asarray(one.frame.position_mm, dtype=np.float64)


def _identity(one: Slice) -> tuple[str, int]:
    return one.image.instance_uid, one.frame.index


def _without_copies(
    in_order: Sequence[Slice], normal: NDArray[np.float64], source: Path
) -> tuple[list[Slice], Remarks]:
    """The slices with identical ones at one place dropped."""
    kept: list[Slice] = []
    dropped = 0
    for one in in_order:
        if not kept or (_position(one) - _position(kept[-1])) @ normal > SAME_PLACE_MM:
            kept.append(one)
        elif same_pixels(one, kept[-1]):
            dropped += 1
        else:
            raise GeometryError(
                f"holds different images at one place ({len(in_order)} in all): several volumes, "
                "echoes or times under one series",
                remedy="export the FLAIR images as a series of their own",
                file=source,
            )
    if not dropped:
        return kept, NO_REMARKS
    copies = "1 identical copy of a slice" if dropped == 1 else f"{dropped} identical copies"
    return kept, mended(f"{copies} dropped")


def _even_step(
    positions: NDArray[np.float64], normal: NDArray[np.float64], source: Path
) -> NDArray[np.float64]:
    """From one slice to the next, in LPS millimetres."""
    heights_mm = positions @ normal
    gaps_mm = np.diff(heights_mm)
    usual_mm = float(np.median(gaps_mm))
    tolerance_mm = max(LEAST_TOLERANCE_MM, TOLERANCE * usual_mm)
    uneven = np.flatnonzero(np.abs(gaps_mm - usual_mm) > tolerance_mm)
    if uneven.size:
        at = int(uneven[0])
        gap_mm = float(gaps_mm[at])
        missing = round(gap_mm / usual_mm) - 1
        is_whole = missing >= 1 and abs(gap_mm - (missing + 1) * usual_mm) <= 2 * tolerance_mm
        place = f"between slices {at + 1} and {at + 2} of {len(positions)}, by place"
        what = (
            f"lacks {missing} slice{'s' if missing > 1 else ''} {place}: a gap of {gap_mm:.2f} mm "
            f"where others are {usual_mm:.2f} mm"
            if is_whole
            else f"is unevenly spaced: {gap_mm:.2f} mm {place}, {usual_mm:.2f} mm elsewhere"
        )
        raise GeometryError(what, remedy=_EXPORT_WHOLE, file=source)
    step: NDArray[np.float64] = (positions[-1] - positions[0]) / (len(positions) - 1)
    even = positions[0] + np.arange(len(positions))[:, None] * step
    off_mm = float(np.linalg.norm(positions - even, axis=1).max())
    if off_mm > 2 * tolerance_mm:
        raise GeometryError(
            f"holds slices that are shifted against each other, by up to {off_mm:.2f} mm",
            remedy=_EXPORT_WHOLE,
            file=source,
        )
    return step


def _is_out_of_order(slices: Sequence[Slice]) -> bool:
    """Whether the numbers of slices neither rise nor fall with their places."""
    numbers = [one.image.instance_number + one.frame.index for one in slices]
    return numbers not in (sorted(numbers), sorted(numbers, reverse=True))
