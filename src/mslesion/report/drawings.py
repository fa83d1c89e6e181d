"""What each kind of figure shows, as values; :mod:`mslesion.report.figures` draws them.

Kept apart from the drawing so that building a report's content needs no drawing library.
"""

from __future__ import annotations

from dataclasses import dataclass

from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import Confusion
from mslesion.paper.result import ExampleSlice, Fit, Layer


@dataclass(frozen=True)
class NetworkDrawing:
    """The paper's figure 1: the layers one after the other."""

    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class SlicesDrawing:
    """The paper's figure 2: slices, plain and with their lesions outlined."""

    examples: tuple[ExampleSlice, ...]


@dataclass(frozen=True)
class TrainingDrawing:
    """The paper's figure 3: accuracy and loss, epoch by epoch, of every fold."""

    fits: tuple[Fit, ...]
    is_demonstration: bool


@dataclass(frozen=True)
class ConfusionDrawing:
    """The paper's figures 4 to 6 side by side: (title, matrix) of each part of the data."""

    panels: tuple[tuple[str, Confusion], ...]
    positive: str
    negative: str
    is_demonstration: bool


@dataclass(frozen=True)
class ComparisonDrawing:
    """The paper's figure 7: three measures of each classifier, in percent of [0, 1].

    Each mapping is classifier -> measure -> value; what was not run or not printed is absent.
    ``more_frequent`` is the accuracy of always giving the more frequent answer.
    """

    classifiers: tuple[str, ...]
    paper: dict[str, dict[str, float]]
    patient: dict[str, dict[str, Estimate]]
    slice_demonstration: dict[str, dict[str, Estimate]]
    more_frequent: float | None


Drawing = NetworkDrawing | SlicesDrawing | TrainingDrawing | ConfusionDrawing | ComparisonDrawing
