"""Training samples: five slices of a volume under a drawn geometry and drawn imperfections.

Random here means: draw the parameters (:func:`draw_sample`), then apply them with functions that
have no randomness of their own (:func:`cut_sample`, :func:`disturb`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn.functional import affine_grid, conv2d, grid_sample, interpolate

from mslesion.lesions.learning.material import Material, Share, TrainingVolume
from mslesion.lesions.network import CONTEXT, CONTRASTS, REGIONS
from mslesion.lesions.slabs import BRIGHTEST, PIXEL_MM, context_offsets, shows_sides

SIDE_PIXELS = 128
_LESION, _BRAIN = REGIONS.index("lesion"), REGIONS.index("brain")
_LARGE_LESION_MM2 = 120.0
_UNKNOWN_CONTRAST = -1
_THICK_MM = 2.0
_LEAST_BRAIN_SHARE = 0.08
"""With less of an image covered by brain, nobody could tell its contrast."""


@dataclass(frozen=True)
class SampleDraw:
    """What is taken from one volume, and what is done to it.

    Geometry: ``volume`` and ``slice_index`` choose the middle slice, ``averaged`` how many thin
    slices make one, ``offsets`` where its neighbours lie, in thin slices; the image is centred on
    ``centre_yx`` (voxels) after turning, scaling and shearing. ``is_mirrored`` changes left for
    right: columns in axial and coronal slices, the order of the slices in sagittal ones, where
    columns are front and back. Intensities, tissue being 1: ``dark_gamma`` bends what is darker,
    ``bright_gain`` stretches what is brighter.
    """

    volume: int
    slice_index: int
    averaged: int
    offsets: tuple[int, ...]
    centre_yx: tuple[float, float]
    angle_degrees: float
    scale_yx: tuple[float, float]
    shear: float
    is_mirrored: bool
    strip_threshold: float
    outside_gain: float
    dark_gamma: float
    bright_gain: float
    gain: float
    bias_amplitude: float
    blur_pixels: float
    coarse_factor: float
    coarse_axis: int
    noise: float
    noise_is_smooth: bool
    ghost: float
    ghost_shift: int
    ghost_axis: int
    seed: int


def draw_sample(
    rng: np.random.Generator, volumes: Sequence[TrainingVolume], weights: NDArray[np.float64]
) -> SampleDraw:
    """Draw one sample; half of those from volumes with lesions are centred near one."""
    index = int(rng.choice(len(volumes), p=weights))
    volume = volumes[index]
    averaged, offsets = _draw_slab(rng, volume)
    slice_index, centre = _draw_place(rng, volume)
    strips = volume.brain is not None and rng.random() < 0.4
    scale, stretch = np.exp(rng.normal(0, 0.09)), np.exp(rng.normal(0, 0.04))
    blurs = rng.random() < (0.7 if volume.is_ideal else 0.3)
    return SampleDraw(
        volume=index,
        slice_index=slice_index,
        averaged=averaged,
        offsets=offsets,
        centre_yx=centre,
        angle_degrees=float(np.clip(rng.normal(0, 8), -25, 25)),
        scale_yx=(float(scale * stretch), float(scale / stretch)),
        shear=float(rng.normal(0, 0.04)),
        is_mirrored=bool(rng.random() < 0.5),
        strip_threshold=float(rng.uniform(0.15, 0.85)) if strips else 0.0,
        outside_gain=float(np.exp(rng.normal(0, 0.6))) if rng.random() < 0.4 else 1.0,
        dark_gamma=float(np.exp(rng.normal(0, 0.3))),
        bright_gain=float(np.exp(rng.normal(0, 0.2))),
        gain=float(np.exp(rng.normal(0, 0.04))),
        bias_amplitude=float(rng.uniform(0, 0.1)) if rng.random() < 0.7 else 0.0,
        blur_pixels=float(rng.uniform(0.2, 1.1)) if blurs else 0.0,
        coarse_factor=float(rng.uniform(1.2, 2.2)) if rng.random() < 0.2 else 1.0,
        coarse_axis=int(rng.integers(2)),
        noise=float(rng.uniform(0, 1) ** 1.5 * (0.11 if volume.is_ideal else 0.07)),
        noise_is_smooth=bool(rng.random() < 0.4),
        ghost=float(rng.uniform(0.02, 0.12)) if rng.random() < 0.15 else 0.0,
        ghost_shift=int(rng.integers(8, 80)),
        ghost_axis=int(rng.integers(2)),
        seed=int(rng.integers(2**62)),
    )


def _draw_slab(rng: np.random.Generator, volume: TrainingVolume) -> tuple[int, tuple[int, ...]]:
    """How many slices are averaged, and the offsets of the slices seen together, in slices."""
    averaged, offsets = 1, context_offsets(volume.slice_spacing_mm)
    if volume.slice_spacing_mm < _THICK_MM and rng.random() < 0.55:
        spacing = int(rng.integers(2, 8))
        averaged = max(1, round(spacing * rng.uniform(0.7, 1.0)))
        far_apart_mm = spacing * volume.slice_spacing_mm
        offsets = tuple(spacing * o for o in context_offsets(far_apart_mm))
    if rng.random() < 0.08:
        offsets = (0,) * CONTEXT
    return averaged, offsets


def _draw_place(
    rng: np.random.Generator, volume: TrainingVolume
) -> tuple[int, tuple[float, float]]:
    """The middle slice and the centre of the image in it, in voxels."""
    in_plane_mm = np.array(volume.in_plane_mm)
    if volume.lesion is not None and volume.lesion_slices.size and rng.random() < 0.5:
        slice_index = int(rng.choice(volume.lesion_slices))
        rows, columns = np.nonzero(np.asarray(volume.lesion[slice_index]) > 127)
        pick = int(rng.integers(rows.size))
        middle, reach_mm = np.array([rows[pick], columns[pick]]), 40
    else:
        slice_index = int(rng.integers(volume.image.shape[0]))
        middle, reach_mm = np.array(volume.image.shape[1:]) / 2, 65
    y, x = middle + rng.uniform(-1, 1, 2) * reach_mm / in_plane_mm
    return slice_index, (float(y), float(x))


@dataclass(frozen=True, eq=False)
class Sample:
    """What is cut from a volume.

    ``slices`` is float32 (5, S, S), ``regions`` (3, S, S); ``known`` (3,) is 1 for the regions that
    somebody drew; ``contrast`` is the index of the contrast, or -1 where it is not known.
    """

    slices: torch.Tensor
    regions: torch.Tensor
    known: torch.Tensor
    contrast: int

    @property
    def lesion_weight(self) -> torch.Tensor:
        """float32 (S, S): how much each pixel counts, more in lesions that are small here.

        Otherwise one confluent lesion would outweigh fifty small ones.
        """
        inside = self.regions[_LESION].numpy() > 0.5
        labels, count = ndimage.label(inside, np.ones((3, 3), np.bool_))
        areas_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * PIXEL_MM**2
        weights = np.clip(np.sqrt(_LARGE_LESION_MM2 / np.maximum(areas_mm2, 1)), 1, 4)
        weights[0] = 1
        return torch.from_numpy(weights[labels].astype(np.float32))


def cut_sample(draw: SampleDraw, volume: TrainingVolume) -> Sample:
    """The slices and the regions of the middle one under the drawn geometry."""
    window = _window(draw, volume)
    # Of thick slices three of the five are the same one.
    at = {shift: _average(volume.image, draw, window, shift) for shift in set(draw.offsets)}
    swaps_slices = draw.is_mirrored and not shows_sides(volume.plane)
    planes = [at[shift] for shift in (reversed(draw.offsets) if swaps_slices else draw.offsets)]
    planes += [
        np.zeros_like(planes[0])
        if share is None
        else _average(share, draw, window, 0) / np.float32(255)
        for share in volume.regions
    ]
    stack = torch.from_numpy(np.stack(planes))[None]
    theta = _theta(draw, volume, window)
    grid = affine_grid(theta[None], [1, len(planes), SIDE_PIXELS, SIDE_PIXELS], align_corners=False)
    sampled = grid_sample(stack, grid, align_corners=False)[0]
    known = torch.tensor([share is not None for share in volume.regions], dtype=torch.float32)
    regions = sampled[CONTEXT:]
    shows_brain = volume.brain is None or float(regions[_BRAIN].mean()) > _LEAST_BRAIN_SHARE
    contrast = (
        CONTRASTS.index(volume.contrast)
        if volume.contrast is not None and shows_brain
        else _UNKNOWN_CONTRAST
    )
    return Sample(sampled[:CONTEXT], regions, known, contrast)


def _window(draw: SampleDraw, volume: TrainingVolume) -> tuple[slice, slice]:
    """The part of a slice that the turned and scaled image can reach."""
    reach = SIDE_PIXELS * PIXEL_MM * 0.5 * 1.42 * max(1 / s for s in draw.scale_yx) * 1.1 + 4
    y, x = (
        slice(
            max(0, min(n - 2, int(c - reach / mm))),
            max(2, min(n, int(c + reach / mm) + 2)),
        )
        for c, mm, n in zip(draw.centre_yx, volume.in_plane_mm, volume.image.shape[1:], strict=True)
    )
    return y, x


def _average(
    stack: NDArray[np.float16] | Share, draw: SampleDraw, window: tuple[slice, slice], shift: int
) -> NDArray[np.float32]:
    """The mean of the averaged slices; slices beyond the volume's ends repeat the last one."""
    first = draw.slice_index + shift - (draw.averaged - 1) // 2
    indices = np.clip(np.arange(first, first + draw.averaged), 0, stack.shape[0] - 1)
    total = np.asarray(stack[indices[0]][window], np.float32)
    for index in indices[1:]:
        total = total + stack[index][window]
    return total / np.float32(draw.averaged)


