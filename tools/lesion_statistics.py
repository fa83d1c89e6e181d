"""Count, size, load and place of the lesions of one mask, real or simulated alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.simulate.anatomy import FIRST_VOXEL_MM, SHAPE, Anatomy

WALL_MM = 2.5
"""So near the ventricles all tissue counts as white matter, and lesions in the average's fluid as
lesions of it: nobody's ventricles end quite where the average's do."""
_ALL_NEIGHBOURS = np.ones((3, 3, 3))


@dataclass(frozen=True, eq=False)
class Regions:
    """Maps on the whole anatomy grid."""

    ventricle_distance_mm: NDArray[np.float32]
    white: NDArray[np.bool_]
    infratentorial: NDArray[np.bool_]

    @classmethod
    def of(cls, anatomy: Anatomy) -> Regions:
        """The regions of an anatomy."""
        distance = np.full(SHAPE, 99, np.float32)
        distance[anatomy.box] = anatomy.box_ventricle_distance_mm
        white, below = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
        at_wall = anatomy.box_ventricle_distance_mm < WALL_MM
        white[anatomy.box] = (anatomy.box_white > 0.6) | (at_wall & (anatomy.box_csf < 0.6))
        below[anatomy.box] = anatomy.box_infratentorial
        return cls(distance, white, below)


@dataclass(frozen=True, eq=False)
class LesionStatistics:
    """What is compared between real and simulated patients, at 1 mm."""

    count: int
    load_ml: float
    sizes_mm3: NDArray[np.int64]
    ventricle_distances_mm: NDArray[np.float32]
    in_white: NDArray[np.bool_]
    infratentorial_share: float
    infratentorial_count: int


def describe(
    mask: NDArray[np.bool_], points_mm: NDArray[np.float64], regions: Regions
) -> LesionStatistics:
    """Statistics of a 1 mm mask whose lesion voxels lie at ``points_mm`` (n, 3) in MNI space."""
    parts, count = ndimage.label(mask, _ALL_NEIGHBOURS)
    sizes = np.bincount(parts.ravel())[1:]
    voxels = np.rint(points_mm - np.array(FIRST_VOXEL_MM)).astype(int)
    at = tuple(np.clip(voxels, 0, np.array(SHAPE) - 1).T)
    below = regions.infratentorial[at]
    return LesionStatistics(
        count=count,
        load_ml=float(mask.sum()) / 1000,
        sizes_mm3=sizes,
        ventricle_distances_mm=regions.ventricle_distance_mm[at],
        in_white=regions.white[at] | (regions.ventricle_distance_mm[at] < WALL_MM),
        infratentorial_share=float(below.mean()),
        infratentorial_count=len(np.unique(parts[mask][below])),
    )
