"""One real scan as NIfTI, as a BIDS dataset and as DICOM: the same lesions."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import aff2axcodes

import mslesion
from dicom_files import Volume, classic, write_series
from mslesion.read import load, read_cohort

PERSON = "sub-101228"


def test_one_scan_has_the_same_lesions_as_nifti_bids_and_dicom(
    real_data: Path, tmp_path: Path
) -> None:
    """Its values are integers, which DICOM holds as they are: the masks are equal in RAS+ order."""
    image_file = real_data / "tabriz" / PERSON / "anat" / f"{PERSON}_FLAIR.nii.gz"
    image = nib.load(image_file)
    voxels = np.asarray(image.dataobj)
    assert voxels.dtype == np.int16
    assert aff2axcodes(image.affine) == ("L", "A", "S")
    write_series(classic(Volume(voxels, image.affine)), tmp_path / "dicom")
    bids = {p.person_id: p.scans[0] for p in read_cohort(real_data / "tabriz").people}[PERSON]
    dicom = read_cohort(tmp_path / "dicom").people[0].scans[0]
    as_bids, as_dicom = load(bids).scan, load(dicom).scan
    assert bids.image.samefile(image_file)
    np.testing.assert_array_equal(as_bids.voxels, as_dicom.voxels)
    assert as_bids.grid.matches(as_dicom.grid, tolerance_mm=1e-4)
    from_nifti, from_dicom = mslesion.detect(image_file), mslesion.detect(tmp_path / "dicom")
    assert from_nifti.lesion_count > 0
    np.testing.assert_array_equal(from_nifti.mask, from_dicom.mask)
    assert from_nifti.lesion_count == from_dicom.lesion_count
