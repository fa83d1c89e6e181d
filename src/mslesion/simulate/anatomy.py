"""The anatomy every simulated person is deformed from: the MNI152 tissue maps of nilearn's wheel.

The maps are the symmetric nonlinear ICBM 2009a average (Fonov et al., NeuroImage 54(1), 2011):
T1 contrast, grey and white matter at 1 mm, brain only. Everything else here follows from them.
All volumes share one grid, RAS+ at 1 mm, with room for a face and a neck.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.errors import MissingExtraError
from mslesion.simulate.fields import Axes, Volume, ramp

FIRST_VOXEL_MM = (-98.0, -134.0, -84.0)
"""Position of voxel (0, 0, 0) of the anatomy in MNI space."""
SHAPE = (197, 237, 185)
_TEMPLATE_FIRST_MM = (-98.0, -134.0, -72.0)
_MAP_NAME = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"

# The box that holds the whole brain, in MNI millimetres.
BRAIN_BOX_MM = ((-76.0, 76.0), (-112.0, 80.0), (-74.0, 88.0))

# T1 contrast of the maps, as a share of the brightest voxel: lateral ventricles lie near 0.3,
# grey matter near 0.7, white matter near 0.85.
_VENTRICLE_T1 = 0.48
_VENTRICLE_BOX_MM = ((2.0, 46.0), (-66.0, 40.0), (-24.0, 36.0))
_VENTRICLE_DEPTH_MM = 14.0
# Cisterns that touch that box: around the midbrain, and the Sylvian fissure.
_CISTERN_BOXES_MM = (
    ((0.0, 22.0), (-70.0, -18.0), (-24.0, 5.0)),
    ((30.0, 46.0), (-12.0, 40.0), (-24.0, 36.0)),
)
_DEEP_NUCLEI = (
    ((14.0, 8.0, 4.0), (21.0, 20.0, 20.0)),
    ((12.0, -16.0, 4.0), (20.0, 20.0, 18.0)),
)
# The temporal and occipital horns are slits that the average blurs away; lesions follow them all
# the same, so distances count from these lines too (x is the distance from the midline).
_HORN_LINES_MM = (
    ((25.0, -42.0, 8.0), (34.0, -30.0, -8.0), (31.0, -14.0, -19.0)),
    ((24.0, -46.0, 10.0), (27.0, -74.0, 4.0)),
)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Maps on the 1 mm anatomy grid; those named ``box_`` only cover :data:`BRAIN_BOX_MM`.

    ``head_distance_mm`` is the distance outside the smooth hull of the brain, negative inside.
    Distances are to the named structure and 0 within it; ``coarse_`` and ``ventricle_pull`` are at
    every third voxel.
    """

    axes_mm: Axes
    box: tuple[slice, slice, slice]
    box_axes_mm: Axes
    brain: NDArray[np.bool_]
    head_distance_mm: Volume
    box_t1: Volume
    box_grey: Volume
    box_white: Volume
    box_csf: Volume
    box_detail: Volume
    box_ventricles: NDArray[np.bool_]
    box_ventricle_distance_mm: Volume
    box_cortical: Volume
    box_infratentorial: NDArray[np.bool_]
    coarse_head_distance_mm: Volume
    ventricle_pull: tuple[Volume, Volume, Volume]


