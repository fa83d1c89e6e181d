"""The elements of a DICOM file, however large, deep or broken it is: read within bounds.

No more than ``MOST_HEADER_BYTES`` of a file are read before its voxels, in ``MOST_HEADER_PARTS``.
A file that is deflated as a whole is unpacked no further than it is read.
"""

from __future__ import annotations

import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import fstat
from typing import Any, BinaryIO, NamedTuple

from mslesion.errors import ScanError, UnreadableFileError
from mslesion.read.volume import GET_AGAIN

PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
MOST_HEADER_BYTES = 2**23
"""An enhanced image of 400 slices has a header of a megabyte or two."""
MOST_HEADER_PARTS = 7 * 2**15
"""Steps in a stream: an element takes one to four, an item of a sequence four and those below. 400
frames of 127 elements in sequences of unknown length take 205,000."""
PARTS_OF_ITEM = 4
"""Of an item beyond its reads: it becomes a data set, which takes longer than an element."""
MOST_VALUE_BYTES = 2**12
"""No value that is asked for is as long; pydicom makes an object of every number in it."""
MOST_INFLATED_BYTES = 2**25
MOST_DEFLATION = 50
"""Deflate halves an MR image; it packs zeros a thousandfold."""

DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"

_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""The tag of an item, in either order of bytes."""
FIRST_PIXEL_TAG = 0x7FE00000
_SPECIFIC_CHARACTER_SET = 0x00080005
SHARED_GROUPS, FRAME_GROUPS = 0x52009229, 0x52009230
_META = (0x00020002, 0x00020010)  # MediaStorageSOPClassUID, TransferSyntaxUID


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as a DICOM file does (PS3.10, section 7.1)."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == _MAGIC


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """What pydicom says of odd values would repeat them on the terminal."""
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled


@dataclass
class Allowance:
    """What reading one header may still take."""

    bytes_left: int = MOST_HEADER_BYTES
    parts_left: int = MOST_HEADER_PARTS


class _BoundedReader:
    """A stream of which no more can be read than an allowance, wherever it lies."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, allowance: Allowance) -> None:
        self._read, self._seek, self.tell = stream.read, stream.seek, stream.tell
        self._allowance = allowance

    def read(self, size: int = -1) -> bytes:
        allowance = self._allowance
        most = allowance.bytes_left + 1
        data = self._read(most if size < 0 or size > most else size) or b""
        allowance.bytes_left -= len(data)
        if allowance.bytes_left < 0:
            raise UnreadableFileError(
                f"holds a DICOM header of more than {MOST_HEADER_BYTES >> 20} MB",
                remedy=GET_AGAIN,
            )
        self._take_parts(1 + PARTS_OF_ITEM if data.startswith(_ITEMS) else 1)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._take_parts(1)
        return self._seek(offset, whence)

    def _take_parts(self, count: int) -> None:
        self._allowance.parts_left -= count
        if self._allowance.parts_left < 0:
            raise UnreadableFileError(
                "holds a DICOM header of more elements than any image has", remedy=GET_AGAIN
            )


class DataSet(NamedTuple):
    """An open file, at the beginning of its data set, and what its file meta information says."""

    stream: Any
    transfer_syntax: str
    media_class: str
    allowance: Allowance


@contextmanager
def data_set(file: BinaryIO) -> Iterator[DataSet]:
    """The data set of an open DICOM file, unpacked where it is deflated as a whole.

    Raises:
        UnreadableFileError: It is deflated, and damaged or larger than it may be.
    """
    file.seek(PREAMBLE_BYTES + 4)
    allowance = Allowance()
    meta = _elements(
        _BoundedReader(file, allowance), _META, before=0x00030000, is_implicit=False, is_little=True
    )
    transfer_syntax = str(meta.get("TransferSyntaxUID", IMPLICIT_LITTLE_ENDIAN))
    stream: Any = file
    if transfer_syntax == DEFLATED:
        stream = _InflatedReader(file, most_inflated_bytes(fstat(file.fileno()).st_size))
    media_class = str(meta.get("MediaStorageSOPClassUID", ""))
    yield DataSet(stream, transfer_syntax, media_class, allowance)


