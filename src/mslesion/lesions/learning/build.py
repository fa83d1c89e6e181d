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
FOLDS = "folds"
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

    ``output`` gets ``model.safetensors``, ``cross-validation.json`` and ``verdict.json``, and in
    ``folds`` the detector of each fold, which answered for the people of that fold; states of the
    trainings stay in ``output/training``, so that the same call goes on after a break.
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
        by_fold = _chosen_by_fold(answers + simulated, recipe.folds)
        validation = _cross_validation(scans, answers, by_fold, chosen, recipe)
        write_json(output / "cross-validation.json", validation)
        for task, without_fold in zip(tasks, by_fold, strict=False):
            path = output / FOLDS / f"{task.name}.safetensors"
            save_lesion_model(assemble(task, without_fold), path)
    path = output / MODEL_FILE
    model = assemble(tasks[-1], chosen)
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


def _chosen_by_fold(answers: Sequence[tuple[int, ValidationScan]], folds: int) -> list[Chosen]:
    """For each fold, what the people of the others decide; nothing where there are no others."""
    if folds == 1:
        return [_UNCHOSEN]
    return [choose([scan for other, scan in answers if other != fold]) for fold in range(folds)]


def _cross_validation(
    scans: Sequence[KnownScan],
    answers: Sequence[tuple[int, ValidationScan]],
    by_fold: Sequence[Chosen],
    chosen: Chosen,
    recipe: DetectorRecipe,
) -> dict[str, Any]:
    """Measures of every scan by the detector of the fold that never saw its person."""
    scored = []
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
        "chosen_by_fold": [asdict(of_fold.operating_point) for of_fold in by_fold],
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
