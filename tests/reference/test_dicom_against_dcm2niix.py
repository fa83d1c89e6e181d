"""The same series read by mslesion and converted by dcm2niix: one scan."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dicom_files import Volume, classic, enhanced, write, write_series
from mslesion.read import load, read_cohort, read_scan

AXIAL = np.array([[-0.9, 0, 0, 20], [0, -0.9, 0, 25], [0, 0, 5.0, -30], [0, 0, 0, 1]])
SAGITTAL = np.array([[0, 0, 1.2, -8], [-1.0, 0, 0, 20], [0, -1.0, 0, 25], [0, 0, 0, 1]])
CORONAL = np.array([[-1.0, 0, 0, 20], [0, 0, 1.5, -9], [0, -1.0, 0, 25], [0, 0, 0, 1]])


def _tilted(degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return tilt @ AXIAL


AFFINES = {"axial": AXIAL, "oblique": _tilted(17), "sagittal": SAGITTAL, "coronal": CORONAL}


@pytest.fixture(scope="module")
def dcm2niix() -> str:
    """The program of the PyPI package, or a skip that says so."""
    beside = Path(sys.executable).with_name("dcm2niix")
    program = str(beside) if beside.is_file() else shutil.which("dcm2niix")
    if program is None:
        pytest.skip("dcm2niix is not installed")
    return program


@pytest.mark.parametrize("orientation", AFFINES)
@pytest.mark.parametrize("kind", ["classic", "enhanced, scrambled"])
def test_voxels_affine_and_orientation_agree_with_dcm2niix(
    orientation: str, kind: str, dcm2niix: str, tmp_path: Path
) -> None:
    """Voxels are equal, and none lies further apart than 0.01 mm."""
    rng = np.random.default_rng(5)
    voxels = rng.integers(0, 4000, (40, 48, 9)).astype(np.uint16)
    volume = Volume(voxels, AFFINES[orientation])
    folder = tmp_path / "dicom"
    if kind == "classic":
        write_series(classic(volume), folder)
    else:
        write(enhanced(volume, rng.permutation(9).tolist()), folder / "x")
    ours = load(read_cohort(folder).people[0].scans[0]).scan
    (tmp_path / "nifti").mkdir()
    command = [dcm2niix, "-z", "n", "-f", "theirs", "-o", str(tmp_path / "nifti"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    theirs = read_scan(tmp_path / "nifti" / "theirs.nii")
    np.testing.assert_array_equal(ours.voxels, theirs.voxels)
    assert ours.grid.matches(theirs.grid, tolerance_mm=0.01)
