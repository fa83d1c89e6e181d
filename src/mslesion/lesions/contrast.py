"""Is this a FLAIR image of a brain, and a good one? Judged from what the network sees in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mslesion.errors import ContrastError, NoBrainError
from mslesion.lesions.detection import FoundLesions
from mslesion.lesions.head_pose import UPRIGHT
from mslesion.lesions.network import CONTRASTS
from mslesion.lesions.quality import MOST_BIAS, MOST_GHOST, MOST_NOISE, ScanQuality

LEAST_BRAIN_ML = 150.0
"""Less is no brain, nor a usable part of one: an adult's has 1,000 to 1,700 ml."""

MOST_BRAIN_ML = 4000.0
"""A whole head has little more: where more brain is seen than this, it is air."""

LEAST_BRAIN_FIT = 0.6
LEAST_FIT = 1.42
CLEAR_FIT = 1.5
"""How well brain, and brain and ventricles together, fit the shape of a template's: 17 real ones do
to 1.57 and more, three of them cut into parts to 1.6; limbs, bottles, noise and photographs to 1.2
at most, one of ten necks to more than 1.35. FLAIR images show ventricles, dark; between the last
two limits that is in doubt."""

LEAST_VENTRICLE_ML = 1.0
BRIGHTEST_FLUID = 0.7
"""In units of brain tissue: in FLAIR, fluid in the ventricles has 0.15 to 0.55, in PD 0.9."""

LEAST_SLICES = 16
"""Fewer do not go through a brain, or lie far apart."""

_LEAST_SLICE_MM2 = 100.0
"""A slice with less brain than this does not count."""

_FLAIR = CONTRASTS.index("FLAIR")


def require_flair_of_a_brain(found: FoundLesions) -> None:
    """Refuse what is no brain, and a T1w or T2w image, by name.

    Raises:
        NoBrainError: no brain is seen, or not its shape, or not its ventricles.
        ContrastError: the contrast is that of another sequence.
    """
    brain_ml = _brain_ml(found)
    if not LEAST_BRAIN_ML <= brain_ml <= MOST_BRAIN_ML:
        raise _no_brain(found, f"{brain_ml:,.0f} ml looked like it; an adult has 1,000 to 1,700")
    if found.pose.brain_fit < LEAST_BRAIN_FIT:
        raise _no_brain(found, "what looks like tissue of one has not its shape")
    likeliest = int(np.argmax(found.contrast))
    if likeliest != _FLAIR:
        raise ContrastError(
            f"looks like a {CONTRASTS[likeliest]} image, not FLAIR "
            f"(probability of FLAIR {found.contrast[_FLAIR]:.2f})",
            remedy="give the FLAIR image",
            file=found.scan.source,
        )
    ventricle_ml = float(found.ventricles.sum() * found.scan.grid.voxel_volume_mm3 / 1000)
    if ventricle_ml < LEAST_VENTRICLE_ML or found.pose.fit < LEAST_FIT:
        raise _no_brain(found, "it has not the shape of one with its ventricles, which are dark")


def _no_brain(found: FoundLesions, why: str) -> NoBrainError:
    return NoBrainError(
        f"shows no brain, as FLAIR images show it ({why})",
        remedy="give a FLAIR image of a whole head or brain; if it is one, see whether its air is "
        "dark, and how strong the noise is",
        file=found.scan.source,
    )


@dataclass(frozen=True)
class Doubt:
    """A reason to distrust what is found: when it holds, and how it is told."""

    holds: Callable[[FoundLesions], bool]
    sentence: str


def _brain_ml(found: FoundLesions) -> float:
    return float(found.brain.sum() * found.scan.grid.voxel_volume_mm3 / 1000)


def _fluid_share(found: FoundLesions) -> float:
    """Median signal in the ventricles, in units of that of the brain; 0 where either is missing."""
    voxels = found.scan.voxels
    tissue = float(np.median(voxels[found.brain])) if found.brain.any() else 0.0
    if tissue <= 0 or not found.ventricles.any():
        return 0.0
    return float(np.median(voxels[found.ventricles])) / tissue


