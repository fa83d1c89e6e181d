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
from mslesion.paper.classifiers import FitRequest, Fitted
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import CLASS_NAMES
from mslesion.paper.result import Fit
from mslesion.paper.slices import SliceSet, scan_fingerprints
from mslesion.paper.storage import SliceModel, save_model
from mslesion.paper.training import LabelledImages


class Job(NamedTuple):
    """One fit: one classifier on one fold of one split under one question."""

    question: Question
    split_unit: SplitUnit
    classifier: str
    fold: int

    @property
    def name(self) -> str:
        """A name for files."""
        classifier = self.classifier.replace(",", "").replace(" ", "-").lower()
        return f"{self.question}_{self.split_unit}-split_{classifier}_fold-{self.fold}"


@dataclass(frozen=True, eq=False)
class Task:
    """A job with all it needs, so that another process can do it.

    ``model_folder`` is where the fitted model is written, or None to keep none; ``checkpoint``
    likewise for the state of a training.
    """

    job: Job
    fit: Callable[[FitRequest], Fitted]
    slices: SliceSet
    split: Split
    protocol: Protocol
    seed: int
    checkpoint: Path | None = None
    model_folder: Path | None = None


def run_task(task: Task) -> tuple[Predictions, Fit]:
    """Fit, keep the model where asked, and answer for every slice."""
    job, slices = task.job, task.slices
    subset = subset_of_slices(slices, task.split.unit, task.split.folds[job.fold])
    fitted = task.fit(
        FitRequest(
            training=_labelled(slices, job.question, subset == Subset.TRAINING),
            validation=_labelled(slices, job.question, subset == Subset.VALIDATION),
            protocol=task.protocol,
            seed=task.seed,
            checkpoint=task.checkpoint,
        )
    )
    if task.model_folder is not None:
        trained_on = _describe_training(slices, subset, task.split, task.seed)
        model = SliceModel(
            job.classifier, fitted.estimator, job.question, fitted.protocol, trained_on
        )
        save_model(model, task.model_folder)
    predictions = Predictions(
        fold=np.full(len(slices), job.fold, np.int16),
        subset=subset,
        person_id=slices.person_id,
        scan_name=slices.scan_name,
        slice_index=slices.slice_index,
        label=slices.labels(job.question),
        probability=fitted.probability(slices.pixels),
    )
    how = Fit(job.fold, fitted.seconds, fitted.settings, fitted.curve, fitted.kept_epoch)
    return predictions, how


def subset_of_slices(slices: SliceSet, unit: SplitUnit, fold: Fold) -> NDArray[np.str_]:
    """The :class:`Subset` value of each slice."""
    names = slices.person_id if unit is SplitUnit.PATIENT else slices.slice_names
    part = fold.subset_of()
    return np.array([part[str(name)].value for name in names])


def require_both_classes(slices: SliceSet, question: Question, split: Split) -> None:
    """Make sure, before anything is fitted, that every fold has two classes to learn and to choose.

    Raises:
        CohortError: the training or the validation slices of a fold all have one label.
    """
    labels = slices.labels(question)
    for fold in split.folds:
        subset = subset_of_slices(slices, split.unit, fold)
        for part in (Subset.TRAINING, Subset.VALIDATION):
            found = np.unique(labels[subset == part])
            if len(found) < len(CLASS_NAMES[question]):
                raise CohortError(
                    f"under '{question}', the {part} slices of one fold are all "
                    f"{CLASS_NAMES[question][int(found[0])]}",
                    remedy="give fewer --folds, another --seed, or more people",
                )


def _labelled(slices: SliceSet, question: Question, chosen: NDArray[np.bool_]) -> LabelledImages:
    return LabelledImages(slices.pixels[chosen], slices.labels(question)[chosen])


def _describe_training(
    slices: SliceSet, subset: NDArray[np.str_], split: Split, seed: int
) -> dict[str, object]:
    """What a model was trained on, without a name of anybody.

    ``scans`` holds a fingerprint of every scan seen in training or validation, so that an
    evaluation can leave those people out.
    """
    seen = slices.where(subset != Subset.TEST)
    return {
        "split_unit": split.unit.value,
        "split_sha256": split.sha256,
        "seed": seed,
        "people": len(np.unique(seen.person_id)),
        "training_slices": int((subset == Subset.TRAINING).sum()),
        "validation_slices": int((subset == Subset.VALIDATION).sum()),
        "scans": sorted(set(scan_fingerprints(seen).values())),
    }
