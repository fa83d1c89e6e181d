"""Do the ranges of lesion count and volume hold what experts, or the simulation, marked?

    mslesion simulate out/unseen --people 8 --ms-share 0.75 --seed 50100
    python tools/measure_uncertainty.py DATASETS/tabriz DATASETS/ljubljana-mni out/unseen

Each is a BIDS dataset with lesion masks. The record in docs/results is written anew after every
scan, so that what was measured is kept. Whether the detector learnt from a scan is told with it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mslesion.detector import Detector, detect_scan, load_detector
from mslesion.lesions.components import label_lesions
from mslesion.lesions.known_scans import KnownScan, known_scans
from mslesion.lesions.uncertainty import LEVEL, TOGETHER, Plausible
from mslesion.read import load, read_cohort
from mslesion.write.atomic import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/results/uncertainty.json"


def measure(known: KnownScan, detector: Detector) -> dict[str, Any]:
    """One scan: its ranges, and the truth, counted as the detector counts."""
    loaded = load(known.scan_file)
    grid, point = loaded.scan.grid, detector.operating_point
    mask = loaded.lesion_mask if loaded.lesion_mask is not None else np.zeros(grid.shape, np.bool_)
    labels, count = label_lesions(mask)
    volumes_mm3 = np.bincount(labels.ravel(), minlength=count + 1)[1:] * grid.voxel_volume_mm3
    true_count = int((volumes_mm3 >= point.least_mm3).sum())
    true_ml = round(float(volumes_mm3.sum()) / 1000, 4)
    found = detect_scan(known.scan_file.image, detector, known.scan_file.name)
    uncertainty = found.uncertainty
    return {
        "dataset": known.dataset,
        "scan_name": known.scan_file.name,
        "seen_in_training": is_seen(known, found.seen_in_training, detector),
        "found_lesions": found.lesion_count,
        "found_ml": found.lesion_volume_ml,
        "true_lesions": true_count,
        "true_ml": true_ml,
        "count": asdict(uncertainty.count),
        "volume_ml": asdict(uncertainty.volume_ml),
        "count_is_within": holds(uncertainty.count, true_count),
        "volume_is_within": holds(uncertainty.volume_ml, true_ml),
    }


def is_seen(known: KnownScan, by_hash: bool, detector: Detector) -> bool:
    """Whether the detector learnt from this person."""
    people = detector.model.trained_on.get("datasets", {})
    return by_hash or known.person_id in people.get(known.dataset, ())


def holds(plausible: Plausible, truth: float) -> bool:
    """Whether the truth lies within the range, its ends included."""
    return plausible.low <= truth <= plausible.high


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each dataset, how many ranges hold the truth."""
    datasets = sorted({row["dataset"] for row in rows})
    groups = {name: [row for row in rows if row["dataset"] == name] for name in datasets}
    return {
        "level": LEVEL,
        "together": TOGETHER,
        "datasets": {
            name: {
                "scans": len(group),
                "scans_seen_in_training": sum(row["seen_in_training"] for row in group),
                "count_is_within": sum(row["count_is_within"] for row in group),
                "volume_is_within": sum(row["volume_is_within"] for row in group),
            }
            for name, group in groups.items()
        },
        "rows": list(rows),
    }


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path, metavar="DATASET")
    parser.add_argument("--json", type=Path, default=RECORD)
    options = parser.parse_args()
    detector = load_detector()
    rows: list[dict[str, Any]] = []
    for folder in options.datasets:
        for known in known_scans(read_cohort(folder), is_lesion_free=False):
            rows.append(measure(known, detector))
            write_json(options.json, summary(rows))


if __name__ == "__main__":
    main()
