"""The way of the data on one screen: scans in, slices, classifiers, evaluation, report out.

    cohort ──► slices 64x64 ──► CNN | SVM | decision tree ──► evaluation ──► report
    (real or simulated)          (the paper's system)

Each function is one command of the command line and gives the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from mslesion.errors import CohortError, MslesionError
from mslesion.evaluation.patients import patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.classifiers import CLASSIFIERS
from mslesion.paper.fitting import Job, Task, run_task, scan_hashes
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import choose_questions, draw_slice_split, require_patient_names
from mslesion.paper.result import StudyResult
from mslesion.paper.slices import UNKNOWN, SliceSet, cut_cohort
from mslesion.paper.storage import SliceModel, load_model
from mslesion.paper.study import StudyRequest, run_study
from mslesion.read import read_cohort
from mslesion.report import write_report
from mslesion.write.atomic import write_json, write_table
from mslesion.write.folder import claim_output_folder


def reproduce(data: Path, output: Path, request: StudyRequest, workers: int = 1) -> StudyResult:
    """The paper's study on one cohort; ``output`` gets the report, its figures and tables."""
    claim_output_folder(output)
    cohort = read_cohort(data)
    require_patient_names(cohort, request.split_units)
    cut = cut_cohort(cohort, request.protocol.slices)
    result = run_study(cohort, cut, request, output, workers)
    write_report(result, output)
    rmtree(output / "checkpoints", ignore_errors=True)
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
    claim_output_folder(output)
    protocol = Protocol()
    cohort = read_cohort(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    cut = cut_cohort(cohort, protocol.slices)
    choose_questions(cohort, cut.slices, [question])
    slices = cut.slices.where(cut.slices.labels(question) != UNKNOWN)
    split = draw_slice_split(
        slices, question, SplitUnit.PATIENT, seed=seed, shares=protocol.decision.split_shares
    )
    job = Job(question, SplitUnit.PATIENT, classifier, 0)
    checkpoint = output / "checkpoint.safetensors"
    task = Task(job, CLASSIFIERS[classifier], slices, split, protocol, seed, checkpoint, output)
    predictions, fit = run_task(task)
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

    Scans that the model saw in training or validation are known by their hash, whatever they are
    called now, and everybody they belong to is left out.

    Raises:
        CohortError: nobody is left, or the cohort cannot answer the model's question.
    """
    claim_output_folder(output)
    model = load_model(model_folder)
    cohort = read_cohort(data)
    cut = cut_cohort(cohort, model.protocol.slices)
    unseen, seen_people = _unseen_people(model, cut.slices)
    if not len(unseen):
        raise CohortError(
            "the model was trained on everybody in this cohort",
            remedy="give people that it has not seen",
            file=cohort.root,
        )
    choose_questions(cohort, unseen, [model.question])
    asked = unseen.where(unseen.labels(model.question) != UNKNOWN)
    predictions = _predict(model, asked)
    metrics = metrics_as_json(predictions, model.question, model.protocol.decision, seed)
    metrics = {"classifier": model.classifier, "people_left_out_as_seen": seen_people, **metrics}
    write_json(output / "metrics.json", metrics)
    _write_predictions(output, predictions)
    return Answer(metrics, cut.set_aside)


def predict(model_folder: Path, data: Path, output: Path) -> Answer:
    """Answer a model's question for scans without labels, slice by slice and person by person."""
    claim_output_folder(output)
    model = load_model(model_folder)
    cut = cut_cohort(read_cohort(data), model.protocol.slices)
    predictions = _predict(model, cut.slices)
    verdicts = patient_verdicts(predictions, model.question, model.protocol.decision)
    people = [
        {
            "person_id": str(person),
            "question": model.question.value,
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


def _unseen_people(model: SliceModel, slices: SliceSet) -> tuple[SliceSet, int]:
    """The slices of people of whom the model saw no scan, and how many people that leaves out."""
    known = set(model.trained_on["scans"])
    seen_scans = [name for name, digest in scan_hashes(slices).items() if digest in known]
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
