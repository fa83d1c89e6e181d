"""The voxels of slices: read, unpacked where they are compressed, and scaled each as it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import UnreadableFileError
from mslesion.read.dicom.header import DicomImage
from mslesion.read.dicom.layout import JPEG_EXTENDED, NATIVE, RLE, PixelLayout
from mslesion.read.dicom.series import Slice
from mslesion.read.dicom.stream import EXPLICIT_BIG_ENDIAN, data_set, quiet_pydicom
from mslesion.read.side_files import file_sha256
from mslesion.read.volume import GET_AGAIN

_FLOATS = {0x7FE00008: "f4", 0x7FE00009: "f8"}
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  "
_JPEG_START = b"\xff\xd8"
_JPEG_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC),
                          *range(0xCD, 0xD0), 0xF7))  # fmt: skip
"""Markers of JPEG and JPEG-LS before the size of the picture (ITU T.81, table B.1; T.87)."""


@np.errstate(over="ignore")  # beyond float32 becomes infinite, and is counted
def read_voxels(slices: Sequence[Slice], source: Path) -> tuple[NDArray[Any], float, float]:
    """The voxels (columns, rows, slices) in the order given, and slope and intercept for all.

    Where slices are scaled each in a way of its own that is done here, in float64, and the voxels
    are float32 with slope 1. MONOCHROME1 is turned over: its low values are bright.

    Raises:
        UnreadableFileError: A file is damaged, or compressed so that nothing at hand can read it.
    """
    scalings = {(one.frame.slope, one.frame.intercept) for one in slices}
    pictures = _pictures(slices, source)
    volume: NDArray[Any] | None = None
    for number, (one, rows) in enumerate(zip(slices, pictures, strict=True)):
        values = rows
        if len(scalings) > 1:
            values = (rows.astype(np.float64) * one.frame.slope + one.frame.intercept).astype("f4")
        if volume is None:
            volume = np.empty((values.shape[1], values.shape[0], len(slices)), values.dtype)
        elif volume.dtype != values.dtype:
            volume = volume.astype(np.result_type(volume, values))
        volume[:, :, number] = values.T
    slope, intercept = next(iter(scalings)) if len(scalings) == 1 else (1.0, 0.0)
    return np.asarray(volume), slope, intercept


def same_pixels(first: Slice, second: Slice) -> bool:
    """Whether two slices hold the same values, scaled in the same way."""
    a, b = (next(iter(_pictures([one], one.image.path))) for one in (first, second))
    scalings = {(one.frame.slope, one.frame.intercept) for one in (first, second)}
    return len(scalings) == 1 and a.shape == b.shape and bool(np.array_equal(a, b))


def _pictures(slices: Iterable[Slice], source: Path) -> Iterable[NDArray[Any]]:
    """The values of each slice as stored, (rows, columns); one file stays open in memory."""
    held: tuple[DicomImage, NDArray[Any]] | None = None
    for one in slices:
        if held is None or held[0] is not one.image:
            held = one.image, _frames(one.image, source)
        yield _upright(held[1][one.frame.index], _layout(one.image))


def _layout(image: DicomImage) -> PixelLayout:
    if image.pixels is None:  # such an image has a problem, and is refused before
        raise UnreadableFileError("holds no image", remedy=GET_AGAIN)
    return image.pixels


def _frames(image: DicomImage, source: Path) -> NDArray[Any]:
    """All frames of a file as stored: (frames, rows, columns)."""
    layout = _layout(image)
    count = len(image.frames)
    with image.path.open("rb") as file, quiet_pydicom(), data_set(file) as opened:
        opened.stream.seek(layout.offset)
        data = opened.stream.read(layout.most_bytes(count))
    if layout.transfer_syntax in NATIVE:
        values = np.frombuffer(data, _dtype(layout), layout.rows * layout.columns * count)
        return values.reshape(count, layout.rows, layout.columns)
    return _unpacked(data, layout, count, source)


def _dtype(layout: PixelLayout) -> np.dtype[Any]:
    order = ">" if layout.transfer_syntax == EXPLICIT_BIG_ENDIAN else "<"
    kind = _FLOATS.get(
        layout.tag, f"{'i' if layout.is_signed else 'u'}{layout.bits_allocated // 8}"
    )
    return np.dtype(order + kind)


def _upright(values: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """Values without what may stand in unused bits, and with MONOCHROME1 turned over."""
    if values.dtype.kind == "f":
        return -values if layout.is_inverted else values
    unused = layout.bits_allocated - layout.bits_stored
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    if unused:
        native = (native << unused) >> unused
    if layout.is_inverted:
        lowest = -(2 ** (layout.bits_stored - 1)) if layout.is_signed else 0
        highest = lowest + 2**layout.bits_stored - 1
        native = (lowest + highest - native.astype(np.int64)).astype(native.dtype)
    return native


def _unpacked(packed: bytes, layout: PixelLayout, count: int, source: Path) -> NDArray[Any]:
    """The frames of fragments (PS3.5, annex A.4), each seen to be of the size it should have."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import generate_frames
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    require_decoder(layout, source)
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = UID(layout.transfer_syntax)
    data.Rows, data.Columns, data.NumberOfFrames = layout.rows, layout.columns, count
    data.BitsAllocated, data.BitsStored = layout.bits_allocated, layout.bits_stored
    data.HighBit, data.PixelRepresentation = layout.bits_stored - 1, int(layout.is_signed)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    try:
        for frame in generate_frames(packed, number_of_frames=count):
            _require_its_size(frame, layout)
        data.PixelData = packed
        data["PixelData"].is_undefined_length = True
        values = pixel_array(data, raw=True)
    except Exception as error:  # decoders raise of many kinds on damaged data
        raise UnreadableFileError(
            "holds compressed voxels that are damaged or cut short", remedy=GET_AGAIN, file=source
        ) from error
    return values.reshape(count, layout.rows, layout.columns)