class _InflatedReader(io.RawIOBase):
    """A deflated stream, unpacked no further than it is read, of which little is kept.

    What lies more than ``_BEHIND`` before the place that was read last is forgotten.
    """

    _BLOCK, _BEHIND = 2**16, 2**20

    def __init__(self, packed: BinaryIO, most_bytes: int) -> None:
        self._packed = packed
        self._most_bytes = most_bytes
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        self._kept = bytearray()
        self._first = 0
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        end = self._at + size if size >= 0 else self._most_bytes
        while self._first + len(self._kept) < end and self._unpack():
            self._forget()
        begin = self._at - self._first
        if begin < 0:
            raise EOFError
        data = bytes(self._kept[begin : end - self._first])
        self._at += len(data)
        return data

    def _unpack(self) -> bool:
        """Unpack some more; False at the end."""
        chunk = self._unpacker.unconsumed_tail or self._packed.read(self._BLOCK)
        if not chunk or self._unpacker.eof:
            return False
        self._kept += self._unpacker.decompress(chunk, self._BEHIND)
        if self._first + len(self._kept) > self._most_bytes:
            raise packed_too_well(self._most_bytes)
        return True

    def _forget(self) -> None:
        spare = min(self._at - self._first, len(self._kept)) - self._BEHIND
        if spare > 0:
            del self._kept[:spare]
            self._first += spare

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._at if whence == 1 else 0)
        return self._at

    def tell(self) -> int:
        return self._at


def packed_too_well(most_bytes: int) -> ScanError:
    """What is wrong with a deflated file that inflates to more than it may."""
    return UnreadableFileError(
        f"is deflated, and inflates to more than {most_bytes >> 20} MB: no image can be "
        "compressed so much",
        remedy=GET_AGAIN,
    )


def most_inflated_bytes(size_bytes: int) -> int:
    """How large a deflated file of so many bytes may be."""
    return max(MOST_INFLATED_BYTES, MOST_DEFLATION * size_bytes)


def header_of(opened: DataSet, tags: tuple[int, ...], before: int = FIRST_PIXEL_TAG) -> Any:
    """The elements ``tags`` that lie before another (the voxels), at which the stream stops.

    Raises:
        UnreadableFileError: There is more before it than an image has.
    """
    syntax = opened.transfer_syntax
    return _elements(
        _BoundedReader(opened.stream, opened.allowance),
        tags,
        before=before,
        is_implicit=syntax == IMPLICIT_LITTLE_ENDIAN,
        is_little=syntax != EXPLICIT_BIG_ENDIAN,
    )


def read_on(header: Any, tags: tuple[int, ...], opened: DataSet) -> Any:
    """The elements ``tags`` between where reading ``header`` stopped and the voxels.

    Raises:
        UnreadableFileError: There is more before the voxels than an image has.
    """
    is_implicit, is_little = header.original_encoding
    return _elements(
        _BoundedReader(opened.stream, opened.allowance),
        tags,
        before=FIRST_PIXEL_TAG,
        is_implicit=is_implicit,
        is_little=is_little,
        is_beginning=False,
    )


def _elements(
    stream: Any,
    tags: tuple[int, ...],
    *,
    before: int,
    is_implicit: bool,
    is_little: bool,
    is_beginning: bool = True,
) -> Any:
    from pydicom.filereader import read_dataset

    short = {*tags, _SPECIFIC_CHARACTER_SET} - {SHARED_GROUPS, FRAME_GROUPS}

    def is_end(tag: int, _vr: str | None, length: int) -> bool:
        if tag < before and tag in short and length > MOST_VALUE_BYTES:
            raise UnreadableFileError(
                "holds a DICOM header with a value that is too long to be one", remedy=GET_AGAIN
            )
        return tag >= before

    return read_dataset(
        stream,
        is_implicit,
        is_little,
        stop_when=is_end,
        specific_tags=list(tags),
        at_top_level=is_beginning,
    )


def unpack(place: Any, tags: tuple[int, ...], allowance: Allowance) -> None:
    """Read sequences of stated length in a place now, within the allowance.

    pydicom would read them when they are asked for, without a bound.

    Raises:
        UnreadableFileError: They hold more than an image has.
    """
    from pydicom.dataelem import DataElement, RawDataElement
    from pydicom.filereader import read_sequence

    for tag in tags:
        if tag not in place:
            continue
        raw = place.get_item(tag)
        if isinstance(raw, RawDataElement):
            value = raw.value or b""
            allowance.bytes_left += len(value)  # they were counted when they came from the file
            stream: Any = _BoundedReader(io.BytesIO(value), allowance)
            items = read_sequence(
                stream, raw.is_implicit_VR, raw.is_little_endian, len(value), "iso8859"
            )
            place[tag] = DataElement(tag, "SQ", items)
