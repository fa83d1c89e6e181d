"""What a study found, as one value: everything a report is written from, and nothing computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.split import Split
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit
from mslesion.paper.protocol import Protocol


@dataclass(frozen=True)
class Epoch:
    """One line of a training curve; losses in nats, accuracies in [0, 1]."""

    number: int
    training_loss: float
    training_accuracy: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True)
class Fit:
    """How one classifier was fitted in one fold.

    ``curve`` is empty for classifiers without epochs; ``kept_epoch`` is the epoch (from 1) whose
    weights were kept; ``settings`` are those chosen on validation data. ``model_sha256`` is the
    hash of the model's file, None where none was kept.

    In nested cross-validation the curve is the mean over the inner trainings, and ``kept_epoch``
    is how many epochs the final one had.
    """

    fold: int
    seconds: float
    settings: dict[str, Any]
    curve: tuple[Epoch, ...] = ()
    kept_epoch: int | None = None
    model_sha256: str | None = None


@dataclass(frozen=True)
class Run:
    """One classifier under one question and one split."""

    question: Question
    split_unit: SplitUnit
    classifier: str
    predictions: Predictions
    fits: tuple[Fit, ...]

    @property
    def name(self) -> str:
        """What was asked of whom, in words."""
        return f"{self.question}, {self.split_unit} split, {self.classifier}"


@dataclass(frozen=True)
class Layer:
    """One row of the network's table; shapes without the batch."""

    name: str
    output_shape: tuple[int, ...]
    parameter_count: int


@dataclass(frozen=True, eq=False)
class ExampleSlice:
    """A slice to show: pixels (H, W) float32 in radiological display order, mask alike or None."""

    caption: str
    pixels: NDArray[np.float32]
    lesion_mask: NDArray[np.bool_] | None


@dataclass(frozen=True)
class CohortSummary:
    """The cohort in numbers."""

    name: str
    layout: str
    is_simulated: bool
    people_by_diagnosis: dict[str, int]
    scan_count: int
    slice_count: int
    slices_left_out: int
    slices_by_label: dict[str, dict[str, int]]
    """Question -> {"yes": n, "no": n}; only the questions the cohort can answer."""


@dataclass(frozen=True)
class StudyResult:
    """The paper's study on one cohort."""

    protocol: Protocol
    cohort: CohortSummary
    splits: dict[tuple[Question, SplitUnit], Split]
    runs: tuple[Run, ...]
    layers: tuple[Layer, ...]
    examples: tuple[ExampleSlice, ...]
    seed: int
    provenance: dict[str, Any] = field(default_factory=dict)
    """Version, threads, command, libraries, date-free: what another run needs to be the same."""
    set_aside: tuple[str, ...] = ()
    """One line for each scan that could not be used."""
    doubts: tuple[str, ...] = ()
    """What is in doubt about scans and masks, each after the scan's name."""
    mended: tuple[str, ...] = ()
    """What was mended in them."""
    inner_splits: dict[tuple[Question, SplitUnit], tuple[Split, ...]] = field(default_factory=dict)
    """In nested cross-validation, how those not tested were divided, for each fold of a split."""
    other_seeds: dict[int, tuple[Run, ...]] = field(default_factory=dict)
    """The same runs fitted with other seeds than ``seed``, on the same splits."""
    notes: tuple[str, ...] = ()
    """What the reader must know of this run: questions or splits that could not be had, and why."""

    def told(self, provenance: Mapping[str, Any], *notes: str) -> StudyResult:
        """The same result with more said about where it comes from."""
        return replace(
            self, provenance={**self.provenance, **provenance}, notes=(*self.notes, *notes)
        )
