"""CNN, decision tree and support vector machine with one face: ``fit`` and ``predict_proba``.

All three are scikit-learn classifiers of images (N, S, S), or of the same images as rows of
pixels (N, S*S); they can be cloned, searched, cross-validated and put into pipelines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, replace
from itertools import product
from math import isqrt
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from mslesion.errors import UsageError
from mslesion.paper.choosing import FitRequest, Fitted, fit_best, held_out_answers
from mslesion.paper.protocol import (
    AugmentationProtocol,
    BaselineProtocol,
    NetworkProtocol,
    TrainingProtocol,
)
from mslesion.paper.result import Epoch
from mslesion.paper.training import LabelledImages, Recipe, predict_scores, train_network


class CNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The paper's network as a scikit-learn classifier.

    After ``fit``: ``network_``, ``curve_`` (one :class:`Epoch` an epoch), ``kept_epoch_``,
    ``classes_``, ``size_pixels_``.
    """

    def __init__(
        self,
        network: NetworkProtocol = NetworkProtocol(),  # noqa: B008 - frozen values
        training: TrainingProtocol = TrainingProtocol(),  # noqa: B008
        augmentation: AugmentationProtocol = AugmentationProtocol(),  # noqa: B008
        seed: int = 0,
        checkpoint: Path | None = None,
    ) -> None:
        self.network = network
        self.training = training
        self.augmentation = augmentation
        self.seed = seed
        self.checkpoint = checkpoint

    def fit(
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's names
        y: ArrayLike,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> Self:
        """Train on images (N, S, S) or (N, S*S) and two classes.

        With ``validation`` (images, classes), the epoch with its lowest loss is kept, else the
        last.
        """
        images = as_images(X)
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        _require_two(self.classes_)
        held_out = None
        if validation is not None:
            held_out = LabelledImages(
                as_images(validation[0]), np.searchsorted(self.classes_, np.asarray(validation[1]))
            )
        trained = train_network(
            LabelledImages(images, labels),
            held_out,
            Recipe(self.network, self.training, self.augmentation, self.seed),
            self.checkpoint,
        )
        self.network_ = trained.network
        self.curve_: tuple[Epoch, ...] = trained.curve
        self.kept_epoch_ = trained.kept_epoch
        self.size_pixels_ = images.shape[-1]
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities (N, 2) in the order of ``classes_``."""
        check_is_fitted(self, "network_")
        images = as_images(X)
        if images.shape[-1] != self.size_pixels_:
            raise UsageError(
                f"images of {images.shape[-1]} pixels for a network of {self.size_pixels_}",
                remedy=f"cut the slices at {self.size_pixels_} pixels",
            )
        return predict_scores(self.network_, images)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """The more probable class of each image."""
        chosen: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


class Pixels(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Images (N, S, S) as rows of pixels (N, S*S), so that a baseline takes what the CNN takes."""

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:  # noqa: N803, ARG002
        """Learn nothing but the number of pixels."""
        images = np.asarray(X)
        self.n_features_in_ = int(np.prod(images.shape[1:]))
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Rows of pixels, float32."""
        images = np.asarray(X, np.float32)
        return images.reshape(len(images), self.n_features_in_)


class MarginClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier with margins, such as an SVM, whose probability is the logistic of its margin.

    So 0.5 is the classifier's own decision, and the order of the margins is kept. It is not
    calibrated: see docs/decisions/0005-svm-probability.md. After ``fit``: ``estimator_``,
    ``classes_``.
    """

    def __init__(self, estimator: BaseEstimator) -> None:
        self.estimator = estimator

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Fit the classifier on two classes."""
        self.classes_ = np.unique(np.asarray(y))
        _require_two(self.classes_)
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Margins (N,), positive on the side of the second class."""
        check_is_fitted(self, "estimator_")
        margins: NDArray[np.float64] = self.estimator_.decision_function(X)
        return margins

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Logistic of the margin, (N, 2) in the order of ``classes_``."""
        of_second = expit(self.decision_function(X))
        return np.stack([1 - of_second, of_second], axis=1)

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """The class on whose side the margin lies."""
        chosen: NDArray[Any] = self.classes_[(self.decision_function(X) > 0).astype(int)]
        return chosen


def as_images(X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
    """Images (N, S, S) float32 from themselves or from rows of S*S pixels.

    Raises:
        UsageError: the array is neither, or the images are not square.
    """
    array = np.asarray(X, np.float32)
    if array.ndim == 2 and isqrt(array.shape[1]) ** 2 == array.shape[1]:
        side = isqrt(array.shape[1])
        array = array.reshape(-1, side, side)
    if array.ndim != 3 or array.shape[1] != array.shape[2]:
        raise UsageError(
            f"an array of shape {array.shape} where square images were expected",
            remedy="give (N, S, S), or (N, S*S)",
        )
    return array


def _require_two(classes: NDArray[Any]) -> None:
    if len(classes) != 2:
        raise UsageError(
            f"{len(classes)} classes in the training data", remedy="give slices of two classes"
        )


def fit_cnn(request: FitRequest) -> Fitted:
    """The network; its epoch, and with inner rounds how long it is trained, by validation loss."""
    started = perf_counter()
    trained = [_train_cnn(request, *round_) for round_ in _rounds_with_checkpoints(request)]
    if request.inner:
        curve = _mean_curve([network.curve_ for network in trained])
        kept_epoch = min(curve, key=lambda epoch: epoch.validation_loss).number
        estimator = _train_cnn(
            _of_epochs(request, kept_epoch), request.training, request.checkpoint
        )
    else:
        (estimator,) = trained
        curve, kept_epoch = estimator.curve_, estimator.kept_epoch_
    return Fitted(
        estimator,
        request.protocol,
        {"pooling": request.protocol.network.pooling, "epoch": kept_epoch},
        perf_counter() - started,
        curve,
        kept_epoch,
        held_out_answers(trained, request),
    )


def _rounds_with_checkpoints(
    request: FitRequest,
) -> Iterator[tuple[LabelledImages, Path | None, LabelledImages]]:
    """The rounds, each with the place of its own checkpoint."""
    for number, (training, validation) in enumerate(request.rounds):
        place = request.checkpoint
        if place is not None and request.inner:
            place = place.with_name(f"{place.stem}_inner-{number}{place.suffix}")
        yield training, place, validation


def _train_cnn(
    request: FitRequest,
    training: LabelledImages,
    checkpoint: Path | None,
    validation: LabelledImages | None = None,
) -> CNNClassifier:
    network = CNNClassifier(
        request.protocol.network,
        request.protocol.training,
        request.protocol.augmentation,
        request.seed,
        checkpoint,
    )
    held_out = None if validation is None else (validation.pixels, validation.labels)
    return network.fit(training.pixels, training.labels, validation=held_out)


def _of_epochs(request: FitRequest, epochs: int) -> FitRequest:
    training = replace(request.protocol.training, epochs=epochs)
    return replace(request, protocol=replace(request.protocol, training=training))


def _mean_curve(curves: Sequence[tuple[Epoch, ...]]) -> tuple[Epoch, ...]:
    """Epoch by epoch the mean over trainings of one length."""
    means = np.mean([[astuple(epoch) for epoch in curve] for curve in curves], axis=0)
    return tuple(Epoch(int(number), *map(float, means)) for number, *means in means.tolist())


def fit_max_pooling_cnn(request: FitRequest) -> Fitted:
    """The same network with max pooling, for the paper's claim that average pooling is better."""
    network = replace(request.protocol.network, pooling="max")
    return fit_cnn(replace(request, protocol=replace(request.protocol, network=network)))


def fit_tree(request: FitRequest) -> Fitted:
    """The decision tree whose depth and leaf size do best on validation data."""
    return fit_best(_tree_candidates(request.protocol.baselines, request.seed), request)


def fit_svm(request: FitRequest) -> Fitted:
    """The SVM whose cost and kernel width do best on validation data."""
    features = int(np.prod(request.training.pixels.shape[1:]))
    return fit_best(_svm_candidates(request.protocol.baselines, features), request)


CLASSIFIERS: Mapping[str, Callable[[FitRequest], Fitted]] = {
    "CNN": fit_cnn,
    "decision tree": fit_tree,
    "SVM": fit_svm,
}
"""The paper's three, in the order of its section 4.3."""

ABLATIONS: Mapping[str, Callable[[FitRequest], Fitted]] = {"CNN, max pooling": fit_max_pooling_cnn}
"""Variants that answer a claim of the paper."""


def _tree_candidates(
    protocol: BaselineProtocol, seed: int
) -> Iterator[tuple[dict[str, Any], BaseEstimator]]:
    for depth, leaf in product(protocol.tree_depths, protocol.tree_leaf_sizes):
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
        yield {"max_depth": depth, "min_samples_leaf": leaf}, make_pipeline(Pixels(), tree)


def _svm_candidates(
    protocol: BaselineProtocol, features: int
) -> Iterator[tuple[dict[str, Any], BaseEstimator]]:
    for cost, gamma in product(protocol.svm_costs, protocol.svm_gammas):
        svm = SVC(C=cost, gamma=gamma / features, kernel=protocol.svm_kernel)
        machine = MarginClassifier(make_pipeline(Pixels(), StandardScaler(), svm))
        yield {"C": cost, "gamma": gamma / features}, machine
