"""Small images of two kinds that can be told apart."""

from __future__ import annotations

import numpy as np

from mslesion.paper.training import LabelledImages


def two_kinds(count: int, seed: int, size: int = 16) -> LabelledImages:
    """Noise, every second image with a bright square in its middle."""
    random = np.random.default_rng(seed)
    pixels = random.normal(size=(count, size, size)).astype(np.float32)
    labels = np.arange(count) % 2
    pixels[labels == 1, 6:10, 6:10] += 3
    return LabelledImages(pixels, labels)
