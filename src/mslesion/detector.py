"""The detector with all its parts, and the way of one scan through it on one screen.

scan ──► slices of 1 mm ──► lesion network ──► lesions ──► verdict
                                          └──► slices, beside the paper's CNN
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mslesion.detection import Detection, DetectorIdentity
from mslesion.errors import UsageError
from mslesion.lesions.contrast import (
    require_flair_of_a_brain,
    scan_cautions,
    scan_doubts,
)
from mslesion.lesions.detection import (
    FoundLesions,
    find_lesions,
    slice_areas_mm2,
    slice_probabilities,
)
from mslesion.lesions.findings import SliceFinding
from mslesion.lesions.model import (
    SHIPPED,
    LesionModel,
    load_lesion_model,
    shipped_model,
)
from mslesion.lesions.operating_point import OperatingPoint
from mslesion.lesions.paper_cnn import PaperCNN, SliceAnswers, shipped_paper_cnn
from mslesion.lesions.quality import measure_quality
from mslesion.read.head import read_head
from mslesion.read.inputs import input_sha256
from mslesion.scan import Scan
from mslesion.verdict import VerdictModel, judge

_SEEN_BY_PAPER = (
    "the paper's CNN has learnt from this very scan: its answers to slices of new ones are worse"
)
_SEEN = "the detector was trained on this very scan: new ones are not found as well"


@dataclass(frozen=True, eq=False)
class Detector:
    """All that decides a detection, beside the scan."""

    model: LesionModel
    operating_point: OperatingPoint
    paper_cnn: PaperCNN

    @property
    def verdict(self) -> VerdictModel | None:
        """The model of the verdict; None at another operating point than that it was fitted at.

        Other thresholds find other lesions, in controls too: its error rates would not hold.
        """
        return self.model.verdict if self.operating_point == self.model.operating_point else None

    @property
    def identity(self) -> DetectorIdentity:
        """What results say of the detector."""
        point = self.operating_point
        return DetectorIdentity(
            self.model.name,
            self.model.sha256,
            point.threshold,
            point.peak,
            point.least_mm3,
            self.model.is_calibrated,
        )


def load_detector(
    model: str = "default",
    model_path: Path | None = None,
    threshold: float | None = None,
    min_peak: float | None = None,
    min_lesion_mm3: float | None = None,
) -> Detector:
    """One of the shipped detectors by name, or a user's own by its file.

    ``threshold``, ``min_peak`` and ``min_lesion_mm3`` take the place of those chosen on validation
    people.

    Raises:
        UsageError: no such model; a threshold below 0, or of 1 and more; a negative volume.
        ModelFileError: a file of weights is missing or damaged.
    """
    if model not in SHIPPED:
        raise UsageError(
            f"model {model!r} is not known", remedy=f"choose one of {', '.join(SHIPPED)}"
        )
    for given in (threshold, min_peak):
        if given is not None and not 0 <= given < 1:
            raise UsageError(
                f"a threshold of {given} makes no sense", remedy="choose one from 0 to below 1"
            )
    if min_lesion_mm3 is not None and not min_lesion_mm3 >= 0:
        raise UsageError(
            f"a volume of {min_lesion_mm3} mm3 makes no sense", remedy="choose 0 or more"
        )
    lesion_model = shipped_model(model) if model_path is None else load_lesion_model(model_path)
    chosen = lesion_model.operating_point
    point = OperatingPoint(
        chosen.threshold if threshold is None else threshold,
        chosen.peak if min_peak is None else min_peak,
        chosen.least_mm3 if min_lesion_mm3 is None else min_lesion_mm3,
    )
    return Detector(lesion_model, point, shipped_paper_cnn())


def detect_scan(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
    """Find the lesions in one FLAIR scan, in ``volume`` (from 0) of a file that holds several.

    Raises:
        ScanError: the file cannot be used, or holds no FLAIR image of a brain.
    """
    scan = read_head(path, volume)
    scan_sha256 = input_sha256(path)
    found = find_lesions(scan, detector.model, detector.operating_point)
    require_flair_of_a_brain(found)
    quality = measure_quality(scan, found.brain, found.mask)
    doubts = scan_doubts(found, quality)
    by_paper = detector.paper_cnn.answer(scan)
    seen_in_training = scan_sha256 in detector.model.trained_on.get("scans_sha256", ())
    return Detection(
        name=name,
        scan=scan,
        mask=found.mask,
        probability=found.probability,
        brain=found.brain,
        ventricles=found.ventricles,
        lesions=found.lesions,
        slices=_slice_findings(scan, found, detector, by_paper),
        verdict=judge(found.lesions, doubts, detector.verdict),
        warnings=(
            *scan.warnings,
            *scan_cautions(found),
            *doubts,
            *([_SEEN] if seen_in_training else []),
            *([_SEEN_BY_PAPER] if by_paper.seen_in_training and not seen_in_training else []),
        ),
        detector=detector.identity,
        input_sha256=scan_sha256,
        input_volume=volume,
        seen_in_training=seen_in_training,
        quality=quality,
    )


def _slice_findings(
    scan: Scan, found: FoundLesions, detector: Detector, by_paper: SliceAnswers
) -> tuple[SliceFinding, ...]:
    ours = slice_probabilities(found, detector.model)
    origin, step = scan.grid.affine_vox_to_ras[:3, 3], scan.grid.affine_vox_to_ras[:3, 2]
    middle = scan.grid.affine_vox_to_ras[:3, :2] @ [(n - 1) / 2 for n in scan.grid.shape[:2]]
    return tuple(
        SliceFinding(
            slice_index=index,
            position_mm=round(float((origin + middle + index * step)[2]), 2),
            lesion_area_mm2=round(float(area), 2),
            detector_probability=round(float(probability), 4),
            paper_cnn_probability=None if of_paper is None else round(of_paper, 4),
        )
        for index, (area, probability, of_paper) in enumerate(
            zip(slice_areas_mm2(found), ours, by_paper.probabilities, strict=True)
        )
    )