def _is_cut_off(found: FoundLesions) -> bool:
    """Whether much of the brain touches the lower or upper end of the scan, or a side."""
    areas = found.brain.sum(axis=(0, 1))
    widest = float(areas.max())
    sides = [found.brain[0], found.brain[-1], found.brain[:, 0], found.brain[:, -1]]
    touches_a_side = any(side.sum() > 0.02 * found.brain.sum() for side in sides)
    return bool(areas[-1] > 0.5 * widest or areas[0] > 0.7 * widest or touches_a_side)


def _brain_slices(found: FoundLesions) -> int:
    """How many slices show brain, counted across the thickest side of the voxels."""
    axis = found.scan.grid.slice_axis
    pixel_mm2 = found.scan.grid.voxel_volume_mm3 / found.scan.spacing_mm[axis]
    areas_mm2 = found.brain.sum(axis=tuple({0, 1, 2} - {axis})) * pixel_mm2
    return int(np.count_nonzero(areas_mm2 > _LEAST_SLICE_MM2))


CAUTIONS = (
    Doubt(
        lambda found: _brain_slices(found) < LEAST_SLICES,
        f"fewer than {LEAST_SLICES} slices show brain",
    ),
)
"""What is told with the lesions, and is no reason to abstain from a verdict."""

QUALITY_DOUBTS = (
    ("noise_share", MOST_NOISE, "noise is strong: {:.0%} of the tissue's signal"),
    ("bias_ratio", MOST_BIAS, "brightness is uneven: tissue differs by a factor of {:.1f}"),
    ("ghost_share", MOST_GHOST, "ghosts beside the head, as motion leaves them: {:.0%} of tissue"),
)
"""Measures of :class:`~mslesion.lesions.quality.ScanQuality`, the most of each that a good scan
has, and how more of it is told."""

DOUBTFUL_BRAIN_ML = 2400
"""No head holds more brain."""

DOUBTS = (
    Doubt(
        lambda found: found.contrast[_FLAIR] < 0.8,
        "the contrast is not clearly that of FLAIR",
    ),
    Doubt(
        lambda found: found.pose.fit < CLEAR_FIT,
        "the ventricles are not clearly seen, dark and in their place, as in FLAIR",
    ),
    Doubt(
        lambda found: _fluid_share(found) > BRIGHTEST_FLUID,
        "fluid in the ventricles is not dark, as it is in FLAIR",
    ),
    Doubt(lambda found: _brain_ml(found) < 700, "only a part of the brain is seen"),
    Doubt(
        lambda found: _brain_ml(found) > DOUBTFUL_BRAIN_ML,
        "more is taken for brain than a head holds",
    ),
    Doubt(_is_cut_off, "the brain is cut off at the edge of the scan"),
    Doubt(lambda found: max(found.scan.spacing_mm) > 10, "slices lie more than 10 mm apart"),
    Doubt(
        lambda found: min(found.scan.spacing_mm) > 2, "voxels are larger than 2 mm on every side"
    ),
)
"""Why the detector abstains from a verdict; lesions are given all the same."""


def scan_doubts(found: FoundLesions, quality: ScanQuality) -> tuple[str, ...]:
    """Why a verdict on this scan could not be trusted; () where there is no doubt."""
    doubts = [doubt.sentence for doubt in DOUBTS if doubt.holds(found)]
    if found.pose.name != UPRIGHT:
        doubts.append(f"the head lies {found.pose.name}, by the header: sides are named wrongly")
    for measure, most, sentence in QUALITY_DOUBTS:
        value = getattr(quality, measure)
        if value is not None and value > most:
            doubts.append(sentence.format(value))
    return tuple(doubts)


def scan_cautions(found: FoundLesions) -> tuple[str, ...]:
    """What else there is to know of this scan, though a verdict may be given."""
    return tuple(caution.sentence for caution in CAUTIONS if caution.holds(found))
