"""CNN, decision tree and SVM: the same face, in scikit-learn's own tools."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from small_images import two_kinds

from mslesion.errors import UsageError
from mslesion.paper.classifiers import (
    ABLATIONS,
    CLASSIFIERS,
    CNNClassifier,
    FitRequest,
    Pixels,
    as_images,
)
from mslesion.paper.protocol import NetworkProtocol, Protocol
from mslesion.paper.training import LabelledImages


@pytest.fixture
def request_of_all(
    training_images: LabelledImages, validation_images: LabelledImages, quick_protocol: Protocol
) -> FitRequest:
    """What all classifiers are fitted from."""
    return FitRequest(training_images, validation_images, quick_protocol, seed=0)


@pytest.fixture
def quick_cnn(quick_protocol: Protocol) -> CNNClassifier:
    """The network with few epochs."""
    return CNNClassifier(training=quick_protocol.training)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *ABLATIONS])
def test_each_classifier_tells_the_images_apart(name: str, request_of_all: FitRequest) -> None:
    """All three learn a bright square and give probabilities that order unseen images."""
    fitted = {**CLASSIFIERS, **ABLATIONS}[name](request_of_all)
    unseen = two_kinds(40, seed=5)
    probability = fitted.probability(unseen.pixels)
    assert probability.shape == (40,)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert ((probability > 0.5) == (unseen.labels == 1)).mean() >= 0.9
    assert fitted.seconds > 0


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_nothing_but_training_and_validation_data_is_looked_at(
    name: str, request_of_all: FitRequest
) -> None:
    """Fitted twice from the same request, a classifier answers the same to the bit."""
    unseen = two_kinds(10, seed=6).pixels
    first = CLASSIFIERS[name](request_of_all).probability(unseen)
    second = CLASSIFIERS[name](request_of_all).probability(unseen)
    np.testing.assert_array_equal(first, second)


def test_hyperparameters_are_chosen_on_validation_data(request_of_all: FitRequest) -> None:
    """The kept settings are those of the candidates that do best on validation images."""
    tree = CLASSIFIERS["decision tree"](request_of_all)
    scores = {}
    for depth in request_of_all.protocol.baselines.tree_depths:
        candidate = make_pipeline(
            Pixels(), DecisionTreeClassifier(max_depth=depth, random_state=0)
        ).fit(request_of_all.training.pixels, request_of_all.training.labels)
        answers = candidate.predict(request_of_all.validation.pixels)
        truth = request_of_all.validation.labels
        scores[depth] = np.mean([(answers[truth == c] == c).mean() for c in (0, 1)])
    assert tree.settings["max_depth"] == max(scores, key=scores.__getitem__)
    assert tree.settings["validation_balanced_accuracy"] == pytest.approx(max(scores.values()))


def test_the_svm_decides_as_its_margin_does(request_of_all: FitRequest) -> None:
    """The probability is the logistic of the margin: 0.5 at the margin 0, the order kept."""
    svm = CLASSIFIERS["SVM"](request_of_all).estimator
    unseen = two_kinds(30, seed=8).pixels
    margins = svm.decision_function(unseen)
    np.testing.assert_allclose(svm.predict_proba(unseen)[:, 1], 1 / (1 + np.exp(-margins)))
    np.testing.assert_array_equal(svm.predict(unseen), (margins > 0).astype(int))


def test_the_network_works_in_scikit_learns_tools(quick_cnn: CNNClassifier) -> None:
    """Clone, cross-validation and search take it as any classifier; rows of pixels do, too."""
    images = two_kinds(40, seed=3)
    rows = images.pixels.reshape(40, -1)
    assert is_classifier(quick_cnn)
    assert clone(quick_cnn).get_params() == quick_cnn.get_params()
    assert cross_val_score(quick_cnn, images.pixels, images.labels, cv=2).mean() > 0.7
    search = GridSearchCV(
        quick_cnn, {"network": [NetworkProtocol(), NetworkProtocol(pooling="max")]}, cv=2
    ).fit(rows, images.labels)
    assert search.best_estimator_.predict_proba(rows).shape == (40, 2)


def test_classes_keep_the_names_they_came_with(quick_cnn: CNNClassifier) -> None:
    """Labels may be words; predictions are in the same words."""
    images = two_kinds(30, seed=4)
    words = np.array(["clean", "lesion"])[images.labels]
    fitted = quick_cnn.fit(images.pixels, words, validation=(images.pixels, words))
    assert set(fitted.predict(images.pixels)) <= {"clean", "lesion"}
    assert (fitted.predict(images.pixels) == words).mean() > 0.8


def test_a_baseline_takes_images_as_the_network_does() -> None:
    """Images or rows of pixels give a baseline the same answer."""
    images = two_kinds(30, seed=4)
    model = make_pipeline(Pixels(), SVC()).fit(images.pixels, images.labels)
    rows = images.pixels.reshape(30, -1)
    np.testing.assert_array_equal(model.predict(images.pixels), model.predict(rows))


@pytest.mark.parametrize("shape", [(4, 15), (4, 4, 5), (4,)])
def test_what_is_no_square_image_is_refused(shape: tuple[int, ...]) -> None:
    """Rows of 15 pixels and images of 4 x 5 are named by their shape."""
    with pytest.raises(UsageError, match="square images were expected"):
        as_images(np.zeros(shape))


def test_one_class_is_refused(quick_cnn: CNNClassifier) -> None:
    """A network cannot learn to tell one class apart."""
    with pytest.raises(UsageError, match="1 classes in the training data"):
        quick_cnn.fit(np.zeros((4, 8, 8)), np.zeros(4))


def test_images_of_another_size_are_refused(quick_cnn: CNNClassifier) -> None:
    """A network of 16 pixels does not take 32."""
    images = two_kinds(20, seed=2)
    fitted = quick_cnn.fit(images.pixels, images.labels)
    with pytest.raises(UsageError, match="images of 32 pixels for a network of 16"):
        fitted.predict_proba(np.zeros((1, 32, 32)))
