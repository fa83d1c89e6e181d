"""Measures of a scan's quality against what was put into it."""

from __future__ import annotations

import numpy as np
import pytest

from mslesion.lesions.quality import UNMEASURED, ScanQuality, measure_quality
from mslesion.scan import Scan

SHAPE, SPACING_MM = (160, 180, 12), (1.2, 1.2, 5.0)


def head() -> tuple[np.ndarray, np.ndarray]:
    """An ellipsoid of tissue at 100 in air, and the part of it that is brain."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    radius = (x / 62) ** 2 + (y / 74) ** 2 + (z / 60) ** 2
    return np.where(radius < 1, 100.0, 0.0), radius < 0.8


def measured(voxels: np.ndarray) -> ScanQuality:
    """The quality of these voxels in place of the head's."""
    scan = Scan.from_stored(voxels.astype(np.float32), np.diag([*SPACING_MM, 1.0]))
    brain = head()[1]
    return measure_quality(scan, brain, np.zeros_like(brain))


@pytest.mark.parametrize("share", [0.02, 0.06, 0.12])
def test_noise_is_measured_as_it_was_added(share: float) -> None:
    """Gaussian noise of 2, 6 and 12 % of the tissue's signal is found, to a sixth."""
    voxels = head()[0]
    noise = np.random.default_rng(0).normal(0, 100 * share, SHAPE)
    assert measured(np.abs(voxels + noise)).noise_share == pytest.approx(share, rel=0.16)


@pytest.mark.parametrize("ratio", [1.2, 2.0])
def test_a_bias_field_is_measured_as_it_was_put_on(ratio: float) -> None:
    """Tissue that brightens from left to right by a factor has most of it as its ratio."""
    voxels, brain = head()
    width = int(brain.any(axis=(1, 2)).sum())
    across = np.arange(SHAPE[0])[:, None, None] / width
    quality = measured(voxels * ratio**across)
    assert quality.bias_ratio is not None
    assert 1 + 0.5 * (ratio - 1) < quality.bias_ratio < ratio
    assert measured(head()[0]).bias_ratio == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("axis", [0, 1])
def test_ghosts_are_measured_along_either_axis(axis: int) -> None:
    """Copies of a tenth of the signal, shifted by half a field of view: about that much."""
    voxels = head()[0]
    ghosts = 0.1 * np.roll(voxels, SHAPE[axis] // 2, axis)
    found = measured(voxels + ghosts).ghost_share
    assert found is not None
    assert 0.04 < found < 0.1
    assert measured(voxels).ghost_share == pytest.approx(0, abs=1e-6)


def test_what_cannot_be_measured_is_not_made_up() -> None:
    """Without brain, or without air around the head, there is no value."""
    voxels, brain = head()
    scan = Scan.from_stored(voxels.astype(np.float32), np.diag([*SPACING_MM, 1.0]))
    nothing = np.zeros_like(brain)
    assert measure_quality(scan, nothing, nothing) == UNMEASURED
    tight = voxels[30:-30, 30:-30].astype(np.float32)
    cut = Scan.from_stored(tight, np.diag([*SPACING_MM, 1.0]))
    inside = brain[30:-30, 30:-30]
    assert measure_quality(cut, inside, np.zeros_like(inside)).ghost_share is None


@pytest.mark.parametrize(
    ("lowest_rows", "told"), [(SHAPE[0], "with skull"), (20, "with skull, without face")]
)
def test_no_face_is_missed_where_the_lower_head_is_not_in_the_image(
    lowest_rows: int, told: str
) -> None:
    """A brain that is widest in the lowest slice is cut off there; one that tapers is whole."""
    voxels, brain = head()
    brain[lowest_rows // 2 + SHAPE[0] // 2 :, :, 0] = False
    brain[: SHAPE[0] // 2 - lowest_rows // 2, :, 0] = False
    voxels[~brain & (voxels > 0) & (np.arange(SHAPE[2]) == 0)] = 50
    voxels[:, 160:, :6] = 0
    scan = Scan.from_stored(voxels.astype(np.float32), np.diag([*SPACING_MM, 1.0]))
    assert measure_quality(scan, brain, np.zeros_like(brain)).head == told
