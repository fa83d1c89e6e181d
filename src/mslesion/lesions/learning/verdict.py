"""Fitting the verdict: what a detector finds in simulated people with MS and in controls."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import Diagnosis
from mslesion.errors import ScanError
from mslesion.evaluation.intervals import wilson
from mslesion.evaluation.logistic import logit
from mslesion.lesions.contrast import require_flair_of_a_brain, scan_doubts
from mslesion.lesions.detection import find_lesions
from mslesion.lesions.learning.calibration import fit_logistic
from mslesion.lesions.model import LesionModel
from mslesion.lesions.quality import measure_quality
from mslesion.seeds import OWN_SEEDS
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.verdict import FEATURES, VerdictModel, lesion_features, told_probability
from mslesion.workers import share

FITTING_SEED, TESTING_SEED = 3 * OWN_SEEDS, 5 * OWN_SEEDS
"""Beyond the seeds of the people whom networks learn from and are calibrated on.

Those of 4 x tested an earlier rule for the threshold, which was changed after that.
"""
_FOLDS = 5
_MOST_CONTROLS_CALLED_MS, _MOST_MS_MISSED = 0.05, 0.10
"""The errors that we allow ourselves, as shares of controls and of people with MS."""
_LEAST_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class JudgedPeople:
    """Features (N, 4) of what was found in N simulated people, and who has MS (N,).

    ``abstained`` are the people beyond these who get no verdict: their scan is refused or in doubt.
    """

    features: NDArray[np.float64]
    has_ms: NDArray[np.bool_]
    abstained: int = 0


def examine_simulated_people(
    model: LesionModel, people: int, seed: int, workers: int
) -> JudgedPeople:
    """Run the detector over simulated people of both kinds of scan, with and without skull."""
    recipe = CohortRecipe(people=people, seed=seed, acquisition="mixed", skull="mixed")
    calls = [(model, recipe, index) for index in range(people)]
    examined = list(share(_examine, calls, workers, "examining simulated people"))
    judged = [(features, has_ms) for features, has_ms in examined if features is not None]
    return JudgedPeople(
        np.array([features for features, _ in judged]).reshape(-1, len(FEATURES)),
        np.array([has_ms for _, has_ms in judged], np.bool_),
        len(examined) - len(judged),
    )


def _examine(
    model: LesionModel, recipe: CohortRecipe, index: int
) -> tuple[NDArray[np.float64] | None, bool]:
    """The features of one person, None where the detector would abstain; and whether it is MS."""
    person = simulate_person(recipe, index)
    has_ms = person.diagnosis is Diagnosis.MS
    found = find_lesions(person.scan, model)
    try:
        require_flair_of_a_brain(found)
    except ScanError:
        return None, has_ms
    quality = measure_quality(person.scan, found.brain, found.mask)
    doubts = scan_doubts(found, quality)
    return None if doubts else lesion_features(found.lesions), has_ms


def can_fit_verdict(fitting: JudgedPeople, testing: JudgedPeople) -> bool:
    """Whether there are people of both classes for every fold, and to test on."""
    return all(
        np.bincount(judged.has_ms, minlength=2).min() >= least
        for judged, least in ((fitting, _FOLDS), (testing, 1))
    )


def fit_verdict(fitting: JudgedPeople, testing: JudgedPeople, fitted_on: str) -> VerdictModel:
    """A logistic regression, and how often it errs in people of another cohort.

    The threshold is the one, from 0.5 on, at which in five-fold cross-validation the share of
    controls called MS and that of MS missed are both as far below what is allowed, 5 % and 10 %, as
    they can be together; ``testing`` has no part in it.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    mean, scale = fitting.features.mean(axis=0), fitting.features.std(axis=0)
    scale[scale == 0] = 1
    standard = (fitting.features - mean) / scale
    unseen = cross_val_predict(
        LogisticRegression(), standard, fitting.has_ms,
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=0), method="predict_proba",
    )[:, 1]  # fmt: skip
    fitted = LogisticRegression().fit(standard, fitting.has_ms)
    model = VerdictModel(
        mean=_rounded(mean),
        scale=_rounded(scale),
        coefficients=_rounded(fitted.coef_[0]),
        intercept=round(float(fitted.intercept_[0]), 5),
        threshold=_threshold(unseen, fitting.has_ms),
        control_false_positive_rate=(0.0, 0.0, 1.0),
        ms_missed_rate=(0.0, 0.0, 1.0),
        fitted_on=fitted_on,
    )
    called = _probabilities(model, testing) > model.threshold
    return replace(
        model,
        control_false_positive_rate=_rate(called[~testing.has_ms]),
        ms_missed_rate=_rate(~called[testing.has_ms]),
    )


def measure_verdict(model: VerdictModel, testing: JudgedPeople) -> dict[str, float]:
    """What its probabilities are worth in people it was not fitted on.

    ``testing_brier``, and ``testing_slope`` and ``testing_intercept`` of the curve that would be
    right: 1 and 0 where nothing is wrong.
    """
    probability = _probabilities(model, testing)
    left = fit_logistic(logit(probability), testing.has_ms, np.ones(len(probability)))
    return {
        "testing_brier": round(float(np.mean((probability - testing.has_ms) ** 2)), 4),
        "testing_slope": left.slope,
        "testing_intercept": left.intercept,
    }


def _probabilities(model: VerdictModel, people: JudgedPeople) -> NDArray[np.float64]:
    """As they are told of each person."""
    return np.array([told_probability(features, model) for features in people.features])


def _threshold(probability: NDArray[np.float64], has_ms: NDArray[np.bool_]) -> float:
    """Where the larger of both errors, each as a share of what is allowed, is smallest.

    Of thresholds that are as good the lowest, and from there half the way to the next probability.
    """
    tried = np.unique(np.append(probability[probability > _LEAST_THRESHOLD], _LEAST_THRESHOLD))
    is_called = probability > tried[:, None]
    burden = np.maximum(
        is_called[:, ~has_ms].mean(axis=1) / _MOST_CONTROLS_CALLED_MS,
        (~is_called[:, has_ms]).mean(axis=1) / _MOST_MS_MISSED,
    )
    best = int(burden.argmin())
    return round(float(tried[best : best + 2].mean()), 4)


def _rate(events: NDArray[np.bool_]) -> tuple[float, float, float]:
    rate = wilson(int(events.sum()), len(events))
    return round(rate.value, 4), round(rate.low, 4), round(rate.high, 4)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
