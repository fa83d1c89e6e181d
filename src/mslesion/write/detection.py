"""The files of one detection, on the grid of the file that the scan came from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mslesion.detection import Detection
from mslesion.lesions.findings import Lesion, SliceFinding
from mslesion.read.detections import DetectionFiles, file_sha256
from mslesion.report.detection import detection_report
from mslesion.write.atomic import write_json, write_table, write_text
from mslesion.write.nifti import write_nifti

LESION_COLUMNS = tuple(column.name for column in fields(Lesion))
SLICE_COLUMNS = tuple(column.name for column in fields(SliceFinding))


def write_detection(
    detection: Detection, folder: Path, source_uri: str | None = None
) -> DetectionFiles:
    """Write all that was found in one scan; the same detection gives the same bytes.

    Mask (uint8) and probability (float32) lie on ``detection.scan.stored_grid``. A table without
    a row holds the line of its columns. ``source_uri`` is the BIDS URI of the scan: with it, the
    mask and the probability get the sidecars of a BIDS derivative.

    An older summary is taken away first and the new one comes last, with the SHA-256 of every
    other file as it lies on the disk: where there is a summary, all files beside it are of one
    and the same detection.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    page = detection_report(detection)
    files = DetectionFiles(folder, detection.name)
    take_away(files.summary)
    if source_uri is not None:
        for path, content in zip(files.sidecars, _sidecars(detection, source_uri), strict=True):
            write_json(path, content)
    scan = detection.scan
    affine_vox_to_ras = scan.stored_grid.affine_vox_to_ras
    write_nifti(files.mask, scan.to_stored_order(detection.mask), affine_vox_to_ras)
    write_nifti(files.probability, scan.to_stored_order(detection.probability), affine_vox_to_ras)
    write_table(files.lesions, _rows(detection.lesions), LESION_COLUMNS)
    write_table(files.slices, _rows(detection.slices), SLICE_COLUMNS)
    write_text(files.report, page)
    others = files.always[:-1] if source_uri is None else files.with_sidecars[:-1]
    hashes = {path.name: file_sha256(path) for path in others}
    write_json(files.summary, {**detection.summary(), "files": hashes})
    return files


def remove_detection(files: DetectionFiles) -> None:
    """Take away what an earlier run found in a scan that is now refused.

    Nothing is touched where no summary says that the files are a detection's.
    """
    if files.summary.is_file():
        for path in (*reversed(files.always), *files.sidecars):
            take_away(path)


def take_away(path: Path) -> None:
    """Remove a file that stands for something older; nothing happens where there is none."""
    # A file that cannot be taken away cannot be replaced either, and that error is explained.
    with suppress(OSError):
        path.unlink()


def _rows(findings: Sequence[Lesion] | Sequence[SliceFinding]) -> list[dict[str, Any]]:
    return [asdict(finding) for finding in findings]


def _sidecars(detection: Detection, source_uri: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What BIDS wants to know of the mask, and of the probability."""
    detector = detection.detector
    about = {
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
    probability = {"Description": "Calibrated probability of lesion", **about}
    return mask, probability
