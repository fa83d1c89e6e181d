"""The shape of one person's head: size, pose, and a smooth random deformation of the anatomy.

The whole map from the scanner's millimetres to the anatomy's is one cubic B-spline lattice, which
holds affine maps exactly; so a person costs one resampling, whatever the shape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from mslesion.simulate.anatomy import FIRST_VOXEL_MM, Anatomy
from mslesion.simulate.fields import (
    Axes,
    Volume,
    lattice_over,
    ramp,
    smooth_noise,
    spline_basis,
    spread,
)

LATTICE_MM = 7.0
_BROAD_MM = 60.0
_MIDDLE_MM = 21.0


@dataclass(frozen=True)
class ShapeDraw:
    """Size along each axis, pose, and how strongly the anatomy is bent."""

    scale_xyz: tuple[float, float, float]
    rotation_deg: tuple[float, float, float]
    shift_mm: tuple[float, float, float]
    broad_bend_mm: float
    middle_bend_mm: float
    fine_bend_mm: float
    ventricle_growth_mm: float


def draw_shape(rng: np.random.Generator, age_years: float) -> ShapeDraw:
    """Draw a head; ventricles grow with age alone, never with the diagnosis.

    Adult head size varies by about 4 % along an axis; lateral ventricles roughly double from 30
    to 70 years (Scahill et al., Arch Neurol 60(7), 2003), here a surface moved outwards.
    """
    size = 1 + 0.03 * rng.standard_normal()
    scale = size * (1 + 0.022 * rng.standard_normal(3))
    growth = rng.normal(0.5 + 0.035 * (age_years - 40), 0.9)
    return ShapeDraw(
        scale_xyz=_triple(np.clip(scale, 0.88, 1.1)),
        rotation_deg=_triple(rng.normal(0, (4.0, 2.0, 2.5))),
        shift_mm=_triple(rng.normal(0, 2.0, 3)),
        broad_bend_mm=float(rng.uniform(1.0, 2.6)),
        middle_bend_mm=float(rng.uniform(1.4, 2.2)),
        fine_bend_mm=float(rng.uniform(0.8, 1.2)),
        ventricle_growth_mm=float(np.clip(growth, -1.0, 3.5)),
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 5) for v in values)
    return x, y, z


def anatomy_coordinates(
    draw: ShapeDraw, rng: np.random.Generator, scan_axes_mm: Axes, anatomy: Anatomy
) -> tuple[Volume, Volume, Volume]:
    """Voxel coordinates of the anatomy, (X, Y, Z) each, seen by every point of the scan.

    The lattice covers the whole head whatever part the scan shows, so that one draw makes the
    same head under every acquisition.
    """
    whole: Axes = tuple(np.array([-150, 150], np.float32) for _ in range(3))  # type: ignore[assignment]
    first, count = lattice_over(whole, LATTICE_MM)
    lattice_axes: Axes = tuple(  # type: ignore[assignment]
        f + LATTICE_MM * np.arange(n, dtype=np.float32) for f, n in zip(first, count, strict=True)
    )
    target = np.stack(np.meshgrid(*lattice_axes, indexing="ij"))
    centre = np.array([0, -18, 8], np.float32)[:, None, None, None]
    rotation = Rotation.from_euler("xyz", draw.rotation_deg, degrees=True).as_matrix()
    turned = np.einsum("ij,jabc->iabc", rotation.astype(np.float32), target - centre)
    scale = np.array(draw.scale_xyz, np.float32)[:, None, None, None]
    shift = np.array(draw.shift_mm, np.float32)[:, None, None, None]
    seen = turned / scale + centre - shift
    # Gyri differ between people at a finer scale than skulls, which are smooth.
    in_brain = ramp(_at(anatomy.coarse_head_distance_mm, seen), 7, -3)
    for axis in range(3):
        seen[axis] += draw.broad_bend_mm * smooth_noise(rng, lattice_axes, _BROAD_MM)
        middle = draw.middle_bend_mm * smooth_noise(rng, lattice_axes, _MIDDLE_MM)
        # On the lattice itself the finest bend is white noise; the splines smooth it.
        fine = draw.fine_bend_mm * 3 * rng.standard_normal(middle.shape, dtype=np.float32)
        seen[axis] += in_brain * (middle + fine)
    seen -= draw.ventricle_growth_mm * np.stack(
        [_at(pull, seen) for pull in anatomy.ventricle_pull]
    )
    bases = [
        spline_basis(a, f, LATTICE_MM, n)
        for a, f, n in zip(scan_axes_mm, first, count, strict=True)
    ]
    x, y, z = (spread(seen[axis] - FIRST_VOXEL_MM[axis], bases) for axis in range(3))
    return x, y, z


def _at(coarse: Volume, points_mm: NDArray[np.float32]) -> Volume:
    """Values of a map at 3 mm at points (3, ...) of the anatomy."""
    voxels = [(points_mm[axis] - FIRST_VOXEL_MM[axis]) / 3 for axis in range(3)]
    values: Volume = ndimage.map_coordinates(
        coarse, voxels, order=1, mode="nearest", output=np.float32
    )
    return values
