"""DICOM out: what is written is read back with highdicom, and held against a validator."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from dicom_files import (
    FRAME_OF_REFERENCE,
    PERSON,
    SERIES,
    STUDY,
    Volume,
    classic,
    enhanced,
    write,
    write_series,
)
from made_up_detection import ANOTHER_BOX, BOX, detection_of
from mslesion.cli import main
from mslesion.detection import Detection
from mslesion.errors import ScanError, UsageError
from mslesion.read import load, read_cohort
from mslesion.read.detections import DetectionFiles
from mslesion.read.dicom.stream import quiet_pydicom
from mslesion.write.nifti import write_nifti

SHAPE = (20, 24, 9)
TWO, NONE = (BOX, ANOTHER_BOX), ()
HIGHDICOM = "1.2.826.0.1.3680043.10.511.3."
"""What UIDs begin with that highdicom draws."""


def _volume() -> Volume:
    angle = np.deg2rad(17)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = tilt @ np.diag([-0.9, -1.1, 5.0, 1.0])
    rng = np.random.default_rng(2)
    return Volume(rng.integers(0, 900, SHAPE).astype(np.uint16), affine)


def _detection(folder: Path, kind: str, boxes: tuple[tuple[slice, ...], ...]) -> Detection:
    volume, rng = _volume(), np.random.default_rng(3)
    if kind == "classic":
        write_series(classic(volume), folder)
    else:
        write(enhanced(volume, rng.permutation(SHAPE[2]).tolist()), folder / "x")
    scan_file = read_cohort(folder).people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name, boxes=boxes)
    probability = np.where(found.mask, 0.75, rng.random(found.mask.shape) / 4).astype(np.float32)
    return replace(found, probability=probability)


@pytest.mark.parametrize("kind", ["classic", "enhanced, scrambled"])
@pytest.mark.parametrize("boxes", [TWO, NONE], ids=["two lesions", "no lesion"])
def test_objects_read_back_are_the_nifti_files(
    kind: str, boxes: tuple[tuple[slice, ...], ...], tmp_path: Path
) -> None:
    """Mask and grid are those of the NIfTI mask, probabilities within half a step of 1/255."""
    from highdicom.seg import segread

    found = _detection(tmp_path / "in", kind, boxes)
    found.save(tmp_path / "out", dicom_seg=True)
    files = DetectionFiles(tmp_path / "out", found.name)
    nifti = (nib.load(files.mask), nib.load(files.probability))
    for path, image, tolerance in zip(files.dicom[:2], nifti, (0, 0.5 / 255), strict=True):
        volume = segread(path).get_volume(rescale_fractional=True)
        values, affine_lps = volume.array[..., 0], volume.affine
        # highdicom's axes run over slices, rows and columns, from the last slice to the first.
        to_lps = np.diag([-1.0, -1.0, 1.0, 1.0])
        theirs = nib.as_closest_canonical(nib.Nifti1Image(values.astype("f4"), to_lps @ affine_lps))
        ours = nib.as_closest_canonical(image)
        np.testing.assert_allclose(theirs.affine, ours.affine, atol=1e-3)
        assert theirs.shape == ours.shape
        assert np.abs(theirs.get_fdata() - ours.get_fdata()).max() <= tolerance + 1e-6


def test_the_report_holds_the_number_and_the_volumes(tmp_path: Path) -> None:
    """A TID 1500 report that highdicom reads: all lesions on the segment, and each by itself."""
    from highdicom.sr import srread

    found = _detection(tmp_path / "in", "classic", TWO)
    found.save(tmp_path / "out", dicom_seg=True)
    mask_file, _, report_file = DetectionFiles(tmp_path / "out", found.name).dicom
    content = srread(report_file).content
    (together,) = content.get_volumetric_roi_measurement_groups()
    told = {m.name.value: m.value for m in together.get_measurements()}
    assert told == {
        "246206008": 2, "118565006": pytest.approx(found.lesion_volume_ml * 1000, abs=0.1)
    }  # fmt: skip
    single = content.get_image_measurement_groups()
    volumes = [m.value for group in single for m in group.get_measurements()]
    assert volumes == pytest.approx([lesion.volume_mm3 for lesion in found.lesions], abs=1e-3)
    assert together.referenced_segment is not None
    assert mask_file.is_file()


@pytest.mark.parametrize("keep_patient", [False, True], ids=["left out", "kept"])
def test_objects_belong_to_the_study_and_name_the_patient_only_if_asked(
    keep_patient: bool, tmp_path: Path
) -> None:
    """Same study, series of their own, references to the source, and no canary unasked."""
    found = _detection(tmp_path / "in", "classic", TWO)
    found.save(tmp_path / "out", dicom_seg=True, keep_patient=keep_patient)
    for path in DetectionFiles(tmp_path / "out", found.name).dicom:
        data = pydicom.dcmread(path)
        assert data.StudyInstanceUID == STUDY
        assert data.SeriesInstanceUID != SERIES
        assert SERIES.encode() in path.read_bytes()
        told = [v for v in PERSON.values() if len(v) > 1 and v.encode() in path.read_bytes()]
        if keep_patient:
            assert (data.PatientID, data.StudyDate) == (PERSON["PatientID"], "20200102")
            assert "PatientIdentityRemoved" not in data
        else:
            assert told == []
            assert (data.PatientID, data.ContentDate) == ("", "19700101")
            assert data.PatientIdentityRemoved == "YES"
            assert "UIDs of the source retained" in data.DeidentificationMethod
        assert PERSON["InstitutionName"] not in told


@pytest.mark.parametrize(
    ("tag", "value", "told"),
    [
        ("PatientSex", "U", ""),
        ("PatientSex", "m", "M"),
        ("PatientBirthDate", "1960", ""),
        ("PatientBirthDate", "196012", ""),
        ("PatientBirthDate", "anonymous", ""),
        ("StudyDate", "00000000", ""),
        ("StudyDate", "2020.01.02", ""),
        ("StudyTime", "later", ""),
    ],
)
def test_values_that_the_standard_forbids_are_left_empty(
    tag: str, value: str, told: str, tmp_path: Path
) -> None:
    """As archives hold them: the objects are written, and say nothing of it."""
    with quiet_pydicom():
        files = classic(_volume())
        for data in files:
            setattr(data, tag, value)
        write_series(files, tmp_path / "in")
    scan_file = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name, boxes=TWO)
    found.save(tmp_path / "out", dicom_seg=True, keep_patient=True)
    for path in DetectionFiles(tmp_path / "out", found.name).dicom:
        assert str(pydicom.dcmread(path).get(tag) or "") == told


def _of_each_frame(data: FileDataset) -> None:
    """Orientation and measures told of each frame, and of none together."""
    (shared,) = data.SharedFunctionalGroupsSequence
    for name in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
        for frame in data.PerFrameFunctionalGroupsSequence:
            setattr(frame, name, shared.get(name))
        delattr(shared, name)


def test_frames_may_each_tell_what_is_common_to_them(tmp_path: Path) -> None:
    """As some scanners write enhanced files: the objects are those of one that tells it once."""
    data = enhanced(_volume())
    write(data, tmp_path / "once" / "x")
    _of_each_frame(data)
    write(data, tmp_path / "each" / "x")
    for kind in ("once", "each"):
        scan_file = read_cohort(tmp_path / kind).people[0].scans[0]
        found = detection_of(load(scan_file).scan, "x", boxes=TWO)
        found.save(tmp_path / f"{kind}-out", dicom_seg=True)
    masks = [DetectionFiles(tmp_path / f"{kind}-out", "x").dicom[0] for kind in ("once", "each")]
    once, each = (pydicom.dcmread(path) for path in masks)
    assert np.array_equal(once.pixel_array, each.pixel_array)
    assert once.SharedFunctionalGroupsSequence == each.SharedFunctionalGroupsSequence


def test_slices_of_one_stack_that_are_written_unlike_are_referred_to(tmp_path: Path) -> None:
    """An orientation that differs in its last digit; loss in compression is told on."""
    files = classic(_volume())
    for data in files:
        data.LossyImageCompression = "01"
        data.LossyImageCompressionRatio = "10"
        data.LossyImageCompressionMethod = "ISO_10918_1"
    turned = [float(value) for value in files[3].ImageOrientationPatient]
    files[3].ImageOrientationPatient = [turned[0] + 1e-6, *turned[1:]]
    write_series(files, tmp_path / "in")
    scan_file = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name, boxes=TWO)
    found.save(tmp_path / "out", dicom_seg=True)
    mask = pydicom.dcmread(DetectionFiles(tmp_path / "out", found.name).dicom[0])
    assert mask.LossyImageCompression == "01"


def test_slices_of_two_frames_of_reference_have_no_object(tmp_path: Path) -> None:
    """Nothing could refer to them as one volume: one line, and no bug of ours."""
    files = classic(_volume())
    files[2].FrameOfReferenceUID = f"{FRAME_OF_REFERENCE}.9"
    write_series(files, tmp_path / "in")
    scan_file = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name, boxes=TWO)
    with pytest.raises(ScanError, match="several frames of reference"):
        found.save(tmp_path / "out", dicom_seg=True)


def test_objects_refer_to_the_images_whatever_their_uids_and_frames(tmp_path: Path) -> None:
    """A source whose UIDs highdicom drew too, and slices that say they are one frame."""
    files = classic(_volume())
    theirs = {
        "StudyInstanceUID": f"{HIGHDICOM}1",
        "SeriesInstanceUID": f"{HIGHDICOM}2",
        "FrameOfReferenceUID": f"{HIGHDICOM}3",
    }
    for number, data in enumerate(files):
        for name, uid in theirs.items():
            setattr(data, name, uid)
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = f"{HIGHDICOM}4.{number}"
        data.NumberOfFrames = 1
    write_series(files, tmp_path / "in")
    scan_file = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name)
    found.save(tmp_path / "out", dicom_seg=True)
    mask, probability, report = DetectionFiles(tmp_path / "out", found.name).dicom
    for path in (mask, probability):
        data = pydicom.dcmread(path)
        (series,) = data.ReferencedSeriesSequence
        assert (data.StudyInstanceUID, data.FrameOfReferenceUID, series.SeriesInstanceUID) == (
            theirs["StudyInstanceUID"],
            theirs["FrameOfReferenceUID"],
            theirs["SeriesInstanceUID"],
        )
        referred = {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence}
        assert referred == {f"{HIGHDICOM}4.{number}" for number in range(len(files))}
    assert pydicom.dcmread(report).StudyInstanceUID == theirs["StudyInstanceUID"]


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "M\u00fcller^J\u00f6rg"),
        (["", "ISO 2022 IR 87"], "Yamada^Taro=\u5c71\u7530^\u592a\u90ce"),
        ("ISO_IR 144", "\u0418\u0432\u0430\u043d\u043e\u0432^\u0418\u0432\u0430\u043d"),
    ],
)
def test_a_name_in_any_charset_is_kept_as_it_is(
    charset: str | list[str], name: str, tmp_path: Path
) -> None:
    """The objects are in UTF-8, whatever the source is in: an archive files both under one name."""
    voxels = np.random.default_rng(2).integers(0, 900, SHAPE).astype(np.uint16)
    tags = {"SpecificCharacterSet": charset, "PatientName": name}
    write_series(classic(Volume(voxels, np.diag([-1.0, -1.0, 5.0, 1.0]), tags)), tmp_path / "in")
    scan_file = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan_file).scan, scan_file.name)
    found.save(tmp_path / "out", dicom_seg=True, keep_patient=True)
    for path in DetectionFiles(tmp_path / "out", found.name).dicom:
        data = pydicom.dcmread(path)
        assert data.SpecificCharacterSet == "ISO_IR 192"
        assert str(data.PatientName) == name


def test_series_and_instances_have_numbers_and_names_of_their_own(tmp_path: Path) -> None:
    """As a list in an archive shows them: two series, told apart, beyond the scanner's numbers."""
    found = _detection(tmp_path / "in", "classic", TWO)
    found.save(tmp_path / "out", dicom_seg=True)
    told = [pydicom.dcmread(p) for p in DetectionFiles(tmp_path / "out", found.name).dicom]
    assert [(d.Modality, d.SeriesNumber, d.InstanceNumber) for d in told] == [
        ("SEG", 9001, 1), ("SEG", 9001, 2), ("SR", 9002, 1),
    ]  # fmt: skip
    assert all("mslesion, research use only" in d.SeriesDescription for d in told)
    assert len({d.SOPInstanceUID for d in told}) == 3
    assert len({d.SeriesInstanceUID for d in told}) == 2
    for data in told[:2]:
        (series,) = data.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == SERIES
        assert len(series.ReferencedInstanceSequence) == SHAPE[2]
        assert data.FrameOfReferenceUID == FRAME_OF_REFERENCE


