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
from held_out import cross_validation

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
from mslesion.lesions.learning.validation import answer_simulated, answer_unseen
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
        "large_lesions_found": int(large[0]),
        "large_lesions": int(large[1]),
        "recall_of_large_lesions": round(float(large[0] / large[1]), 4) if large[1] else None,
        "false_lesions": sum(a.false_lesions for a in agreements),
        "false_lesions_ml": round(sum(a.false_mm3 for a in agreements) / 1000, 3),
        "scans_without_a_false_lesion": sum(not a.false_lesions for a in agreements),
    }


def main(datasets: Path) -> None:
    """Ask every network once, and tell what each peak gives."""
    known = cross_validation(datasets)
    networks = [model.networks for model in known.models]
    unseen = [scan for _, scan in answer_unseen(known.scans, known.fold_of, networks)]
    people = RECIPES["default"].validation_people
    simulated = [scan for _, scan in answer_simulated(people, networks)]
    chosen = choose(unseen + simulated)
    scans = [calibrate(scan, chosen.voxel_calibration) for scan in unseen + simulated]
    names = [scan.dataset for scan in known.scans] + ["simulated"] * len(simulated)
    is_real = np.array([name != "simulated" for name in names])
    has_lesions = np.array([scan.reference.any() for scan in scans])
    groups = {
        "all": np.full(len(scans), True),
        "Tabriz": np.array(["Tabriz" in name for name in names]),
        "real with lesions": is_real & has_lesions,
        "real without": is_real & ~has_lesions,
        "controls": ~is_real & ~has_lesions,
    }
    by_peak = []
    for peak in PEAKS:
        agreements = at(replace(UNCHOSEN, peak=peak), scans)
        measured = {
            name: told([a for a, belongs in zip(agreements, group, strict=True) if belongs])
            for name, group in groups.items()
        }
        by_peak.append({"peak": peak, **measured})
    write_json(RECORD, {"chosen": asdict(chosen.operating_point), "by_peak": by_peak})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
