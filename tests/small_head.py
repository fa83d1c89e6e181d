"""A head in few voxels, and what makes cohorts of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MakeBidsCohort = Callable[..., Path]
"""See the fixture ``make_bids_cohort``."""


def small_head(
    shape: tuple[int, int, int] = (32, 36, 12), *, lesions: int = 0, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """An ellipsoid with dark ventricles and bright lesions: (image float32, mask bool)."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))
    radius = np.sqrt((grid**2).sum(axis=0))
    image = np.where(radius < 0.9, 100.0, 0.0)
    image[radius < 0.2] = 30.0
    mask = np.zeros(shape, dtype=bool)
    for _ in range(lesions):
        direction = random.normal(size=3)
        centre = 0.5 * direction / np.linalg.norm(direction)
        mask |= np.sqrt(((grid - centre[:, None, None, None]) ** 2).sum(axis=0)) < 0.15
    image[mask] = 180.0
    image = np.maximum(image + random.normal(scale=3.0, size=shape), 0.0)
    return image.astype(np.float32), mask