def _require_its_size(frame: bytes, layout: PixelLayout) -> None:
    """See that a picture is as large as the header says. One in RLE says nothing of its size."""
    if layout.transfer_syntax == RLE:
        return
    if codestream_size(frame) != CodestreamSize(layout.rows, layout.columns, 1):
        raise ValueError("a picture of another size than the header says")


def require_decoder(layout: PixelLayout, source: Path) -> None:
    """See that voxels compressed in this way can be read.

    Raises:
        UnreadableFileError: They cannot; the message names what to install.
    """
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    uid = UID(layout.transfer_syntax)
    name = uid.name if uid.is_transfer_syntax and not uid.is_private else "in a private way"
    try:
        decoder = get_decoder(uid)
        # Pillow says that it reads this one, and does so for 8 bits alone.
        is_short = uid == JPEG_EXTENDED and layout.bits_stored > 8
        if decoder.is_available and not (is_short and decoder.available_plugins == ("pillow",)):
            return
        remedy = "pip install 'mslesion[dicom-compressed]', or export the series uncompressed"
    except (NotImplementedError, ValueError):
        remedy = "export the series uncompressed (Explicit VR Little Endian)"
    raise UnreadableFileError(
        f"is compressed ({name}), and no decoder for that is installed", remedy=remedy, file=source
    )


class CodestreamSize(NamedTuple):
    """What a compressed picture itself claims to hold."""

    rows: int
    columns: int
    components: int


def codestream_size(frame: bytes) -> CodestreamSize | None:
    """The size that a picture in JPEG, JPEG-LS or JPEG 2000 claims; None where it is none of them.

    Decoders allocate by this claim, not by that of the DICOM header. A JPEG 2000 picture that
    claims several sizes has none.
    """
    starts = [found.start() for found in re.finditer(re.escape(_J2K_START), frame)]
    if starts and (starts[0] == 0 or frame.startswith(_JP2_START)):
        sizes = {_j2k_size(frame[start : start + 42]) for start in starts}
        return sizes.pop() if len(sizes) == 1 else None
    at = 2 if frame.startswith(_JPEG_START) else len(frame)
    while at + 10 <= len(frame) and frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # fills up
            at += 1
            continue
        if marker in _JPEG_FRAMES:  # ITU T.81, B.2.2
            rows, columns = (int.from_bytes(frame[at + n : at + n + 2]) for n in (5, 7))
            return CodestreamSize(rows, columns, frame[at + 9])
        at += 2 + int.from_bytes(frame[at + 2 : at + 4])
    return None


def _j2k_size(head: bytes) -> CodestreamSize:
    """ITU T.800, A.5.1: Xsiz, Ysiz, XOsiz, YOsiz, ..., Csiz."""
    x, y, x0, y0 = (int.from_bytes(head[at : at + 4]) for at in (8, 12, 16, 20))
    return CodestreamSize(y - y0, x - x0, int.from_bytes(head[40:42]))


def files_sha256(slices: Iterable[Slice]) -> str:
    """One hash for all files of a stack: that of its one file, or of their hashes in order."""
    paths = sorted({one.image.path for one in slices})
    hashes = sorted(file_sha256(path) for path in paths)
    if len(hashes) == 1:
        return hashes[0]
    return sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()
