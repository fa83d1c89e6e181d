"""One DICOM file without its voxels: what is asked for, bounded, and nothing else.

Of the header only the elements of ``_WANTED`` are kept. Free text is looked through for known words
and dropped, so that no name can come out of here. However large, deep or broken a file is, no more
than ``MOST_HEADER_BYTES`` of it are read, in ``MOST_HEADER_PARTS``; voxels are not.
"""

from __future__ import annotations

import io
import logging
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from os import fstat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mslesion.errors import GeometryError, ScanError, UnreadableFileError, VoxelError
from mslesion.read.content import regular_file_size
from mslesion.read.volume import GET_AGAIN, MAX_VOXELS, MOST_COMPRESSION

PREAMBLE_BYTES = 128
_MAGIC = b"DICM"
MOST_HEADER_BYTES = 2**23
"""An enhanced image of 400 slices has a header of a megabyte or two."""
MOST_HEADER_PARTS = 7 * 2**15
"""Steps in a stream: an element takes one to four, an item of a sequence four and those below. 400
frames of 110 elements in sequences of unknown length take 215,000."""
PARTS_OF_ITEM = 8
"""An item becomes a data set, which takes three times as long as an element."""
MOST_PARTS_OF_FRAME, MOST_SHARED_PARTS = 3 * 2**8, 2**14
"""What describes a frame has a hundred elements or two."""
MOST_VALUE_BYTES = 2**12
"""No value that is asked for is as long; pydicom makes an object of every number in it."""
MOST_AFTER_VOXELS = 2**23
"""Padding and signatures may follow the voxels."""
MOST_INFLATED_BYTES = 2**25
MOST_DEFLATION = 50
"""Deflate halves an MR image; it packs zeros a thousandfold."""
MOST_FRAMES = 2**13
"""A volume of 400 slices at 20 times has fewer."""
MOST_ROWS = 4096
"""No MR image has more rows or columns."""

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"
LEGACY_ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.4"
MR_CLASSES = frozenset({MR_IMAGE, ENHANCED_MR_IMAGE, LEGACY_ENHANCED_MR_IMAGE})
DEFLATED = "1.2.840.10008.1.2.1.99"
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = frozenset({IMPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2.1", DEFLATED, EXPLICIT_BIG_ENDIAN})
"""Transfer syntaxes whose voxels are not compressed (PS3.5, annex A)."""
JPEG_EXTENDED, RLE = "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.5"
ALWAYS_LOSSY = frozenset({"1.2.840.10008.1.2.4.50", JPEG_EXTENDED})

_MOST_AROUND_FRAME, _MOST_OFFSETS = 2**13, 2**16
"""Bytes that compressed frames may have beyond twice their values: headers, a table of offsets."""

_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""The tag of an item, in either order of bytes."""
_FIRST_PIXEL_TAG = 0x7FE00000
_SPECIFIC_CHARACTER_SET = 0x00080005
_META = (0x00020002, 0x00020010)  # MediaStorageSOPClassUID, TransferSyntaxUID
_PIXEL_DATA, _FLOAT_DATA, _DOUBLE_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
_SHARED_GROUPS, _FRAME_GROUPS = 0x52009229, 0x52009230
_WANTED = (
    0x00080008,  # ImageType
    0x00080016,  # SOPClassUID
    0x00080018,  # SOPInstanceUID
    0x00080060,  # Modality
    0x0008103E,  # SeriesDescription
    0x00100020,  # PatientID
    0x00180010,  # ContrastBolusAgent
    0x00180024,  # SequenceName
    0x00180080,  # RepetitionTime
    0x00180081,  # EchoTime
    0x00180082,  # InversionTime
    0x00181030,  # ProtocolName
    0x00189005,  # PulseSequenceName
    0x0020000D,  # StudyInstanceUID
    0x0020000E,  # SeriesInstanceUID
    0x00200013,  # InstanceNumber
    0x00200032,  # ImagePositionPatient
    0x00200037,  # ImageOrientationPatient
    0x00280002,  # SamplesPerPixel
    0x00280004,  # PhotometricInterpretation
    0x00280008,  # NumberOfFrames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280030,  # PixelSpacing
    0x00280100,  # BitsAllocated
    0x00280101,  # BitsStored
    0x00280103,  # PixelRepresentation
    0x00280301,  # BurnedInAnnotation
    0x00281052,  # RescaleIntercept
    0x00281053,  # RescaleSlope
    0x00282110,  # LossyImageCompression
)
_SEQUENCES_OF_GROUPS = (
    0x00189112,  # MRTimingAndRelatedParametersSequence
    0x00189114,  # MREchoSequence
    0x00189115,  # MRModifierSequence
    0x00189226,  # MRImageFrameTypeSequence
    0x00209113,  # PlanePositionSequence
    0x00209116,  # PlaneOrientationSequence
    0x00289110,  # PixelMeasuresSequence
    0x00289145,  # PixelValueTransformationSequence
)

# Words of free text that tell what a series is; the text itself is forgotten.
_WORDS = {
    "FLAIR": r"FLAIR|DARK[ _.-]?FLUID",
    "T1": r"(?<![A-Z0-9])T1(?![0-9])|MP-?2?RAGE|BRAVO",
    "T2": r"(?<![A-Z0-9])T2(?![0-9])",
    "DIR": r"(?<![A-Z])DIR(?![A-Z])|DOUBLE.?INV",
    "diffusion": r"(?<![A-Z])(?:DWI|DTI|ADC|TRACEW?)(?![A-Z])|DIFF",
    "localizer": r"LOCALI[SZ]ER|SCOUT|SURVEY|(?<![A-Z])LOC(?![A-Z])",
    "projection": r"(?<![A-Z])MIP(?![A-Z])",
    "contrast agent": r"(?<![A-Z])(?:GD|GAD|POST|KM)(?![A-Z])|\+ ?C(?![A-Z])|GADO",
}


@dataclass(frozen=True)
class Kind:
    """What all images of a series should have in common. Times are in ms, None where unknown."""

    sop_class: str
    image_type: tuple[str, ...]
    words: frozenset[str]
    repetition_ms: float | None
    echo_ms: float | None
    inversion_ms: float | None
    has_contrast_agent: bool
    has_burned_in_text: bool
    was_compressed_with_loss: bool


@dataclass(frozen=True)
class Frame:
    """One slice: where it lies, in DICOM's LPS millimetres, and how its values are scaled.

    ``row_direction`` and ``column_direction`` are those of ImageOrientationPatient: along a row,
    and down a column. ``spacing_mm`` is between rows, then between columns.
    """

    index: int
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    slope: float
    intercept: float
    echo_ms: float | None
    image_type: tuple[str, ...]


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


@dataclass(frozen=True, eq=False)
class DicomImage:
    """One file of an MR series. ``problem`` says why its voxels cannot be used."""

    path: Path
    patient_key: str
    study_uid: str
    series_uid: str
    instance_uid: str
    instance_number: int
    kind: Kind
    frames: tuple[Frame, ...]
    pixels: PixelLayout | None
    problem: ScanError | None = None


@dataclass(frozen=True, eq=False)
class OtherObject:
    """A DICOM file that holds no MR image: a directory, a report, another modality."""

    path: Path


@dataclass(frozen=True, eq=False)
class DamagedFile:
    """A DICOM file that does not say which series it is of; its hash tells which file it is.

    ``sha256`` is that of its first ``MOST_HEADER_BYTES``: what cannot be used may have any size.
    """

    path: Path
    problem: ScanError
    sha256: str


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as a DICOM file does (PS3.10, section 7.1)."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] == _MAGIC


def read_header(path: Path) -> DicomImage | OtherObject | DamagedFile | None:
    """What one file is, without its voxels; None where it is no DICOM file at all."""
    try:
        size_bytes = regular_file_size(path)
    except UnreadableFileError:
        return None  # a pipe, a broken link, an empty file: no slice
    with path.open("rb") as file:
        if not is_dicom(file.read(PREAMBLE_BYTES + 4)):
            return None
        try:
            with quiet_pydicom(), data_set(file) as opened:
                if opened.media_class and opened.media_class not in MR_CLASSES:
                    return OtherObject(path)
                return _image_of(path, opened, size_bytes)
        except ScanError as error:
            return _damaged_file(path, error)
        except Exception as error:  # noqa: BLE001 - pydicom raises of many kinds on damaged files
            return _damaged_file(path, _damaged(error))


def _damaged_file(path: Path, problem: ScanError) -> DamagedFile:
    with path.open("rb") as file:
        return DamagedFile(path, problem, sha256(file.read(MOST_HEADER_BYTES)).hexdigest())


def _damaged(error: BaseException) -> ScanError:
    if isinstance(error.__context__, ScanError):  # pydicom makes its own error of any in a sequence
        return error.__context__
    problem = UnreadableFileError(
        "holds a DICOM header that is nested too deep"
        if isinstance(error, RecursionError)
        else "holds a DICOM header that is damaged or cut short",
        remedy=GET_AGAIN,
    )
    problem.__cause__ = error if not isinstance(error, RecursionError) else None
    return problem


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
class _Allowance:
    """What reading one header may still take."""

    bytes_left: int = MOST_HEADER_BYTES
    parts_left: int = MOST_HEADER_PARTS


class _BoundedReader:
    """A stream of which no more can be read than an allowance, wherever it lies."""

    def __init__(self, stream: BinaryIO | io.RawIOBase, allowance: _Allowance) -> None:
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
    allowance: _Allowance


@contextmanager
def data_set(file: BinaryIO) -> Iterator[DataSet]:
    """The data set of an open DICOM file, unpacked where it is deflated as a whole.

    Raises:
        UnreadableFileError: It is deflated, and damaged or larger than it may be.
    """
    file.seek(PREAMBLE_BYTES + 4)
    allowance = _Allowance()
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
            raise _packed_too_well(self._most_bytes)
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


def _packed_too_well(most_bytes: int) -> ScanError:
    return UnreadableFileError(
        f"is deflated, and inflates to more than {most_bytes >> 20} MB: no image can be "
        "compressed so much",
        remedy=GET_AGAIN,
    )


def most_inflated_bytes(size_bytes: int) -> int:
    """How large a deflated file of so many bytes may be."""
    return max(MOST_INFLATED_BYTES, MOST_DEFLATION * size_bytes)


def header_of(opened: DataSet, tags: tuple[int, ...], before: int = _FIRST_PIXEL_TAG) -> Any:
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

    short = {*tags, _SPECIFIC_CHARACTER_SET} - {_SHARED_GROUPS, _FRAME_GROUPS}

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


class _Groups(NamedTuple):
    """Functional groups of an enhanced image: what all frames share, and what each has."""

    shared: Any = {}  # noqa: RUF012 - never changed
    per_frame: Any = ()


def _groups_of(header: Any, opened: DataSet) -> _Groups:
    """Read on from the beginning of a header as far as the voxels.

    Sequences of stated length are read here, as pydicom would read them when they are asked for,
    without a bound.
    """
    told = _number(header.get("NumberOfFrames"))
    if told and told > MOST_FRAMES:  # before what describes them is looked into
        raise UnreadableFileError(
            f"claims {told:.0f} frames, more than any image of a head has", remedy=GET_AGAIN
        )
    allowance = opened.allowance
    of_frames = MOST_SHARED_PARTS + MOST_PARTS_OF_FRAME * int(told or MOST_FRAMES)
    allowance.parts_left = min(allowance.parts_left, of_frames)
    is_implicit, is_little = header.original_encoding
    read = _elements(
        _BoundedReader(opened.stream, allowance),
        (_SHARED_GROUPS, _FRAME_GROUPS),
        before=_FIRST_PIXEL_TAG,
        is_implicit=is_implicit,
        is_little=is_little,
        is_beginning=False,
    )
    _unpack(read, (_SHARED_GROUPS, _FRAME_GROUPS), allowance)
    shared = _first_item(read, "SharedFunctionalGroupsSequence")
    per_frame = read.get("PerFrameFunctionalGroupsSequence") or ()
    for group in (*([shared] if shared else []), *per_frame):
        _unpack(group, _SEQUENCES_OF_GROUPS, allowance)
    return _Groups(shared, per_frame)


def _unpack(place: Any, tags: tuple[int, ...], allowance: _Allowance) -> None:
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


def _image_of(
    path: Path, opened: DataSet, size_bytes: int
) -> DicomImage | OtherObject | DamagedFile:
    header = header_of(opened, _WANTED, before=_SHARED_GROUPS)
    sop_class = str(header.get("SOPClassUID", ""))
    uids = [str(header.get(n, "")) for n in ("SeriesInstanceUID", "SOPInstanceUID")]
    if sop_class and (sop_class not in MR_CLASSES or header.get("Modality", "MR") != "MR"):
        return OtherObject(path)
    if not all(uids):
        return _damaged_file(path, _damaged(EOFError()))
    groups = _Groups()
    frames: tuple[Frame, ...] = ()
    pixels: PixelLayout | None = None
    problem: ScanError | None = None
    try:
        groups = _groups_of(header, opened)
        frames = tuple(_frames_of(header, groups))
        pixels = _pixels_of(header, opened, len(frames))
        _require_all_there(pixels, len(frames), size_bytes, opened.stream)
    except ScanError as error:
        problem = error
    except Exception as error:  # noqa: BLE001 - as in read_header; but its series is known
        problem = _damaged(error)
    patient_id = str(header.get("PatientID", "") or "")
    return DicomImage(
        path,
        sha256(patient_id.encode("utf-8", "surrogateescape")).hexdigest() if patient_id else "",
        str(header.get("StudyInstanceUID", "")),
        uids[0],
        uids[1],
        int(_number(header.get("InstanceNumber")) or 0),
        _kind_of(header, groups, frames),
        frames,
        pixels,
        problem,
    )


def _kind_of(header: Any, groups: _Groups, frames: tuple[Frame, ...]) -> Kind:
    texts = [
        str(header.get(name, "") or "")
        for name in ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
    ]
    text = " | ".join(texts).upper()
    words = frozenset(word for word, pattern in _WORDS.items() if re.search(pattern, text))
    places = (groups.shared, *groups.per_frame[:1])

    def time_ms(plain: str, sequence: str, keyword: str) -> float | None:
        for place in places:
            value = _number(_value(_first_item(place, sequence), keyword))
            if value is not None and value > 0:
                return value
        value = _number(header.get(plain))
        return value if value is not None and value > 0 else None

    return Kind(
        str(header.get("SOPClassUID", "")),
        frames[0].image_type if frames else (),
        words,
        time_ms("RepetitionTime", "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        time_ms("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
        time_ms("InversionTime", "MRModifierSequence", "InversionTimes"),
        bool(str(header.get("ContrastBolusAgent", "") or "").strip()) or "contrast agent" in words,
        str(header.get("BurnedInAnnotation", "") or "").strip().upper() == "YES",
        str(header.get("LossyImageCompression", "") or "").strip() == "01",
    )


def _frames_of(header: Any, groups: _Groups) -> Iterator[Frame]:
    if str(header.get("SOPClassUID", "")) == MR_IMAGE:
        yield _frame(0, (header,), header)
        return
    described = len(groups.per_frame)
    claimed = int(_number(header.get("NumberOfFrames")) or described)
    if not described or claimed != described:
        raise UnreadableFileError(
            f"claims {claimed} frames, and describes {described}", remedy=GET_AGAIN
        )
    for index, own in enumerate(groups.per_frame):
        yield _frame(index, (own, groups.shared), header)


_POSITION = ("PlanePositionSequence", "ImagePositionPatient")
_ORIENTATION = ("PlaneOrientationSequence", "ImageOrientationPatient")
_SPACING = ("PixelMeasuresSequence", "PixelSpacing")
_SLOPE = ("PixelValueTransformationSequence", "RescaleSlope")
_INTERCEPT = ("PixelValueTransformationSequence", "RescaleIntercept")
_ECHO = ("MREchoSequence", "EffectiveEchoTime")
_TYPE = ("MRImageFrameTypeSequence", "FrameType")


def _frame(index: int, places: tuple[Any, ...], header: Any) -> Frame:
    """A frame's geometry and scaling: its own, or else those that all frames share."""

    def found(sequence: str, keyword: str) -> Any:
        for place in places:
            for item in (_first_item(place, sequence), header if place is header else {}):
                value = _value(item, keyword)
                if value is not None:
                    return value
        return None

    slope, intercept = _number(found(*_SLOPE)), _number(found(*_INTERCEPT))
    is_scaled = bool(slope)  # a slope of 0 or none is no scaling, as in NIfTI
    image_type = found(*_TYPE) or header.get("ImageType") or ()
    return Frame(
        index,
        _numbers(found(*_POSITION), 3),
        _numbers(found(*_ORIENTATION), 6),
        _numbers(found(*_SPACING), 2),
        slope if is_scaled and slope else 1.0,
        (intercept or 0.0) if is_scaled else 0.0,
        _number(found(*_ECHO)) or _number(header.get("EchoTime")),
        tuple(
            str(v).upper() for v in ((image_type,) if isinstance(image_type, str) else image_type)
        ),
    )


def _first_item(place: Any, keyword: str) -> Any:
    """The first item of a sequence; {} where there is none."""
    items = place.get(keyword) if place else None
    return items[0] if items else {}


def _value(place: Any, keyword: str) -> Any:
    """A value in a place; None where there is none, or one that is too long to be one."""
    if keyword not in place:
        return None
    raw = place.get_item(keyword).value
    if isinstance(raw, bytes) and len(raw) > MOST_VALUE_BYTES:
        return None
    return place.get(keyword)


def _number(value: Any) -> float | None:
    """A finite number; None for anything else. The first, where there are several."""
    try:
        if value is None or isinstance(value, str):
            number = float(value) if value else None
        else:
            number = float(value[0]) if hasattr(value, "__len__") else float(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return number if number is not None and isfinite(number) else None


def _numbers(values: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers; None for anything else."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(isfinite, numbers)) else None


def _pixels_of(header: Any, opened: DataSet, frame_count: int) -> PixelLayout:
    rows, columns, allocated, samples = (
        int(_number(header.get(name)) or 0)
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
    stored = int(_number(header.get("BitsStored")) or allocated)
    return PixelLayout(
        opened.transfer_syntax,
        offset,
        None if length == 0xFFFFFFFF else length,
        tag,
        rows,
        columns,
        {_FLOAT_DATA: 32, _DOUBLE_DATA: 64}.get(tag, allocated),
        min(stored, allocated) if stored > 0 else allocated,
        bool(_number(header.get("PixelRepresentation"))),
        str(header.get("PhotometricInterpretation", "")).strip().upper() == "MONOCHROME1",
    )


def _pixel_element(stream: BinaryIO, transfer_syntax: str) -> tuple[int, int, int]:
    """Tag, length and place of the value of the element at which reading the header stopped."""
    is_big = transfer_syntax == EXPLICIT_BIG_ENDIAN
    order: Any = "big" if is_big else "little"
    head = stream.read(8)
    if len(head) < 8:
        return 0, 0, 0
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if transfer_syntax == IMPLICIT_LITTLE_ENDIAN:
        return tag, int.from_bytes(head[4:8], order), stream.tell()
    return tag, int.from_bytes(stream.read(4), order), stream.tell()


def _require_all_there(
    pixels: PixelLayout, frame_count: int, size_bytes: int, stream: BinaryIO
) -> None:
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
        raise _packed_too_well(most_inflated_bytes(size_bytes))
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
