"""Smooth random fields and their seeds: every random shape of the cohort is made from these.

A field is a lattice of numbers spread over space by cubic B-splines, as in free-form deformation
(Rueckert et al., IEEE Trans Med Imaging 18(8), 1999). The basis is separable, so that a field on
a whole volume costs three small matrix products.
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Volume = NDArray[np.float32]
Axes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Positions along x, y and z in millimetres: a rectangular grid of points."""

# The mean of the sum of squared cubic B-spline weights along one axis: what is left of the
# variance of white noise on the lattice.
_VARIANCE_LEFT_PER_AXIS = 151 / 315


def stage_rng(seed: int, index: int, stage: str) -> np.random.Generator:
    """A random stream for one stage of one person, independent of every other stage."""
    return np.random.default_rng(np.random.SeedSequence([seed, index, crc32(stage.encode())]))


def spline_basis(
    positions_mm: NDArray[np.float32], first_mm: float, spacing_mm: float, count: int
) -> sparse.csr_array:
    """Weights (len(positions), count) of the cubic B-splines centred on each lattice point.

    Sparse, four weights a row: quick, and summed in the same order on any number of threads,
    which a dense matrix product does not promise.
    """
    lattice = (positions_mm.astype(np.float64) - first_mm) / spacing_mm
    start = np.floor(lattice).astype(np.intp) - 1
    columns = start[:, None] + np.arange(4)
    distance = np.abs(lattice[:, None] - columns)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far).astype(np.float32)
    rows = np.repeat(np.arange(len(lattice)), 4)
    return sparse.csr_array(
        (weights.ravel(), (rows, np.clip(columns, 0, count - 1).ravel())),
        shape=(len(lattice), count),
    )


def spread(lattice: Volume, bases: Sequence[sparse.csr_array]) -> Volume:
    """The field (X, Y, Z) of a lattice (a, b, c), given the basis of each axis."""
    field = lattice
    # The last axis first, so that the largest product runs over contiguous slabs.
    for axis in (2, 1, 0):
        front = np.ascontiguousarray(np.moveaxis(field, axis, 0))
        product = bases[axis] @ front.reshape(front.shape[0], -1)
        field = np.moveaxis(product.reshape(-1, *front.shape[1:]), 0, axis)
    return np.ascontiguousarray(field)


def lattice_over(axes: Axes, spacing_mm: float) -> tuple[list[float], tuple[int, ...]]:
    """First position and number of lattice points that cover ``axes`` with a margin."""
    first = [float(a[0]) - 2 * spacing_mm for a in axes]
    count = tuple(int(np.ceil((float(a[-1]) - float(a[0])) / spacing_mm)) + 5 for a in axes)
    return first, count


def smooth_noise(rng: np.random.Generator, axes: Axes, spacing_mm: float) -> Volume:
    """Gaussian noise of unit variance over the grid of ``axes``, smooth over ``spacing_mm``."""
    first, count = lattice_over(axes, spacing_mm)
    lattice = rng.standard_normal(count, dtype=np.float32)
    bases = [spline_basis(a, f, spacing_mm, n) for a, f, n in zip(axes, first, count, strict=True)]
    return spread(lattice, bases) / np.float32(_VARIANCE_LEFT_PER_AXIS**1.5)


def ramp(values: NDArray[np.floating], start: float, end: float) -> Volume:
    """0 up to ``start`` and 1 from ``end`` on, with a smooth step between (either way round)."""
    t = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    step: Volume = (t * t * (3 - 2 * t)).astype(np.float32, copy=False)
    return step
