"""The headers of the images that a detection is of, with only what objects made of them need."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mslesion.errors import ScanError, UsageError
from mslesion.read.dicom.address import is_address
from mslesion.read.dicom.header import MR_IMAGE
from mslesion.read.dicom.reading import find_series
from mslesion.read.dicom.series import Slice
from mslesion.read.dicom.stream import data_set, header_of, quiet_pydicom
from mslesion.write.dicom.identity import DicomIdentity

if TYPE_CHECKING:
    from mslesion.detection import Detection

_REFERENCE = (
    0x00080016,  # SOPClassUID
    0x00080018,  # SOPInstanceUID
    0x00080060,  # Modality
    0x0020000D,  # StudyInstanceUID
    0x0020000E,  # SeriesInstanceUID
    0x00200013,  # InstanceNumber
    0x00200052,  # FrameOfReferenceUID
    0x00200032,  # ImagePositionPatient
    0x00200037,  # ImageOrientationPatient
    0x00280008,  # NumberOfFrames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00280030,  # PixelSpacing
    0x00282110,  # LossyImageCompression
    0x00282112,  # LossyImageCompressionRatio
    0x00282114,  # LossyImageCompressionMethod
    0x00180050,  # SliceThickness
    0x52009229,  # SharedFunctionalGroupsSequence
    0x52009230,  # PerFrameFunctionalGroupsSequence
)
_PATIENT = (
    0x00080020,  # StudyDate
    0x00080030,  # StudyTime
    0x00080050,  # AccessionNumber
    0x00080090,  # ReferringPhysicianName
    0x00100010,  # PatientName
    0x00100020,  # PatientID
    0x00100021,  # IssuerOfPatientID
    0x00100030,  # PatientBirthDate
    0x00100040,  # PatientSex
    0x00200010,  # StudyID
)
_EMPTY_UNLESS_KEPT = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_OF_ALL_FRAMES = ("PlaneOrientationSequence", "PixelMeasuresSequence")
"""What frames that make one volume have in common."""
_GEOMETRY_GROUPS = ("PlanePositionSequence", "FrameContentSequence", *_OF_ALL_FRAMES)
_INDICES = ("DimensionIndexValues", "StackID", "InStackPositionNumber")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, eq=False)
class SourceImages:
    """Data sets of the source's files, without voxels, and which slice of the volume each is of.

    Of single-frame images ``order`` is 0, 1, 2, ...; of a multi-frame image, it is the index of the
    frame that each slice of the volume lies in.
    """

    data_sets: tuple[Any, ...]
    order: tuple[int, ...]

    @property
    def first(self) -> Any:
        """The data set whose study and patient new objects belong to."""
        return self.data_sets[0]


def require_dicom(source: Path | None) -> Path:
    """The address of the series that a scan came from.

    Raises:
        UsageError: It did not come from DICOM.
    """
    if source is None or not is_address(source):
        raise UsageError(
            "DICOM objects are made for DICOM input: other files have no series to refer to",
            remedy="leave out --dicom-seg, or give the DICOM folder",
            file=source,
        )
    return source


def source_images(detection: Detection, identity: DicomIdentity) -> SourceImages:
    """Read the headers of a detection's images again, in the order of its slices.

    Raises:
        UsageError: The scan is not from DICOM.
        ScanError: The headers hold no UIDs that could be referred to.
    """
    address = require_dicom(detection.scan.source)
    ordered = find_series(address).ordered
    step_mm = detection.scan.stored_grid.spacing_mm[2]
    paths = list(dict.fromkeys(one.image.path for one in ordered.slices))
    with quiet_pydicom():
        data_sets = tuple(_header(path, identity, step_mm) for path in paths)
    for data in data_sets:
        if not all(_is_uid(str(data.get(name, ""))) for name in _UIDS):
            raise ScanError(
                "has UIDs that are none, or no FrameOfReferenceUID: nothing can refer to it",
                remedy="leave out --dicom-seg, or export the series again",
                file=address,
            )
    if len({data.FrameOfReferenceUID for data in data_sets}) > 1:
        raise ScanError(
            "holds slices of several frames of reference: no object can refer to that",
            remedy="leave out --dicom-seg, or export the series again",
            file=address,
        )
    _share_orientation(data_sets)
    return SourceImages(data_sets, _order(ordered.slices, data_sets, address))


def _share_orientation(data_sets: Sequence[Any]) -> None:
    """Give all slices the first one's orientation, where its last digits differ between them."""
    for data in data_sets[1:]:
        if "ImageOrientationPatient" in data_sets[0]:
            data.ImageOrientationPatient = data_sets[0].ImageOrientationPatient


