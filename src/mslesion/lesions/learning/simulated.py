"""Made-up volumes to learn from: simulated people of every contrast, and what is no brain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion import __version__
from mslesion.lesions.intensity import tissue_level
from mslesion.lesions.learning.material import FLAIR, Share, TrainingVolume, slices_first
from mslesion.lesions.learning.source import OF_SIMULATION, source_sha256
from mslesion.lesions.slabs import BRIGHTEST
from mslesion.seeds import OWN_SEEDS
from mslesion.simulate.fields import Axes, smooth_noise, stage_rng
from mslesion.simulate.person import CohortRecipe, IdealHead, PersonDraw, draw_person, ideal_head
from mslesion.write.atomic import atomic_folder

_CYCLE = 7
"""Of so many people, one is a control and one shows the contrast of a T1w or T2w image."""
_CONTROL, _OTHER_CONTRAST = 0, 3
OTHER_TISSUES = {
    "T1w": {"grey": (0.6, 0.85), "csf": (0.1, 0.45), "deep_grey": (0.75, 0.95)},
    "T2w": {"grey": (1.2, 1.6), "csf": (1.8, 3.5), "deep_grey": (0.95, 1.2)},
}
"""Intensities of T1w and T2w images, in units of white matter."""


def training_contrast(index: int) -> str:
    """The contrast of simulated person ``index``."""
    if index % _CYCLE != _OTHER_CONTRAST:
        return FLAIR
    return tuple(OTHER_TISSUES)[index // _CYCLE % len(OTHER_TISSUES)]


def draw_training_person(seed: int, index: int) -> PersonDraw:
    """A simulated person with far more varied contrast than the scans of one hospital.

    Intensities are drawn beyond what FLAIR shows, so that real scanners lie inside (as in
    SynthSeg; Billot et al., Med Image Anal 86, 2023).
    """
    contrast_name = training_contrast(index)
    has_ms = contrast_name == FLAIR and index % _CYCLE != _CONTROL
    recipe = CohortRecipe(
        people=index + 1,
        ms_share=1.0 if has_ms else 0.0,
        seed=OWN_SEEDS + seed,
        acquisition="volume3d",
    )
    draw = draw_person(recipe, index)
    rng = stage_rng(seed, index, "training contrast")
    grey = rng.uniform(1.05, 1.45)
    contrast = replace(
        draw.contrast,
        grey=grey,
        csf=rng.uniform(0.05, 0.6),
        deep_grey=1 + (grey - 1) * rng.uniform(0.0, 1.0),
        pallidum_drop=rng.uniform(0.0, 0.3),
        white_texture=rng.uniform(0.005, 0.05),
        ependyma=rng.uniform(0.0, 0.45),
        cortex_mm=rng.uniform(2.2, 3.4),
        gyrus_mm=rng.uniform(6.5, 10.0),
    )
    if contrast_name != FLAIR:
        ranges = OTHER_TISSUES[contrast_name]
        contrast = replace(contrast, **{name: rng.uniform(*r) for name, r in ranges.items()})
    lesions = draw.lesions
    return replace(
        draw,
        contrast=contrast,
        normal_bright=replace(
            draw.normal_bright,
            band_mm=rng.uniform(0.5, 2.2),
            band_brightness=rng.uniform(0.0, 0.5),
            cap_brightness=rng.uniform(0.0, 0.55),
            spot_diameters_mm=(),
        ),
        head=replace(
            draw.head,
            fat=rng.uniform(0.2, 3.0),
            skin=rng.uniform(0.3, 1.5),
            marrow=rng.uniform(0.1, 1.5),
            muscle=rng.uniform(0.2, 0.9),
            mucosa=rng.uniform(0.6, 2.5),
        ),
        lesions=None if lesions is None else replace(lesions, brightness=_lesion(rng, grey)),
    )


def _lesion(rng: np.random.Generator, grey: float) -> float:
    """How much brighter than white matter lesions are: more than grey matter, as in FLAIR.

    Were they drawn darker too, every fold of cortex would look like one.
    """
    return float(max(0.3, grey - 1 + rng.uniform(0.05, 0.75)))


def simulated_volume(seed: int, index: int) -> TrainingVolume:
    """One simulated person at 1 mm, as a perfect scanner would see them."""
    draw = draw_training_person(seed, index)
    head = ideal_head(draw)
    contrast = training_contrast(index)
    image = head.intensity.copy()
    if contrast == FLAIR:
        _add_false_friends(image, head, stage_rng(seed, index, "training false friends"))
    box = _signal_box(head.intensity)
    relative = np.clip(image[box] / np.float32(tissue_level(image)), 0, BRIGHTEST)
    return TrainingVolume(
        name=f"simulated-{seed}-{index}",
        image=slices_first(relative).astype(np.float16),
        lesion=_share_of(head.lesion_share[box]) if contrast == FLAIR else None,
        ventricle=_share_of(head.ventricle_share[box]),
        brain=_share_of(head.brain_share[box]),
        contrast=contrast,
        in_plane_mm=(1.0, 1.0),
        slice_spacing_mm=1.0,
        is_ideal=True,
    )


def _share_of(share: NDArray[np.float32]) -> Share:
    whole: Share = np.rint(slices_first(np.clip(share, 0, 1) * 255)).astype(np.uint8)
    return whole


def _signal_box(intensity: NDArray[np.float32]) -> tuple[slice, ...]:
    """The head's bounding box, with a margin."""
    signal = intensity > 0.05
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        where = np.flatnonzero(signal.any(axis=others))
        box.append(slice(max(int(where[0]) - 6, 0), int(where[-1]) + 7))
    return tuple(box)


