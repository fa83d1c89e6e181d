"""MS lesions on the anatomy: how many, how large, where, and what shape.

A patient has a load and a number of lesions, both drawn from the calibration. Single lesions of
3 to 15 mm are irregular ovoids, those beside the ventricles with their long axis away from them
(Dawson's fingers; Filippi et al., Brain 142(7), 2019, describe the typical places). What remains
of the load is confluent: it grows out from the ventricles where placement and smooth noise are
highest together, until the volume is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from mslesion.simulate.anatomy import Anatomy
from mslesion.simulate.calibration import (
    COUNT,
    GREY_DENSITY_RATIO,
    INFRATENTORIAL_LESION_SHARE,
    INFRATENTORIAL_SHARE,
    LESION_DENSITY,
    LOAD_ML,
    SINGLE_LESION_DIAMETER_MM,
    VENTRICLE_DISTANCE_MM,
    at_quantile,
)
from mslesion.simulate.fields import Volume, ramp, smooth_noise

_PERIVENTRICULAR_MM = 8.0
_FALSE_GREY_MM = 2.5
_TOO_MUCH_FLUID = 0.6
# Islands of what is confluent grow in number with the load, so the single lesions follow it less
# than all components do.
_SINGLES_CORRELATION = 0.5
_FLATTENED = 0.6
_SINGLE_SHARE = 0.75
_FEWEST_SHARE = 0.25
_ISLANDS_PER_ML = 1.2


@dataclass(frozen=True)
class LesionDraw:
    """The lesions of one patient.

    ``diameters_mm`` are those of the single lesions; ``confluent_ml`` is what grows together
    around the ventricles. ``roughness`` is the share of the shape that is noise.
    """

    load_ml: float
    diameters_mm: tuple[float, ...]
    confluent_ml: float
    roughness: float
    brightness: float
    unevenness: float


def draw_lesions(rng: np.random.Generator) -> LesionDraw:
    """Draw load, lesions and brightness of one patient."""
    first, second = rng.standard_normal(2)
    rho = _SINGLES_CORRELATION
    load_ml = at_quantile(LOAD_ML, float(ndtr(first)))
    count_at = float(ndtr(rho * first + np.sqrt(1 - rho**2) * second))
    count = at_quantile(COUNT, count_at)
    # The border of what is confluent breaks into islands, which count as components too.
    singles = round(max(_SINGLE_SHARE * count - _ISLANDS_PER_ML * load_ml, _FEWEST_SHARE * count))
    diameters = _draw_diameters(rng, singles, load_ml)
    single_ml = float((np.pi / 6 * diameters**3).sum() / 1000)
    return LesionDraw(
        load_ml=round(load_ml, 4),
        diameters_mm=tuple(round(float(d), 3) for d in diameters),
        confluent_ml=round(max(load_ml - single_ml, 0.0), 4),
        roughness=round(float(rng.uniform(0.8, 1.3)), 4),
        brightness=round(float(np.clip(rng.normal(0.62, 0.13), 0.36, 0.95)), 4),
        unevenness=round(float(rng.uniform(0.18, 0.40)), 4),
    )


def _draw_diameters(rng: np.random.Generator, count: int, load_ml: float) -> NDArray[np.float64]:
    """Diameters of single lesions, which together take no more than most of the load."""
    low, high = SINGLE_LESION_DIAMETER_MM
    diameters = np.clip(rng.lognormal(np.log(3.6), 0.42, 4 * count), low, high)
    diameters = diameters[:count]
    room = 0.8 * load_ml * 1000 / (np.pi / 6 * diameters**3).sum()
    if room < 1:
        diameters = np.clip(diameters * room ** (1 / 3), low, high)
    return np.sort(diameters)[::-1]


def placement_density(anatomy: Anatomy) -> Volume:
    """How likely a lesion covers a voxel of the brain box: the calibrated placement."""
    by_distance = np.interp(
        anatomy.box_ventricle_distance_mm, VENTRICLE_DISTANCE_MM, LESION_DENSITY
    ).astype(np.float32)
    tissue = anatomy.box_white + GREY_DENSITY_RATIO * anatomy.box_grey
    # The average has a rim of false grey matter around the ventricles: there it is white matter.
    tissue[anatomy.box_ventricle_distance_mm < _FALSE_GREY_MM] = 1
    density: Volume = by_distance * tissue * (anatomy.box_csf < _TOO_MUCH_FLUID)
    density *= anatomy.brain[anatomy.box]
    below = anatomy.box_infratentorial & (anatomy.box_csf < _TOO_MUCH_FLUID)
    supratentorial = float(density[~below].sum())
    density[below] = supratentorial * INFRATENTORIAL_SHARE / max(int(below.sum()), 1)
    return density


def lesion_fields(
    draw: LesionDraw, rng: np.random.Generator, density: Volume, anatomy: Anatomy
) -> tuple[Volume, Volume]:
    """Share of each voxel of the brain box that is lesion, and how much brighter it is there."""
    shape_noise = 0.9 * smooth_noise(rng, anatomy.box_axes_mm, 3.2) + 0.42 * smooth_noise(
        rng, anatomy.box_axes_mm, 1.7
    )
    allowed = density > 0
    share = np.zeros(density.shape, np.float32)
    _add_single_lesions(share, draw, rng, density=density, shape_noise=shape_noise, anatomy=anatomy)
    share *= allowed
    missing_ml = min(draw.load_ml - float((share > 0.5).sum()) / 1000, draw.confluent_ml)
    if missing_ml > 0:
        confluent = _confluent(
            missing_ml, draw, rng, density=density, shape_noise=shape_noise, share=share
        )
        np.maximum(share, confluent, out=share)
    brightness = draw.brightness * np.clip(
        1 + draw.unevenness * smooth_noise(rng, anatomy.box_axes_mm, 6.0), 0.4, 1.6
    )
    return share, brightness


def _add_single_lesions(
    share: Volume,
    draw: LesionDraw,
    rng: np.random.Generator,
    *,
    density: Volume,
    shape_noise: Volume,
    anatomy: Anatomy,
) -> None:
    """Paint each single lesion into ``share``, in place."""
    # Small lesions lie further out than the volume does: the power flattens the density.
    weights = density**_FLATTENED
    below = anatomy.box_infratentorial
    weights[below] *= INFRATENTORIAL_LESION_SHARE * weights[~below].sum() / weights[below].sum()
    weights = weights.ravel()
    places = np.flatnonzero(weights)
    cumulative = np.cumsum(weights[places])
    picks = np.searchsorted(cumulative, rng.random(len(draw.diameters_mm)) * cumulative[-1])
    for diameter_mm, place in zip(draw.diameters_mm, places[picks], strict=True):
        centre = np.array(np.unravel_index(place, share.shape))
        periventricular = anatomy.box_ventricle_distance_mm.flat[place] < _PERIVENTRICULAR_MM
        axis = (
            _gradient_at(anatomy.box_ventricle_distance_mm, centre)
            if periventricular
            else rng.standard_normal(3)
        )
        stretch = float(rng.uniform(1.3, 2.2) if periventricular else rng.uniform(1.0, 1.6))
        _paint_ovoid(
            share,
            centre,
            diameter_mm,
            axis=axis,
            stretch=stretch,
            roughness=draw.roughness,
            shape_noise=shape_noise,
        )


def _gradient_at(volume: Volume, centre: NDArray[np.int64]) -> NDArray[np.float64]:
    """Central difference over 4 mm, so that single voxels do not turn it."""
    gradient = np.zeros(3)
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis] * 2
        ahead = np.minimum(centre + step, np.array(volume.shape) - 1)
        behind = np.maximum(centre - step, 0)
        gradient[axis] = volume[tuple(ahead)] - volume[tuple(behind)]
    return gradient


def _paint_ovoid(
    share: Volume,
    centre: NDArray[np.int64],
    diameter_mm: float,
    *,
    axis: NDArray[np.float64],
    stretch: float,
    roughness: float,
    shape_noise: Volume,
) -> None:
    """One ovoid of given volume, its border moved in and out by the noise."""
    reach = int(np.ceil(diameter_mm / 2 * stretch)) + 3
    window = tuple(
        slice(max(int(c) - reach, 0), min(int(c) + reach + 1, n))
        for c, n in zip(centre, share.shape, strict=True)
    )
    x, y, z = (
        np.arange(w.start - c, w.stop - c, dtype=np.float32)
        for w, c in zip(window, centre, strict=True)
    )
    unit = axis / (np.linalg.norm(axis) + 1e-9)
    along = x[:, None, None] * unit[0] + y[None, :, None] * unit[1] + z[None, None, :] * unit[2]
    squared = (x**2)[:, None, None] + (y**2)[None, :, None] + (z**2)[None, None, :]
    across = 1 / np.sqrt(stretch)
    distance = np.sqrt(
        np.clip(squared - along**2, 0, None) / across**2 + (along / stretch) ** 2
    ).astype(np.float32)
    border = diameter_mm / 2 + roughness * min(diameter_mm / 6, 1.5) * shape_noise[window]
    lesion = ramp(distance - border, 0.9, -0.9)
    np.maximum(share[window], lesion, out=share[window])


def _confluent(
    missing_ml: float,
    draw: LesionDraw,
    rng: np.random.Generator,
    *,
    density: Volume,
    shape_noise: Volume,
    share: Volume,
) -> Volume:
    """Lesion share of what grows together, ``missing_ml`` of it outside the single lesions.

    All 0 where less than half a voxel of 1 mm3 is missing.
    """
    inside = np.flatnonzero(density > 0)
    score = np.full(density.shape, -np.inf, np.float32)
    patches = smooth_noise(rng, _index_axes(density.shape), 11.0)
    score.flat[inside] = (
        0.62 * np.log(ndimage.gaussian_filter(density, 1.0).flat[inside] + 1e-6)
        + 0.5 * patches.flat[inside]
        + 0.38 * draw.roughness * shape_noise.flat[inside]
    )
    open_scores = score.flat[inside][share.flat[inside] <= 0.5]
    missing_voxels = round(missing_ml * 1000)
    if not missing_voxels or not open_scores.size:
        return np.zeros(density.shape, np.float32)
    rank = max(open_scores.size - missing_voxels, 0)
    threshold = np.partition(open_scores, rank)[rank]
    return ramp(score, float(threshold) - 0.25, float(threshold) + 0.25)


def _index_axes(
    shape: tuple[int, ...],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    x, y, z = (np.arange(n, dtype=np.float32) for n in shape)
    return x, y, z
