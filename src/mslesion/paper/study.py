"""The paper's study: every question, split, fold and classifier on one cohort.

Fits are independent of each other and single-threaded, so they run side by side in processes,
and give the same figures on any number of cores.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sklearn
import torch
from joblib import Parallel, delayed

from mslesion import __version__
from mslesion.cohort.people import Cohort
from mslesion.cohort.split import Split
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit
from mslesion.paper.classifiers import ABLATIONS, CLASSIFIERS
from mslesion.paper.examples import choose_examples
from mslesion.paper.fitting import Job, Task, require_both_classes, run_task
from mslesion.paper.network import describe_layers
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import NAMELESS, choose_questions, draw_slice_split
from mslesion.paper.result import CohortSummary, Fit, Run, StudyResult
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet
from mslesion.paper.storage import delete_model
from mslesion.progress import track


@dataclass(frozen=True)
class StudyRequest:
    """What is asked of a cohort.

    ``questions`` empty means every question the cohort can answer. ``split_units`` are run side
    by side; the gap between them is what the slice split would have pretended. ``command`` is
    what a reader types to get the same study again.
    """

    questions: tuple[Question, ...] = ()
    split_units: tuple[SplitUnit, ...] = (SplitUnit.PATIENT, SplitUnit.SLICE)
    folds: int = 1
    seed: int = 0
    with_ablations: bool = True
    protocol: Protocol = field(default_factory=Protocol)
    command: str = ""


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
    splits = {
        (question, unit): draw_slice_split(
            asked[question],
            question,
            unit,
            seed=request.seed,
            folds=request.folds,
            shares=request.protocol.decision.split_shares,
        )
        for question in questions
        for unit in request.split_units
    }
    for (question, _), split in splits.items():
        require_both_classes(asked[question], question, split)
    tasks = list(_plan(asked, splits, request, folder))
    _forget_other_models(folder / "models", {task.job.name for task in tasks})
    # Trainings take longest: started first, they do not leave one core idle at the end.
    tasks.sort(key=lambda task: not task.job.classifier.startswith("CNN"))
    working = Parallel(n_jobs=workers, return_as="generator")(delayed(run_task)(t) for t in tasks)
    answers = track(working, "fitting classifiers", len(tasks))
    answered = {task.job: answer for task, answer in zip(tasks, answers, strict=True)}
    return StudyResult(
        protocol=request.protocol,
        cohort=_summarise(cohort, cut),
        splits=splits,
        runs=_join_folds(answered),
        layers=describe_layers(request.protocol.network, request.protocol.slices.size_pixels),
        examples=choose_examples(cut.slices),
        seed=request.seed,
        provenance=_provenance(request),
        set_aside=tuple(str(error) for error in cut.set_aside),
        doubts=cut.doubts,
        mended=cut.mended,
        notes=(*([] if cohort.has_patient_names else [NAMELESS]), *notes),
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


def _plan(
    asked: Mapping[Question, SliceSet],
    splits: Mapping[tuple[Question, SplitUnit], Split],
    request: StudyRequest,
    folder: Path,
) -> Iterator[Task]:
    """Every fit of the study; models under the patient split alone.

    Ablations answer the paper's claims once: under the patient split, and of the question its
    title asks where both are asked.
    """
    ablated = Question.LESION if Question.LESION in asked else next(iter(asked))
    for (question, unit), split in splits.items():
        is_patient_split = unit is SplitUnit.PATIENT
        with_ablations = request.with_ablations and is_patient_split and question is ablated
        for classifier, fit in {**CLASSIFIERS, **(ABLATIONS if with_ablations else {})}.items():
            for fold in range(len(split.folds)):
                job = Job(question, unit, classifier, fold)
                yield Task(
                    job=job,
                    fit=fit,
                    slices=asked[question],
                    split=split,
                    protocol=request.protocol,
                    seed=request.seed + fold,
                    checkpoint=folder / "checkpoints" / f"{job.name}.safetensors",
                    model_folder=folder / "models" / job.name if is_patient_split else None,
                )


def _join_folds(answered: Mapping[Job, tuple[Predictions, Fit]]) -> tuple[Run, ...]:
    """One run for each question, split and classifier, in the order of the tables."""
    order = list({**CLASSIFIERS, **ABLATIONS})
    jobs = sorted(
        answered,
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