def _add_false_friends(
    image: NDArray[np.float32], head: IdealHead, rng: np.random.Generator
) -> None:
    """Bright things that are no lesions, in place.

    White matter that is unevenly bright without a border, above all around the ventricles;
    choroid plexus; flow in the fluid.
    """
    axes = _voxel_axes(image.shape)
    tissue = head.brain_share * (image > 0.7)
    uneven = rng.uniform(0, 0.1) * smooth_noise(rng, axes, rng.uniform(10, 25))
    halo = ndimage.gaussian_filter(head.ventricle_share, rng.uniform(4, 9), truncate=2.5)
    halo *= rng.uniform(0, 0.5) * np.clip(1 + 0.8 * smooth_noise(rng, axes, 20.0), 0, 2)
    image *= 1 + tissue * np.clip(uneven + halo, -0.2, 0.3)
    if rng.random() < 0.7:
        tufts = np.clip((smooth_noise(rng, axes, 4.0) - rng.uniform(0.3, 1.2)) * 3, 0, 1)
        np.maximum(image, rng.uniform(0.6, 1.7) * tufts * head.ventricle_share, out=image)
    if rng.random() < 0.5:
        fluid = (head.brain_share > 0.5) & (image < 0.6)
        jets = np.clip((smooth_noise(rng, axes, 5.0) - rng.uniform(0.8, 1.6)) * 2, 0, 1)
        np.maximum(image, rng.uniform(0.5, 1.6) * jets * fluid, out=image)


def no_brain(seed: int, index: int) -> TrainingVolume:
    """Blobs, bodies and noise: a volume in which there is nothing to find."""
    rng = stage_rng(seed, index, "no brain")
    shape = (180, 200, 24)
    axes = _voxel_axes(shape)
    texture = sum(rng.uniform(0.1, 1) * smooth_noise(rng, axes, mm) for mm in (4.0, 12.0, 40.0))
    body = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(1, 7))):
        centre = rng.uniform(0.3, 0.7, 3) * shape
        radii = rng.uniform(0.08, 0.45, 3) * shape
        squared = sum(
            ((axis.reshape([-1 if a == n else 1 for a in range(3)]) - centre[n]) / radii[n]) ** 2
            for n, axis in enumerate(axes)
        )
        body = np.where(squared < 1, np.float32(rng.uniform(0.2, 2.0)), body)
    image = np.clip(body * np.clip(1 + 0.3 * texture, 0, None), 0, BRIGHTEST)
    if index % 4 == 0:
        image = np.abs(texture).astype(np.float32)
    nothing = np.zeros(shape[::-1], np.uint8)
    return TrainingVolume(
        name=f"no-brain-{seed}-{index}",
        image=slices_first(image).astype(np.float16),
        lesion=nothing,
        ventricle=nothing,
        brain=nothing,
        contrast=None,
        in_plane_mm=(1.0, 1.0),
        slice_spacing_mm=3.0,
    )


def _voxel_axes(shape: tuple[int, ...]) -> Axes:
    x, y, z = (np.arange(n, dtype=np.float32) for n in shape)
    return x, y, z


# --- on disk -------------------------------------------------------------------------------------

_PARTS = ("image", "lesion", "ventricle", "brain")


def cached_volumes(folder: Path, seed: int, indices: Sequence[int]) -> list[TrainingVolume]:
    """Simulated volumes kept as files, made where missing; arrays are mapped, not read.

    Trainings that share ``folder`` may do so at the same time; other code makes its own.
    """
    code = source_sha256(OF_SIMULATION)[:12]
    names = (f"{__version__}-{code}_seed-{seed}_{index:04d}" for index in indices)
    return [_cached(folder / name, seed, index) for name, index in zip(names, indices, strict=True)]


def _cached(folder: Path, seed: int, index: int) -> TrainingVolume:
    if not folder.is_dir():
        volume = simulated_volume(seed, index)
        with atomic_folder(folder) as partial:
            for part in _PARTS:
                array = getattr(volume, part)
                if array is not None:
                    np.save(partial / f"{part}.npy", array)
    contrast = training_contrast(index)

    def mapped(part: str) -> NDArray[Any]:
        array: NDArray[Any] = np.load(folder / f"{part}.npy", mmap_mode="r")
        return array

    return TrainingVolume(
        name=f"simulated-{seed}-{index}",
        contrast=contrast,
        in_plane_mm=(1.0, 1.0),
        slice_spacing_mm=1.0,
        is_ideal=True,
        image=mapped("image"),
        lesion=mapped("lesion") if contrast == FLAIR else None,
        ventricle=mapped("ventricle"),
        brain=mapped("brain"),
    )
