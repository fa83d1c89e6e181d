"""DICOM files made from a volume, for tests: classic and enhanced series in any orientation.

Everything that a scanner would write and we never want to see again holds a canary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4.1"
ROOT = "1.2.826.0.1.3680043.10.1"
STUDY, SERIES, FRAME_OF_REFERENCE = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.3"
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

PERSON = {
    "PatientName": "Canary^Name",
    "PatientID": "Canary-ID-4711",
    "PatientBirthDate": "19700203",
    "PatientSex": "F",
    "PatientComments": "Canary comments",
    "InstitutionName": "Canary Hospital",
    "InstitutionAddress": "Canary Street",
    "ReferringPhysicianName": "Canary^Referrer",
    "OperatorsName": "Canary^Operator",
    "StationName": "CANARYSTATION",
    "AccessionNumber": "CANARYACC1",
    "StudyID": "CANARYSTUDY",
    "StudyDescription": "Canary study",
    "DeviceSerialNumber": "CANARYSERIAL",
}
FLAIR = {
    "SeriesDescription": "t2_flair_tra canary",
    "ProtocolName": "t2_flair_tra canary",
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM"],
    "RepetitionTime": "9000",
    "EchoTime": "120",
    "InversionTime": "2500",
}


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels (X, Y, Z), int16 or uint16, and where they lie; the third axis runs over slices."""

    voxels: NDArray[Any]
    affine_vox_to_ras: NDArray[np.float64]
    tags: dict[str, Any] = field(default_factory=dict)

    def plane(self, k: int) -> tuple[list[float], list[float], list[float]]:
        """Orientation, position and spacing of slice ``k`` as DICOM has them."""
        affine = LPS @ self.affine_vox_to_ras
        along, down = affine[:3, 0], affine[:3, 1]
        spacing = [float(np.linalg.norm(down)), float(np.linalg.norm(along))]
        orientation = [*(along / spacing[1]), *(down / spacing[0])]
        position = affine[:3, 3] + k * affine[:3, 2]
        return [_short(v) for v in orientation], [_short(v) for v in position], spacing

    @property
    def step_mm(self) -> float:
        """From one slice to the next."""
        return float(np.linalg.norm(self.affine_vox_to_ras[:3, 2]))


def _short(value: float) -> float:
    """No more digits than a decimal string of 16 characters holds."""
    return float(f"{value:.9f}")


def classic(volume: Volume) -> list[FileDataset]:
    """One file a slice, numbered from 1 in the order of the third axis."""
    return [_slice(volume, k) for k in range(volume.voxels.shape[2])]


def _slice(volume: Volume, k: int) -> FileDataset:
    data = _base(MR_IMAGE, f"{SERIES}.{k + 1}")
    orientation, position, spacing = volume.plane(k)
    data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "IR", "SK", ""
    data.MRAcquisitionType, data.EchoTrainLength = "2D", "16"
    for name, value in FLAIR.items():
        setattr(data, name, value)
    data.ImageOrientationPatient = [f"{v:.9f}"[:16] for v in orientation]
    data.ImagePositionPatient = [f"{v:.9f}"[:16] for v in position]
    data.PixelSpacing = [f"{v:.9f}"[:16] for v in spacing]
    data.SliceThickness = data.SpacingBetweenSlices = f"{volume.step_mm:.9f}"[:16]
    data.InstanceNumber = str(k + 1)
    set_pixels(data, volume.voxels[:, :, k].T)
    for name, value in volume.tags.items():
        setattr(data, name, value)
    return data


