"""How long the recipes of the shipped detectors take: some steps of their trainings timed.

    python benchmarks/detector_training.py --data tabriz --data ljubljana-mni --cache FOLDER
    ... --json docs/results/detector-training-speed.json

Two trainings run side by side, as ``train-detector`` runs them on two cores, on the real data and
the recipe's simulated people (made in FOLDER where they are not there). What comes before the first
step is left out by taking the difference of a long and a short training. Calibration and the
verdict come on top.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed

from mslesion.lesions.known_scans import KnownScan, known_scans
from mslesion.lesions.learning.recipe import (
    RECIPES,
    DetectorRecipe,
    Ensemble,
    TrainingTask,
    Workshop,
    run_training,
)
from mslesion.read import read_people

SIDE_BY_SIDE = 2
MOST_HOURS = 3.0
"""What two cores may take for a shipped model."""


def seconds_of(
    scans: tuple[KnownScan, ...], recipe: DetectorRecipe, steps: int, cache: Path
) -> float:
    """Seconds of so many steps, with all that comes before the first."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        timed = Ensemble("timed", scans, recipe, steps, Workshop(Path(folder), cache))
        run_training(TrainingTask(timed, number=0))
    return time.monotonic() - started


def seconds_a_step(
    scans: tuple[KnownScan, ...], recipe: DetectorRecipe, steps: int, cache: Path
) -> float:
    """What one more step takes while another training runs beside it."""

    def side_by_side(count: int) -> float:
        return max(
            Parallel(n_jobs=SIDE_BY_SIDE)(
                delayed(seconds_of)(scans, recipe, count, cache) for _ in range(SIDE_BY_SIDE)
            )
        )

    few = steps // 4
    side_by_side(2)  # starts the workers, and reads all into the cache of the system
    return (side_by_side(steps) - side_by_side(few)) / (steps - few)


def main() -> None:
    """Print hours of each recipe, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    scans = tuple(scan for folder in options.data for scan in known_scans(read_people(folder)))
    record: dict[str, Any] = {
        "torch": torch.__version__, "cores": os.cpu_count(), "processor": platform.machine(),
        "steps_timed": options.steps, "most_hours": MOST_HOURS, "models": {},
    }  # fmt: skip
    for name, recipe in RECIPES.items():
        seconds = seconds_a_step(scans, recipe, options.steps, options.cache)
        steps = recipe.networks * (recipe.folds * recipe.fold_steps + recipe.final_steps)
        hours = steps * seconds / SIDE_BY_SIDE / 3600
        record["models"][name] = {"steps": steps, "seconds_a_step": seconds, "hours": hours}
        print(f"{name}: {steps} steps of {seconds:.3f} s, two at a time: {hours:.1f} h")
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
