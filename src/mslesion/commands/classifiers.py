"""One classifier of slices: trained, measured on people it has not seen, asked about scans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mslesion.cohort.split import FrozenSplit
from mslesion.commands.shared import Answer, cut_and_look, inputs_of, look_log, naming_missing
from mslesion.errors import CohortError
from mslesion.evaluation.looks import (
    look_at_slices,
    names_sha256,
    warnings_of_looks,
)
from mslesion.evaluation.patients import patient_rule, patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.questions import (
    NAMELESS,
    choose_questions,
    require_patient_names,
)
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet, scan_fingerprints
from mslesion.read import read_cohort, read_people
from mslesion.read.manifest import dataset_manifest
from mslesion.write.atomic import write_json, write_table
from mslesion.write.folder import output_folder

if TYPE_CHECKING:
    from mslesion.paper.storage import SliceModel


def train(
    data: Path,
    output: Path,
    question: Question,
    classifier: str = "CNN",
    seed: int = 0,
    *,
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Train one classifier on the training people of a cohort; ``output`` becomes its model.

    The split is ``frozen``, or drawn with ``seed``. Its test people are not touched;
    :func:`evaluate_classifier` finds them by itself.

    Raises:
        CohortError: the cohort cannot answer the question or be divided, or is not that of the
            frozen split; or the latter has several folds, each of which would take a model.
    """
    from mslesion.paper.classifiers import CLASSIFIERS
    from mslesion.paper.fitting import Job, Task, run_task
    from mslesion.paper.study import StudyRequest, split_of

    request = StudyRequest(seed=seed, frozen=frozen)
    protocol = request.protocol
    cohort = read_people(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    if frozen is not None:
        frozen.require_one_fold()
    with output_folder(output, *inputs_of(data, frozen)):
        cut = cut_and_look(cohort, protocol.slices)
        with naming_missing(cut.set_aside):
            choose_questions(cohort, cut.slices, [question])
            slices = cut.slices.where(cut.slices.labels(question) != UNKNOWN)
            if frozen is not None:
                frozen.require_people(cut.slices.person_id)
            split = split_of(slices, question, SplitUnit.PATIENT, request, cohort.sites)
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
            cut.doubts,
        )


def evaluate_classifier(
    model_folder: Path,
    data: Path,
    output: Path,
    seed: int = 0,
    *,
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Question a model about people it has not seen; ``output`` gets measures and predictions.

    Scans that the model saw in training or validation are known by their fingerprint, whatever
    they are called now, and everybody they belong to is left out. Of a ``frozen`` split, the test
    people are asked for. The look is logged beside that split, or else in ``output``.

    Raises:
        CohortError: nobody is left, or the cohort cannot answer the model's question; or it is not
            that of the frozen split, or the model was trained on a test person of its only fold.
    """
    from mslesion.paper.storage import load_model
    from mslesion.report.evaluation_files import write_model_calibration

    model = load_model(model_folder)
    cohort = read_people(data)
    with output_folder(output, *inputs_of(data, frozen), model_folder):
        log = look_log(frozen, output)
        log.require_appendable()
        cut = cut_and_look(cohort, model.protocol.slices)
        with naming_missing(cut.set_aside):
            tested = cut.slices if frozen is None else _tested_people(cut.slices, frozen)
        unseen, seen_people = unseen_people(model, tested)
        if frozen is not None:
            frozen.require_unseen(seen_people)
        with naming_missing(
            cut.set_aside, f"{seen_people} people left out: the model was trained on them"
        ):
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
        test_set = names_sha256(asked.person_id) if frozen is None else frozen.split.sha256
        number = log.append(
            look_at_slices(
                "mslesion evaluate MODEL DATA",
                test_set,
                [model.sha256],
                {f"{model.question}, {model.classifier}": predictions},
                model.protocol.decision.threshold,
            )
        )
        manifest = dataset_manifest(cohort)
        measured["warnings"] += warnings_of_looks(number)
        measured["warnings"] += [] if frozen is None else frozen.doubts(manifest.sha256)
        metrics = {
            "classifier": model.classifier,
            "model_sha256": model.sha256,
            "trained_on_split_sha256": model.trained_on.get("split_sha256"),
            "split_sha256": None if frozen is None else frozen.split.sha256,
            "dataset_sha256": manifest.sha256,
            "test_look": number,
            "people_left_out_as_seen": seen_people,
            **measured,
            "doubts": list(cut.doubts),
        }
        write_model_calibration(predictions, model, output, seed, metrics["split_sha256"])
        _write_predictions(output, predictions)
        write_json(output / "metrics.json", metrics)
        return Answer(metrics, cut.set_aside, cut.doubts)


def predict(model_folder: Path, data: Path, output: Path) -> Answer:
    """Answer a model's question for scans, slice by slice and person by person, without masks."""
    from mslesion.paper.storage import load_model

    model = load_model(model_folder)
    cohort = read_cohort(data).without_masks()
    with output_folder(output, data, model_folder):
        cut = cut_and_look(cohort, model.protocol.slices)
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
                "doubts": "; ".join(_doubts_of(str(person), predictions, cut)),
            }
            for person, score, verdict, count in zip(
                verdicts.person_id,
                verdicts.score,
                verdicts.verdict,
                verdicts.slice_count,
                strict=True,
            )
        ]
        _write_predictions(output, predictions)
        write_table(output / "people.csv", people, list(people[0]), delimiter=",")
        return Answer({"people": people}, cut.set_aside, cut.doubts)


def _tested_people(slices: SliceSet, frozen: FrozenSplit) -> SliceSet:
    frozen.require_people(slices.person_id)
    return slices.where(np.isin(slices.person_id, list(frozen.tested)))


def _doubts_of(person: str, predictions: Predictions, cut: CutCohort) -> list[str]:
    names = set(predictions.scan_name[predictions.person_id == person].tolist())
    return [doubt for doubt in cut.doubts if doubt.partition(": ")[0] in names]


def unseen_people(model: SliceModel, slices: SliceSet) -> tuple[SliceSet, int]:
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
