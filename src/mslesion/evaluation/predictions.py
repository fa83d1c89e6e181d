"""Answers of a classifier, slice by slice, with what is needed to judge them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.columns import Columns


class Question(StrEnum):
    """What a slice is asked; the two are never mixed in one figure."""

    DIAGNOSIS = "diagnosis"
    """Is the person this slice comes from labelled MS?"""
    LESION = "lesion"
    """Is there a lesion in this slice?"""


class SplitUnit(StrEnum):
    """What is divided into training, validation and test."""

    PATIENT = "patient"
    """All slices of a person stay together: the honest split."""
    SLICE = "slice"
    """Slices are divided singly: a demonstration of leakage, never a result."""


class Subset(StrEnum):
    """The part of the data that a prediction was made on."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Predictions(Columns):
    """Probabilities beside the truth; every array has one entry a prediction.

    Attributes:
        fold: int16, from 0.
        subset: str, a :class:`Subset` value.
        person_id: str; the cluster for intervals.
        scan_name: str.
        slice_index: int16, from 0 at the lowest slice of the RAS+ volume.
        label: int8, 1 where the answer to the question is yes, else 0.
        probability: float64 in [0, 1], of the answer yes.
    """

    fold: NDArray[np.int16]
    subset: NDArray[np.str_]
    person_id: NDArray[np.str_]
    scan_name: NDArray[np.str_]
    slice_index: NDArray[np.int16]
    label: NDArray[np.int8]
    probability: NDArray[np.float64]

    def of(self, subset: Subset) -> Predictions:
        """The predictions made on one part of the data, all folds together."""
        return self.where(self.subset == subset.value)

    def rows(self) -> Iterable[dict[str, Any]]:
        """One plain dictionary a prediction, in the order of the columns."""
        names = [column.name for column in fields(self)]
        for values in zip(*(getattr(self, name).tolist() for name in names), strict=True):
            yield dict(zip(names, values, strict=True))
