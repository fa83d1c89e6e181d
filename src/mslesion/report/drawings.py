"""What each kind of figure shows, as values.

:mod:`mslesion.report.figures` draws those of a study, :mod:`mslesion.report.detection_pictures`
those of a detection, :mod:`mslesion.report.distributions` those of a cohort. Kept apart from the
drawing so that building a report's content needs no drawing library.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.outliers import Fences, Measure
from mslesion.evaluation.calibration import ReliabilityBin
from mslesion.evaluation.decision_curve import NetBenefit
from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import Confusion
from mslesion.lesions.findings import SliceFinding
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


@dataclass(frozen=True)
class ReliabilityPanel:
    """What was said against what was seen, bin by bin; ``softened`` is at the temperature."""

    title: str
    bins: tuple[ReliabilityBin, ...]
    softened: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class CalibrationDrawing:
    """Reliability diagrams, in rows; ``softened`` of a panel may be empty."""

    rows: tuple[tuple[ReliabilityPanel, ...], ...]
    is_demonstration: bool


@dataclass(frozen=True)
class DecisionCurveDrawing:
    """Net benefit against threshold: (title, classifier -> curve) of each panel."""

    panels: tuple[tuple[str, dict[str, tuple[NetBenefit, ...]]], ...]
    is_demonstration: bool


@dataclass(frozen=True, eq=False)
class Plane:
    """A picture as it is looked at: rows from the top, columns from the left.

    ``grey`` is uint8 (rows, columns), 0 black and 255 white; a pixel is ``row_mm`` high and
    ``column_mm`` wide. ``left`` and ``right`` are the letters of the patient's sides there.
    """

    grey: NDArray[np.uint8]
    row_mm: float
    column_mm: float
    left: str
    right: str


@dataclass(frozen=True, eq=False)
class AxialSlice:
    """One axial slice: its plane, and the lesions in it by number, int32 (rows, columns), 0 none.

    ``named`` are the numbers to be written beside their lesions.
    """

    plane: Plane
    title: str
    lesions: NDArray[np.int32]
    named: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CloseUp:
    """One lesion from near: a part of the axial slice ``slice_index``, with its lesions."""

    part: AxialSlice
    lesion_id: int
    slice_index: int


@dataclass(frozen=True, eq=False)
class SliceDrawing:
    """One axial slice; ``is_outlined`` shows it a second time, with its lesions outlined.

    A bar of ``scale_mm`` stands below it, none for 0.
    """

    part: AxialSlice
    is_outlined: bool
    scale_mm: float


@dataclass(frozen=True, eq=False)
class Projection:
    """A whole brain seen from one side, and the highest probability along each line of sight.

    ``probability`` is float32 (rows, columns), as the plane.
    """

    plane: Plane
    title: str
    probability: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ProjectionDrawing:
    """Projections side by side; ``threshold`` is marked on the scale of probability."""

    projections: tuple[Projection, ...]
    threshold: float


@dataclass(frozen=True)
class SliceCurveDrawing:
    """Two probabilities and the lesion area of each slice, from the lowest."""

    slices: tuple[SliceFinding, ...]


@dataclass(frozen=True)
class Strip:
    """One measure of every scan: (name, value) each, on the scale of the measure.

    ``fences`` is None where there are too few scans to tell which lie apart; ``apart`` are the
    names of those that do.
    """

    title: str
    measure: Measure
    scans: tuple[tuple[str, float], ...]
    fences: Fences | None
    apart: frozenset[str]


@dataclass(frozen=True)
class DistributionDrawing:
    """Measures of a cohort one below the other; each of them has a scan at least."""

    strips: tuple[Strip, ...]


Drawing = (
    NetworkDrawing
    | SlicesDrawing
    | TrainingDrawing
    | ConfusionDrawing
    | ComparisonDrawing
    | CalibrationDrawing
    | DecisionCurveDrawing
    | SliceDrawing
    | ProjectionDrawing
    | SliceCurveDrawing
    | DistributionDrawing
)
