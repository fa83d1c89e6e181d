"""The head around the brain: fluid, skull with marrow, muscle, fat and skin, eyes and sinuses.

The tissue maps end at the brain, so all of this is made up from distances: skull and scalp follow
the hull of the brain, the face is a few ellipsoids. It looks like a head at a glance, and it is
the same for people with and without MS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.simulate.anatomy import Anatomy, enlarge, load_anatomy
from mslesion.simulate.fields import Axes, Volume, ramp, smooth_noise

AIR, FLUID, BONE, MARROW, MUSCLE, FAT, SKIN, EYE, MUCOSA = range(9)

Ellipsoid = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Centre and radii in mm; x is the distance from the midline, so each one stands on both sides."""

# The outline below and before the brain: face, cheeks, nose, neck, ears.
_FACE: tuple[Ellipsoid, ...] = (
    ((0, 18, -58), (70, 66, 74)),
    ((34, 40, -66), (26, 38, 40)),
    ((0, 78, -56), (13, 21, 24)),
    ((0, -48, -84), (66, 58, 60)),
    ((0, -34, -48), (77, 66, 44)),
    ((79, -24, -36), (6, 14, 25)),
)
_SCALP_MM = 12.0
_HOLLOW_MM = 28.0

# What lies inside the face, painted in this order.
_INSIDE: tuple[tuple[int, Ellipsoid], ...] = (
    (FAT, ((48, 24, -58), (13, 22, 30))),
    (FAT, ((62, 22, -34), (5, 20, 20))),
    (MUSCLE, ((56, 4, -62), (9, 22, 40))),
    (BONE, ((50, -2, -76), (4, 16, 30))),
    (MARROW, ((50, -2, -76), (2, 12, 26))),
    (MUSCLE, ((30, 4, -64), (13, 14, 26))),
    (BONE, ((42, -22, -42), (25, 13, 10))),
    (BONE, ((60, -36, -48), (8, 13, 18))),
    (MARROW, ((60, -38, -52), (4, 8, 12))),
    (AIR, ((66, -20, -40), (12, 3.5, 4))),
    (MARROW, ((0, 0, -46), (9, 10, 18))),
    (MARROW, ((0, -2, -62), (8, 6, 10))),
    (FAT, ((30, 47, -36), (17, 27, 17))),
    (MUSCLE, ((31, 38, -36), (3, 24, 3))),
    (MUSCLE, ((20, 44, -36), (2.2, 22, 6))),
    (MUSCLE, ((42, 44, -36), (2.2, 22, 6))),
    (SKIN, ((32, 62, -36), (13, 13, 13))),
    (EYE, ((32, 62, -36), (11.6, 11.6, 11.6))),
    (SKIN, ((32, 70.5, -36), (4.5, 2.2, 4.5))),
    (BONE, ((0, 44, -46), (15, 36, 22))),
    (MUCOSA, ((0, 44, -46), (13.5, 34, 20))),
    (AIR, ((7, 44, -46), (5.5, 32, 18))),
    (AIR, ((0, 16, -38), (13, 11, 11))),
    (BONE, ((28, 44, -68), (17, 19, 20))),
    (MUCOSA, ((28, 44, -68), (15.5, 17.5, 18.5))),
    (AIR, ((28, 44, -68), (14.5, 16.5, 17.5))),
)
_FRONTAL_SINUS: Ellipsoid = ((9, 78, -10), (13, 7, 17))


@dataclass(frozen=True)
class HeadDraw:
    """Brightness of the tissues around the brain relative to white matter, and thicknesses.

    ``fat`` is bright without fat suppression and dark with it; both are common in FLAIR.
    """

    fat: float
    skin: float
    marrow: float
    muscle: float
    mucosa: float
    skull_scale: float
    scalp_scale: float


@dataclass(frozen=True, eq=False)
class _HeadMap:
    """What the head is before a person's thicknesses: on the anatomy grid."""

    tissue: NDArray[np.uint8]
    depth_mm: Volume
    vault: Volume
    outside_brain: NDArray[np.intp]


