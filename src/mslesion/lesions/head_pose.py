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
from scipy.signal import fftconvolve

SIDE = 24
_CELL_MM = 8.0
_REFERENCE_ML = 1400.0
_COARSE_MM = 3.0
_SIZES = (0.85, 0.92, 1.0, 1.08, 1.16)
"""Heads are smaller or larger than the template by so much."""
_MARGIN_CELLS = 3
_LEAST_OVERLAP_CELLS = 4
_LEAST_VARIATION = 0.05
"""Sum of squares below which there is as good as nothing to be compared."""

LEAST_MARGIN = 0.1
"""By how much another pose must fit better, of 2 at most. Centred on the template, upright heads of
five scanners fit better than in any other pose by 0.3 and more, turned ones worse by as much."""

UPRIGHT = "upright"

Maps = NDArray[np.float32]
Regions = tuple[NDArray[np.bool_], NDArray[np.bool_]]
Spacing = tuple[float, ...]
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
    """How a head lies, and how well its brain and ventricles fit a template's so (up to 1 each).

    The fits are those at the best size and place, and count what is in the field of view alone: a
    part of a brain fits as well as a whole one.
    """

    name: str
    brain_fit: float
    ventricle_fit: float

    @property
    def fit(self) -> float:
        """Both fits together, up to 2."""
        return self.brain_fit + self.ventricle_fit


def pose_of_head(
    brain: NDArray[np.bool_], ventricles: NDArray[np.bool_], spacing_mm: Spacing
) -> HeadPose:
    """How a head lies on axes that should run to the right, front and top: :data:`UPRIGHT`, or not.

    ``brain`` and ``ventricles`` are (X, Y, Z); upright without any fit where there is no brain.
    """
    if not brain.any():
        return HeadPose(UPRIGHT, 0.0, 0.0)
    regions, coarse_mm = _coarse((brain, ventricles), spacing_mm)
    upright = HeadPose(UPRIGHT, *_best_fits(regions, coarse_mm))
    pose = _likeliest_pose(regions, coarse_mm)
    if pose == _IDENTITY:
        return upright
    axes, _ = pose
    turned = tuple(_turned(region, pose) for region in regions)
    turned_mm = tuple(coarse_mm[axis] for axis in axes)
    other = HeadPose(_NAMES.get(pose, _EXCHANGED), *_best_fits(turned, turned_mm))  # type: ignore[arg-type]
    return other if other.fit > upright.fit + LEAST_MARGIN else upright


def shape_maps(
    brain: NDArray[np.bool_], ventricles: NDArray[np.bool_], spacing_mm: Spacing
) -> Maps:
    """Share of brain and of ventricles (2, 24, 24, 24) in cells of 8 mm around the brain's centre.

    The cells are larger for a larger brain, so that all whole brains fill as many.
    """
    regions, coarse_mm = _coarse((brain, ventricles), spacing_mm)
    size_ml = regions[0].sum() * np.prod(coarse_mm) / 1000
    cell_mm = _CELL_MM * float(size_ml / _REFERENCE_ML) ** (1 / 3)
    offsets = (np.arange(SIDE) - (SIDE - 1) / 2) * cell_mm
    centre = ndimage.center_of_mass(regions[0])
    places = [c + offsets / mm for c, mm in zip(centre, coarse_mm, strict=True)]
    return np.stack([_sampled(region, places, cell_mm, coarse_mm) for region in regions])


def _coarse(regions: Regions, spacing_mm: Spacing) -> tuple[Regions, Spacing]:
    """Both at about 3 mm."""
    steps = [max(1, round(_COARSE_MM / mm)) for mm in spacing_mm]
    thin = tuple(slice(None, None, step) for step in steps)
    coarse_mm = tuple(mm * step for mm, step in zip(spacing_mm, steps, strict=True))
    return (regions[0][thin], regions[1][thin]), coarse_mm


def _sampled(
    region: NDArray[np.bool_],
    places: list[NDArray[np.floating]],
    cell_mm: float,
    spacing_mm: Spacing,
) -> Maps:
    """Share of the region in cells around these places along each axis."""
    smooth = ndimage.gaussian_filter(
        region.astype(np.float32), [0.5 * cell_mm / mm for mm in spacing_mm]
    )
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    sampled: Maps = ndimage.map_coordinates(smooth, grid, order=1)
    return sampled