@lru_cache(maxsize=1)
def load_anatomy() -> Anatomy:
    """Read the maps and derive the regions, once a process."""
    t1, grey, white = (_on_anatomy_grid(_read_map(name)) for name in ("t1", "gm", "wm"))
    axes = _axes(FIRST_VOXEL_MM, SHAPE)
    box = tuple(
        slice(int(low - first), int(high - first) + 1)
        for (low, high), first in zip(BRAIN_BOX_MM, FIRST_VOXEL_MM, strict=True)
    )
    brain = t1 > 0.02
    hull_distance = _hull_distance(brain)
    box_axes: Axes = (axes[0][box[0]], axes[1][box[1]], axes[2][box[2]])
    t1, grey, white = t1[box], grey[box], white[box]
    inside = brain[box].astype(np.float32)
    ventricles = _lateral_ventricles(t1, hull_distance[box], box_axes)
    ventricle_distance = ndimage.distance_transform_edt(
        ~(ventricles | _horns(box_axes, t1.shape))
    ).astype(np.float32)
    infratentorial = _infratentorial(box_axes)
    smooth = ndimage.gaussian_filter(t1, 2.2) / (ndimage.gaussian_filter(inside, 2.2) + 1e-3)
    csf = np.maximum(np.clip(1 - grey - white, 0, 1), ramp(t1, 0.58, 0.42)) * inside
    outer = (csf > 0.5) & (ventricle_distance > 4) | (hull_distance[box] > -1.5)
    cortical = _cortical(grey, _distance_2mm(outer), box_axes, infratentorial)
    return Anatomy(
        axes_mm=axes,
        box=box,  # type: ignore[arg-type]
        box_axes_mm=box_axes,
        brain=brain,
        head_distance_mm=hull_distance,
        box_t1=t1,
        box_grey=grey,
        box_white=white,
        box_csf=csf,
        box_detail=(t1 - smooth) * inside,
        box_ventricles=ventricles,
        box_ventricle_distance_mm=ventricle_distance,
        box_cortical=cortical,
        box_infratentorial=infratentorial & (inside > 0),
        coarse_head_distance_mm=np.ascontiguousarray(hull_distance[::3, ::3, ::3]),
        ventricle_pull=_ventricle_pull(ventricles, box),  # type: ignore[arg-type]
    )


def _read_map(name: str) -> Volume:
    """One map as shares from 0 to 1, without importing nilearn (which takes seconds)."""
    spec = find_spec("nilearn")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "the simulated cohort needs the tissue maps inside nilearn",
            remedy="install mslesion[simulate]",
        )
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / _MAP_NAME.format(name)
    if not path.is_file():
        raise MissingExtraError(
            "this nilearn does not hold the MNI152 tissue maps",
            remedy="install mslesion[simulate] with nilearn 0.12 or newer",
            file=path,
        )
    voxels: Volume = np.asanyarray(nib.load(path).dataobj).astype(np.float32)  # type: ignore[attr-defined]
    return voxels / np.float32(255)


def _axes(first_mm: tuple[float, ...], shape: tuple[int, ...]) -> Axes:
    x, y, z = (f + np.arange(n, dtype=np.float32) for f, n in zip(first_mm, shape, strict=True))
    return x, y, z


def _on_anatomy_grid(volume: Volume) -> Volume:
    """Move a template volume to the anatomy grid: room below for the neck, less air above."""
    out = np.zeros(SHAPE, np.float32)
    below = int(_TEMPLATE_FIRST_MM[2] - FIRST_VOXEL_MM[2])
    kept = SHAPE[2] - below
    out[:, : volume.shape[1], below:] = volume[:, :, :kept]
    return out


def _hull_distance(brain: NDArray[np.bool_]) -> Volume:
    """Distance outside the closed brain in mm, negative inside; made at 2 mm, where it is quick."""
    coarse = brain[::2, ::2, ::2]
    outside = ndimage.distance_transform_edt(~coarse) * 2
    closed = ndimage.distance_transform_edt(outside < 12) * 2 > 12
    closed |= coarse
    signed = ndimage.distance_transform_edt(~closed) - ndimage.distance_transform_edt(closed)
    signed = ndimage.gaussian_filter(signed.astype(np.float32) * 2, 1.0)
    return enlarge(signed, brain.shape)


def _distance_2mm(structure: NDArray[np.bool_]) -> Volume:
    """Distance to a structure in mm, made at 2 mm, where it takes an eighth of the time."""
    coarse = ndimage.distance_transform_edt(~structure[::2, ::2, ::2]).astype(np.float32) * 2
    return enlarge(coarse, structure.shape)


def enlarge(coarse: Volume, shape: tuple[int, ...]) -> Volume:
    """Linear interpolation of every second voxel to all of them."""
    fine = coarse
    for axis, size in enumerate(shape):
        fine = np.moveaxis(fine, axis, 0)
        out = np.repeat(fine, 2, axis=0)[:size]
        odd = out[1:-1:2]
        odd += 0.5 * (out[2::2][: len(odd)] - odd)
        fine = np.moveaxis(out, 0, axis)
    return np.ascontiguousarray(fine)