def draw_head(rng: np.random.Generator) -> HeadDraw:
    """Draw one head; a third of the protocols suppress fat."""
    suppressed = rng.random() < 1 / 3
    fat = rng.uniform(0.35, 0.7) if suppressed else rng.uniform(1.1, 2.2)
    return HeadDraw(
        fat=round(float(fat), 4),
        skin=round(float(rng.uniform(0.55, 0.95)), 4),
        marrow=round(float(0.25 + 0.3 * fat * rng.uniform(0.5, 1.0)), 4),
        muscle=round(float(rng.uniform(0.32, 0.55)), 4),
        mucosa=round(float(rng.uniform(1.0, 1.7)), 4),
        skull_scale=round(float(rng.uniform(0.85, 1.25)), 4),
        scalp_scale=round(float(rng.uniform(0.75, 1.3)), 4),
    )


@lru_cache(maxsize=1)
def _head_map() -> _HeadMap:
    """Build the head once a process."""
    anatomy = load_anatomy()
    distance = anatomy.head_distance_mm
    axes = anatomy.axes_mm
    outline = _oval(distance)
    for ellipsoid in _FACE:
        outline |= _squared(axes, ellipsoid) < 1
    outline = _smooth_outline(outline)
    depth = _depth(outline)
    tissue = np.where(outline, MUSCLE, AIR).astype(np.uint8)
    for kind, ellipsoid in _INSIDE:
        tissue[(_squared(axes, ellipsoid) < 1) & outline] = kind
    z = axes[2][None, None, :]
    y = axes[1][None, :, None]
    # Below this plane, from the brow to the back of the neck, skull and scalp are not layered.
    vault = ramp((z - (-26 + 0.16 * (y + 20))) + 0 * distance, -9, 9)
    sinus = (_squared(axes, _FRONTAL_SINUS) < 1) & (distance > 3) & (depth > 5)
    tissue[sinus] = EYE  # as dark as fluid; air with a lining
    outside = np.flatnonzero(~anatomy.brain & outline)
    return _HeadMap(tissue, depth, vault, outside)


def _squared(axes: Axes, ellipsoid: Ellipsoid) -> Volume:
    """Squared distance from the centre in radii; 1 on the surface."""
    (cx, cy, cz), (rx, ry, rz) = ellipsoid
    x, y, z = axes
    squared: Volume = (
        (((np.abs(x) - cx) / rx) ** 2)[:, None, None]
        + (((y - cy) / ry) ** 2)[None, :, None]
        + (((z - cz) / rz) ** 2)[None, None, :]
    )
    return squared


def _oval(distance: Volume) -> NDArray[np.bool_]:
    """The scalp's outer border: the hull without its hollows, which muscle fills in a head."""
    margin = int(_HOLLOW_MM / 4) + 2
    coarse = np.pad(distance[::4, ::4, ::4] < _SCALP_MM, margin)
    grown = ndimage.distance_transform_edt(~coarse) * 4 < _HOLLOW_MM
    filled = ndimage.distance_transform_edt(grown) * 4
    inner = (slice(margin, -margin),) * 3
    within = (filled[inner] - _HOLLOW_MM).astype(np.float32)
    return enlarge(enlarge(within, _half(distance.shape)), distance.shape) > -2


