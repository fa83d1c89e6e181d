"""FLAIR contrast of one person's brain: tissue intensities, gyral detail, caps, bands and spots.

Everything is composed on the anatomy's brain box, before the head is deformed. White matter is 1;
the acquisition scales the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.simulate.anatomy import Anatomy
from mslesion.simulate.fields import Volume, ramp, smooth_noise

_GYRUS_MM = 7.5
_FOLIUM_MM = 5.0


@dataclass(frozen=True)
class ContrastDraw:
    """Intensities relative to white matter, and the strength of what varies within tissues.

    In FLAIR, fluid is nulled and grey matter, of longer T2, is a little brighter than white
    (Hajnal et al., J Comput Assist Tomogr 16(6), 1992). With ``cortex_mm`` above 0 the cortex is
    a ribbon of that thickness along every sulcus; with 0 it is as blurred as in the average.
    """

    grey: float
    csf: float
    deep_grey: float
    pallidum_drop: float
    white_texture: float
    sulcus_width: float
    sulcus_depth: float
    ependyma: float
    cortex_mm: float = 0.0
    gyrus_mm: float = _GYRUS_MM


@dataclass(frozen=True)
class NormalBrightDraw:
    """Bright places that everybody may have, with or without MS.

    Periventricular caps and a thin band (Fazekas grade 1) are found in most healthy adults, and
    punctate foci in the deep white matter become common with age (Fazekas et al., AJR 149(2),
    1987). None of them belongs to the lesion mask.
    """

    band_mm: float
    band_brightness: float
    cap_mm: float
    cap_brightness: float
    spot_diameters_mm: tuple[float, ...]
    spot_brightness: float


def draw_contrast(rng: np.random.Generator, age_years: float) -> ContrastDraw:
    """Draw the tissue intensities of one scanner and protocol; sulci widen with age."""
    grey = rng.uniform(1.15, 1.45)
    return ContrastDraw(
        grey=_rounded(grey),
        csf=_rounded(rng.uniform(0.10, 0.30)),
        deep_grey=_rounded(1 + (grey - 1) * rng.uniform(0.3, 0.7)),
        pallidum_drop=_rounded(rng.uniform(0.05, 0.22)),
        white_texture=_rounded(rng.uniform(0.012, 0.03)),
        sulcus_width=_rounded(rng.uniform(0.75, 1.2) + 0.009 * (age_years - 42)),
        sulcus_depth=_rounded(rng.uniform(0.65, 0.92)),
        ependyma=_rounded(rng.uniform(0.05, 0.25)),
    )


def draw_normal_bright(rng: np.random.Generator, age_years: float) -> NormalBrightDraw:
    """Draw caps, bands and spots from the age alone: the diagnosis has no say."""
    expected_spots = np.exp((age_years - 45) / 14)
    has_spots = rng.random() < np.clip((age_years - 20) / 55, 0.05, 0.85)
    count = int(min(rng.poisson(expected_spots * rng.gamma(1.5, 1 / 1.5)), 12)) if has_spots else 0
    diameters = np.clip(rng.lognormal(np.log(2.7), 0.25, count), 1.8, 5.0)
    return NormalBrightDraw(
        band_mm=_rounded(rng.uniform(0.6, 1.8)),
        band_brightness=_rounded(rng.uniform(0.10, 0.42)),
        cap_mm=_rounded(np.clip(rng.lognormal(np.log(3.2), 0.4), 1.5, 8.0)),
        cap_brightness=_rounded(rng.uniform(0.12, 0.50)),
        spot_diameters_mm=tuple(_rounded(d) for d in diameters),
        spot_brightness=_rounded(rng.uniform(0.25, 0.5)),
    )


def _rounded(value: float) -> float:
    return round(float(value), 5)


def brain_contrast(
    draw: ContrastDraw, rng: np.random.Generator, anatomy: Anatomy
) -> tuple[Volume, Volume]:
    """Intensity and CSF share, each over the brain box."""
    sheet_mm = _distance_to_zero_sheet(smooth_noise(rng, anatomy.box_axes_mm, draw.gyrus_mm))
    csf, grey_shift = _gyral_detail(draw, rng, anatomy, sheet_mm)
    csf = np.maximum(anatomy.box_csf, csf)
    cortical = anatomy.box_cortical
    # The average's cortex fades into the white matter; a person's ends within a millimetre.
    sharp = ramp(anatomy.box_grey, 0.2, 0.75)
    grey_share = anatomy.box_grey + cortical * (sharp - anatomy.box_grey)
    grey_share = np.clip(grey_share + grey_shift, 0, 1)
    if draw.cortex_mm > 0:
        grey_share += cortical * (_ribbon(draw.cortex_mm, sheet_mm, anatomy) - grey_share)
    grey_level = draw.deep_grey + (draw.grey - draw.deep_grey) * cortical
    grey_level[anatomy.box_infratentorial] = 1 + 0.7 * (draw.grey - 1)
    tissue = 1 + (grey_level - 1) * grey_share
    tissue -= draw.pallidum_drop * _pallidum(anatomy)
    csf = csf - _choroid_plexus(rng, anatomy) * csf
    for spacing_mm, share in ((14.0, 0.6), (5.0, 0.8)):
        tissue += draw.white_texture * share * smooth_noise(rng, anatomy.box_axes_mm, spacing_mm)
    return tissue * (1 - csf) + np.float32(draw.csf) * csf, csf


def _gyral_detail(
    draw: ContrastDraw, rng: np.random.Generator, anatomy: Anatomy, sheet_mm: Volume
) -> tuple[Volume, Volume]:
    """Sulci and gyral white matter that the average of many people has blurred.

    Where the T1 average still shows a sulcus, it stays; where it is blurred, the zero sheets of
    band-limited noise stand in for sulci and the sheets far from them for gyral white matter.
    Returns the CSF share and what to add to the grey share.
    """
    template = anatomy.box_detail * 16
    blurred = 1 - np.clip(np.abs(template) * 0.9, 0, 0.75)
    cortical = anatomy.box_cortical
    width = draw.sulcus_width
    hull_mm = anatomy.head_distance_mm[anatomy.box]
    shallow = ramp(hull_mm, -22, -9)
    sulcus = np.maximum(
        ramp(template, -0.55 / width, -1.25),
        0.8 * shallow * blurred * ramp(sheet_mm, 1.2 * width, 0.2),
    ) * (draw.sulcus_depth * cortical)
    core = np.maximum(ramp(template, 0.3, 0.9), blurred * ramp(sheet_mm, 3.2, 4.4)) * cortical
    core *= ramp(hull_mm, -3, -6)
    folia = np.abs(smooth_noise(rng, anatomy.box_axes_mm, _FOLIUM_MM)) + anatomy.box_detail * 5
    cerebellar = anatomy.box_infratentorial * ramp(anatomy.box_grey, 0.3, 0.9)
    fissures = 0.55 * ramp(folia, 0.3, -0.1) * cerebellar
    return np.maximum(sulcus, fissures), -0.9 * core


def _ribbon(cortex_mm: float, sheet_mm: Volume, anatomy: Anatomy) -> Volume:
    """Share of cortex: near a sulcus of the noise or of the average, and below the surface."""
    template_mm = np.clip(3 + anatomy.box_detail * 40, 0, 8)
    is_blurred = ramp(np.abs(anatomy.box_detail), 0.06, 0.02)
    from_sulcus_mm = template_mm + is_blurred * (sheet_mm - template_mm)
    from_surface_mm = -anatomy.head_distance_mm[anatomy.box] - 1.0
    depth_mm = np.minimum(from_sulcus_mm, from_surface_mm)
    return ramp(depth_mm, cortex_mm + 0.8, cortex_mm - 0.8)


def _choroid_plexus(rng: np.random.Generator, anatomy: Anatomy) -> Volume:
    """Share of choroid plexus: bright tufts in the trigones of the lateral ventricles."""
    x, y, z = anatomy.box_axes_mm
    squared = (
        ((np.abs(x) - 23) / 7)[:, None, None] ** 2
        + ((y + 42) / 9)[None, :, None] ** 2
        + ((z - 9) / 9)[None, None, :] ** 2
    )
    tufts = ramp(smooth_noise(rng, anatomy.box_axes_mm, 3.0), 0.1, 0.9)
    return (tufts * ramp(squared, 1.2, 0.5)).astype(np.float32)


def _distance_to_zero_sheet(noise: Volume) -> Volume:
    """About how many mm (voxels) a point lies from where the noise crosses zero.

    Dividing by the slope gives sheets of even thickness; noise alone makes blobs where it is flat.
    """
    slope = np.full(noise.shape, 2e-3, np.float32)
    for axis in range(3):
        step = np.zeros_like(noise)
        ahead = [slice(None)] * 3
        middle = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], middle[axis], behind[axis] = slice(2, None), slice(1, -1), slice(None, -2)
        step[tuple(middle)] = noise[tuple(ahead)] - noise[tuple(behind)]
        slope += 0.25 * step * step
    return (np.abs(noise) / np.sqrt(slope)).astype(np.float32)


def _pallidum(anatomy: Anatomy) -> Volume:
    """Iron makes the globus pallidus dark: two soft ellipsoids."""
    x, y, z = anatomy.box_axes_mm
    distance = (
        ((np.abs(x) - 19) / 6)[:, None, None] ** 2
        + ((y + 4) / 9)[None, :, None] ** 2
        + (z / 6)[None, None, :] ** 2
    )
    return ramp(distance.astype(np.float32), 1.4, 0.5)


def add_normal_bright(
    intensity: Volume,
    draw: NormalBrightDraw,
    ependyma: float,
    rng: np.random.Generator,
    anatomy: Anatomy,
) -> None:
    """Brighten ``intensity`` (the brain box) in place by caps, bands, ependyma and spots."""
    distance = anatomy.box_ventricle_distance_mm
    near = np.flatnonzero((distance > 0) & (distance < 16) & (anatomy.box_csf < 0.6))
    d = distance.ravel()[near]
    uneven = np.clip(1 + 0.45 * smooth_noise(rng, anatomy.box_axes_mm, 9.0).ravel()[near], 0, 2.2)
    cap = np.exp(-((d / draw.cap_mm) ** 2)) * _horn_tips(anatomy).ravel()[near]
    band = np.exp(-((d / draw.band_mm) ** 2))
    lift = uneven * (draw.cap_brightness * cap + draw.band_brightness * band)
    lift += ependyma * np.exp(-((d / 1.0) ** 2))
    np.add.at(intensity.reshape(-1), near, lift.astype(np.float32))
    _add_spots(intensity, draw, rng, anatomy)


def _horn_tips(anatomy: Anatomy) -> Volume:
    """Where caps sit: the tips of the frontal horns and the trigones, from 0 to 1."""
    x, y, z = anatomy.box_axes_mm
    tips: Volume = np.zeros(anatomy.box_t1.shape, np.float32)
    for cx, cy, cz, radius in ((17.0, 30.0, 8.0, 14.0), (28.0, -52.0, 14.0, 17.0)):
        squared = (
            ((np.abs(x) - cx) ** 2)[:, None, None]
            + ((y - cy) ** 2)[None, :, None]
            + ((z - cz) ** 2)[None, None, :]
        )
        tips += np.exp(-squared / radius**2)
    return tips


def _add_spots(
    intensity: Volume, draw: NormalBrightDraw, rng: np.random.Generator, anatomy: Anatomy
) -> None:
    """Small round foci in the deep white matter."""
    places = np.flatnonzero(
        (anatomy.box_white > 0.9)
        & (anatomy.box_ventricle_distance_mm > 6)
        & ~anatomy.box_infratentorial
    )
    for diameter in draw.spot_diameters_mm:
        centre = np.array(np.unravel_index(rng.choice(places), intensity.shape))
        window, offsets = _window(centre, int(np.ceil(diameter)) + 2, intensity.shape)
        squared = sum((o + rng.uniform(-0.5, 0.5)) ** 2 for o in offsets)
        spot = ramp(np.sqrt(squared).astype(np.float32), diameter / 2 + 0.7, diameter / 2 - 0.7)
        intensity[window] += np.float32(draw.spot_brightness) * spot


def _window(
    centre: NDArray[np.int64], reach: int, shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], list[NDArray[np.float32]]]:
    """The slices of a cube around ``centre``, cut at the border, and offsets from the centre."""
    window = tuple(
        slice(max(int(c) - reach, 0), min(int(c) + reach + 1, n))
        for c, n in zip(centre, shape, strict=True)
    )
    offsets = [
        np.arange(w.start - c, w.stop - c, dtype=np.float32)
        for w, c in zip(window, centre, strict=True)
    ]
    return window, list(np.meshgrid(*offsets, indexing="ij", sparse=True))
