"""From a scan to its lesions: the detector as one function from value to value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.findings import Lesion, measure_lesions
from mslesion.lesions.head_pose import HeadPose, pose_of_head
from mslesion.lesions.inference import region_probabilities
from mslesion.lesions.model import LesionModel
from mslesion.lesions.operating_point import OperatingPoint, lesion_mask
from mslesion.scan import Scan


@dataclass(frozen=True, eq=False)
class FoundLesions:
    """What the detector sees in one scan; arrays are (X, Y, Z) on ``scan.grid``.

    ``probability`` is float32, calibrated, in steps of 1/4096; ``mask`` is what the operating point
    makes of it. ``contrast`` is the probability of each of
    :data:`~mslesion.lesions.network.CONTRASTS`.
    """

    scan: Scan
    probability: NDArray[np.float32]
    mask: NDArray[np.bool_]
    brain: NDArray[np.bool_]
    ventricles: NDArray[np.bool_]
    contrast: tuple[float, ...]
    lesions: tuple[Lesion, ...]

    @cached_property
    def pose(self) -> HeadPose:
        """How the head lies, and how much its brain looks like one."""
        return pose_of_head(self.brain, self.ventricles, self.scan.spacing_mm)


def find_lesions(
    scan: Scan, model: LesionModel, operating_point: OperatingPoint | None = None
) -> FoundLesions:
    """Find the lesions of a FLAIR scan.

    Whether it is one is not asked here; see :mod:`mslesion.lesions.contrast`.
    """
    point = operating_point or model.operating_point
    regions = region_probabilities(model.networks, scan)
    brain = regions.brain > 0.5
    calibrated = model.voxel_calibration.in_steps(regions.lesion)
    probability = np.where(brain, calibrated, np.float32(0))
    mask = lesion_mask(probability, scan.grid.voxel_volume_mm3, point)
    ventricles = regions.ventricle > 0.5
    lesions = measure_lesions(mask, probability, ventricles, scan)
    return FoundLesions(scan, probability, mask, brain, ventricles, regions.contrast, lesions)


def slice_areas_mm2(found: FoundLesions) -> NDArray[np.float64]:
    """Lesion area of each axial slice, from the lowest."""
    areas: NDArray[np.float64] = found.mask.sum(axis=(0, 1)) * found.scan.grid.pixel_area_mm2
    return areas


def slice_probabilities(found: FoundLesions, model: LesionModel) -> NDArray[np.float32]:
    """Probability that each axial slice holds a lesion: its highest voxel's, calibrated."""
    highest = found.probability.max(axis=(0, 1))
    return model.slice_calibration(highest)
