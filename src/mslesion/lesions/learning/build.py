"""From data to a detector's file: every step of the recipe, each result kept on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mslesion.evaluation.lesion_summary import lesion_summary, scan_rows, score_scan
from mslesion.lesions.known_scans import KnownScan
from mslesion.lesions.learning.calibration import (
    Chosen,
    ValidationScan,
    choose,
    mask_at,
)
from mslesion.lesions.learning.recipe import (
    DetectorRecipe,
    Workshop,
    assemble,
    chosen_device,
    plan_trainings,
    run_trainings,
)
from mslesion.lesions.learning.validation import (
    answer_simulated,
    answer_unseen,
    fold_networks,
)
from mslesion.lesions.learning.verdict import (
    FITTING_SEED,
    TESTING_SEED,
    examine_simulated_people,
    fit_verdict,
)
from mslesion.lesions.model import Calibration, LesionModel, save_lesion_model
from mslesion.lesions.operating_point import UNCHOSEN
from mslesion.verdict import VerdictModel
from mslesion.write.atomic import write_json

MODEL_FILE = "model.safetensors"
_UNCHOSEN = Chosen(Calibration(), Calibration(), UNCHOSEN)


@dataclass(frozen=True, eq=False)
class BuiltDetector:
    """Where the model is, its hash, and how it did on people unseen in training."""

    path: Path
    sha256: str
    validation: dict[str, Any] | None


def build_detector(
    scans: Sequence[KnownScan],
    output: Path,
    recipe: DetectorRecipe,
    *,
    workers: int = 1,
    start: Path | None = None,
    cache: Path | None = None,
    device: str = "auto",
) -> BuiltDetector:
    """Cross-validate, calibrate, train on everybody, and fit the verdict.

    ``output`` gets ``model.safetensors``, ``cross-validation.json`` and ``verdict.json``; states
    of the trainings stay in ``output/training``, so that the same call goes on after a break.
    ``start`` is a model whose weights the trainings begin with; ``cache`` keeps the simulated
    people (5 GB), in ``output/training`` where it is None; ``device`` is ``auto``, ``cpu`` or
    ``cuda``.

    Raises:
        UsageError: ``device`` is a GPU that is not there.
        CohortError: there are fewer people than folds.
        ModelFileError: ``output`` holds states of another recipe or other data.
    """
    training = output / "training"
    workshop = Workshop(training, cache or training / "simulated", chosen_device(device), start)
    fold_of, tasks = plan_trainings(scans, recipe, workshop)
    run_trainings(tasks, workers)
    chosen, validation = _UNCHOSEN, None
    if recipe.folds:
        networks = fold_networks(tasks)
        answers = list(answer_unseen(scans, fold_of, networks))
        simulated = list(answer_simulated(recipe.validation_people, networks))
        chosen = choose([scan for _, scan in answers + simulated])
        validation = _cross_validation(scans, answers, simulated, chosen, recipe)
        write_json(output / "cross-validation.json", validation)
    path = output / MODEL_FILE
    model = assemble(scans, recipe, tasks, chosen)
    if recipe.verdict_people:
        verdict, record = _verdict(model, recipe.verdict_people, workers)
        write_json(output / "verdict.json", record)
        model = replace(model, verdict=verdict)
    digest = save_lesion_model(model, path)
    return BuiltDetector(path, digest, validation)


def _verdict(model: LesionModel, people: int, workers: int) -> tuple[VerdictModel, dict[str, Any]]:
    """The verdict, fitted on one simulated cohort and tested on another, and the record of it."""
    fitting, testing = (
        examine_simulated_people(model, people, seed, workers)
        for seed in (FITTING_SEED, TESTING_SEED)
    )
    verdict = fit_verdict(fitting, testing, f"{people} simulated people")
    counts = {
        f"{name}_{key}": value
        for name, cohort in (("fitting", fitting), ("testing", testing))
        for key, value in (
            ("controls", int((~cohort.has_ms).sum())),
            ("ms", int(cohort.has_ms.sum())),
            ("abstained", cohort.abstained),
        )
    }
    return verdict, {**asdict(verdict), **counts}


def _cross_validation(
    scans: Sequence[KnownScan],
    answers: Sequence[tuple[int, ValidationScan]],
    simulated: Sequence[tuple[int, ValidationScan]],
    chosen: Chosen,
    recipe: DetectorRecipe,
) -> dict[str, Any]:
    """Measures of every scan by a network that never saw its person.

    Calibration and operating point of each fold are chosen on the people of the other folds.
    """
    scored = []
    by_fold = {
        fold: choose([scan for other, scan in (*answers, *simulated) if other != fold])
        if recipe.folds > 1 else _UNCHOSEN
        for fold in range(recipe.folds)
    }  # fmt: skip
    for known, (fold, scan) in zip(scans, answers, strict=True):
        told = score_scan(
            known.person_id,
            scan.name,
            mask_at(scan, by_fold[fold]),
            scan.reference,
            scan.grid,
            history=scan.history,
            warnings=scan.warnings,
        )
        scored.append((known, fold, told))
    datasets = sorted({known.dataset for known in scans if not known.is_lesion_free})
    return {
        "recipe": asdict(recipe),
        "operating_point": asdict(chosen.operating_point),
        "voxel_calibration": asdict(chosen.voxel_calibration),
        "chosen_by_fold": [asdict(by_fold[fold].operating_point) for fold in range(recipe.folds)],
        "datasets": {
            name: lesion_summary([s for known, _, s in scored if known.dataset == name])
            for name in datasets
        },
        "scans": [
            {"dataset": known.dataset, "fold": fold, **row}
            for (known, fold, _), row in zip(
                scored, scan_rows([s for *_, s in scored]), strict=True
            )
        ],
    }
