"""A detection made by hand, for tests of what becomes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff
from numpy.typing import NDArray

from mslesion.detection import Detection, DetectorIdentity
from mslesion.lesions.findings import SliceFinding, measure_lesions
from mslesion.scan import Scan
from mslesion.verdict import Verdict

SHAPE = (9, 10, 7)
"""Of the made-up scans, along right, anterior, superior."""

ANOTHER_BOX = (slice(6, 8), slice(6, 9), slice(5, 6))
BOX = (slice(2, 5), slice(3, 6), slice(1, 4))
"""Two lesions of 27 and 6 voxels, in the same order of axes."""

IDENTITY = DetectorIdentity("made-up", "ab" * 32, 0.5, 0.5, 3.0, is_calibrated=True)


def oblique_scan(axis_codes: str = "RAS", source: Path | None = None) -> Scan:
    """A scan whose file stores its axes in this order, tilted by some degrees."""
    angle = np.deg2rad(11.0)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    canonical = tilt @ np.diag([0.9, 1.1, 3.0, 1.0])
    canonical[:3, 3] = [-4.0, 7.0, -9.0]
    order = axcodes2ornt(tuple(axis_codes))
    shape = tuple(SHAPE[int(axis)] for axis in order[:, 0])
    # As NIfTI keeps it, so that the file's affine is this one to the bit.
    affine = (canonical @ np.linalg.inv(inv_ornt_aff(order, shape))).astype(np.float32)
    voxels = np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)
    voxels[0, 0] = 0  # air
    return Scan.from_stored(voxels, affine.astype(np.float64), source)


def detection_of(
    scan: Scan, name: str = "sub-1", *, boxes: tuple[tuple[slice, ...], ...] = (BOX, ANOTHER_BOX),
    identity: DetectorIdentity = IDENTITY, input_sha256: str = "cd" * 32,
) -> Detection:  # fmt: skip
    """The lesions in these boxes, as if a detector had found them."""
    mask: NDArray[np.bool_] = np.zeros(scan.grid.shape, bool)
    for box in boxes:
        mask[box] = True
    probability = np.where(mask, np.float32(0.75), np.float32(0.125))
    nothing = np.zeros(scan.grid.shape, bool)
    verdict = Verdict(
        None if not boxes else 0.875,
        "" if boxes else "only a part of the brain is seen",
        "Findings compatible with multiple sclerosis" if boxes else "No verdict",
        (0.02, 0.0, 0.05),
        (0.05, 0.01, 0.1),
        0.5,
    )
    slices = tuple(
        SliceFinding(k, float(3 * k), float(mask[:, :, k].sum()), 0.5, None if k == 0 else 0.25)
        for k in range(scan.grid.shape[2])
    )
    return Detection(
        name, scan, mask, probability, ~nothing, nothing,
        measure_lesions(mask, probability, nothing, scan), slices, verdict,
        () if boxes else ("only a part of the brain is seen",), identity, input_sha256,
    )  # fmt: skip
