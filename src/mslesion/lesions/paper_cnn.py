"""The paper's CNN as shipped with the detector: does this slice hold a lesion?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from mslesion.errors import ModelFileError
from mslesion.paper.network import build_network
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import otsu_threshold, resize_slices, z_score
from mslesion.paper.training import predict_scores
from mslesion.scan import Scan


@dataclass(frozen=True, eq=False)
class PaperCNN:
    """The network of section 3.2 under the protocol of this package."""

    network: nn.Sequential
    protocol: Protocol

    def slice_probabilities(self, scan: Scan) -> list[float | None]:
        """For each axial slice from the lowest; None where it holds too little tissue."""
        rules = self.protocol.slices
        indices = np.arange(scan.voxels.shape[2])
        images = resize_slices(scan.voxels, scan.grid, indices, rules.size_pixels)
        tissue = images > otsu_threshold(scan.voxels)
        kept = tissue.mean(axis=(1, 2)) >= rules.least_tissue_share
        answers: list[float | None] = [None] * len(indices)
        if kept.any():
            pixels = z_score(images[kept], tissue[kept], rules.normalisation_scope)
            scores = predict_scores(self.network, pixels)[:, 1]
            for index, score in zip(indices[kept], scores, strict=True):
                answers[index] = float(score)
        return answers


def shipped_paper_cnn() -> PaperCNN:
    """The CNN inside the package, after checking its hash.

    Raises:
        ModelFileError: the file is damaged, or not the one this version was released with.
    """
    folder = Path(str(resources.files("mslesion.lesions").joinpath("weights", "paper_cnn")))
    path = folder / "weights.safetensors"
    protocol = Protocol()
    network = build_network(protocol.network, protocol.slices.size_pixels)
    try:
        content = path.read_bytes()
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))["sha256"]
        is_ours = sha256(content).hexdigest() == described
        network.load_state_dict(load(content))
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise _damaged(path) from error
    if not is_ours:
        raise _damaged(path)
    return PaperCNN(network.eval(), protocol)


def _damaged(path: Path) -> ModelFileError:
    return ModelFileError("is damaged", remedy="install mslesion again", file=path)
