"""The result of a detection as one value: what a user gets, and what the files come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion import __version__
from mslesion.lesions.findings import Lesion, SliceFinding
from mslesion.lesions.operating_point import OperatingPoint
from mslesion.lesions.quality import UNMEASURED, ScanQuality
from mslesion.lesions.uncertainty import LoadUncertainty, load_uncertainty
from mslesion.scan import Scan
from mslesion.verdict import Verdict


@dataclass(frozen=True)
class DetectorIdentity:
    """Which detector gave a result, and at which operating point.

    ``is_calibrated`` tells whether its probabilities were fitted to people it had not seen.
    """

    name: str
    weights_sha256: str
    threshold: float
    peak: float
    least_mm3: float
    is_calibrated: bool


def probability_explained(detector: DetectorIdentity) -> str:
    """What the values of a probability image are."""
    if detector.is_calibrated:
        return "Calibrated probability of lesion"
    return "Probability of lesion, not calibrated"


@dataclass(frozen=True, eq=False)
class Detection:
    """The lesions of one scan.

    Arrays are (X, Y, Z) on ``scan.grid``, RAS+: ``mask`` bool, ``probability`` float32,
    calibrated; ``brain`` and ``ventricles`` bool, rough, as the network sees them. Files are
    written on ``scan.stored_grid``, the input's own. ``name`` is what the files are called by;
    ``input_volume`` is the volume that was asked for, None where the file's only one was;
    ``seen_in_training`` tells whether the detector learnt from this very file.
    """

    name: str
    scan: Scan
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32]
    brain: NDArray[np.bool_]
    ventricles: NDArray[np.bool_]
    lesions: tuple[Lesion, ...]
    slices: tuple[SliceFinding, ...]
    verdict: Verdict
    warnings: tuple[str, ...]
    detector: DetectorIdentity
    input_sha256: str
    input_volume: int | None = None
    seen_in_training: bool = False
    quality: ScanQuality = UNMEASURED

    @property
    def lesion_count(self) -> int:
        """How many lesions, counted with 26-connectivity."""
        return len(self.lesions)

    @property
    def lesion_volume_ml(self) -> float:
        """Volume of all lesions together."""
        return round(float(self.mask.sum()) * self.scan.grid.voxel_volume_mm3 / 1000, 4)

    @cached_property
    def uncertainty(self) -> LoadUncertainty:
        """How many lesions, and of what volume, the probabilities leave plausible."""
        detector = self.detector
        point = OperatingPoint(detector.threshold, detector.peak, detector.least_mm3)
        return load_uncertainty(self.probability, self.scan.grid.voxel_volume_mm3, point)

    def summary(self) -> dict[str, Any]:
        """The content of ``NAME_summary.json``, as plain values."""
        count, volume_ml = self.uncertainty.count, self.uncertainty.volume_ml
        return {
            "name": self.name,
            "lesion_count": self.lesion_count,
            "lesion_count_interval": [int(count.low), int(count.high)],
            "lesion_count_expected": count.expected,
            "lesion_volume_ml": self.lesion_volume_ml,
            "lesion_volume_ml_interval": [volume_ml.low, volume_ml.high],
            "lesion_volume_ml_expected": volume_ml.expected,
            "ms_probability": self.verdict.ms_probability,
            "ms_threshold": self.verdict.threshold,
            "abstained": self.verdict.abstained,
            "abstained_reason": self.verdict.reason or None,
            "verdict": self.verdict.wording,
            "control_false_positive_rate": self.verdict.control_false_positive_rate,
            "ms_missed_rate": self.verdict.ms_missed_rate,
            "warnings": list(self.warnings),
            "history": list(self.scan.history),
            "input_file": None if self.scan.source is None else self.scan.source.name,
            "input_sha256": self.input_sha256,
            "input_volume": self.input_volume,
            "seen_in_training": self.seen_in_training,
            "quality": {
                name: None if value is None else round(value, 3)
                for name, value in asdict(self.quality).items()
            },
            "head": self.quality.head or None,
            "spacing_mm": list(self.scan.spacing_mm),
            "version": __version__,
            "model": self.detector.name,
            "weights_sha256": self.detector.weights_sha256,
            "threshold": self.detector.threshold,
            "min_peak": self.detector.peak,
            "min_lesion_mm3": self.detector.least_mm3,
            "is_calibrated": self.detector.is_calibrated,
            "connectivity": 26,
            "intended_use": "research only; not a medical device",
        }

    def save(
        self, folder: Path | str, *, dicom_seg: bool = False, keep_patient: bool = False
    ) -> None:
        """Write the files that ``mslesion detect`` writes, to the byte.

        What a run into the same folder told of this scan, and its tables over all scans, are not
        true any more and are taken away.

        With ``dicom_seg`` also those of ``--dicom-seg``, of a scan that came as DICOM;
        ``keep_patient`` lets them name the patient.

        Raises:
            OutputError: the folder cannot be written, is that of the scan, or another dataset's.
            UsageError: ``dicom_seg`` of a scan that is not from DICOM.
        """
        from mslesion.read.detections import DetectionFiles
        from mslesion.write.detection import write_detection
        from mslesion.write.dicom.identity import asked_identity
        from mslesion.write.dicom.source import require_dicom
        from mslesion.write.earlier import (
            remove_unfinished,
            require_apart,
            require_no_dataset_of_others,
        )
        from mslesion.write.folder import output_folder
        from mslesion.write.run import forget_outcome, require_our_run

        dicom = asked_identity(dicom_seg=dicom_seg, keep_patient=keep_patient)
        if dicom is not None:
            require_dicom(self.scan.source)
        output = Path(folder)
        require_no_dataset_of_others(output)
        if self.scan.source is not None:
            require_apart(output, self.scan.source, output)
        with output_folder(output):
            require_our_run(output)
            remove_unfinished(DetectionFiles(output, self.name))
            forget_outcome(self.name, output)
            write_detection(self, output, dicom=dicom)