def _theta(draw: SampleDraw, volume: TrainingVolume, window: tuple[slice, slice]) -> torch.Tensor:
    """The map from the sample's coordinates to the window's, both from -1 to 1."""
    angle = np.deg2rad(draw.angle_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, draw.shear], [0.0, 1.0]])
    mirrors_columns = draw.is_mirrored and shows_sides(volume.plane)
    mirror = np.diag([-1.0 if mirrors_columns else 1.0, 1.0])
    scale = np.diag([1 / draw.scale_yx[1], 1 / draw.scale_yx[0]])
    half_mm = SIDE_PIXELS * PIXEL_MM / 2
    to_mm = mirror @ turn @ shear @ scale * half_mm
    size = np.array([window[1].stop - window[1].start, window[0].stop - window[0].start])
    spacing = np.array([volume.in_plane_mm[1], volume.in_plane_mm[0]])
    linear = np.diag(2 / (spacing * size)) @ to_mm
    centre = np.array([draw.centre_yx[1] - window[1].start, draw.centre_yx[0] - window[0].start])
    shift = (2 * centre + 1) / size - 1
    return torch.from_numpy(np.hstack([linear, shift[:, None]]).astype(np.float32))


def disturb(draw: SampleDraw, sample: Sample) -> torch.Tensor:
    """The slices with the drawn contrast, stripping, bias, blur, ghosts and noise."""
    generator = torch.Generator().manual_seed(draw.seed)
    slices = _change_outside(sample, draw)
    dark = slices.clamp(0, 1) ** draw.dark_gamma
    slices = dark + (slices - 1).clamp_min(0) * draw.bright_gain
    if draw.bias_amplitude:
        lattice = torch.randn(1, 1, 4, 4, generator=generator)
        field = interpolate(lattice, size=slices.shape[-2:], mode="bicubic", align_corners=True)[0]
        slices = slices * torch.exp(draw.bias_amplitude * field)
    slices = _coarsen(_blur(slices, draw.blur_pixels), draw)
    slices = draw.gain * _with_ghosts(slices, draw)
    noise = torch.randn(slices.shape, generator=generator)
    if draw.noise_is_smooth:
        noise = _blur(noise, 0.7) * 2.0
    noisy = (slices + draw.noise * noise).abs()
    if draw.strip_threshold:
        noisy = noisy * (slices > 0)
    return noisy.clamp(0, BRIGHTEST)


