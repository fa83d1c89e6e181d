"""How settings are chosen: by what they make of images that were not learned from.

Those are either the one validation part of a split, or, in nested cross-validation, each inner part
in turn (Varma and Simon 2006, BMC Bioinformatics 7:91). Test people have no part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from mslesion.errors import UsageError
from mslesion.paper.protocol import Protocol
from mslesion.paper.result import Epoch
from mslesion.paper.training import LabelledImages


class Round(NamedTuple):
    """Images to fit on, and others, of other people, to judge the fit by."""

    training: LabelledImages
    validation: LabelledImages


@dataclass(frozen=True, eq=False)
class FitRequest:
    """What every classifier is fitted from.

    Choices are made on ``validation``; or, where there are ``inner`` rounds, by the mean over
    these, and the classifier is then fitted with them on all of ``training``, to which the images
    of the rounds belong.
    """

    training: LabelledImages
    validation: LabelledImages | None
    protocol: Protocol
    seed: int
    checkpoint: Path | None = None
    inner: tuple[Round, ...] = ()

    @property
    def rounds(self) -> tuple[Round, ...]:
        """What choices are made by.

        Raises:
            UsageError: there is nothing to choose by.
        """
        if self.inner:
            return self.inner
        if self.validation is None:
            raise UsageError("no validation images", remedy="give some, or inner rounds")
        return (Round(self.training, self.validation),)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A classifier fitted on training data, all its choices made on validation data.

    ``protocol`` is the one it was fitted by; an ablation changes it. ``held_out`` are, for each
    inner round, the probabilities (N,) that the round's classifier gave its validation images.
    """

    estimator: Any
    protocol: Protocol
    settings: dict[str, Any]
    seconds: float
    curve: tuple[Epoch, ...] = ()
    kept_epoch: int | None = None
    held_out: tuple[NDArray[np.float64], ...] = ()

    def probability(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of the answer yes (class 1) for images (N, S, S)."""
        chosen: NDArray[np.float64] = self.estimator.predict_proba(pixels)[:, 1]
        return chosen


class _Candidate(NamedTuple):
    """Settings, what they make of each round, and their mean balanced accuracy there."""

    settings: dict[str, Any]
    estimator: BaseEstimator
    fitted: list[BaseEstimator]
    score: float


def fit_best(
    candidates: Iterable[tuple[dict[str, Any], BaseEstimator]], request: FitRequest
) -> Fitted:
    """The candidate with the highest balanced accuracy on validation data; the first of equals."""
    started = perf_counter()
    tried = (_try(settings, estimator, request.rounds) for settings, estimator in candidates)
    best = max(tried, key=lambda candidate: candidate.score, default=None)
    if best is None:
        raise UsageError("no candidate to choose from", remedy="name at least one value each")
    return Fitted(
        _fit(best.estimator, request.training) if request.inner else best.fitted[0],
        request.protocol,
        {**best.settings, "validation_balanced_accuracy": best.score},
        perf_counter() - started,
        held_out=held_out_answers(best.fitted, request),
    )


def _try(settings: dict[str, Any], estimator: BaseEstimator, rounds: Sequence[Round]) -> _Candidate:
    fitted = [_fit(estimator, training) for training, _ in rounds]
    scores = [
        _balanced_accuracy(validation.labels, one.predict(validation.pixels))
        for one, (_, validation) in zip(fitted, rounds, strict=True)
    ]
    return _Candidate(settings, estimator, fitted, float(np.mean(scores)))


def _fit(estimator: BaseEstimator, images: LabelledImages) -> BaseEstimator:
    return clone(estimator).fit(images.pixels, images.labels)


def held_out_answers(fitted: Sequence[Any], request: FitRequest) -> tuple[NDArray[np.float64], ...]:
    """What each inner round's classifier says of the images it did not learn from.

    Nothing without inner rounds, whatever was fitted.
    """
    return tuple(
        one.predict_proba(inner.validation.pixels)[:, 1]
        for one, inner in zip(fitted, request.inner, strict=False)
    )


def _balanced_accuracy(labels: NDArray[np.integer], answers: NDArray[np.integer]) -> float:
    """Mean recall over the classes that occur."""
    return float(np.mean([(answers[labels == c] == c).mean() for c in np.unique(labels)]))
