"""The way of the data on one screen: scans in, slices, classifiers, evaluation, report out.

    cohort ──► slices 64x64 ──► CNN | SVM | decision tree ──► evaluation ──► report
    (real or simulated)          (the paper's system)

Each function is one command of the command line and gives the same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mslesion.errors import CohortError, MslesionError
from mslesion.evaluation.patients import patient_rule, patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.classifiers import CLASSIFIERS
from mslesion.paper.fitting import Job, Task, require_both_classes, run_task
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import (
    NAMELESS,
    choose_questions,
    draw_slice_split,
    require_patient_names,
)
from mslesion.paper.result import StudyResult
from mslesion.paper.slices import UNKNOWN, SliceSet, cut_cohort, scan_fingerprints
from mslesion.paper.storage import SliceModel, load_model
from mslesion.paper.study import StudyRequest, forget_checkpoints, run_study
from mslesion.read import read_cohort
from mslesion.report import write_report
from mslesion.write.atomic import write_json, write_table
from mslesion.write.folder import claim_output_folder


def reproduce(data: Path, output: Path, request: StudyRequest, workers: int = 1) -> StudyResult:
    """The paper's study on one cohort; ``output`` gets the report, its figures and tables."""
    cohort = read_cohort(data)
    require_patient_names(cohort, request.split_units)
    claim_output_folder(output, data)
    cut = cut_cohort(cohort, request.protocol.slices)
    with _naming(cut.set_aside):
        result = run_study(cohort, cut, request, output, workers)
    write_report(result, output)
    forget_checkpoints(output)
    return result


@dataclass(frozen=True)
class Answer:
    """What a command did: figures to show, and the scans it had to leave out."""

    summary: dict[str, Any]
    set_aside: tuple[MslesionError, ...]


def train(
    data: Path, output: Path, question: Question, classifier: str = "CNN", seed: int = 0
) -> Answer:
    """Train one classifier on the training people of a cohort; ``output`` becomes its model.

    The test people of the same split (same cohort, same seed) are not touched; :func:`evaluate`
    finds them by itself.
    """
    protocol = Protocol()
    cohort = read_cohort(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    claim_output_folder(output, data)
    cut = cut_cohort(cohort, protocol.slices)
    with _naming(cut.set_aside):
        choose_questions(cohort, cut.slices, [question])
        slices = cut.slices.where(cut.slices.labels(question) != UNKNOWN)
        split = draw_slice_split(
            slices, question, SplitUnit.PATIENT, seed=seed, shares=protocol.decision.split_shares
        )
        require_both_classes(slices, question, split)
    job = Job(question, SplitUnit.PATIENT, classifier, 0)
    checkpoint = output / "checkpoint.safetensors" if classifier == "CNN" else None
    task = Task(job, CLASSIFIERS[classifier], slices, split, protocol, seed, checkpoint, output)
    predictions, fit = run_task(task)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    validation = predictions.of(Subset.VALIDATION)
    right = (validation.probability > protocol.decision.threshold) == (validation.label == 1)
    return Answer(
        {
            "training_slices": len(predictions.of(Subset.TRAINING)),
            "validation_slices": len(validation),
            "validation_accuracy": float(right.mean()),
            "settings": fit.settings,
            "seconds": fit.seconds,
        },
        cut.set_aside,
    )


def evaluate(model_folder: Path, data: Path, output: Path, seed: int = 0) -> Answer:
    """Question a model about people it has not seen; ``output`` gets measures and predictions.

    Scans that the model saw in training or validation are known by their fingerprint, whatever
    they are called now, and everybody they belong to is left out.

    Raises:
        CohortError: nobody is left, or the cohort cannot answer the model's question.
    """
    model = load_model(model_folder)
    cohort = read_cohort(data)
    claim_output_folder(output, data, model_folder)
    cut = cut_cohort(cohort, model.protocol.slices)
    unseen, seen_people = _unseen_people(model, cut.slices)
    with _naming(cut.set_aside, f"{seen_people} people left out: the model was trained on them"):
        if not len(unseen):
            raise CohortError(
                "the model was trained on everybody in this cohort",
                remedy="give people that it has not seen",
                file=cohort.root,
            )
        choose_questions(cohort, unseen, [model.question])
    asked = unseen.where(unseen.labels(model.question) != UNKNOWN)
    predictions = _predict(model, asked)
    measured = metrics_as_json(predictions, model.question, model.protocol.decision, seed)
    if not cohort.has_patient_names:
        measured["warnings"] = [NAMELESS, *measured["warnings"]]
    metrics = {"classifier": model.classifier, "people_left_out_as_seen": seen_people, **measured}
    write_json(output / "metrics.json", metrics)
    _write_predictions(output, predictions)
    return Answer(metrics, cut.set_aside)


def predict(model_folder: Path, data: Path, output: Path) -> Answer:
    """Answer a model's question for scans, slice by slice and person by person, without masks."""
    model = load_model(model_folder)
    cohort = read_cohort(data).without_masks()
    claim_output_folder(output, data, model_folder)
    cut = cut_cohort(cohort, model.protocol.slices)
    predictions = _predict(model, cut.slices)
    verdicts = patient_verdicts(predictions, model.question, model.protocol.decision)
    people = [
        {
            "person_id": str(person),
            "question": model.question.value,
            "rule": patient_rule(model.question, model.protocol.decision),
            "score": float(score),
            "answer": "yes" if verdict else "no",
            "slices": int(count),
        }
        for person, score, verdict, count in zip(
            verdicts.person_id, verdicts.score, verdicts.verdict, verdicts.slice_count, strict=True
        )
    ]
    _write_predictions(output, predictions)
    write_table(output / "people.csv", people, list(people[0]), delimiter=",")
    return Answer({"people": people}, cut.set_aside)


@contextmanager
def _naming(set_aside: Iterable[MslesionError], also: str = "") -> Iterator[None]:
    """Where a cohort cannot be used, say too which of its scans were missing."""
    try:
        yield
    except CohortError as error:
        for line in (*map(str, set_aside), also):
            if line and not line.startswith("0 "):
                error.add_note(line)
        raise


def _unseen_people(model: SliceModel, slices: SliceSet) -> tuple[SliceSet, int]:
    """The slices of people of whom the model saw no scan, and how many people that leaves out."""
    known = set(model.trained_on["scans"])
    seen_scans = [name for name, mark in scan_fingerprints(slices).items() if mark in known]
    seen_people = np.unique(slices.person_id[np.isin(slices.scan_name, seen_scans)])
    return slices.where(~np.isin(slices.person_id, seen_people)), len(seen_people)


def _predict(model: SliceModel, slices: SliceSet) -> Predictions:
    """Predictions on slices that all count as test slices; an unknown label stays -1."""
    return Predictions(
        fold=np.zeros(len(slices), np.int16),
        subset=np.full(len(slices), Subset.TEST.value),
        person_id=slices.person_id,
        scan_name=slices.scan_name,
        slice_index=slices.slice_index,
        label=slices.labels(model.question),
        probability=model.probability(slices.pixels),
    )


def _write_predictions(output: Path, predictions: Predictions) -> None:
    rows = [
        {key: row[key] for key in ("person_id", "scan_name", "slice_index", "probability")}
        | {"label": None if row["label"] == UNKNOWN else row["label"]}
        for row in predictions.rows()
    ]
    write_table(output / "predictions.csv", rows, list(rows[0]), delimiter=",")