def _within(axes: Axes, box_mm: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """The voxels of a box that is mirrored at the midline: its x is the distance from it."""
    (x0, x1), (y0, y1), (z0, z1) = box_mm
    x, y, z = np.abs(axes[0]), axes[1], axes[2]
    return (
        ((x >= x0) & (x <= x1))[:, None, None]
        & ((y >= y0) & (y <= y1))[None, :, None]
        & ((z >= z0) & (z <= z1))[None, None, :]
    )


def _lateral_ventricles(t1: Volume, hull_distance: Volume, axes: Axes) -> NDArray[np.bool_]:
    dark = (t1 < _VENTRICLE_T1) & (hull_distance < -_VENTRICLE_DEPTH_MM)
    cisterns = np.logical_or.reduce([_within(axes, cistern) for cistern in _CISTERN_BOXES_MM])
    candidates = ndimage.binary_opening(dark & _within(axes, _VENTRICLE_BOX_MM) & ~cisterns)
    parts, count = ndimage.label(candidates)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    keep = sizes >= 150
    keep[0] = False
    kept: NDArray[np.bool_] = keep[parts]
    return kept


def _horns(axes: Axes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The voxels on the lines of the temporal and occipital horns, on both sides."""
    on_line = np.zeros(shape, np.bool_)
    first = np.array([a[0] for a in axes])
    for line in _HORN_LINES_MM:
        for start, end in itertools.pairwise(np.array(line)):
            points = start + np.linspace(0, 1, 60)[:, None] * (end - start)
            for side in (-1, 1):
                voxels = np.round(points * (side, 1, 1) - first).astype(int)
                on_line[tuple(voxels.T)] = True
    return on_line


def _infratentorial(axes: Axes) -> NDArray[np.bool_]:
    """Brain stem and cerebellum: below a tentorium that falls to the sides and the back."""
    x, y, z = np.abs(axes[0])[:, None, None], axes[1][None, :, None], axes[2][None, None, :]
    cerebellum = (y < -36) & (z < -10 - 0.28 * np.clip(x - 8, 0, None) + 0.12 * (y + 50))
    stem = (x < 20) & (y <= -14) & (y > -50) & (z < -12)
    region: NDArray[np.bool_] = cerebellum | stem
    return region


def _cortical(
    grey: Volume,
    outer_distance_mm: Volume,
    axes: Axes,
    infratentorial: NDArray[np.bool_],
) -> Volume:
    """How far a voxel belongs to the cerebral cortical mantle, from 0 to 1.

    Near the fluid outside the brain or in its fissures, and not among the deep nuclei: striatum,
    thalamus and what lies below them.
    """
    x, y, z = np.abs(axes[0]), axes[1], axes[2]
    deep = np.ones(grey.shape, np.float32)
    for (cx, cy, cz), (rx, ry, rz) in _DEEP_NUCLEI:
        squared = (
            (((x - cx) / rx) ** 2)[:, None, None]
            + (((y - cy) / ry) ** 2)[None, :, None]
            + (((z - cz) / rz) ** 2)[None, None, :]
        )
        deep *= ramp(squared, 0.8, 1.3)
    mantle: Volume = deep * ramp(outer_distance_mm, 22, 15) * ramp(grey, 0.05, 0.4)
    mantle[infratentorial] = 0
    return mantle


def _ventricle_pull(
    ventricles: NDArray[np.bool_], box: tuple[slice, slice, slice]
) -> tuple[Volume, Volume, Volume]:
    """Direction away from the ventricles at 3 mm, fading with distance: how they swell."""
    full = np.zeros(SHAPE, np.float32)
    full[box] = ventricles
    coarse = ndimage.gaussian_filter(full, 2.0)[::3, ::3, ::3]
    distance = ndimage.distance_transform_edt(coarse < 0.4) * 3
    inner = ndimage.distance_transform_edt(coarse >= 0.4) * 3
    signed = ndimage.gaussian_filter((distance - inner).astype(np.float32), 0.8)
    fade = np.exp(-((np.clip(signed, 0, None) / 12) ** 2)) * np.clip(1 + signed / 6, 0, 1)
    x, y, z = (g * fade / 3 for g in np.gradient(signed))
    return x, y, z
