"""One contract, run over every layout and every file format that can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dicom_files import Volume, classic, enhanced
from dicom_files import write as write_dicom
from mslesion.cohort.people import Cohort, Diagnosis
from mslesion.read import LAYOUTS, load, read_cohort
from mslesion.read.dicom.address import PATIENT, SERIES, short_name
from mslesion.read.nifti import FORMATS, read_scan
from mslesion.write.nifti import write_nifti

AFFINE = np.array([[0, 0, 1.5, -4], [-2.0, 0, 0, 7], [0, 3.0, 0, -9], [0, 0, 0, 1]])
"""A storage order of its own kind: stored axes run posterior, superior, right."""

SHAPE = (5, 6, 4)


def _image() -> NDArray[np.float32]:
    """Tissue, and a little air."""
    image = np.random.default_rng(3).normal(100, 20, SHAPE).astype(np.float32)
    image[0, 0, :4] = 0
    return image


def _mask() -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[1, 2, 3] = mask[1, 2, 2] = True
    return mask


def _pair(image: Path, mask: Path | None = None) -> None:
    write_nifti(image, _image(), AFFINE)
    if mask is not None:
        write_nifti(mask, _mask(), AFFINE)


def _png(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (7, 5), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def _bids(folder: Path) -> None:
    manual = folder / "derivatives" / "manual"
    for sub, ses in (("sub-1", "ses-a"), ("sub-1", "ses-b"), ("sub-2", "ses-a")):
        name = f"{sub}_{ses}"
        _pair(
            folder / sub / ses / "anat" / f"{name}_FLAIR.nii.gz",
            manual / sub / ses / "anat" / f"{name}_label-lesion_mask.nii.gz",
        )
    _pair(folder / "sub-10" / "anat" / "sub-10_FLAIR.nii")
    (folder / "participants.tsv").write_text(
        "participant_id\tage\tgroup\nsub-1\t40\tMS\nsub-2\t41\tHC\nsub-10\tn/a\tn/a\n"
    )


def _mendeley(folder: Path) -> None:
    for n in (1, 2, 10):
        home = folder / f"Patient-{n}"
        _pair(home / f"{n}-Flair.nii", home / f"{n}-LesionSeg-Flair.nii")
        _pair(home / f"{n}-T2.nii", home / f"{n}-LesionSeg-T2.nii")
    (folder / "Patient_info.xlsx").write_bytes(b"PK\x03\x04")


def _kaggle_crop(folder: Path) -> None:
    for group, prefix in (("Control Axial_crop", "C-A"), ("MS Axial_crop", "MS-A"),
                          ("Control Saggital_crop", "C-S")):  # fmt: skip
        for n in (1, 2):
            _png(folder / "MS" / group / f"{prefix} ({n}).png", seed=n)


def _kaggle_plain(folder: Path) -> None:
    for group, prefix in (("Control-Axial", "C-A"), ("MS-Axial", "MS-A"),
                          ("MS-Sagittal", "MS-S")):  # fmt: skip
        for n in (1, 2):
            _png(folder / group / f"{prefix} ({n}).png", seed=n)


def _open_ms_cross(folder: Path) -> None:
    for kind in ("raw", "coregistered"):
        for n in (1, 2):
            home = folder / "cross_sectional" / kind / f"patient0{n}"
            _pair(home / "FLAIR.nii.gz", home / "consensus_gt.nii.gz")
            _pair(home / "T1W.nii.gz")
    (folder / "cross_sectional" / "patient_info.csv").write_text("patient,age\n1,30\n")
    _pair(folder / "longitudinal" / "raw" / "patient01" / "study1_FLAIR.nii.gz")


def _open_ms_long(folder: Path) -> None:
    home = folder / "longitudinal" / "raw" / "patient01"
    for study in (1, 2):
        _pair(home / f"study{study}_FLAIR.nii.gz", home / "gt.nii.gz")
        _pair(home / f"study{study}_T1W.nii.gz")


def _volumes(folder: Path) -> None:
    _pair(folder / "a FLAIR.nii.gz")
    _pair(folder / "b_FLAIR.nii.gz", folder / "b_lesion_mask.nii.gz")
    _pair(folder / "b_T1.nii.gz")


def _dicom(folder: Path) -> None:
    """Two patients, each with one visit; their folders' names are nobody's business."""
    for number in (1, 2):
        stored = _image().astype(np.int16)
        for data in classic(Volume(stored, AFFINE)):
            data.PatientID = data.StudyInstanceUID = data.SeriesInstanceUID = f"1.2.{number}"
            write_dicom(data, folder / f"DOE{number}" / "x" / f"{data.InstanceNumber}")


MS, CONTROL = Diagnosis.MS, Diagnosis.CONTROL


@dataclass(frozen=True)
class Case:
    """A folder in one layout, and what must be found in it."""

    layout: str
    make: Callable[[Path], None]
    diagnoses: dict[str, Diagnosis | None]
    scans: list[str]
    with_mask: set[str]
    has_patient_names: bool = True
    name: str = "data"


CASES = [
    Case(
        "BIDS",
        _bids,
        {"sub-1": MS, "sub-2": CONTROL, "sub-10": None},
        ["sub-1_ses-a", "sub-1_ses-b", "sub-2_ses-a", "sub-10"],
        {"sub-1_ses-a", "sub-1_ses-b", "sub-2_ses-a"},
    ),
    Case(
        "Mendeley",
        _mendeley,
        {"Patient-1": MS, "Patient-2": MS, "Patient-10": MS},
        ["Patient-1", "Patient-2", "Patient-10"],
        {"Patient-1", "Patient-2", "Patient-10"},
    ),
    *(
        Case(
            "Kaggle",
            make,
            {"C-A-1": CONTROL, "C-A-2": CONTROL, "MS-A-1": MS, "MS-A-2": MS},
            ["C-A-1", "C-A-2", "MS-A-1", "MS-A-2"],
            set(),
            has_patient_names=False,
        )
        for make in (_kaggle_crop, _kaggle_plain)
    ),
    Case(
        "open_ms_data",
        _open_ms_cross,
        {"patient01": MS, "patient02": MS},
        ["patient01", "patient02"],
        {"patient01", "patient02"},
    ),
    Case(
        "open_ms_data",
        _open_ms_long,
        {"patient01": MS},
        ["patient01_study1", "patient01_study2"],
        set(),
    ),
    Case("folder of volumes", _volumes, {"a-FLAIR": None, "b": None}, ["a-FLAIR", "b"], {"b"}),
    Case(
        "DICOM",
        _dicom,
        {short_name(PATIENT, f"1.2.{n}"): None for n in (1, 2)},
        [short_name(SERIES, f"1.2.{n}") for n in (1, 2)],
        set(),
        name="DICOM",
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.make.__name__.strip("_"))
def case(request: pytest.FixtureRequest) -> Case:
    """One layout after another."""
    found: Case = request.param
    return found


@pytest.fixture
def cohort(case: Case, tmp_path: Path) -> Cohort:
    """The cohort that is read from a folder in the layout."""
    case.make(tmp_path / "data")
    return read_cohort(tmp_path / "data")


def test_every_layout_is_covered() -> None:
    """No layout stands in the table of readers without a case in this contract."""
    assert {case.layout for case in CASES} == {layout.name for layout in LAYOUTS}


def test_people_and_diagnoses(case: Case, cohort: Cohort) -> None:
    """The people, in the order of counting, and what is known of them are found."""
    assert cohort.layout == case.layout
    assert list(cohort.diagnoses.items()) == list(case.diagnoses.items())
    assert cohort.has_patient_names is case.has_patient_names
    assert cohort.set_aside == ()
    assert cohort.name == case.name


def test_scans_and_masks(case: Case, cohort: Cohort) -> None:
    """Each scan has a name of its own, and the mask that belongs to it."""
    scans = [scan for person in cohort.people for scan in person.scans]
    assert [scan.name for scan in scans] == case.scans
    assert {scan.name for scan in scans if scan.lesion_mask is not None} == case.with_mask


def test_loaded_scans(cohort: Cohort) -> None:
    """A loaded scan is float32 on axes closest to RAS+, and its mask lies on the same grid."""
    for person in cohort.people:
        for scan_file in person.scans:
            scan, mask = (loaded := load(scan_file)).scan, loaded.lesion_mask
            assert scan.grid.axis_codes == "RAS"
            assert scan.voxels.dtype == np.float32
            assert not scan.voxels.flags.writeable
            assert scan.source == scan_file.image
            if mask is not None:
                assert mask.dtype == bool
                assert mask.shape == scan.voxels.shape
                assert not mask.flags.writeable
                # Stored voxel (1, 2, 3): posterior 1, superior 2, right 3 of shape (5, 6, 4).
                assert np.argwhere(mask).tolist() == [[2, 3, 2], [3, 3, 2]]


def test_volumes_lie_where_the_file_puts_them(tmp_path: Path) -> None:
    """A voxel keeps its place in millimetres when its axes are put in order."""
    write_nifti(tmp_path / "s.nii", _image(), AFFINE)
    scan = read_scan(tmp_path / "s.nii")
    for stored_index in np.ndindex(SHAPE):
        world_mm = AFFINE @ [*stored_index, 1]
        x, y, z, _ = np.rint(np.linalg.inv(scan.grid.affine_vox_to_ras) @ world_mm).astype(int)
        assert scan.voxels[x, y, z] == _image()[stored_index]


def _nifti1(path: Path) -> None:
    write_nifti(path, _image(), AFFINE)


def _nifti2(path: Path) -> None:
    path.write_bytes(nib.Nifti2Image(_image(), AFFINE).to_bytes())


def _big_endian(path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    header.set_data_dtype(">f4")
    image = nib.Nifti1Image(_image(), AFFINE, header)
    assert image.header.endianness == ">"
    path.write_bytes(image.to_bytes())


def _mgh(path: Path) -> None:
    path.write_bytes(nib.MGHImage(_image(), AFFINE).to_bytes())


def _enhanced_dicom(path: Path) -> None:
    write_dicom(enhanced(Volume(_image().astype(np.int16), AFFINE)), path)


@pytest.mark.parametrize("write", [_nifti1, _nifti2, _big_endian, _mgh])
@pytest.mark.parametrize("name", ["s.nii", "s.NII", "s", "s.nii.gz"])
def test_formats_are_known_by_content(
    write: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    """Every volume format gives the same scan, whatever ending its file has."""
    _nifti1(tmp_path / "reference.nii.gz")
    (tmp_path / "plain").touch()
    write(tmp_path / "plain")
    (tmp_path / "plain").rename(tmp_path / name)
    scan, reference = read_scan(tmp_path / name), read_scan(tmp_path / "reference.nii.gz")
    np.testing.assert_array_equal(scan.voxels, reference.voxels)
    assert scan.stored_grid.matches(reference.stored_grid)
    assert scan.history == (() if name != "s.nii.gz" else ("named .gz, but not compressed",))


def test_every_format_is_covered() -> None:
    """NIfTI, PNG, MGH and DICOM are the formats; a new one needs its place in this contract."""
    assert len(FORMATS) == 4


@pytest.mark.parametrize("name", ["s.dcm", "s.nii", "s"])
def test_a_multi_frame_dicom_file_is_a_scan(name: str, tmp_path: Path) -> None:
    """It gives the scan that NIfTI gives of the same integers, whatever its file is called."""
    write_nifti(tmp_path / "reference.nii", _image().astype(np.int16), AFFINE)
    _enhanced_dicom(tmp_path / name)
    scan, reference = read_scan(tmp_path / name), read_scan(tmp_path / "reference.nii")
    np.testing.assert_array_equal(scan.voxels, reference.voxels)
    assert scan.grid.matches(reference.grid, tolerance_mm=1e-4)


@pytest.mark.parametrize("order", range(48))
def test_all_storage_orders_are_one_scan(order: int, tmp_path: Path) -> None:
    """The 48 ways to store one scan give identical voxels, and each can be gone back to."""
    axes = [(a, b, 3 - a - b) for a in range(3) for b in range(3) if a != b][order // 8]
    signs = [1 if order >> bit & 1 else -1 for bit in range(3)]
    to_ras = np.column_stack([axes, signs]).astype(float)
    ras_affine = np.diag([1.5, 2.0, 3.0, 1.0])
    ras_affine[:3, 3] = [-4, -1, -9]
    ras_voxels = _image()
    # The image as this order stores it: nibabel's inverse of its own way to RAS+.
    ras = nib.Nifti1Image(ras_voxels, ras_affine)
    stored = ras.as_reoriented(to_ras)
    stored_voxels = np.asarray(stored.dataobj)
    write_nifti(tmp_path / "s.nii.gz", stored_voxels, stored.affine)
    scan = read_scan(tmp_path / "s.nii.gz")
    np.testing.assert_array_equal(scan.voxels, ras_voxels)
    np.testing.assert_allclose(scan.grid.affine_vox_to_ras, ras_affine, atol=1e-5)
    np.testing.assert_array_equal(scan.to_stored_order(scan.voxels), stored_voxels)
