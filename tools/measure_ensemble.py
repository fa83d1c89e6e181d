"""What the networks of the default model bring together, and each of them alone.

    python tools/measure_ensemble.py DATASETS

DATASETS is the folder of tabriz, ljubljana-mni and lesion-free. The networks of five folds answer
for the people of their fold, real and simulated: all of a fold together, and each alone, with a
calibration of its own, at the thresholds before any are chosen. Results go to
docs/results/ensemble.json.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from held_out import cross_validation
from measure_operating_points import answers, by_group

from mslesion.lesions.learning.calibration import calibrate, fit_voxel_calibration
from mslesion.lesions.operating_point import UNCHOSEN
from mslesion.write.atomic import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/results/ensemble.json"


def main(datasets: Path) -> None:
    """Ask all networks of a fold together, then each alone."""
    known = cross_validation(datasets)
    count = len(known.models[0].networks)
    asked = {"together": [model.networks for model in known.models]} | {
        f"network {number + 1} alone": [(model.networks[number],) for model in known.models]
        for number in range(count)
    }
    measured = {}
    for name, networks_of_fold in asked.items():
        scans = answers(known, networks_of_fold)
        calibration = fit_voxel_calibration(scans)
        calibrated = [calibrate(scan, calibration) for scan in scans]
        measured[name] = {
            "calibration": asdict(calibration),
            "by_group": by_group(calibrated, UNCHOSEN),
        }
    write_json(RECORD, {"operating_point": asdict(UNCHOSEN), "asked": measured})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
