"""What can be said of a patient from the lesions of one scan, and when nothing can.

A logistic regression on four plain features of the lesions, fitted on the simulated cohort. It
says "findings compatible with", never a diagnosis, and it abstains where the scan is in doubt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.findings import Lesion

FEATURES = ("log_count", "log_volume_ml", "log_largest_mm3", "periventricular_share")
"""Logarithms are of 1 + the value, so that a scan without lesions is a point like any other."""

_LEAST_TOLD = 1e-4


@dataclass(frozen=True)
class VerdictModel:
    """A logistic regression as plain numbers, with what it did on people it was not fitted on.

    Rates are shares with 95 % Wilson intervals, as (value, low, high).
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float
    threshold: float
    control_false_positive_rate: tuple[float, float, float]
    ms_missed_rate: tuple[float, float, float]
    fitted_on: str

    def probability(self, features: NDArray[np.float64]) -> float:
        """Probability of MS, given that the person is as those it was fitted on."""
        standard = (features - np.array(self.mean)) / np.array(self.scale)
        score = float(standard @ np.array(self.coefficients) + self.intercept)
        return float(1 / (1 + np.exp(-score)))

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> VerdictModel:
        """The inverse of ``dataclasses.asdict``, also after a way through JSON."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in record.items()
        }
        return cls(**values)


@dataclass(frozen=True)
class Verdict:
    """What is said of the patient; ``ms_probability`` is None where it abstains.

    ``reason`` says why it abstains, and is empty where it does not. ``threshold`` is what the
    probability must exceed for findings to be called compatible with MS. It and the rates are None
    where no verdict was fitted for the detector and its thresholds.
    """

    ms_probability: float | None
    reason: str
    wording: str
    control_false_positive_rate: tuple[float, float, float] | None
    ms_missed_rate: tuple[float, float, float] | None
    threshold: float | None = None

    @property
    def abstained(self) -> bool:
        """Whether nothing is said."""
        return self.ms_probability is None


def lesion_features(lesions: Sequence[Lesion]) -> NDArray[np.float64]:
    """The features of :data:`FEATURES`, float64 (4,); all 0 without a lesion."""
    if not lesions:
        return np.zeros(len(FEATURES))
    volumes = np.array([lesion.volume_mm3 for lesion in lesions])
    near = np.array([lesion.is_periventricular for lesion in lesions])
    return np.array(
        [
            np.log1p(len(lesions)),
            np.log1p(volumes.sum() / 1000),
            np.log1p(volumes.max()),
            float(volumes[near].sum() / volumes.sum()),
        ]
    )


def told_probability(features: NDArray[np.float64], model: VerdictModel) -> float:
    """The probability of MS at the digits that are told, which the threshold is held against.

    It is never told as certain: a logistic model gives neither 0 nor 1.
    """
    return min(max(round(model.probability(features), 4), _LEAST_TOLD), 1 - _LEAST_TOLD)


def judge(lesions: Sequence[Lesion], doubts: Sequence[str], model: VerdictModel | None) -> Verdict:
    """The verdict on one scan's lesions; ``doubts`` about the scan make it abstain.

    So does a detector without a fitted verdict, or at other thresholds than those of the fit.
    """
    if model is None:
        return Verdict(
            None,
            "no verdict was fitted for this detector at these thresholds",
            "No verdict",
            None,
            None,
        )
    rates = (model.control_false_positive_rate, model.ms_missed_rate)
    if doubts:
        return Verdict(None, "; ".join(doubts), "No verdict", *rates, model.threshold)
    probability = told_probability(lesion_features(lesions), model)
    wording = (
        "Findings compatible with multiple sclerosis"
        if probability > model.threshold
        else "No findings that suggest multiple sclerosis"
    )
    return Verdict(probability, "", wording, *rates, model.threshold)
