"""A detector measured against reference masks of people it was not trained on."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from mslesion.cohort.people import Cohort
from mslesion.detector import Detector
from mslesion.errors import CohortError, ScanError
from mslesion.evaluation.lesion_summary import (
    ScoredScan,
    lesion_summary,
    scan_rows,
    score_scan,
)
from mslesion.lesions.contrast import require_flair_of_a_brain
from mslesion.lesions.detection import find_lesions
from mslesion.lesions.known_scans import KnownScan, known_scans, unseen_scans
from mslesion.progress import track
from mslesion.read import load, mask_doubts
from mslesion.read.head import require_head


def measure_detector(
    cohort: Cohort, detector: Detector, *, is_lesion_free: bool = False
) -> tuple[dict[str, Any], tuple[ScanError, ...]]:
    """The measures of every scan and their summary, and the scans that cannot be used.

    People whom the model names as its training people, by dataset and id or by a file's hash,
    are left out.

    Raises:
        CohortError: no scan has a mask, nobody is left, or no scan can be used.
    """
    scans = known_scans(cohort, is_lesion_free=is_lesion_free)
    unseen = unseen_scans(scans, detector.model.trained_on)
    if not unseen:
        raise CohortError(
            "the detector was trained on everybody in this cohort",
            remedy="give people that it has not seen; they are known by the names of dataset and "
            "participant, and by their files",
            file=cohort.root,
        )
    scored: list[ScoredScan] = []
    refused: list[tuple[str, ScanError]] = []
    for known in track(unseen, "finding lesions", len(unseen)):
        try:
            scored.append(_score(known, detector))
        except ScanError as error:
            refused.append((known.scan_file.name, error.without_frames()))
    if not scored:
        raise CohortError(
            f"none of {len(unseen)} scans can be used; the first: {refused[0][1]}",
            remedy="mend the scans",
            file=cohort.root,
        )
    measured = {
        "cohort": cohort.name,
        "detector": asdict(detector.identity),
        "people_left_out_as_seen": len({s.person for s in scans} - {s.person for s in unseen}),
        "scans_refused": {name: error.code for name, error in refused},
        **lesion_summary(scored),
        "rows": scan_rows(scored),
    }
    return measured, tuple(error for _, error in refused)


def _score(known: KnownScan, detector: Detector) -> ScoredScan:
    loaded = load(known.scan_file)
    require_head(loaded.scan)
    found = find_lesions(loaded.scan, detector.model, detector.operating_point)
    require_flair_of_a_brain(found)
    mask = loaded.lesion_mask
    reference = np.zeros(found.mask.shape, np.bool_) if mask is None else mask
    scan = loaded.scan
    return score_scan(
        known.person_id,
        known.scan_file.name,
        found.mask,
        reference,
        scan.grid,
        history=scan.history,
        warnings=(*scan.warnings, *mask_doubts(mask, known.diagnosis)),
    )
