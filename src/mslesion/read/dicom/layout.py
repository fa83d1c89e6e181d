"""How the voxels of a DICOM image lie in its file, and whether they can all be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from mslesion.errors import GeometryError, UnreadableFileError, VoxelError
from mslesion.read.dicom.stream import (
    DEFLATED,
    EXPLICIT_BIG_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    MOST_INFLATED_BYTES,
    DataSet,
    most_inflated_bytes,
    packed_too_well,
)
from mslesion.read.dicom.values import number
from mslesion.read.volume import GET_AGAIN, MAX_VOXELS, MOST_COMPRESSION

NATIVE = frozenset({IMPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.1", DEFLATED, EXPLICIT_BIG_ENDIAN})
"""Transfer syntaxes whose voxels are not compressed (PS3.5, annex A)."""
JPEG_EXTENDED, RLE = "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.5"
ALWAYS_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", JPEG_EXTENDED})

MOST_AFTER_VOXELS = 2**23
"""Padding and signatures may follow the voxels."""
MOST_ROWS = 4096
"""No MR image has more rows or columns."""

_MOST_AROUND_FRAME, _MOST_OFFSETS = 2**13, 2**16
"""Bytes that compressed frames may have beyond twice their values: headers, a table of offsets."""

_PIXEL_DATA, _FLOAT_DATA, _DOUBLE_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
_GROUP_LENGTH, _OFFSETS, _OFFSET_LENGTHS = 0x7FE00000, 0x7FE00001, 0x7FE00002
_BEFORE_PIXELS = (_GROUP_LENGTH, _OFFSETS, _OFFSET_LENGTHS)


@dataclass(frozen=True)
class PixelLayout:
    """How the voxels lie in the file; ``length`` is None where they are in fragments."""

    transfer_syntax: str
    offset: int
    length: int | None
    tag: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    is_signed: bool
    is_inverted: bool

    @property
    def frame_bytes(self) -> int:
        """How many bytes the values of one frame take when they are not compressed."""
        return self.rows * self.columns * self.bits_allocated // 8

    def most_bytes(self, frame_count: int) -> int:
        """How many bytes of the file so many frames may take; more are not read."""
        values = self.frame_bytes * frame_count
        if self.transfer_syntax in NATIVE:
            return values
        return 2 * values + _MOST_AROUND_FRAME * frame_count + _MOST_OFFSETS


def pixel_layout(header: Any, opened: DataSet, frame_count: int) -> PixelLayout:
    """How the voxels lie in a file that was read as far as them.

    Raises:
        GeometryError: It claims no rows or columns.
        UnreadableFileError: It claims too many, or holds no voxels.
        VoxelError: The voxels are colours, or of no known kind.
    """
    rows, columns, allocated, samples = (
        int(number(header.get(name)) or 0)
        for name in ("Rows", "Columns", "BitsAllocated", "SamplesPerPixel")
    )
    if rows < 1 or columns < 1:
        raise GeometryError(f"claims {columns} x {rows} voxels", remedy=GET_AGAIN)
    if max(rows, columns) > MOST_ROWS or rows * columns * frame_count > MAX_VOXELS:
        count = f" x {frame_count}" if frame_count > 1 else ""
        raise UnreadableFileError(
            f"claims {columns} x {rows}{count} voxels, more than any image of a head has",
            remedy=GET_AGAIN,
        )
    if samples > 1:
        raise VoxelError("has colour voxels", remedy="give the magnitude image, in grey")
    tag, length, offset = _pixel_element(opened.stream, opened.transfer_syntax)
    if tag not in {_PIXEL_DATA, _FLOAT_DATA, _DOUBLE_DATA}:
        raise UnreadableFileError("holds no image: a header without PixelData", remedy=GET_AGAIN)
    if tag == _PIXEL_DATA and allocated not in {8, 16, 32}:
        raise VoxelError(f"has voxels of {allocated} bits", remedy="export the scan again")
    stored = int(number(header.get("BitsStored")) or allocated)
    return PixelLayout(
        opened.transfer_syntax,
        offset,
        None if length == 0xFFFFFFFF else length,
        tag,
        rows,
        columns,
        {_FLOAT_DATA: 32, _DOUBLE_DATA: 64}.get(tag, allocated),
        min(stored, allocated) if stored > 0 else allocated,
        bool(number(header.get("PixelRepresentation"))),
        str(header.get("PhotometricInterpretation", "")).strip().upper() == "MONOCHROME1",
    )


def _pixel_element(stream: BinaryIO, transfer_syntax: str) -> tuple[int, int, int]:
    """Tag, length and place of the value of the voxels, where reading the header stopped.

    What may stand before them in their group is passed over.
    """
    for _ in _BEFORE_PIXELS:
        tag, length, place = _element(stream, transfer_syntax)
        if tag not in _BEFORE_PIXELS:
            return tag, length, place
        stream.seek(place + length)
    return _element(stream, transfer_syntax)


def _element(stream: BinaryIO, transfer_syntax: str) -> tuple[int, int, int]:
    """Tag, length and place of the value of the next element (PS3.5, section 7.1)."""
    order: Any = "big" if transfer_syntax == EXPLICIT_BIG_ENDIAN else "little"
    head = stream.read(8)
    if len(head) < 8:
        return 0, 0, 0
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if transfer_syntax == IMPLICIT_LITTLE_ENDIAN:
        return tag, int.from_bytes(head[4:8], order), stream.tell()
    if tag == _GROUP_LENGTH:  # of type UL, which has a short head
        return tag, int.from_bytes(head[6:8], order), stream.tell()
    return tag, int.from_bytes(stream.read(4), order), stream.tell()


def require_all_there(
    pixels: PixelLayout, frame_count: int, size_bytes: int, stream: BinaryIO
) -> None:
    """See that a file of so many bytes can hold the voxels it claims, and little more.

    Raises:
        UnreadableFileError: It is too short or too long, or compressed more than any image.
    """
    wanted = pixels.frame_bytes * frame_count
    most_bytes = pixels.offset + pixels.most_bytes(frame_count) + MOST_AFTER_VOXELS
    if size_bytes > most_bytes:
        raise UnreadableFileError(
            f"holds {size_bytes} bytes, of which its header and voxels take {most_bytes} at most",
            remedy=GET_AGAIN,
        )
    if pixels.length is None or pixels.transfer_syntax not in NATIVE:
        _require_plausible_compression(wanted, size_bytes)
        return
    there = pixels.length
    if pixels.transfer_syntax != DEFLATED:
        there = min(there, size_bytes - pixels.offset)
    elif pixels.offset + wanted > most_inflated_bytes(size_bytes):
        raise packed_too_well(most_inflated_bytes(size_bytes))
    if there < wanted:
        raise UnreadableFileError(
            f"ends early: {max(there, 0)} of {wanted} bytes of voxels are there", remedy=GET_AGAIN
        )
    if pixels.transfer_syntax == DEFLATED:
        stream.seek(pixels.offset + wanted - 1)
        if not stream.read(1):
            raise UnreadableFileError("ends early: its voxels are cut short", remedy=GET_AGAIN)


def _require_plausible_compression(wanted: int, size_bytes: int) -> None:
    if wanted > max(MOST_INFLATED_BYTES, MOST_COMPRESSION * size_bytes):
        raise UnreadableFileError(
            f"claims {wanted} bytes of voxels in {size_bytes}: no scan can be compressed so much",
            remedy=GET_AGAIN,
        )