def _order(slices: Sequence[Slice], data_sets: Sequence[Any], address: Path) -> tuple[int, ...]:
    if _is_classic(data_sets[0]):
        return tuple(range(len(slices)))
    if len(data_sets) > 1 or int(data_sets[0].NumberOfFrames) != len(slices):
        raise ScanError(
            "holds slices in several multi-frame files, or some twice: no object can refer to that",
            remedy="leave out --dicom-seg, or export the series again",
            file=address,
        )
    return tuple(one.frame.index for one in slices)


def _is_classic(header: Any) -> bool:
    """Whether a file holds one slice, whatever it says of frames."""
    return str(header.get("SOPClassUID", "")) == MR_IMAGE


def _header(path: Path, identity: DicomIdentity, step_mm: float) -> Any:
    is_kept = identity is DicomIdentity.KEPT
    with path.open("rb") as file, data_set(file) as opened:
        header = header_of(opened, (*_REFERENCE, *(_PATIENT if is_kept else ())))
    _in_utf_8(header)
    header.PositionReferenceIndicator = ""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in header.get(groups) or ():
            _keep_only(group, _GEOMETRY_GROUPS)
            for item in group.get("FrameContentSequence") or ():
                _keep_only(item, _INDICES)
    _tell_once(header)
    if _is_classic(header):
        if "NumberOfFrames" in header:  # 1, as some scanners and archives add
            del header.NumberOfFrames
        header.SpacingBetweenSlices = f"{step_mm:.9f}"[:16]
        if not header.get("SliceThickness"):
            header.SliceThickness = header.SpacingBetweenSlices
    return header


def _tell_once(header: Any) -> None:
    """Tell what all frames have in common once for all, as some scanners do not."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence as Items

    frames: Any = header.get("PerFrameFunctionalGroupsSequence") or ()
    if frames and not header.get("SharedFunctionalGroupsSequence"):
        header.SharedFunctionalGroupsSequence = Items([Dataset()])
    for name in _OF_ALL_FRAMES if frames else ():
        shared = header.SharedFunctionalGroupsSequence[0]
        if name not in shared and name in frames[0]:
            setattr(shared, name, frames[0].get(name))
        for frame in frames:
            if name in frame:
                delattr(frame, name)


def _in_utf_8(header: Any) -> None:
    """Text as it reads, in the one charset of new objects, whatever the source is in."""
    for name in _EMPTY_UNLESS_KEPT:  # as text: names remember the bytes that they were read from
        setattr(header, name, _allowed(name, str(header.get(name) or "")))
    if header.get("IssuerOfPatientID"):
        header.IssuerOfPatientID = str(header.IssuerOfPatientID)
    header.SpecificCharacterSet = "ISO_IR 192"


def _allowed(name: str, text: str) -> str:
    """What a new object may say; empty, as the standard lets it be, for a value that it forbids."""
    from pydicom.valuerep import TM

    read_as: dict[str, Callable[[str], Any]] = {
        "PatientBirthDate": _date, "StudyDate": _date, "StudyTime": TM, "PatientSex": _sex,
    }  # fmt: skip
    if name not in read_as:
        return text
    try:
        return str(read_as[name](text) or "")
    except ValueError:
        return ""


def _date(text: str) -> str:
    if not re.fullmatch("[0-9]{8}", text):
        return ""  # of fewer digits another day could be made
    return datetime.strptime(text, "%Y%m%d").strftime("%Y%m%d")


def _sex(text: str) -> str:
    return text.upper() if text.upper() in {"M", "F", "O"} else ""


def _keep_only(data: Any, keywords: tuple[str, ...]) -> None:
    for element in list(data):
        if element.keyword not in keywords:
            del data[element.tag]


def _is_uid(text: str) -> bool:
    return len(text) <= 64 and bool(_UID.fullmatch(text))
