"""Logistic regression by Newton's method, for one weighting of the answers or for many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ROUNDS = 200
_LONGEST_MOVE = 8.0
"""Of any score in one step: from where all answers are sure, Newton would leap to the other end."""

_SMALL_STEP = 1e-8


def logit(probability: NDArray[np.floating]) -> Array:
    """Log odds; probabilities closer than a millionth to 0 or 1 count as that far from it."""
    p = np.clip(probability.astype(np.float64), 1e-6, 1 - 1e-6)
    odds: Array = np.log(p / (1 - p))
    return odds


def fit_logistic(
    design: Array,
    truth: NDArray[np.bool_],
    weights: Array,
    *,
    start: Array,
    pull: float = 0.0,
    offset: Array | float = 0.0,
) -> Array:
    """The coefficients of greatest likelihood for each weighting: float64 (draws, K).

    Where the two truths can be told apart without a fault there is no greatest likelihood: ``pull``
    must be above 0 then, or nan comes out.

    Args:
        design: float64 (N, K).
        truth: bool (N,).
        weights: float64 (draws, N), of any scale; a row's sum is above 0.
        start: float64 (K,), where the search begins, and what ``pull`` draws towards.
        pull: half of it, times the squared distance from ``start``, is added to the mean loss.
        offset: float64 (N,) or one number, added to the scores ``design @ coefficients``.
    """
    share = weights / weights.sum(axis=1, keepdims=True)
    products = design[:, :, None] * design[:, None, :]
    reach = np.abs(design).max(axis=0, initial=0)

    def loss_of(beta: Array, share: Array) -> Array:
        scores = beta @ design.T + offset
        misfit = np.logaddexp(0, scores) - truth * scores
        loss: Array = (share * misfit).sum(axis=1) + pull / 2 * ((beta - start) ** 2).sum(axis=1)
        return loss

    beta = np.tile(start.astype(np.float64), (len(weights), 1))
    largest = np.full(len(weights), np.inf)
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(beta @ design.T + offset, -500, 500)))
        gradient = (share * (p - truth)) @ design + pull * (beta - start)
        curvature = np.tensordot(share * p * (1 - p), products, axes=1)
        step = _newton_steps(curvature + pull * np.eye(design.shape[1]), gradient)
        move = np.abs(step) @ reach
        step *= (_LONGEST_MOVE / np.maximum(move, _LONGEST_MOVE))[:, None]
        # A step that moves no score by more than 1 cannot make things worse (Bach 2010, Electron.
        # J. Statist. 4:384, proposition 1); a longer one is halved until it does not.
        far = np.flatnonzero(move > 1)
        while len(far):
            is_worse = loss_of(beta[far] - step[far], share[far]) > loss_of(beta[far], share[far])
            far = far[is_worse & (np.abs(step[far]).max(axis=1) > _SMALL_STEP)]
            step[far] /= 2
        beta -= step
        largest = np.abs(step).max(axis=1)
        if not (largest > _SMALL_STEP).any():
            break
    beta[~(largest <= _SMALL_STEP)] = np.nan
    return beta


def _newton_steps(curvature: Array, gradient: Array) -> Array:
    """Steps (draws, K) from curvatures (draws, K, K); nan where the loss is flat."""
    steps = np.full(gradient.shape, np.nan)
    is_curved = np.linalg.det(curvature) > np.finfo(np.float64).tiny
    steps[is_curved] = np.linalg.solve(curvature[is_curved], gradient[is_curved, :, None])[:, :, 0]
    return steps
