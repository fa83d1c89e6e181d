"""What each least peak of a lesion costs and brings, by networks that never saw the person.

    python tools/measure_operating_points.py DATASETS

DATASETS is the folder of tabriz, ljubljana-mni and lesion-free. The default model's networks of
five folds answer for the people of their fold, real and simulated, as when the operating point was
chosen; here one calibration serves all. Results go to docs/results/operating-points.json.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from held_out import CrossValidation, cross_validation

from mslesion.evaluation.lesions import LesionAgreement, compare_masks
from mslesion.lesions.learning.calibration import (
    LARGE_MM3,
    PEAKS,
    ValidationScan,
    calibrate,
    choose,
    score,
)
from mslesion.lesions.learning.recipe import RECIPES
from mslesion.lesions.learning.validation import SIMULATED, answer_simulated, answer_unseen
from mslesion.lesions.network import LesionNetwork
from mslesion.lesions.operating_point import UNCHOSEN, OperatingPoint, lesion_mask
from mslesion.write.atomic import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/results/operating-points.json"


def at(point: OperatingPoint, scans: Sequence[ValidationScan]) -> list[LesionAgreement]:
    """The agreement of each calibrated scan at an operating point."""
    return [
        compare_masks(
            lesion_mask(scan.probability, scan.voxel_volume_mm3, point),
            scan.reference,
            scan.voxel_volume_mm3,
        )
        for scan in scans
    ]


def told(agreements: Sequence[LesionAgreement]) -> dict[str, Any]:
    """Measures over some scans."""
    large = np.sum([a.recall_of_size(LARGE_MM3, np.inf) for a in agreements], axis=0)
    return {
        "scans": len(agreements),
        "mean_score": round(float(np.mean([score(a) for a in agreements])), 4),
        "mean_dice": round(float(np.mean([a.dice for a in agreements])), 4),
        "mean_lesion_f1": round(float(np.mean([a.lesion_f1 for a in agreements])), 4),
        "large_lesions_found": int(large[0]),
        "large_lesions": int(large[1]),
        "recall_of_large_lesions": round(float(large[0] / large[1]), 4) if large[1] else None,
        "false_lesions": sum(a.false_lesions for a in agreements),
        "false_lesions_ml": round(sum(a.false_mm3 for a in agreements) / 1000, 3),
        "scans_without_a_false_lesion": sum(not a.false_lesions for a in agreements),
    }


def answers(
    known: CrossValidation, networks_of_fold: Sequence[Sequence[LesionNetwork]]
) -> list[ValidationScan]:
    """Uncalibrated answers for the people of the cross-validation, then for the simulated ones."""
    people = RECIPES["default"].validation_people
    unseen = [scan for _, scan in answer_unseen(known.scans, known.fold_of, networks_of_fold)]
    return unseen + [scan for _, scan in answer_simulated(people, networks_of_fold)]


def by_group(scans: Sequence[ValidationScan], point: OperatingPoint) -> dict[str, dict[str, Any]]:
    """Measures of calibrated scans at an operating point, over all and over kinds of people."""
    is_tabriz = np.array(["Tabriz" in scan.person[0] for scan in scans])
    is_real = np.array([scan.person[0] != SIMULATED for scan in scans])
    has_lesions = np.array([scan.reference.any() for scan in scans])
    groups = {
        "all": np.full(len(scans), True),
        "Tabriz": is_tabriz,
        "real with lesions": is_real & has_lesions,
        "real without": is_real & ~has_lesions,
        "controls": ~is_real & ~has_lesions,
    }
    agreements = at(point, scans)
    return {
        name: told([a for a, belongs in zip(agreements, group, strict=True) if belongs])
        for name, group in groups.items()
    }


def main(datasets: Path) -> None:
    """Ask every network once, and tell what each peak gives."""
    known = cross_validation(datasets)
    asked = answers(known, [model.networks for model in known.models])
    chosen = choose(asked)
    scans = [calibrate(scan, chosen.voxel_calibration) for scan in asked]
    by_peak = [{"peak": peak, **by_group(scans, replace(UNCHOSEN, peak=peak))} for peak in PEAKS]
    write_json(RECORD, {"chosen": asdict(chosen.operating_point), "by_peak": by_peak})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
