"""Has the brain the shape of one, and does it lie as the header says? Compared with a template.

Headers are wrong where software exchanged or turned axes: the head then lies on its face or upside
down, every side is named wrongly, and nothing else gives it away. Left and right alone exchanged
cannot be seen: a brain is too symmetrical.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SIDE = 24
_STEP_MM = 8.0
_REFERENCE_ML = 1400.0
_COARSE_MM = 3.0

LEAST_MARGIN = 0.1
"""By how much another pose must fit better, of 2 at most: upright heads of five scanners fit better
than in any other pose by 0.3 and more, turned ones worse by as much."""

UPRIGHT = "upright"

Maps = NDArray[np.float32]
Pose = tuple[tuple[int, ...], tuple[int, ...]]
"""Which axis lies where, and 1 or -1 for the direction each runs in."""

_IDENTITY: Pose = ((0, 1, 2), (1, 1, 1))

# The first axis is not turned: a mirror image fits as well.
POSES: tuple[Pose, ...] = tuple(
    (axes, (1, *signs)) for axes in permutations(range(3)) for signs in product((1, -1), repeat=2)
)
_NAMES = {
    _IDENTITY: UPRIGHT,
    ((0, 1, 2), (1, 1, -1)): "upside down",
    ((0, 1, 2), (1, -1, 1)): "back to front",
    ((0, 1, 2), (1, -1, -1)): "upside down and back to front",
}
_EXCHANGED = "with its axes exchanged"


@dataclass(frozen=True)
class HeadPose:
    """How a head lies, and how well its brain and ventricles fit a template's so (up to 1)."""

    name: str
    brain_fit: float
    ventricle_fit: float


def pose_of_head(
    brain: NDArray[np.bool_],
    ventricles: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> HeadPose:
    """How a head lies on axes that should run to the right, front and top: :data:`UPRIGHT`, or not.

    ``brain`` and ``ventricles`` are (X, Y, Z); upright without any fit where there is no brain.
    """
    if not brain.any():
        return HeadPose(UPRIGHT, 0.0, 0.0)
    seen = shape_maps(brain, ventricles, spacing_mm)
    fits = {pose: _fits(_turned(seen, pose)) for pose in POSES}
    best = max(fits, key=lambda pose: sum(fits[pose]))
    if sum(fits[best]) < sum(fits[_IDENTITY]) + LEAST_MARGIN:
        best = _IDENTITY
    return HeadPose(_NAMES.get(best, _EXCHANGED), *fits[best])


def shape_maps(
    brain: NDArray[np.bool_],
    ventricles: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
) -> Maps:
    """Share of brain and of ventricles (2, 24, 24, 24) in cells of 8 mm around the brain's centre.

    The cells are larger for a larger brain, so that all brains fill as many.
    """
    steps = [max(1, round(_COARSE_MM / mm)) for mm in spacing_mm]
    thin = tuple(slice(None, None, step) for step in steps)
    coarse_mm = np.array(spacing_mm) * steps
    coarse = brain[thin]
    size_ml = coarse.sum() * coarse_mm.prod() / 1000
    cell_mm = _STEP_MM * (size_ml / _REFERENCE_ML) ** (1 / 3)
    offsets = (np.arange(SIDE) - (SIDE - 1) / 2) * cell_mm
    centre = ndimage.center_of_mass(coarse)
    places = [c + offsets / mm for c, mm in zip(centre, coarse_mm, strict=True)]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    sigma = [0.5 * cell_mm / mm for mm in coarse_mm]
    maps = [
        ndimage.map_coordinates(
            ndimage.gaussian_filter(region[thin].astype(np.float32), sigma), grid, order=1
        )
        for region in (brain, ventricles)
    ]
    return np.stack(maps)


def _turned(maps: Maps, pose: Pose) -> Maps:
    axes, signs = pose
    return maps.transpose(0, *(axis + 1 for axis in axes))[:, :: signs[0], :: signs[1], :: signs[2]]


def _fits(maps: Maps) -> tuple[float, float]:
    """Correlation with the template, of the brain and of the ventricles."""
    brain, ventricles = (
        float((_standard(one) * template).sum())
        for one, template in zip(maps, _template(), strict=True)
    )
    return brain, ventricles


def _standard(values: Maps) -> Maps:
    centred = values - values.mean()
    standard: Maps = centred / max(float(np.sqrt((centred**2).sum())), 1e-9)
    return standard


@lru_cache(maxsize=1)
def _template() -> tuple[Maps, ...]:
    path = resources.files("mslesion.lesions").joinpath("brain_shape.npy")
    with path.open("rb") as file:
        stored = np.load(file, allow_pickle=False)
    return tuple(_standard(one.astype(np.float32)) for one in stored)