def _half(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple((n + 1) // 2 for n in shape)


def _smooth_outline(outline: NDArray[np.bool_]) -> NDArray[np.bool_]:
    smooth: NDArray[np.bool_] = ndimage.gaussian_filter(outline.astype(np.float32), 3.0) > 0.5
    return smooth


def _depth(outline: NDArray[np.bool_]) -> Volume:
    """Depth below the skin in mm, made at 2 mm."""
    coarse = ndimage.distance_transform_edt(outline[::2, ::2, ::2]).astype(np.float32) * 2
    return enlarge(coarse, outline.shape)


def paint_head(
    intensity: Volume, csf: float, draw: HeadDraw, rng: np.random.Generator, anatomy: Anatomy
) -> None:
    """Fill the anatomy ``intensity`` outside the brain, in place; white matter is 1."""
    head = _head_map()
    where = head.outside_brain
    levels = np.array(
        [0.0, csf, 0.06, draw.marrow, draw.muscle, draw.fat, draw.skin, csf * 1.1, draw.mucosa],
        np.float32,
    )
    uneven = smooth_noise(rng, anatomy.axes_mm, 16.0).ravel()[where]
    fine = smooth_noise(rng, anatomy.axes_mm, 4.0).ravel()[where]
    depth = head.depth_mm.ravel()[where]
    tissue = head.tissue.ravel()[where].copy()
    _streak(tissue, smooth_noise(rng, anatomy.axes_mm, 6.0).ravel()[where])
    below = levels[tissue] * (1 + 0.13 * fine)
    below = _cover_with_skin(below, depth, draw, uneven)
    skull = draw.skull_scale * (1 + 0.13 * uneven)
    distance = anatomy.head_distance_mm.ravel()[where] / skull
    base_of_skull = ramp(distance, 5.0, 3.5)
    below += base_of_skull * (0.1 + 0.5 * csf * ramp(distance, 1.8, 0.6) - below)
    layered = _vault_layers(distance, depth, uneven, fine, draw=draw, csf=csf)
    vault = head.vault.ravel()[where]
    vault[tissue == EYE] = 0
    intensity.reshape(-1)[where] = vault * layered + (1 - vault) * below


def _streak(tissue: NDArray[np.uint8], fine: NDArray[np.float32]) -> None:
    """Fat between the muscles, in place."""
    tissue[(tissue == MUSCLE) & (fine > 1.35)] = FAT
    tissue[(tissue == MUSCLE) & (fine < -1.5)] = BONE
    tissue[(tissue == AIR) & (fine > 1.3)] = MUCOSA


def _cover_with_skin(
    below: NDArray[np.float32],
    depth: NDArray[np.float32],
    draw: HeadDraw,
    uneven: NDArray[np.float32],
) -> NDArray[np.float32]:
    fat_end = 6.5 * draw.scalp_scale * (1 + 0.25 * uneven)
    fatty = ramp(depth - fat_end, 1.0, -1.0)
    covered = below * (1 - fatty) + draw.fat * fatty
    skin = ramp(depth, 2.6, 1.2)
    return covered * (1 - skin) + draw.skin * skin


def _scalp(
    depth: NDArray[np.float32],
    draw: HeadDraw,
    uneven: NDArray[np.float32],
    fine: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Muscle where the scalp is thick, fat above it, skin outside."""
    fatty = ramp(depth - 1.2 * uneven, 7.5 * draw.scalp_scale, 5.0 * draw.scalp_scale)
    fat = draw.fat * (1 + 0.14 * fine + 0.12 * uneven)
    under = draw.muscle * (1 + 0.15 * fine)
    skin = ramp(depth, 2.4, 1.0)
    cover: NDArray[np.float32] = (1 - skin) * (under + fatty * (fat - under)) + draw.skin * skin
    return cover


def _vault_layers(
    distance: NDArray[np.float32],
    depth: NDArray[np.float32],
    uneven: NDArray[np.float32],
    fine: NDArray[np.float32],
    *,
    draw: HeadDraw,
    csf: float,
) -> NDArray[np.float32]:
    """Fluid, inner table, marrow, outer table, scalp: by distance from the brain's hull."""
    marrow = draw.marrow * (1 + 0.3 * fine) * (0.75 + 0.35 * uneven)
    bone = 0.05
    fluid = ramp(distance, 1.8, 0.6)
    diploe = ramp(distance, 3.0, 4.2) * ramp(distance, 6.3, 5.0)
    layered = bone + fluid * (0.8 * csf - bone) + diploe * (np.clip(marrow, bone, None) - bone)
    scalp = ramp(distance, 7.0, 8.2)
    cover = _scalp(depth, draw, uneven, fine)
    return (layered * (1 - scalp) + cover * scalp).astype(np.float32)