def enhanced(volume: Volume, order: Sequence[int] | None = None) -> FileDataset:
    """All slices as frames of one file, in this order."""
    order = list(range(volume.voxels.shape[2])) if order is None else order
    data = _base(ENHANCED_MR_IMAGE, f"{SERIES}.1")
    data.SeriesDescription, data.ProtocolName = FLAIR["SeriesDescription"], FLAIR["ProtocolName"]
    data.ImageType = ["ORIGINAL", "PRIMARY", "FLUID_ATTENUATED", "NONE"]
    data.InstanceNumber, data.NumberOfFrames = "1", str(len(order))
    data.AcquisitionDateTime, data.AcquisitionDuration = "20200102030405", 240.0
    data.ContentQualification, data.ResonantNucleus = "RESEARCH", "1H"
    timing, echo, modifier, measures, plane, kind, value = (Dataset() for _ in range(7))
    timing.RepetitionTime, timing.FlipAngle, timing.EchoTrainLength = 9000.0, 90.0, 16
    echo.EffectiveEchoTime, modifier.InversionRecovery = 120.0, "YES"
    modifier.InversionTimes = [2500.0]
    orientation, _, spacing = volume.plane(0)
    measures.PixelSpacing, measures.SliceThickness = spacing, volume.step_mm
    measures.SpacingBetweenSlices = volume.step_mm
    plane.ImageOrientationPatient = orientation
    kind.FrameType = data.ImageType
    value.RescaleIntercept, value.RescaleSlope, value.RescaleType = 0.0, 1.0, "US"
    shared = Dataset()
    shared.MRTimingAndRelatedParametersSequence = Items([timing])
    shared.MREchoSequence = Items([echo])
    shared.MRModifierSequence = Items([modifier])
    shared.PixelMeasuresSequence = Items([measures])
    shared.PlaneOrientationSequence = Items([plane])
    shared.MRImageFrameTypeSequence = Items([kind])
    shared.PixelValueTransformationSequence = Items([value])
    data.SharedFunctionalGroupsSequence = Items([shared])
    data.PerFrameFunctionalGroupsSequence = Items([_frame_group(volume, k) for k in order])
    dimension, in_stack = Dataset(), Dataset()
    dimension.DimensionOrganizationUID = f"{ROOT}.4"
    in_stack.DimensionOrganizationUID = f"{ROOT}.4"
    in_stack.DimensionIndexPointer, in_stack.FunctionalGroupPointer = 0x00209057, 0x00209111
    data.DimensionOrganizationSequence = Items([dimension])
    data.DimensionIndexSequence = Items([in_stack])
    set_pixels(data, np.stack([volume.voxels[:, :, k].T for k in order]))
    for name, value in volume.tags.items():
        setattr(data, name, value)
    return data


def _frame_group(volume: Volume, k: int) -> Dataset:
    content, position, group = Dataset(), Dataset(), Dataset()
    content.StackID, content.InStackPositionNumber = "1", k + 1
    content.DimensionIndexValues = [k + 1]
    content.TemporalPositionIndex = 1
    position.ImagePositionPatient = volume.plane(k)[1]
    group.FrameContentSequence = Items([content])
    group.PlanePositionSequence = Items([position])
    return group


def _base(sop_class: str, instance: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = sop_class, instance
    data.StudyInstanceUID, data.SeriesInstanceUID = STUDY, SERIES
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    data.Modality, data.Manufacturer, data.ManufacturerModelName = "MR", "Maker", "Model"
    data.SeriesNumber, data.SoftwareVersions, data.MagneticFieldStrength = "4", "1", "1.5"
    data.StudyDate = data.SeriesDate = data.ContentDate = data.AcquisitionDate = "20200102"
    data.StudyTime = data.SeriesTime = data.ContentTime = data.AcquisitionTime = "030405"
    data.PatientPosition = "HFS"
    for name, value in PERSON.items():
        setattr(data, name, value)
    return data


def set_pixels(data: Dataset, stored: NDArray[Any]) -> None:
    """Values (rows, columns), or (frames, rows, columns), as the voxels of a data set."""
    bits = 8 * stored.dtype.itemsize
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = stored.shape[-2:]
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, int(stored.dtype.kind == "i")
    packed = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    data.PixelData = packed + bytes(len(packed) % 2)
    data["PixelData"].VR = "OB" if bits == 8 else "OW"


def write(data: FileDataset, path: Path) -> Path:
    """Write one file as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path


def write_series(files: Sequence[FileDataset], folder: Path) -> Path:
    """Write files under names without an ending, in an order unlike that of the slices."""
    for number, data in enumerate(files):
        write(data, folder / f"IM{(7 * number) % 997:04d}")
    return folder
