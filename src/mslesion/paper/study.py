"""The paper's study: every question, split, fold and classifier on one cohort.

Fits are independent of each other and single-threaded, so they run side by side in processes,
and give the same figures on any number of cores.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
import sklearn
import torch

from mslesion import __version__
from mslesion.cohort.people import Cohort
from mslesion.cohort.split import FrozenSplit, Split
from mslesion.evaluation.looks import Look, look_at_slices, one_sha256
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.paper.classifiers import ABLATIONS, CLASSIFIERS
from mslesion.paper.examples import choose_examples
from mslesion.paper.fitting import (
    Job,
    Task,
    require_both_classes,
    require_both_inner_classes,
    require_test_slices,
    run_task,
    subset_of_slices,
)
from mslesion.paper.network import describe_layers
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import NAMELESS, choose_questions, draw_slice_split
from mslesion.paper.result import CohortSummary, Fit, Run, StudyResult
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet
from mslesion.paper.storage import delete_model
from mslesion.workers import share


@dataclass(frozen=True)
class StudyRequest:
    """What is asked of a cohort.

    ``questions`` empty means every question the cohort can answer. ``split_units`` are run side
    by side; the gap between them is what the slice split would have pretended. ``frozen`` is a
    split by patient to take instead of drawing one of ``folds``. ``seeds`` is how often everything
    is fitted, with seeds from ``seed`` on, on splits that are drawn with ``seed`` alone.
    ``command`` is what a reader types to get the same study again.
    """

    questions: tuple[Question, ...] = ()
    split_units: tuple[SplitUnit, ...] = (SplitUnit.PATIENT, SplitUnit.SLICE)
    folds: int = 1
    seed: int = 0
    with_ablations: bool = True
    protocol: Protocol = field(default_factory=Protocol)
    command: str = ""
    frozen: FrozenSplit | None = None
    seeds: int = 1


def run_study(
    cohort: Cohort, cut: CutCohort, request: StudyRequest, folder: Path, workers: int = 1
) -> StudyResult:
    """Fit and question every classifier.

    Models of the patient split are written to ``folder/models``; the state of each training to
    ``folder/checkpoints``, from where the same call goes on after an interruption.

    Raises:
        CohortError: the cohort cannot answer what is asked, or is too small for the split.
    """
    questions, notes = choose_questions(cohort, cut.slices, request.questions)
    asked = {q: cut.slices.where(cut.slices.labels(q) != UNKNOWN) for q in questions}
    if request.frozen is not None:
        request.frozen.require_people(cut.slices.person_id)
    splits = {
        (question, unit): split_of(asked[question], question, unit, request, cohort.sites)
        for question in questions
        for unit in request.split_units
    }
    inner = {
        key: _inner_splits(asked[key[0]], key[0], split, request, cohort.sites)
        for key, split in splits.items()
    }
    tasks = list(_plan(asked, splits, inner, request, folder))
    _forget_other_models(folder / "models", {task.job.name for task in tasks})
    # Trainings take longest: started first, they do not leave one core idle at the end.
    tasks.sort(key=lambda task: not task.job.classifier.startswith("CNN"))
    answers = share(run_task, [(task,) for task in tasks], workers, "fitting classifiers")
    answered = {task.job: answer for task, answer in zip(tasks, answers, strict=True)}
    return StudyResult(
        protocol=request.protocol,
        cohort=_summarise(cohort, cut),
        splits=splits,
        inner_splits=inner,
        runs=_join_folds(answered, 0),
        other_seeds={
            request.seed + repeat: _join_folds(answered, repeat)
            for repeat in range(1, request.seeds)
        },
        layers=describe_layers(request.protocol.network, request.protocol.slices.size_pixels),
        examples=choose_examples(cut.slices),
        seed=request.seed,
        provenance=_provenance(request),
        set_aside=tuple(str(error) for error in cut.set_aside),
        doubts=cut.doubts,
        mended=cut.mended,
        notes=(*([] if cohort.has_patient_names else [NAMELESS]), *notes),
    )


def look_at_study(result: StudyResult, request: StudyRequest) -> Look:
    """The look at the test people that a study takes, all its seeds together."""
    by_seed = {result.seed: result.runs, **result.other_seeds}
    honest = [split for (_, unit), split in result.splits.items() if unit is SplitUnit.PATIENT]
    return look_at_slices(
        request.command,
        one_sha256(split.sha256 for split in honest or result.splits.values()),
        [fit.model_sha256 for run in result.runs for fit in run.fits if fit.model_sha256],
        {
            f"{run.name}, seed {seed}": run.predictions
            for seed, runs in by_seed.items()
            for run in runs
        },
        request.protocol.decision.threshold,
    )


def forget_checkpoints(folder: Path) -> None:
    """Remove the states of a finished study's trainings, and nothing else that may be there."""
    place = folder / "checkpoints"
    for checkpoint in place.glob("*_fold-*.safetensors"):
        checkpoint.unlink()
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def _forget_other_models(place: Path, wanted: set[str]) -> None:
    """Remove models of an earlier study in the same folder that this one will not write again."""
    for model in place.glob("*-split_*_fold-*"):
        if model.name not in wanted:
            delete_model(model)


