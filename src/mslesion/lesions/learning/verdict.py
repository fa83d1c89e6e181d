"""Fitting the verdict: what a detector finds in simulated people with MS and in controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from mslesion.cohort.people import Diagnosis
from mslesion.evaluation.intervals import wilson
from mslesion.lesions.detection import find_lesions
from mslesion.lesions.findings import Lesion
from mslesion.lesions.model import LesionModel
from mslesion.progress import track
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.verdict import VerdictModel, lesion_features

VERDICT_SEED = 20_000
"""Far from the seeds of the people the networks learnt from."""
_FOLDS = 5
_HIGHEST_FALSE_POSITIVE_RATE = 0.02


@dataclass(frozen=True, eq=False)
class JudgedPeople:
    """Features (N, 4) of what was found in N simulated people, and who has MS (N,)."""

    features: NDArray[np.float64]
    has_ms: NDArray[np.bool_]


def examine_simulated_people(model: LesionModel, people: int, workers: int) -> JudgedPeople:
    """Run the detector over simulated people of both kinds of scan, with and without skull."""
    recipe = CohortRecipe(people=people, seed=VERDICT_SEED, acquisition="mixed", skull="mixed")
    working = Parallel(n_jobs=workers, return_as="generator")(
        delayed(_examine)(model, recipe, index) for index in range(people)
    )
    examined = list(track(working, "examining simulated people", people))
    return JudgedPeople(
        np.stack([lesion_features(lesions) for lesions, _ in examined]),
        np.array([has_ms for _, has_ms in examined]),
    )


def _examine(model: LesionModel, recipe: CohortRecipe, index: int) -> tuple[Sequence[Lesion], bool]:
    person = simulate_person(recipe, index)
    return find_lesions(person.scan, model).lesions, person.diagnosis is Diagnosis.MS


def fit_verdict(people: JudgedPeople, fitted_on: str) -> VerdictModel:
    """A logistic regression, and what it does on people it was not fitted on.

    The threshold is the lowest at which at most 2 % of controls are called MS; it and both rates
    are from five-fold cross-validation.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    mean, scale = people.features.mean(axis=0), people.features.std(axis=0)
    scale[scale == 0] = 1
    standard = (people.features - mean) / scale
    unseen = cross_val_predict(
        LogisticRegression(), standard, people.has_ms,
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=0), method="predict_proba",
    )[:, 1]  # fmt: skip
    threshold = _threshold(unseen[~people.has_ms])
    called = unseen > threshold
    fitted = LogisticRegression().fit(standard, people.has_ms)
    return VerdictModel(
        mean=_rounded(mean),
        scale=_rounded(scale),
        coefficients=_rounded(fitted.coef_[0]),
        intercept=round(float(fitted.intercept_[0]), 5),
        threshold=threshold,
        control_false_positive_rate=_rate(called[~people.has_ms]),
        ms_missed_rate=_rate(~called[people.has_ms]),
        fitted_on=fitted_on,
    )


def _threshold(controls: NDArray[np.float64]) -> float:
    allowed = int(_HIGHEST_FALSE_POSITIVE_RATE * len(controls))
    highest = np.sort(controls)[::-1]
    return round(float(max(0.5, highest[allowed] if allowed < len(controls) else 0.5)), 4)


def _rate(events: NDArray[np.bool_]) -> tuple[float, float, float]:
    rate = wilson(int(events.sum()), len(events))
    return round(rate.value, 4), round(rate.low, 4), round(rate.high, 4)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
