"""Measures of two masks are what their definitions give by loops, and what other libraries give.

Small random masks: empty, sparse or dense, on thick, turned and sheared grids. Two hundred at
once, ten thousand as a slow test.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import slow_masks
from scipy import ndimage
from sklearn.metrics import f1_score

from mslesion.evaluation.lesion_summary import SCAN_MEASURES, SIZE_BINS_MM3, score_scan
from mslesion.evaluation.surface import TOLERANCE_MM
from mslesion.scan import Grid

FEW, MANY = range(200), range(10_000)


def case(seed: int) -> tuple[np.ndarray, np.ndarray, Grid]:
    """Two masks on one grid; one in fifteen is empty."""
    rng = np.random.default_rng([seed, 7])
    shape = tuple(int(n) for n in rng.integers(1, 7, 3))
    masks = []
    for _ in range(2):
        mask = rng.random(shape) < rng.choice(
            [0.0, 0.03, 0.1, 0.3, 0.7], p=[1 / 15, *[14 / 60] * 4]
        )
        masks.append(ndimage.binary_dilation(mask) if rng.random() < 0.3 else mask)
    affine = np.diag([*rng.choice([0.5, 0.7, 1.0, 1.3, 3.0], 3), 1.0])
    kind = rng.integers(3)
    if kind:
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        affine[:3, :3] = turn @ affine[:3, :3]
    if kind == 2:
        affine[:3, :3] @= np.eye(3) + np.triu(rng.uniform(-0.05, 0.05, (3, 3)), 1)
    return masks[0], masks[1], Grid(shape, affine)


def check_against_loops(seed: int) -> None:
    """Every measure of a scan, and the counts of every size."""
    found, reference, grid = case(seed)
    scan = score_scan("a", "a", found, reference, grid)
    affine = grid.affine_vox_to_ras
    expected = slow_masks.measures(found, reference, affine, TOLERANCE_MM)
    for name, measure in SCAN_MEASURES.items():
        assert measure(scan) == pytest.approx(expected[name], abs=1e-9, nan_ok=True), (name, seed)
    for low, high in SIZE_BINS_MM3:
        recall = slow_masks.of_size(reference, found, affine, low, high)
        precision = slow_masks.of_size(found, reference, affine, low, high)
        assert scan.agreement.recall_of_size(low, high) == recall
        assert scan.agreement.precision_of_size(low, high) == precision


def check_against_libraries(seed: int) -> None:
    """Dice by scikit-learn, distances by SciPy's transform, lesions by NetworkX."""
    found, reference, grid = case(seed)
    scan = score_scan("a", "a", found, reference, grid)
    if found.any() or reference.any():
        dice = f1_score(reference.ravel(), found.ravel(), zero_division=0.0)
        assert scan.agreement.dice == pytest.approx(dice, abs=1e-9)
    marked, known = components(found), components(reference)
    assert sorted(scan.agreement.found_voxels) == sorted(map(len, marked))
    assert sorted(scan.agreement.reference_voxels) == sorted(map(len, known))
    assert scan.agreement.is_found.sum() == sum(any(found[v] for v in lesion) for lesion in known)
    assert scan.agreement.is_true.sum() == sum(
        any(reference[v] for v in lesion) for lesion in marked
    )
    axes = grid.affine_vox_to_ras[:3, :3]
    is_upright = np.allclose(axes.T @ axes, np.diag(np.diag(axes.T @ axes)), atol=1e-12)
    if found.any() and reference.any() and is_upright:
        near, far = by_distance_transform(found, reference, grid.spacing_mm)
        assert scan.surface.normalised_surface_distance == pytest.approx(near, abs=1e-9)
        assert scan.surface.hausdorff95_mm == pytest.approx(far, abs=1e-9)


def components(mask: np.ndarray) -> list[set[tuple[int, ...]]]:
    """Connected parts of the graph of a mask's voxels, with edges to all 26 neighbours."""
    inside = slow_masks.voxels_of(mask)
    graph = nx.Graph()
    graph.add_nodes_from(inside)
    for place in inside:
        near = slow_masks.beside(place, slow_masks.NEIGHBOURS)
        graph.add_edges_from((place, other) for other in near if other in inside)
    return list(nx.connected_components(graph))


def by_distance_transform(
    found: np.ndarray, reference: np.ndarray, spacing_mm: tuple[float, float, float]
) -> tuple[float, float]:
    """Both measures of borders from maps of the distance to each."""
    faces = ndimage.generate_binary_structure(3, 1)
    borders = [mask & ~ndimage.binary_erosion(mask, faces) for mask in (found, reference)]
    to_found, to_reference = (
        ndimage.distance_transform_edt(~border, sampling=spacing_mm) for border in borders
    )
    there, back = to_reference[borders[0]], to_found[borders[1]]
    close = (np.concatenate([there, back]) <= TOLERANCE_MM + 1e-6).mean()
    return close, max(np.percentile(there, 95), np.percentile(back, 95))


@pytest.mark.parametrize("part", range(4))
def test_every_measure_is_that_of_loops_over_voxels(part: int) -> None:
    """Dice, borders, volumes and lesions of all sizes, in two hundred cases."""
    for seed in FEW[part::4]:
        check_against_loops(seed)


@pytest.mark.parametrize("part", range(4))
def test_every_measure_is_that_of_other_libraries(part: int) -> None:
    """scikit-learn's F1 of voxels, SciPy's distance transform, NetworkX's connected components."""
    for seed in FEW[part::4]:
        check_against_libraries(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_cases(part: int) -> None:
    """The same in all of ten thousand cases."""
    for seed in MANY[part::10]:
        check_against_loops(seed)
        check_against_libraries(seed)


@pytest.mark.filterwarnings("ignore::FutureWarning:monai")
@pytest.mark.parametrize("seed", range(20))
def test_borders_are_those_of_monai(seed: int) -> None:
    """MONAI's surface Dice and 95 % Hausdorff distance, which it reckons in single precision."""
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")
    rng = np.random.default_rng(seed)
    found, reference = (rng.random((9, 8, 7)) < rng.uniform(0.02, 0.7) for _ in range(2))
    found[0, 0, 0] = reference[-1, -1, -1] = True
    grid = Grid((9, 8, 7), np.diag([0.7, 1.0, 3.0, 1.0]))
    measured = score_scan("a", "a", found, reference, grid).surface
    batches = [torch.from_numpy(mask[None, None]) for mask in (found, reference)]
    spacing = list(grid.spacing_mm)
    surface = metrics.compute_surface_dice(
        *batches, [TOLERANCE_MM], include_background=True, spacing=spacing
    )
    farthest = metrics.compute_hausdorff_distance(
        *batches, include_background=True, percentile=95, spacing=spacing
    )
    assert measured.normalised_surface_distance == pytest.approx(float(surface), abs=1e-6)
    assert measured.hausdorff95_mm == pytest.approx(float(farthest), abs=1e-5)