def test_the_same_detection_gives_the_same_bytes(tmp_path: Path) -> None:
    """Nothing in an object is random or of the moment."""
    found = _detection(tmp_path / "in", "classic", TWO)
    for name in ("a", "b"):
        found.save(tmp_path / name, dicom_seg=True)
    for path in DetectionFiles(tmp_path / "a", found.name).dicom:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("kind", ["classic", "enhanced, scrambled"])
def test_a_validator_finds_no_error(kind: str, tmp_path: Path) -> None:
    """The program dciodvfy of dicom3tools, which reads the standard's tables."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    found = _detection(tmp_path / "in", kind, TWO)
    found.save(tmp_path / "out", dicom_seg=True)
    for path in DetectionFiles(tmp_path / "out", found.name).dicom:
        answer = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True)  # noqa: PLW1510, S607
        lines = (answer.stdout + answer.stderr).splitlines()
        assert [line for line in lines if line.startswith("Error")] == []


def test_a_later_run_without_objects_takes_the_earlier_ones_away(tmp_path: Path) -> None:
    """No object is left that is not of the detection beside it."""
    found = _detection(tmp_path / "in", "classic", TWO)
    found.save(tmp_path / "out", dicom_seg=True)
    files = DetectionFiles(tmp_path / "out", found.name)
    assert files.are_as_written()
    found.save(tmp_path / "out")
    assert files.are_as_written()
    assert not any(path.exists() for path in files.dicom)


def test_dicom_objects_of_nifti_are_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--dicom-seg says that it needs DICOM input, and --keep-patient that it needs --dicom-seg."""
    scan = tmp_path / "scan.nii"
    write_nifti(scan, np.random.default_rng(0).random(SHAPE).astype("f4"), np.eye(4))
    arguments = ["detect", str(scan), "--output", str(tmp_path / "out")]
    assert main([*arguments, "--dicom-seg"]) == 2
    assert "DICOM objects are made for DICOM input" in capsys.readouterr().err
    assert main([*arguments, "--keep-patient"]) == 2
    assert not (tmp_path / "out").exists()
    found = detection_of(load(read_cohort(scan).people[0].scans[0]).scan)
    with pytest.raises(UsageError, match="DICOM input"):
        found.save(tmp_path / "out", dicom_seg=True)
