"""What makes a scan doubtful: at the limit of each measure and beyond it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mslesion.lesions.contrast import scan_doubts
from mslesion.lesions.detection import FoundLesions
from mslesion.lesions.quality import MOST_BIAS, MOST_GHOST, MOST_NOISE, UNMEASURED, ScanQuality
from mslesion.scan import Scan
from mslesion.simulate.anatomy import load_anatomy


@pytest.fixture
def found() -> FoundLesions:
    """A whole brain with its ventricles in a FLAIR scan, without lesions."""
    anatomy = load_anatomy()
    ventricles = np.zeros_like(anatomy.brain)
    ventricles[anatomy.box] = anatomy.box_ventricles
    brain, ventricles = anatomy.brain[::2, ::2, ::3], ventricles[::2, ::2, ::3]
    voxels = np.where(ventricles, 0.3, brain).astype(np.float32)
    scan = Scan.from_stored(voxels, np.diag([2.0, 2.0, 3.0, 1.0]))
    nothing = np.zeros(brain.shape, bool)
    return FoundLesions(
        scan, nothing.astype(np.float32), nothing, brain, ventricles, (0.98, 0.01, 0.01), ()
    )


@pytest.mark.parametrize(
    ("quality", "phrase"),
    [
        (ScanQuality(noise_share=MOST_NOISE + 0.05), "noise is strong: 15% of the tissue's signal"),
        (ScanQuality(bias_ratio=MOST_BIAS + 0.3), "tissue differs by a factor of 1.8"),
        (ScanQuality(ghost_share=MOST_GHOST + 0.02), "ghosts beside the head"),
    ],
)
def test_bad_quality_is_told_with_its_measure(
    found: FoundLesions, quality: ScanQuality, phrase: str
) -> None:
    """Noise, bias and ghosts beyond what good scans have are each a reason to abstain."""
    (doubt,) = scan_doubts(found, quality)
    assert phrase in doubt


def test_a_good_scan_is_not_doubted(found: FoundLesions) -> None:
    """At the limits themselves, and where nothing could be measured, there is no doubt."""
    assert scan_doubts(found, ScanQuality(MOST_NOISE, MOST_BIAS, MOST_GHOST)) == ()
    assert scan_doubts(found, UNMEASURED) == ()


def test_bright_fluid_is_not_flair(found: FoundLesions) -> None:
    """Ventricles nearly as bright as tissue, as in PD images, are a doubt about the contrast."""
    voxels = np.where(found.ventricles, 0.9, found.scan.voxels).astype(np.float32)
    bright = replace(found, scan=replace(found.scan, voxels=voxels))
    assert scan_doubts(bright, UNMEASURED) == (
        "fluid in the ventricles is not dark, as it is in FLAIR",
    )


def _another_size(found: FoundLesions, spacing_mm: tuple[float, float, float]) -> FoundLesions:
    scan = Scan.from_stored(found.scan.voxels, np.diag([*spacing_mm, 1.0]))
    return replace(found, scan=scan)


def _half_a_brain(found: FoundLesions) -> FoundLesions:
    brain = found.brain.copy()
    brain[:, :, brain.shape[2] // 3 :] = False
    return replace(found, brain=brain)


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        (
            lambda found: replace(found, contrast=(0.79, 0.2, 0.01)),
            "the contrast is not clearly that of FLAIR",
        ),
        (
            lambda found: replace(found, ventricles=np.zeros_like(found.ventricles)),
            "the ventricles are not clearly seen, dark and in their place, as in FLAIR",
        ),
        (_half_a_brain, "only a part of the brain is seen"),
        (
            lambda found: _another_size(found, (2.6, 2.6, 3.9)),
            "more is taken for brain than a head holds",
        ),
        (
            lambda found: _another_size(found, (2.0, 2.0, 10.1)),
            "slices lie more than 10 mm apart",
        ),
        (
            lambda found: _another_size(found, (2.1, 2.1, 3.0)),
            "voxels are larger than 2 mm on every side",
        ),
    ],
    ids=["contrast", "ventricles", "part of a brain", "too large", "far apart", "coarse"],
)
def test_each_doubt_has_its_limit(
    found: FoundLesions, changed: Callable[[FoundLesions], FoundLesions], doubt: str
) -> None:
    """A good scan has none of them, and just beyond a limit the sentence says which."""
    assert doubt not in scan_doubts(found, UNMEASURED)
    assert doubt in scan_doubts(changed(found), UNMEASURED)
