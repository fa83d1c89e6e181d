"""Air, head and brain of a scan, roughly and at once: enough to ask what gives its class away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.lesions.intensity import tissue_level
from mslesion.paper.slices import otsu_threshold
from mslesion.scan import Scan

_COARSE_MM = 2.0
_AIR_MM = 10.0
_BRAIN_OPENING_MM = 6.0


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of a scan thinned to about 2 mm; arrays are (X, Y, Z) of the thinned volume.

    ``voxels`` is float32 in units of brain tissue, ``head`` bool, ``spacing_mm`` that of the
    thinned volume.
    """

    voxels: NDArray[np.float32]
    head: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]

    @cached_property
    def depth_mm(self) -> NDArray[np.float64]:
        """Distance from the surface of the head, 0 outside."""
        depth: NDArray[np.float64] = ndimage.distance_transform_edt(self.head, self.spacing_mm)
        return depth

    @cached_property
    def air(self) -> NDArray[np.bool_]:
        """What lies a centimetre and more from the head."""
        away = ndimage.distance_transform_edt(~self.head, self.spacing_mm)
        air: NDArray[np.bool_] = away > _AIR_MM
        return air

    @cached_property
    def brain(self) -> NDArray[np.bool_]:
        """The largest body of tissue that no thin bridge holds together; rough at its border."""
        tissue = (self.voxels > 0.5) & self.head
        inside = ndimage.distance_transform_edt(tissue, self.spacing_mm) > _BRAIN_OPENING_MM
        core = largest_body(inside)
        away = ndimage.distance_transform_edt(~core, self.spacing_mm)
        brain: NDArray[np.bool_] = tissue & (away <= _BRAIN_OPENING_MM)
        return brain


def rough_regions(scan: Scan) -> Regions:
    """Divide a scan by its intensities alone; all air where there is no signal."""
    steps = tuple(max(1, round(_COARSE_MM / mm)) for mm in scan.spacing_mm)
    thin = tuple(slice(None, None, step) for step in steps)
    x_mm, y_mm, z_mm = (mm * step for mm, step in zip(scan.spacing_mm, steps, strict=True))
    level = tissue_level(scan.voxels) or 1.0
    signal = scan.voxels[thin] > otsu_threshold(scan.voxels)
    largest = largest_body(signal)
    filled = np.stack(
        [ndimage.binary_fill_holes(largest[:, :, k]) for k in range(largest.shape[2])], axis=2
    )
    return Regions(scan.voxels[thin] / np.float32(level), filled, (x_mm, y_mm, z_mm))


def largest_body(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Its largest part in one piece; empty where the region is."""
    parts, count = ndimage.label(region)
    if count < 2:
        return region
    largest: NDArray[np.bool_] = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return largest