# --- whole heads, in any pose --------------------------------------------------------------------


def _likeliest_pose(regions: Regions, spacing_mm: Spacing) -> Pose:
    """The pose in which a whole brain, moved to the template's centre, fits best."""
    seen = shape_maps(*regions, spacing_mm)
    return max(POSES, key=lambda pose: _centred_fit([_turned(one, pose) for one in seen]))


def _turned(volume: NDArray[np.generic], pose: Pose) -> NDArray[np.generic]:
    axes, signs = pose
    return volume.transpose(axes)[tuple(slice(None, None, sign) for sign in signs)]


def _centred_fit(maps: list[NDArray[np.generic]]) -> float:
    """Correlation with the template of brain and of ventricles, together."""
    return sum(
        float((_standard(one) * _standard(template)).sum())
        for one, template in zip(maps, _template(), strict=True)
    )


def _standard(values: NDArray[np.generic]) -> Maps:
    centred = values - values.mean()
    standard: Maps = centred / max(float(np.sqrt((centred**2).sum())), 1e-9)
    return standard


# --- parts of heads, upright ---------------------------------------------------------------------


def _best_fits(regions: Regions, spacing_mm: Spacing) -> tuple[float, float]:
    """Fits of brain and ventricles at the size and place where they are highest together."""
    around = _around_brain(regions[0], spacing_mm)
    cut: Regions = (regions[0][around], regions[1][around])
    return max((_fits_of_size(cut, spacing_mm, _CELL_MM * size) for size in _SIZES), key=sum)


def _around_brain(brain: NDArray[np.bool_], spacing_mm: Spacing) -> tuple[slice, ...]:
    boxes = ndimage.find_objects(brain.astype(np.int8))
    margins = [int(np.ceil(_MARGIN_CELLS * _CELL_MM / mm)) for mm in spacing_mm]
    return tuple(
        slice(max(0, side.start - margin), side.stop + margin)
        for side, margin in zip(boxes[0], margins, strict=True)
    )


def _fits_of_size(regions: Regions, spacing_mm: Spacing, cell_mm: float) -> tuple[float, float]:
    counts = [
        max(1, int(n * mm / cell_mm)) for n, mm in zip(regions[0].shape, spacing_mm, strict=True)
    ]
    places = [
        (np.arange(count) + 0.5) * cell_mm / mm - 0.5
        for count, mm in zip(counts, spacing_mm, strict=True)
    ]
    beyond = [(max(0, count - _LEAST_OVERLAP_CELLS),) * 2 for count in counts]
    brain, ventricles = (
        _match(_sampled(region, places, cell_mm, spacing_mm), np.pad(template, beyond))
        for region, template in zip(regions, _template(), strict=True)
    )
    best = int((brain + ventricles).argmax())
    return float(brain.flat[best]), float(ventricles.flat[best])


def _match(window: Maps, template: Maps) -> NDArray[np.float64]:
    """Correlation of the window with each part of the template of its size; 0 where one is flat.

    Normalised cross-correlation (Lewis, Vision Interface, 1995).
    """
    ones = np.ones_like(window)
    total = fftconvolve(template, ones, "valid")
    products = fftconvolve(template, window[::-1, ::-1, ::-1], "valid") - total * window.mean()
    squares = fftconvolve(template**2, ones, "valid") - total**2 / window.size
    own_squares = float(((window - window.mean()) ** 2).sum())
    is_told = (squares > _LEAST_VARIATION) & (own_squares > _LEAST_VARIATION)
    match: NDArray[np.float64] = np.where(
        is_told, products / np.sqrt(np.maximum(squares * own_squares, 1e-12)), 0
    )
    return match


@lru_cache(maxsize=1)
def _template() -> Maps:
    path = resources.files("mslesion.lesions").joinpath("brain_shape.npy")
    with path.open("rb") as file:
        shares: Maps = np.load(file, allow_pickle=False).astype(np.float32) / 255
    return shares
