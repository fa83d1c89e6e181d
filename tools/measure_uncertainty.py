"""Do the ranges of lesion count and volume hold what experts, or the simulation, marked?

    mslesion simulate out/unseen --people 30 --ms-share 0.75 --seed 50100
    python tools/measure_uncertainty.py --real DATASETS out/unseen

DATASETS is the folder of tabriz, ljubljana-mni and lesion-free: each real person is answered for by
the detector of the fold that never saw them. The others are BIDS datasets with lesion masks, of
people whom the shipped model has not seen. A scan that is refused has no range, and is named in the
record, which is written anew after every scan, so that what was measured is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from held_out import held_out, require_unseen

from mslesion.detector import Detector, detect_scan, load_detector
from mslesion.errors import ScanError
from mslesion.lesions.components import label_lesions
from mslesion.lesions.known_scans import KnownScan, known_scans
from mslesion.lesions.uncertainty import LEVEL, TOGETHER, Plausible
from mslesion.read import load, read_people
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
        "found_lesions": found.lesion_count,
        "found_ml": found.lesion_volume_ml,
        "true_lesions": true_count,
        "true_ml": true_ml,
        "count": asdict(uncertainty.count),
        "volume_ml": asdict(uncertainty.volume_ml),
        "count_is_within": holds(uncertainty.count, true_count),
        "volume_is_within": holds(uncertainty.volume_ml, true_ml),
    }


def holds(plausible: Plausible, truth: float) -> bool:
    """Whether the truth lies within the range, its ends included."""
    return plausible.low <= truth <= plausible.high


def within(rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many scans there are, and how many ranges hold the truth."""
    return {
        "scans": len(rows),
        "count_is_within": sum(row["count_is_within"] for row in rows),
        "volume_is_within": sum(row["volume_is_within"] for row in rows),
    }


def summary(rows: Sequence[dict[str, Any]], refused: Mapping[str, str]) -> dict[str, Any]:
    """Of each dataset, how many ranges hold the truth; ``refused`` are scans with the error."""
    datasets = sorted({row["dataset"] for row in rows})
    groups = {name: [row for row in rows if row["dataset"] == name] for name in datasets}
    return {
        "level": LEVEL,
        "together": TOGETHER,
        "datasets": {
            name: {
                "with_lesions": within([row for row in group if row["true_lesions"]]),
                "without": within([row for row in group if not row["true_lesions"]]),
            }
            for name, group in groups.items()
        },
        "refused": dict(refused),
        "rows": list(rows),
    }


def cases(real: Path | None, unseen: Sequence[Path]) -> Iterator[tuple[KnownScan, Detector]]:
    """Scans with masks, each with a detector that has not seen the person."""
    shipped = load_detector()
    if real is not None:
        for known, model in held_out(real):
            yield known, replace(shipped, model=model, operating_point=model.operating_point)
    for folder in unseen:
        scans = known_scans(read_people(folder), is_lesion_free=False)
        require_unseen(scans, shipped.model)
        for known in scans:
            yield known, shipped


def main() -> None:
    """Measure, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, metavar="DATASETS")
    parser.add_argument("unseen", nargs="*", type=Path, metavar="DATASET")
    parser.add_argument("--json", type=Path, default=RECORD)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    for known, detector in cases(options.real, options.unseen):
        try:
            rows.append(measure(known, detector))
        except ScanError as error:
            refused[f"{known.dataset}: {known.scan_file.name}"] = error.code
        write_json(options.json, summary(rows, refused))


if __name__ == "__main__":
    main()
