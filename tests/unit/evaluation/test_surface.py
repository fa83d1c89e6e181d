"""Distances between borders, against hand arithmetic, the slow formula and MONAI."""

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


def border(mask: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Voxel by voxel: in the mask, and a face neighbour is not, or is not in the image."""
    found = []
    for place in map(tuple, np.argwhere(mask)):
        for axis, step in ((a, s) for a in range(3) for s in (-1, 1)):
            beside = list(place)
            beside[axis] += step
            if not 0 <= beside[axis] < mask.shape[axis] or not mask[tuple(beside)]:
                found.append(place)
                break
    return found


def slowly(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], grid: Grid
) -> tuple[float, float]:
    """Every distance between two borders, one by one."""
    first, second = (
        np.array(border(mask)) @ grid.affine_vox_to_ras[:3, :3].T for mask in (found, reference)
    )
    apart = np.sqrt(((first[:, None] - second[None]) ** 2).sum(axis=2))
    there, back = apart.min(axis=1), apart.min(axis=0)
    close = (there <= 1.0 + 1e-6).sum() + (back <= 1.0 + 1e-6).sum()
    farthest = max(np.percentile(there, 95), np.percentile(back, 95))
    return close / (len(there) + len(back)), farthest


def random_masks(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two masks of some voxels each, sparse or dense."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.02, 0.7)
    found, reference = (rng.random(ANISOTROPIC.shape) < share for _ in range(2))
    found[0, 0, 0] = reference[-1, -1, -1] = True
    return found, reference


@pytest.mark.parametrize("seed", range(20))
def test_both_measures_are_those_of_the_slow_formula(seed: int) -> None:
    """On thick slices, and on a turned grid."""
    found, reference = random_masks(seed)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    for grid in (ANISOTROPIC, Grid(ANISOTROPIC.shape, turn @ ANISOTROPIC.affine_vox_to_ras)):
        measured = compare_surfaces(found, reference, grid)
        expected = slowly(found, reference, grid)
        assert measured.normalised_surface_distance == pytest.approx(expected[0], abs=1e-9)
        assert measured.hausdorff95_mm == pytest.approx(expected[1], abs=1e-9)


@pytest.mark.filterwarnings("ignore::FutureWarning:monai")
@pytest.mark.parametrize("seed", range(5))
def test_both_measures_are_those_of_monai(seed: int) -> None:
    """MONAI's surface Dice and 95 % Hausdorff distance, with the same spacing."""
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    found, reference = random_masks(seed)
    measured = compare_surfaces(found, reference, ANISOTROPIC)
    batches = [torch.from_numpy(mask[None, None]) for mask in (found, reference)]
    spacing = list(ANISOTROPIC.spacing_mm)
    surface = metrics.compute_surface_dice(
        *batches, [1.0], include_background=True, spacing=spacing
    )
    farthest = metrics.compute_hausdorff_distance(
        *batches, include_background=True, percentile=95, spacing=spacing
    )
    assert measured.normalised_surface_distance == pytest.approx(float(surface), abs=1e-6)
    assert measured.hausdorff95_mm == pytest.approx(float(farthest), abs=1e-5)


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
