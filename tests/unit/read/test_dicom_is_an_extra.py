"""DICOM needs libraries of its own; all else works without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from dicom_files import Volume, classic, write_series
from mslesion.write.nifti import write_nifti

PROGRAM = """
import sys
from pathlib import Path
sys.modules["pydicom"] = sys.modules["highdicom"] = None
from mslesion.errors import MissingExtraError
from mslesion.read import load, read_cohort
import mslesion.batch, mslesion.commands.detection
nifti, dicom = map(Path, sys.argv[1:])
load(read_cohort(nifti).people[0].scans[0])
try:
    read_cohort(dicom)
except MissingExtraError as error:
    sys.stdout.write(error.remedy)
"""


def test_nifti_is_read_without_pydicom_and_dicom_names_the_extra(tmp_path: Path) -> None:
    """Where pydicom cannot be imported, NIfTI is read, and a DICOM folder says what to install."""
    voxels = np.random.default_rng(0).integers(0, 99, (8, 9, 5)).astype(np.int16)
    write_nifti(tmp_path / "scan.nii", voxels, np.eye(4))
    write_series(classic(Volume(voxels, np.eye(4))), tmp_path / "dicom")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "scan.nii"), str(tmp_path / "dicom")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == "pip install 'mslesion[dicom]'"
