"""The files of one detection, on the grid of the file that the scan came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mslesion import __version__
from mslesion.detection import Detection, probability_explained
from mslesion.errors import MslesionError
from mslesion.lesions.findings import Lesion, SliceFinding
from mslesion.read.detections import DetectionFiles
from mslesion.read.names import bids_entities
from mslesion.read.side_files import file_sha256
from mslesion.report.detection import detection_report
from mslesion.write.atomic import (
    take_away,
    write_bytes,
    write_json,
    write_table,
    write_text,
)
from mslesion.write.dicom.identity import DicomIdentity
from mslesion.write.earlier import leave_word, remove_refusal, remove_unfinished, require_ours
from mslesion.write.nifti import write_nifti

LESION_COLUMNS = tuple(column.name for column in fields(Lesion))
SLICE_COLUMNS = tuple(column.name for column in fields(SliceFinding))


def write_detection(
    detection: Detection,
    folder: Path,
    source_uri: str | None = None,
    dicom: DicomIdentity | None = None,
) -> DetectionFiles:
    """Write all that was found in one scan; the same detection gives the same bytes.

    Mask (uint8) and probability (float32) lie on ``detection.scan.stored_grid``. A table without
    a row holds the line of its columns. ``source_uri`` is the BIDS URI of the scan: with it, the
    mask and the probability get the sidecars of a BIDS derivative. With ``dicom``, there are DICOM
    objects too, that tell of the patient or not.

    An older summary is taken away first and the new one comes last, with the SHA-256 of every
    other file as it lies on the disk: where there is a summary, all files beside it are of one
    and the same detection.

    Raises:
        OutputError: ``folder`` cannot be written to, or holds a file of that name that is not
            ours to replace.
        ScanError: ``dicom`` was asked for, and the scan's headers do not allow it.
    """
    files = DetectionFiles(folder, detection.name)
    require_ours(files)
    page = detection_report(detection)
    objects = _dicom_files(detection, files, dicom)
    told = {} if dicom is None else {"patient_in_dicom": dicom.value}
    leave_word(files)
    try:
        _take_away_dicom(files)
        take_away(files.summary)
        remove_refusal(files)
        hashes = _write_dicom(objects)
        hashes |= _write_all_but_summary(detection, files, page, source_uri)
        write_json(files.summary, {**detection.summary(), **told, "files": hashes})
    except BaseException:  # without a summary nobody would know whose files these are
        remove_unfinished(files)
        raise
    take_away(files.unfinished)
    return files


def _dicom_files(
    detection: Detection, files: DetectionFiles, identity: DicomIdentity | None
) -> dict[Path, bytes]:
    if identity is None:
        return {}
    from mslesion.write.dicom.objects import dicom_objects

    return dict(zip(files.dicom, dicom_objects(detection, identity), strict=True))


def _take_away_dicom(files: DetectionFiles) -> None:
    """Take away the objects of an earlier detection, which this one may not replace."""
    written = files.written
    for path in files.dicom:
        if path.name in written:
            take_away(path)


def _write_dicom(objects: dict[Path, bytes]) -> dict[str, str]:
    """Write the objects, and give the SHA-256 of each as it lies on the disk."""
    for path, content in objects.items():
        write_bytes(path, content)
    return {path.name: file_sha256(path) for path in objects}


def _write_all_but_summary(
    detection: Detection, files: DetectionFiles, page: str, source_uri: str | None
) -> dict[str, str]:
    """Write the files, and give the SHA-256 of each as it lies on the disk."""
    if source_uri is not None:
        for path, content in zip(files.sidecars, _sidecars(detection, source_uri), strict=True):
            write_json(path, content)
    scan = detection.scan
    affine = scan.stored_grid.affine_vox_to_ras
    for path, volume in ((files.mask, detection.mask), (files.probability, detection.probability)):
        write_nifti(path, scan.to_stored_order(volume), affine, sides_known=scan.sides_known)
    write_table(files.lesions, _rows(detection.lesions), LESION_COLUMNS)
    write_table(files.slices, _rows(detection.slices), SLICE_COLUMNS)
    write_text(files.report, page)
    others = files.always[:-1] if source_uri is None else files.with_sidecars[:-1]
    return {path.name: file_sha256(path) for path in others}


def write_refusal(files: DetectionFiles, error: MslesionError) -> None:
    """Say beside the detections of a BIDS dataset why there is none of this scan, without a path.

    Raises:
        OutputError: the folder cannot be written to.
    """
    record = {
        "name": files.name,
        "code": error.code,
        "reason": error.told_reason,
        "remedy": error.remedy,
        "version": __version__,
    }
    write_json(files.refusal, record)


def _rows(findings: Sequence[Lesion] | Sequence[SliceFinding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]


def _sidecars(detection: Detection, source_uri: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What BIDS wants to know of the mask, and of the probability."""
    detector = detection.detector
    is_resampled = "res" in bids_entities(detection.name)
    about = {
        **({"Resolution": "That of the image in Sources"} if is_resampled else {}),
        "Sources": [source_uri],
        "SpatialReference": source_uri,
        "Manual": False,
        "Model": detector.name,
        "ModelSHA256": detector.weights_sha256,
    }
    mask = {
        "Description": "Lesions: 1 in them, 0 elsewhere",
        "Type": "Lesion",
        **about,
        "Threshold": detector.threshold,
        "MinimumPeak": detector.peak,
        "MinimumLesionVolume": detector.least_mm3,
        "MinimumLesionVolumeUnits": "mm3",
        "Connectivity": 26,
    }
    probability = {"Description": probability_explained(detector), **about}
    return mask, probability