def _change_outside(sample: Sample, draw: SampleDraw) -> torch.Tensor:
    """Skull and scalp brighter, darker, or gone.

    All slices are cut along the middle one's border: near enough to what strippers leave.
    """
    if not sample.known[_BRAIN]:
        return sample.slices
    brain = sample.regions[_BRAIN]
    if draw.strip_threshold:
        return sample.slices * (brain > draw.strip_threshold)
    return sample.slices * (brain + (1 - brain) * draw.outside_gain)


def _with_ghosts(slices: torch.Tensor, draw: SampleDraw) -> torch.Tensor:
    """Faint copies on both sides, as motion leaves them along the phase encoding."""
    if not draw.ghost:
        return slices
    axis = 1 + draw.ghost_axis
    copies = torch.roll(slices, draw.ghost_shift, axis) + torch.roll(
        slices, -draw.ghost_shift, axis
    )
    return slices + draw.ghost * copies


def _blur(slices: torch.Tensor, sigma: float) -> torch.Tensor:
    if sigma <= 0:
        return slices
    reach = max(1, round(2.5 * sigma))
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    stack = slices[:, None]
    stack = conv2d(stack, kernel[None, None, :, None], padding=(reach, 0))
    stack = conv2d(stack, kernel[None, None, None, :], padding=(0, reach))
    return stack[:, 0]


def _coarsen(slices: torch.Tensor, draw: SampleDraw) -> torch.Tensor:
    """Fewer pixels along one axis, and back."""
    if draw.coarse_factor == 1:
        return slices
    size = list(slices.shape[-2:])
    coarse = size.copy()
    coarse[draw.coarse_axis] = round(size[draw.coarse_axis] / draw.coarse_factor)
    small = interpolate(slices[None], size=coarse, mode="bilinear", antialias=True)
    return interpolate(small, size=size, mode="bilinear")[0]


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples.

    Images (N, 5, S, S), regions (N, 3, S, S), lesion_weight (N, S, S), known (N, 3), contrast
    int64 (N,).
    """

    images: torch.Tensor
    regions: torch.Tensor
    lesion_weight: torch.Tensor
    known: torch.Tensor
    contrast: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch in the memory of a device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def make_batch(material: Material, size: int, seed: int, step: int) -> Batch:
    """The batch of one training step: the same one for the same material, seed and step."""
    rng = np.random.default_rng([seed, step])
    volumes, weights = material.volumes, material.weights
    images, samples = [], []
    for _ in range(size):
        draw = draw_sample(rng, volumes, weights)
        sample = cut_sample(draw, volumes[draw.volume])
        images.append(disturb(draw, sample))
        samples.append(sample)
    return Batch(
        torch.stack(images).contiguous(memory_format=torch.channels_last),
        torch.stack([sample.regions for sample in samples]),
        torch.stack([sample.lesion_weight for sample in samples]),
        torch.stack([sample.known for sample in samples]),
        torch.tensor([sample.contrast for sample in samples]),
    )
