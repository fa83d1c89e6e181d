"""The paper's CNN as shipped with the detector: does this slice hold a lesion?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from mslesion.lesions.released import not_as_released, released_path, require_as_released
from mslesion.paper.network import build_network
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import (
    fingerprint,
    otsu_threshold,
    resize_slices,
    spread_indices,
    z_score,
)
from mslesion.paper.training import predict_scores
from mslesion.scan import Scan

_WEIGHTS, _DESCRIPTION = "paper_cnn/weights.safetensors", "paper_cnn/model.json"


@dataclass(frozen=True)
class SliceAnswers:
    """What the network says of a scan.

    ``probabilities`` has one entry an axial slice, from the lowest; None where it holds too little
    tissue. ``seen_in_training`` tells whether the network has learnt from this scan.
    """

    probabilities: tuple[float | None, ...]
    seen_in_training: bool = False


@dataclass(frozen=True, eq=False)
class PaperCNN:
    """The network of section 3.2 under the protocol of this package.

    ``trained_on`` holds the fingerprints of the scans that it has learnt from.
    """

    network: nn.Sequential
    protocol: Protocol
    trained_on: frozenset[str]

    def answer(self, scan: Scan) -> SliceAnswers:
        """The probability that each slice holds a lesion.

        Slices are brought to mean 0 and SD 1 by the tissue of those that a study cuts from the
        scan, so that their answers are those of ``mslesion predict``.
        """
        rules = self.protocol.slices
        indices = np.arange(scan.voxels.shape[2])
        images = resize_slices(scan.voxels, scan.grid, indices, rules.size_pixels)
        tissue = images > otsu_threshold(scan.voxels)
        kept = tissue.mean(axis=(1, 2)) >= rules.least_tissue_share
        is_cut = np.isin(indices, spread_indices(len(indices), rules.slices_per_scan))[kept]
        if not is_cut.any():
            return SliceAnswers((None,) * len(indices))
        counted = tissue[kept] & is_cut[:, None, None]
        pixels = z_score(images[kept], counted, rules.normalisation_scope)
        scores = predict_scores(self.network, pixels)[:, 1]
        answers: list[float | None] = [None] * len(indices)
        for index, score in zip(indices[kept], scores, strict=True):
            answers[index] = float(score)
        return SliceAnswers(tuple(answers), fingerprint(pixels[is_cut]) in self.trained_on)


def shipped_paper_cnn() -> PaperCNN:
    """The CNN inside the package, after checking its hash.

    Raises:
        ModelFileError: the file is missing, damaged, or not the one this version was released
            with.
    """
    path = released_path(_WEIGHTS)
    protocol = Protocol()
    network = build_network(protocol.network, protocol.slices.size_pixels)
    try:
        content = path.read_bytes()
        described = path.with_name("model.json").read_bytes()
        trained_on = frozenset(json.loads(described)["trained_on"]["scans"])
        network.load_state_dict(load(content))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise not_as_released(path) from error
    require_as_released(_WEIGHTS, sha256(content).hexdigest())
    require_as_released(_DESCRIPTION, sha256(described).hexdigest())
    return PaperCNN(network.eval(), protocol, trained_on)