def split_of(
    slices: SliceSet,
    question: Question,
    unit: SplitUnit,
    request: StudyRequest,
    sites: Mapping[str, str],
) -> Split:
    """The frozen split, or one drawn now, with two classes to learn and to choose by."""
    if unit is SplitUnit.PATIENT and request.frozen is not None:
        split = request.frozen.split
    else:
        split = draw_slice_split(
            slices,
            question,
            unit,
            seed=request.seed,
            folds=request.folds,
            shares=request.protocol.decision.split_shares,
            sites=sites,
        )
    require_both_classes(slices, question, split)
    require_test_slices(slices, question, split)
    return split


def _inner_splits(
    slices: SliceSet,
    question: Question,
    split: Split,
    request: StudyRequest,
    sites: Mapping[str, str],
) -> tuple[Split, ...]:
    """For each fold, a division of all who are not tested; none unless it was asked for."""
    if request.protocol.decision.inner_folds == 1:
        return ()
    drawn = []
    for number, fold in enumerate(split.folds):
        untested = slices.where(subset_of_slices(slices, split.unit, fold) != Subset.TEST)
        inner = draw_slice_split(
            untested,
            question,
            split.unit,
            seed=request.seed + number,
            folds=request.protocol.decision.inner_folds,
            sites=sites,
        )
        require_both_inner_classes(untested, question, inner)
        drawn.append(inner)
    return tuple(drawn)


def _plan(
    asked: Mapping[Question, SliceSet],
    splits: Mapping[tuple[Question, SplitUnit], Split],
    inner: Mapping[tuple[Question, SplitUnit], tuple[Split, ...]],
    request: StudyRequest,
    folder: Path,
) -> Iterator[Task]:
    """Every fit of the study; models under the patient split and the first seed alone.

    Ablations answer the paper's claims once: under the patient split, and of the question its
    title asks where both are asked.
    """
    ablated = Question.LESION if Question.LESION in asked else next(iter(asked))
    for (question, unit), split in splits.items():
        is_patient_split = unit is SplitUnit.PATIENT
        with_ablations = request.with_ablations and is_patient_split and question is ablated
        for classifier, fit in {**CLASSIFIERS, **(ABLATIONS if with_ablations else {})}.items():
            for fold, repeat in product(range(len(split.folds)), range(request.seeds)):
                job = Job(question, unit, classifier, fold, repeat)
                is_kept = is_patient_split and repeat == 0
                yield Task(
                    job=job,
                    fit=fit,
                    slices=asked[question],
                    split=split,
                    protocol=request.protocol,
                    seed=request.seed + fold + repeat,
                    checkpoint=folder / "checkpoints" / f"{job.name}.safetensors",
                    model_folder=folder / "models" / job.name if is_kept else None,
                    inner=inner[question, unit][fold] if inner[question, unit] else None,
                )


def _join_folds(answered: Mapping[Job, tuple[Predictions, Fit]], repeat: int) -> tuple[Run, ...]:
    """One run for each question, split and classifier of one seed, in the order of the tables."""
    order = list({**CLASSIFIERS, **ABLATIONS})
    jobs = sorted(
        (job for job in answered if job.repeat == repeat),
        key=lambda job: (
            list(Question).index(job.question),
            list(SplitUnit).index(job.split_unit),
            order.index(job.classifier),
            job.fold,
        ),
    )
    runs = []
    for key in dict.fromkeys(job[:3] for job in jobs):
        of_run = [answered[job] for job in jobs if job[:3] == key]
        runs.append(
            Run(*key, Predictions.join(p for p, _ in of_run), tuple(fit for _, fit in of_run))
        )
    return tuple(runs)


def _summarise(cohort: Cohort, cut: CutCohort) -> CohortSummary:
    used = set(cut.slices.person_id.tolist())
    diagnoses = [str(p.diagnosis or "unknown") for p in cohort.people if p.person_id in used]
    by_label = {}
    for question in Question:
        labels = cut.slices.labels(question)
        if (labels != UNKNOWN).any():
            by_label[question.value] = {
                "yes": int((labels == 1).sum()),
                "no": int((labels == 0).sum()),
            }
    return CohortSummary(
        name=cohort.name,
        layout=cohort.layout,
        is_simulated=cohort.is_simulated,
        people_by_diagnosis={d: diagnoses.count(d) for d in sorted(set(diagnoses))},
        scan_count=len(np.unique(cut.slices.scan_name)),
        slice_count=len(cut.slices),
        slices_left_out=cut.left_out,
        slices_by_label=by_label,
    )


def _provenance(request: StudyRequest) -> dict[str, str]:
    return {
        **({"command": request.command} if request.command else {}),
        "mslesion": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "protocol_sha256": request.protocol.sha256,
    }
