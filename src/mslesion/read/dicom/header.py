"""One DICOM file without its voxels: what is asked for, and nothing else.

Of the header only the elements of ``_WANTED`` are kept. Free text is looked through for known words
and dropped, so that no name can come out of here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from mslesion.errors import ScanError, UnreadableFileError
from mslesion.read.content import regular_file_size
from mslesion.read.dicom.layout import PixelLayout, pixel_layout, require_all_there
from mslesion.read.dicom.stream import (
    FRAME_GROUPS,
    MOST_HEADER_BYTES,
    PREAMBLE_BYTES,
    SHARED_GROUPS,
    DataSet,
    data_set,
    header_of,
    is_dicom,
    quiet_pydicom,
    read_on,
    unpack,
)
from mslesion.read.dicom.values import first_item, number, numbers, value_of
from mslesion.read.volume import GET_AGAIN

MOST_FRAMES = 2**13
"""A volume of 400 slices at 20 times has fewer."""
MOST_PARTS_OF_FRAME, MOST_SHARED_PARTS = 3 * 2**8, 2**14
"""What describes a frame has a hundred elements or two."""

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"
LEGACY_ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.4"
MR_CLASSES = frozenset({MR_IMAGE, ENHANCED_MR_IMAGE, LEGACY_ENHANCED_MR_IMAGE})

_WANTED = (
    0x00080008,  # ImageType
    0x00080016,  # SOPClassUID
    0x00080018,  # SOPInstanceUID
    0x00080060,  # Modality
    0x0008103E,  # SeriesDescription
    0x00100020,  # PatientID
    0x00180010,  # ContrastBolusAgent
    0x00180012,  # ContrastBolusAgentSequence, of enhanced images
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


class _Groups(NamedTuple):
    """Functional groups of an enhanced image: what all frames share, and what each has."""

    shared: Any = {}  # noqa: RUF012 - never changed
    per_frame: Any = ()


def _groups_of(header: Any, opened: DataSet) -> _Groups:
    """Read on from the beginning of a header as far as the voxels.

    Raises:
        UnreadableFileError: It claims or describes more frames than an image of a head has.
    """
    told = number(header.get("NumberOfFrames"))
    if told and told > MOST_FRAMES:  # before what describes them is looked into
        raise UnreadableFileError(
            f"claims {told:.0f} frames, more than any image of a head has", remedy=GET_AGAIN
        )
    allowance = opened.allowance
    of_frames = MOST_SHARED_PARTS + MOST_PARTS_OF_FRAME * int(told or MOST_FRAMES)
    allowance.parts_left = min(allowance.parts_left, of_frames)
    read = read_on(header, (SHARED_GROUPS, FRAME_GROUPS), opened)
    unpack(read, (SHARED_GROUPS, FRAME_GROUPS), allowance)
    shared = first_item(read, "SharedFunctionalGroupsSequence")
    per_frame = read.get("PerFrameFunctionalGroupsSequence") or ()
    for group in (*([shared] if shared else []), *per_frame):
        unpack(group, _SEQUENCES_OF_GROUPS, allowance)
    return _Groups(shared, per_frame)


def _image_of(
    path: Path, opened: DataSet, size_bytes: int
) -> DicomImage | OtherObject | DamagedFile:
    header = header_of(opened, _WANTED, before=SHARED_GROUPS)
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
        pixels = pixel_layout(header, opened, len(frames))
        require_all_there(pixels, len(frames), size_bytes, opened.stream)
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
        int(number(header.get("InstanceNumber")) or 0),
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
            value = number(value_of(first_item(place, sequence), keyword))
            if value is not None and value > 0:
                return value
        value = number(header.get(plain))
        return value if value is not None and value > 0 else None

    return Kind(
        str(header.get("SOPClassUID", "")),
        frames[0].image_type if frames else (),
        words,
        time_ms("RepetitionTime", "MRTimingAndRelatedParametersSequence", "RepetitionTime"),
        time_ms("EchoTime", "MREchoSequence", "EffectiveEchoTime"),
        time_ms("InversionTime", "MRModifierSequence", "InversionTimes"),
        _names_contrast_agent(header) or "contrast agent" in words,
        str(header.get("BurnedInAnnotation", "") or "").strip().upper() == "YES",
        str(header.get("LossyImageCompression", "") or "").strip() == "01",
    )


def _names_contrast_agent(header: Any) -> bool:
    agent = str(header.get("ContrastBolusAgent", "") or "").strip()
    return bool(agent or header.get("ContrastBolusAgentSequence"))


def _frames_of(header: Any, groups: _Groups) -> Iterator[Frame]:
    if str(header.get("SOPClassUID", "")) == MR_IMAGE:
        yield _frame(0, (header,), header)
        return
    described = len(groups.per_frame)
    claimed = int(number(header.get("NumberOfFrames")) or described)
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
            for item in (first_item(place, sequence), header if place is header else {}):
                value = value_of(item, keyword)
                if value is not None:
                    return value
        return None

    slope, intercept = number(found(*_SLOPE)), number(found(*_INTERCEPT))
    is_scaled = bool(slope)  # a slope of 0 or none is no scaling, as in NIfTI
    image_type = found(*_TYPE) or header.get("ImageType") or ()
    return Frame(
        index,
        numbers(found(*_POSITION), 3),
        numbers(found(*_ORIENTATION), 6),
        numbers(found(*_SPACING), 2),
        slope if is_scaled and slope else 1.0,
        (intercept or 0.0) if is_scaled else 0.0,
        number(found(*_ECHO)) or number(header.get("EchoTime")),
        tuple(
            str(v).upper() for v in ((image_type,) if isinstance(image_type, str) else image_type)
        ),
    )
