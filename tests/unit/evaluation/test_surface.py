"""Distances between borders, against hand arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mslesion.evaluation.surface import compare_surfaces
from mslesion.scan import Grid

ANISOTROPIC = Grid((9, 8, 7), np.diag([0.7, 1.0, 3.0, 1.0]))


def grid_of(shape: tuple[int, int, int]) -> Grid:
    """Voxels of 1 mm."""
    return Grid(shape, np.eye(4))


def random_masks(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of some voxels each, sparse or dense."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.02, 0.7)
    found, reference = (rng.random(ANISOTROPIC.shape) < share for _ in range(2))
    found[0, 0, 0] = reference[-1, -1, -1] = True
    return found, reference


def test_a_cube_moved_by_three_voxels_by_hand() -> None:
    """Two cubes of 2x2x2, all border, 3 mm apart: four voxels of each lie 2 mm away, four 3 mm."""
    found, reference = np.zeros((2, 9, 4, 4), bool)
    found[1:3, 1:3, 1:3] = True
    reference[4:6, 1:3, 1:3] = True
    measured = compare_surfaces(found, reference, grid_of((9, 4, 4)))
    assert measured.normalised_surface_distance == 0
    assert measured.hausdorff95_mm == pytest.approx(3)
    reference[3, 1:3, 1:3] = True
    measured = compare_surfaces(found, reference, grid_of((9, 4, 4)))
    assert measured.normalised_surface_distance == pytest.approx((4 + 4) / (8 + 12))


@pytest.mark.parametrize(
    ("has_found", "has_reference", "expected"),
    [(False, False, 1.0), (True, False, 0.0), (False, True, 0.0)],
)
def test_empty_masks(has_found: bool, has_reference: bool, expected: float) -> None:
    """Two empty masks agree, one empty does not; there is no distance to what is not there."""
    found, reference = random_masks(0)
    measured = compare_surfaces(found & has_found, reference & has_reference, ANISOTROPIC)
    assert measured.normalised_surface_distance == expected
    assert np.isnan(measured.hausdorff95_mm)
