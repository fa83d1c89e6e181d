"""One number that makes probabilities less extreme, or more so, fitted on validation answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import nan

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.calibration import Answered
from mslesion.evaluation.logistic import fit_logistic, logit
from mslesion.evaluation.predictions import Predictions, Subset


def fit_temperature(answered: Answered) -> float:
    """The T by which logits are divided so that the truth becomes most likely (Guo 2017, ICML).

    nan where there is none above 0: without answers, where none is on the wrong side of 0.5 (the
    lower T, the likelier), and where the answers would rather be turned round.
    """
    scores = logit(answered.probability)
    signed = np.where(answered.label == 1, scores, -scores)
    if not len(signed) or signed.min() >= 0 or signed.sum() <= 0:
        return nan
    truth, weights = answered.label.astype(bool), np.ones((1, len(signed)))
    ((slope,),) = fit_logistic(scores[:, None], truth, weights, start=np.ones(1))
    return float(1 / slope)


def apply_temperature(probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities with their logits divided by ``temperature``; which exceed 0.5 stays."""
    softened: NDArray[np.float64] = 1 / (1 + np.exp(-logit(probability) / temperature))
    return softened


def recalibrate_test(
    predictions: Predictions, answers_of: Callable[[Predictions], Answered]
) -> tuple[tuple[float, ...], Answered | None]:
    """Test answers at the temperature of the validation answers of their own fold.

    ``answers_of`` makes answers of a fold's predictions: its slices, or its people.

    Returns:
        The temperature of each fold, and the answers; None where some fold has no temperature.
        Without validation predictions, no temperatures either.
    """
    if not len(predictions.of(Subset.VALIDATION)):
        return (), None
    temperatures, cooled = [], []
    for fold in np.unique(predictions.fold):
        mine = predictions.where(predictions.fold == fold)
        temperature = fit_temperature(answers_of(mine.of(Subset.VALIDATION)))
        tested = answers_of(mine.of(Subset.TEST))
        temperatures.append(temperature)
        probability = apply_temperature(tested.probability, temperature)
        cooled.append(replace(tested, probability=probability))
    if np.isnan(temperatures).any():
        return tuple(temperatures), None
    return tuple(temperatures), Answered(
        np.concatenate([each.person_id for each in cooled]),
        np.concatenate([each.label for each in cooled]),
        np.concatenate([each.probability for each in cooled]),
    )
