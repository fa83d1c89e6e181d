"""One fit of a study: fit on training slices, choose on validation slices, answer on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.split import Fold, Split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.paper.choosing import FitRequest, Fitted, Round
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import CLASS_NAMES
from mslesion.paper.result import Fit
from mslesion.paper.slices import SliceSet, scan_fingerprints
from mslesion.paper.storage import SliceModel, save_model
from mslesion.paper.training import LabelledImages


class Job(NamedTuple):
    """One fit: one classifier on one fold of one split under one question.

    ``repeat`` tells fits apart that differ in their seed alone, from 0.
    """

    question: Question
    split_unit: SplitUnit
    classifier: str
    fold: int
    repeat: int = 0

    @property
    def name(self) -> str:
        """A name for files."""
        classifier = self.classifier.replace(",", "").replace(" ", "-").lower()
        again = f"_repeat-{self.repeat}" if self.repeat else ""
        return f"{self.question}_{self.split_unit}-split_{classifier}_fold-{self.fold}{again}"


@dataclass(frozen=True, eq=False)
class Task:
    """A job with all it needs, so that another process can do it.

    ``inner`` divides all who are not tested, for nested cross-validation. ``model_folder`` is where
    the fitted model is written, or None to keep none; ``checkpoint`` likewise for the state of a
    training.
    """

    job: Job
    fit: Callable[[FitRequest], Fitted]
    slices: SliceSet
    split: Split
    protocol: Protocol
    seed: int
    checkpoint: Path | None = None
    model_folder: Path | None = None
    inner: Split | None = None


def run_task(task: Task) -> tuple[Predictions, Fit]:
    """Fit, keep the model where asked, and answer for every slice.

    In nested cross-validation all who are not tested count as training, and stand a second time
    as validation, with the answers of the inner classifiers that had not seen them.
    """
    job, slices = task.job, task.slices
    subset = subset_of_slices(slices, task.split.unit, task.split.folds[job.fold])
    if task.inner is not None:
        subset = np.where(subset == Subset.TEST, subset, Subset.TRAINING.value)
    rounds = inner_rounds(slices, task.inner)
    fitted = task.fit(
        FitRequest(
            training=_labelled(slices, job.question, subset == Subset.TRAINING),
            validation=_labelled(slices, job.question, subset == Subset.VALIDATION),
            protocol=task.protocol,
            seed=task.seed,
            checkpoint=task.checkpoint,
            inner=tuple(
                Round(*(_labelled(slices, job.question, part) for part in parts))
                for parts in rounds
            ),
        )
    )
    model_sha256 = None
    if task.model_folder is not None:
        trained_on = _describe_training(slices, subset, task)
        model = SliceModel(
            job.classifier, fitted.estimator, job.question, fitted.protocol, trained_on
        )
        model_sha256 = save_model(model, task.model_folder)
    answers = [_answers(task, slices, subset, fitted.probability(slices.pixels))]
    for (_, held_out), probability in zip(rounds, fitted.held_out, strict=True):
        part = slices.where(held_out)
        as_validation = np.full(len(part), Subset.VALIDATION.value)
        answers.append(_answers(task, part, as_validation, probability))
    how = Fit(
        job.fold, fitted.seconds, fitted.settings, fitted.curve, fitted.kept_epoch, model_sha256
    )
    return Predictions.join(answers), how


def _answers(
    task: Task, slices: SliceSet, subset: NDArray[np.str_], probability: NDArray[np.float64]
) -> Predictions:
    return Predictions(
        fold=np.full(len(slices), task.job.fold, np.int16),
        subset=subset,
        person_id=slices.person_id,
        scan_name=slices.scan_name,
        slice_index=slices.slice_index,
        label=slices.labels(task.job.question),
        probability=probability,
    )


def inner_rounds(
    slices: SliceSet, inner: Split | None
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Which slices each inner round fits on, and which it chooses by; none without ``inner``.

    Each part of ``inner`` chooses once, and all others are fitted on. Whoever is not in ``inner``,
    as test people are not, is in neither.
    """
    if inner is None:
        return []
    names = _unit_names(slices, inner.unit)
    everybody = np.isin(names, list(inner.folds[0].subset_of()))
    held_out = [np.isin(names, fold.test) for fold in inner.folds]
    return [(everybody & ~part, part) for part in held_out]


def subset_of_slices(slices: SliceSet, unit: SplitUnit, fold: Fold) -> NDArray[np.str_]:
    """The :class:`Subset` value of each slice."""
    part = fold.subset_of()
    return np.array([part[str(name)].value for name in _unit_names(slices, unit)])


def _unit_names(slices: SliceSet, unit: SplitUnit) -> NDArray[np.str_]:
    return slices.person_id if unit is SplitUnit.PATIENT else slices.slice_names


def require_both_classes(slices: SliceSet, question: Question, split: Split) -> None:
    """Make sure, before anything is fitted, that every fold has two classes to learn and to choose.

    Raises:
        CohortError: the training or the validation slices of a fold all have one label.
    """
    labels = slices.labels(question)
    for fold in split.folds:
        subset = subset_of_slices(slices, split.unit, fold)
        for part in (Subset.TRAINING, Subset.VALIDATION):
            _require_two_labels(labels[subset == part], question, f"{part} slices of one fold")


def require_test_slices(slices: SliceSet, question: Question, split: Split) -> None:
    """Make sure, before anything is fitted, that every fold has slices to be tested on.

    Raises:
        CohortError: the test people of a fold have no answer to the question.
    """
    for fold in split.folds:
        if not (subset_of_slices(slices, split.unit, fold) == Subset.TEST).any():
            raise CohortError(
                f"under '{question}', nobody of one fold's test people has an answer",
                remedy="give another split, or ask the other question with --label",
            )


def require_both_inner_classes(slices: SliceSet, question: Question, inner: Split) -> None:
    """The same for every inner round of nested cross-validation.

    Raises:
        CohortError: the slices that a round fits on, or chooses by, all have one label.
    """
    labels = slices.labels(question)
    for fitted_on, held_out in inner_rounds(slices, inner):
        for part in (fitted_on, held_out):
            _require_two_labels(labels[part], question, "slices of one inner fold")


def _require_two_labels(labels: NDArray[np.int8], question: Question, which: str) -> None:
    missing = [name for value, name in enumerate(CLASS_NAMES[question]) if value not in labels]
    if missing:
        present = [name for name in CLASS_NAMES[question] if name not in missing]
        raise CohortError(
            f"under '{question}', "
            + (f"the {which} are all {present[0]}" if present else f"there are no {which}"),
            remedy="give fewer --folds, another --seed, or more people",
        )


def _labelled(slices: SliceSet, question: Question, chosen: NDArray[np.bool_]) -> LabelledImages:
    return LabelledImages(slices.pixels[chosen], slices.labels(question)[chosen])


def _describe_training(slices: SliceSet, subset: NDArray[np.str_], task: Task) -> dict[str, object]:
    """What a model was trained on, without a name of anybody.

    ``scans`` holds a fingerprint of every scan seen in training or validation, so that an
    evaluation can leave those people out.
    """
    seen = slices.where(subset != Subset.TEST)
    return {
        "split_unit": task.split.unit.value,
        "split_sha256": task.split.sha256,
        **({} if task.inner is None else {"inner_split_sha256": task.inner.sha256}),
        "seed": task.seed,
        "people": len(np.unique(seen.person_id)),
        "training_slices": int((subset == Subset.TRAINING).sum()),
        "validation_slices": int((subset == Subset.VALIDATION).sum()),
        "scans": sorted(set(scan_fingerprints(seen).values())),
    }
