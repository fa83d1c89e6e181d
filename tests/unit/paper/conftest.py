"""Small images that can be told apart, and a protocol that is quick to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_images import two_kinds

from mslesion.paper.protocol import BaselineProtocol, Protocol, TrainingProtocol
from mslesion.paper.training import LabelledImages


@pytest.fixture(scope="session")
def training_images() -> LabelledImages:
    """Forty images to learn from."""
    return two_kinds(40, seed=0)


@pytest.fixture(scope="session")
def validation_images() -> LabelledImages:
    """Twenty others to choose with."""
    return two_kinds(20, seed=1)


@pytest.fixture(scope="session")
def quick_protocol() -> Protocol:
    """Few epochs at a high rate, and two candidates of each baseline."""
    return replace(
        Protocol(),
        training=TrainingProtocol(epochs=4, learning_rate=5e-3),
        baselines=BaselineProtocol(
            tree_depths=(2, 4), tree_leaf_sizes=(1,), svm_costs=(1.0,), svm_gammas=(1.0, 0.3)
        ),
    )
