"""From data to a detector's file: every step of the recipe, each result kept on the way."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mslesion.errors import CohortError
from mslesion.evaluation.lesion_summary import lesion_summary, scan_rows, score_scan
from mslesion.lesions.known_scans import KnownScan, unseen_scans
from mslesion.lesions.learning.calibration import (
    Chosen,
    ValidationScan,
    choose,
    left_to_calibrate,
    mask_at,
)
from mslesion.lesions.learning.recipe import (
    DetectorRecipe,
    Workshop,
    assemble,
    chosen_device,
    networks_to_start_with,
    plan_trainings,
    run_trainings,
    trained_networks,
)
from mslesion.lesions.learning.validation import (
    answer_simulated,
    answer_unseen,
)
from mslesion.lesions.learning.verdict import (
    FITTING_SEED,
    TESTING_SEED,
    can_fit_verdict,
    examine_simulated_people,
    fit_verdict,
    measure_verdict,
)
from mslesion.lesions.model import (
    Calibration,
    LesionModel,
    load_lesion_model,
    save_lesion_model,
)
from mslesion.lesions.network import SHAPES
from mslesion.lesions.operating_point import UNCHOSEN
from mslesion.verdict import VerdictModel
from mslesion.write.atomic import take_away, write_json

MODEL_FILE = "model.safetensors"
FOLDS = "folds"
_CROSS_VALIDATION, _VERDICT = "cross-validation.json", "verdict.json"
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

    Whom the model at ``start`` has learnt from, no fold's network can be said not to have seen:
    they are learnt from, and left out of the cross-validation.

    Raises:
        UsageError: ``device`` is a GPU that is not there.
        CohortError: there are fewer people than folds, or nobody whom ``start`` has not seen, or
            the networks give lesions no higher probability than other tissue.
        ModelFileError: ``output`` holds states of another recipe or other data, or the networks of
            ``start`` are of another size.
    """
    training = output / "training"
    if start is not None:  # before hours of work that it would not fit
        networks_to_start_with(start, SHAPES[recipe.model])
    judges = _judges(scans, recipe, start)
    workshop = Workshop(training, cache or training / "simulated", chosen_device(device), start)
    fold_of, ensembles = plan_trainings(scans, recipe, workshop)
    *of_folds, final = ensembles
    run_trainings(ensembles, workers)
    chosen, validation = _UNCHOSEN, None
    _forget_results(output)
    if recipe.folds:
        networks = [trained_networks(ensemble) for ensemble in of_folds]
        answers = list(answer_unseen(judges, fold_of, networks))
        simulated = list(answer_simulated(recipe.validation_people, networks))
        chosen = choose([scan for _, scan in answers + simulated])
        by_fold = _chosen_by_fold(answers + simulated, recipe.folds)
        validation = {
            **_cross_validation(judges, answers, by_fold, chosen, recipe),
            "people_left_out_as_seen": len({s.person for s in scans} - {s.person for s in judges}),
        }
        write_json(output / _CROSS_VALIDATION, validation)
        for ensemble, without_fold in zip(of_folds, by_fold, strict=True):
            path = output / FOLDS / f"{ensemble.name}.safetensors"
            save_lesion_model(assemble(ensemble, without_fold), path)
    path = output / MODEL_FILE
    model = assemble(final, chosen)
    if recipe.verdict_people:
        verdict, record = _verdict(model, recipe.verdict_people, workers)
        write_json(output / _VERDICT, record)
        model = replace(model, verdict=verdict)
    digest = save_lesion_model(model, path)
    return BuiltDetector(path, digest, validation)


def _judges(
    scans: Sequence[KnownScan], recipe: DetectorRecipe, start: Path | None
) -> Sequence[KnownScan]:
    """The scans that a cross-validation can be measured on."""
    if start is None or not recipe.folds:
        return scans
    unseen = unseen_scans(scans, load_lesion_model(start).trained_on)
    if not unseen:
        raise CohortError(
            "the model to start from has learnt from everybody, so nobody is left to validate on",
            remedy="give people that it has not seen, known by the names of dataset and "
            "participant and by their files, or --folds 0",
        )
    return unseen


def _forget_results(output: Path) -> None:
    """Take away what an earlier call told, so that nothing of it stays beside another model."""
    for name in (_CROSS_VALIDATION, _VERDICT, MODEL_FILE):
        take_away(output / name)
    shutil.rmtree(output / FOLDS, ignore_errors=True)


def _verdict(
    model: LesionModel, people: int, workers: int
) -> tuple[VerdictModel | None, dict[str, Any]]:
    """The verdict, fitted on one simulated cohort and tested on another, and the record of it.

    There is none where too few people could be judged.
    """
    fitting, testing = (
        examine_simulated_people(model, people, seed, workers)
        for seed in (FITTING_SEED, TESTING_SEED)
    )
    counts = {
        f"{name}_{key}": value
        for name, cohort in (("fitting", fitting), ("testing", testing))
        for key, value in (
            ("controls", int((~cohort.has_ms).sum())),
            ("ms", int(cohort.has_ms.sum())),
            ("abstained", cohort.abstained),
        )
    }
    if not can_fit_verdict(fitting, testing):
        return None, counts
    verdict = fit_verdict(fitting, testing, f"{people} simulated people")
    return verdict, {**asdict(verdict), **counts, **measure_verdict(verdict, testing)}


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
    with_masks = [(s, known.dataset) for known, _, s in scored if not known.is_lesion_free]
    datasets = sorted({dataset for _, dataset in with_masks})
    voxels, slices = left_to_calibrate(answers, by_fold)
    return {
        "recipe": asdict(recipe),
        "operating_point": asdict(chosen.operating_point),
        "voxel_calibration": asdict(chosen.voxel_calibration),
        "left_to_calibrate": {"voxels": asdict(voxels), "slices": asdict(slices)},
        "chosen_by_fold": [asdict(of_fold.operating_point) for of_fold in by_fold],
        "datasets": {
            name: lesion_summary([s for s, of in with_masks if of == name]) for name in datasets
        },
        "scans": [
            {"dataset": known.dataset, "fold": fold, **row}
            for (known, fold, _), row in zip(
                scored, scan_rows([s for *_, s in scored]), strict=True
            )
        ],
    }
