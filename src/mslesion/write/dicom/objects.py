"""The DICOM objects of one detection, as the bytes of their files."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from mslesion.detection import Detection
from mslesion.extras import require
from mslesion.read.dicom.stream import quiet_pydicom
from mslesion.write.dicom.identity import DicomIdentity, Uids
from mslesion.write.dicom.report import report_object
from mslesion.write.dicom.segmentation import mask_object, probability_object
from mslesion.write.dicom.source import source_images


class DicomObjects(NamedTuple):
    """Files, in the order of :attr:`mslesion.read.detections.DetectionFiles.dicom`."""

    mask: bytes
    probability: bytes
    report: bytes


def dicom_objects(detection: Detection, identity: DicomIdentity) -> DicomObjects:
    """Mask, probability and report; the same detection gives the same bytes.

    They belong to the study of the source, in series of their own, and refer to its images by their
    UIDs. Without the patient's identity, name, number, dates and the like are empty.

    Raises:
        UsageError: The scan is not from DICOM.
        ScanError: Its headers do not allow to refer to it.
        MissingExtraError: The extra ``dicom`` is not installed.
    """
    require("pydicom", "highdicom")
    source = source_images(detection, identity)
    uids = Uids(detection, str(source.first.SeriesInstanceUID), identity)
    with quiet_pydicom():
        mask = mask_object(detection, source, uids)
        probability = probability_object(detection, source, uids)
        report = report_object(detection, source, mask, uids)
        return DicomObjects(*(_bytes(data) for data in (mask, probability, report)))


def _bytes(data: Any) -> bytes:
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()
