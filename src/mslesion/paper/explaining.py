"""What a fitted classifier's answers rest on, in slices whose lesions are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from mslesion.errors import CohortError
from mslesion.evaluation.explanation_checks import Ask, ExplainedSlices
from mslesion.paper.classifiers import CNNClassifier
from mslesion.paper.network import build_network
from mslesion.paper.occlusion import Occlusion, occlusion_maps
from mslesion.paper.slices import SliceSet
from mslesion.paper.storage import SliceModel
from mslesion.paper.training import predict_scores


class Explained(NamedTuple):
    """Slices with lesions, their maps, and the name and answer of each."""

    slices: SliceSet
    maps: ExplainedSlices
    probability: np.ndarray[tuple[int], np.dtype[np.float64]]


def explain_slices(
    model: SliceModel, slices: SliceSet, occlusion: Occlusion, seed: int = 0
) -> Explained:
    """Maps of all slices that hold a lesion; beside them, for a CNN, those of random weights.

    Raises:
        CohortError: no slice has a lesion that an expert drew.
    """
    chosen = slices.where(np.asarray(slices.lesion_share.any(axis=(1, 2))))
    if not len(chosen):
        raise CohortError(
            "no slice has a lesion mask with a lesion in it",
            remedy="give scans with lesion masks: without them, no map can be checked",
        )
    forgetful = ask_random_twin(model, seed)
    maps = ExplainedSlices(
        chosen.person_id,
        chosen.pixels,
        chosen.lesion_share,
        occlusion_maps(model.probability, chosen.pixels, occlusion),
        None if forgetful is None else occlusion_maps(forgetful, chosen.pixels, occlusion),
    )
    return Explained(chosen, maps, model.probability(chosen.pixels))


def ask_random_twin(model: SliceModel, seed: int) -> Ask | None:
    """A network like the model's that has learnt nothing; None for a model that is no network."""
    if not isinstance(model.estimator, CNNClassifier):
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(model.protocol.network, model.protocol.slices.size_pixels).eval()
    return lambda pixels: predict_scores(network, pixels)[:, 1]
