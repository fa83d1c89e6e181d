"""Names of people, sites and folders that lie around a scan do not come out with its results."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from test_dicom_catalogue import good_volume

from dicom_files import classic, write
from made_up_detection import BOX, detection_of
from mslesion import batch
from mslesion.cli import main
from mslesion.detection import Detection
from mslesion.detector import Detector
from mslesion.read import read_scan
from mslesion.read.inputs import input_sha256

HEADER_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
EXTENSION_CODES = {"DICOM": 2, "AFNI": 4, "comment": 6}
SIDECAR_KEYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientAddress", "InstitutionName",
    "OperatorsName", "ReferringPhysicianName", "AccessionNumber", "StationName",
    "DeviceSerialNumber",
)  # fmt: skip
DESCRIPTION_KEYS = ("Authors", "Acknowledgements", "Funding", "EthicsApprovals")
DICOM_KEYWORDS = (
    "PatientName", "PatientID", "OtherPatientNames", "PatientAddress", "PatientComments",
    "InstitutionName", "InstitutionalDepartmentName", "ReferringPhysicianName",
    "PerformingPhysicianName", "OperatorsName", "RequestedProcedureDescription",
    "StudyDescription", "AccessionNumber", "StudyID", "StationName", "DeviceSerialNumber",
    "ImageComments",
)  # fmt: skip
TABLE_COLUMNS = ("name", "birth_date", "address", "hospital", "physician")


class Canaries:
    """Words that occur nowhere else; each is given out once."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def next(self) -> str:
        """One more, short enough for every field of a header."""
        self.planted.append(f"Tweet{len(self.planted):02d}")
        return self.planted[-1]


def _write_scan(path: Path, voxels: np.ndarray, canaries: Canaries) -> None:
    """A scan with canaries in its header, its extensions, and the header of its gzip stream."""
    image = nib.Nifti1Image(voxels, np.diag([5.0, 5.0, 6.0, 1.0]))
    for field in HEADER_FIELDS:
        image.header[field] = canaries.next().encode()
    for code in EXTENSION_CODES.values():
        content = canaries.next().encode()
        image.header.extensions.append(nib.nifti1.Nifti1Extension(code, content))
    name, comment = (canaries.next().encode() + b"\0" for _ in range(2))
    flags = 0x08 | 0x10  # RFC 1952: FNAME and FCOMMENT follow
    head = struct.pack("<4BI2B", 0x1F, 0x8B, 8, flags, 0, 0, 255) + name + comment
    path.write_bytes(head + gzip.compress(image.to_bytes(), mtime=0)[10:])


@pytest.fixture
def canaries() -> Canaries:
    """Forty of them, once the dataset is made."""
    return Canaries()


@pytest.fixture
def dataset(tmp_path: Path, canaries: Canaries) -> Path:
    """Two people, of whom one has no usable scan, amid names in every place that has room."""
    folder = tmp_path.joinpath(*(canaries.next() for _ in range(5)))
    anat, broken = folder / "sub-01" / "anat", folder / "sub-02" / "anat"
    for place in (anat, broken):
        place.mkdir(parents=True)
    voxels = np.random.default_rng(0).normal(100, 5, (24, 28, 10)).astype(np.int16)
    _write_scan(anat / "sub-01_FLAIR.nii.gz", voxels, canaries)
    (broken / "sub-02_FLAIR.nii.gz").write_bytes(canaries.next().encode())
    sidecar = {key: canaries.next() for key in SIDECAR_KEYS}
    (anat / "sub-01_FLAIR.json").write_text(json.dumps(sidecar))
    (anat / f"sub-01_acq-{canaries.next()}_T1w.nii.gz").touch()
    (anat / f"sub-01_desc-{canaries.next()}_mask.nii.gz").touch()
    columns = "\t".join(("participant_id", "group", *TABLE_COLUMNS))
    row = "\t".join(("sub-01", "MS", *(canaries.next() for _ in TABLE_COLUMNS)))
    (folder / "participants.tsv").write_text(f"{columns}\n{row}\n")
    about = {"Name": "A study", "BIDSVersion": "1.10.0"}
    about |= {key: canaries.next() for key in DESCRIPTION_KEYS}
    (folder / "dataset_description.json").write_text(json.dumps(about))
    for name in ("README", "CHANGES", "participants.json"):
        (folder / name).write_text(json.dumps({"about": canaries.next()}))
    return folder


def _written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield path, gzip.decompress(content) if path.suffix == ".gz" else content


def _require_none_came_out(canaries: Canaries, output: Path, terminal: str = "") -> None:
    """No file below ``output``, none of their names, and no line of the terminal holds one."""
    written = {path.relative_to(output).as_posix(): data for path, data in _written(output)}
    assert written
    for canary in canaries.planted:
        found = [name for name, data in written.items() if canary.encode() in name.encode() + data]
        assert found == [], canary
        assert canary not in terminal


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings that are made up, in place of the network's: only what is written matters."""

    def detect(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
        return detection_of(
            read_scan(path, volume), name, boxes=(BOX,), identity=detector.identity,
            input_sha256=input_sha256(path),
        )  # fmt: skip

    monkeypatch.setattr(batch, "detect_scan", detect)


@pytest.mark.usefixtures("quick")
def test_of_forty_planted_names_none_comes_out(
    dataset: Path,
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No file, no file's name and no line of the terminal holds one of them."""
    monkeypatch.chdir(dataset)
    assert main(["detect", ".", "--output", "derivatives/mslesion"]) == 3
    assert len(canaries.planted) == 40
    output = dataset / "derivatives" / "mslesion"
    terminal = "".join(capsys.readouterr())
    assert (output / "sub-01/anat/sub-01_label-L_mask.nii.gz").is_file()
    _require_none_came_out(canaries, output, terminal)


@pytest.mark.usefixtures("quick")
def test_none_comes_out_into_a_folder_elsewhere(
    dataset: Path, canaries: Canaries, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dataset by its absolute path, results beside it: no folder on the way between is named.

    The line of a scan that is refused names its file as it was given, on standard error alone.
    """
    output = tmp_path / "out"
    for level in ("participant", "group"):
        assert main([str(dataset), str(output / "app"), level]) == 3
    assert main(["detect", str(dataset), "--output", str(output / "whole")]) == 3
    assert (output / "app/cohort_report.html").is_file()
    _require_none_came_out(canaries, output, capsys.readouterr().out)


@pytest.mark.usefixtures("quick")
def test_none_of_single_scans_comes_out(
    dataset: Path, canaries: Canaries, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good file and a refused one, each by its absolute path."""
    output = tmp_path / "out"
    for name, code in (("sub-01", 0), ("sub-02", 4)):
        scan = dataset / name / "anat" / f"{name}_FLAIR.nii.gz"
        assert main(["detect", str(scan), "--output", str(output)]) == code
    assert json.loads((output / "run.json").read_text())["set_aside"] == 1
    _require_none_came_out(canaries, output, capsys.readouterr().out)


@pytest.mark.usefixtures("quick")
def test_none_of_a_dicom_study_comes_out(
    canaries: Canaries, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folders, files, every tag that has room for a name; with DICOM objects out, too."""
    folder = tmp_path.joinpath(*(canaries.next() for _ in range(4)))
    people = {keyword: canaries.next() for keyword in DICOM_KEYWORDS}
    for number, data in enumerate(classic(good_volume())):
        for keyword, name in people.items():
            setattr(data, keyword, name)
        write(data, folder / f"{canaries.next()}_{number}.dcm")
    output = tmp_path / "out"
    assert main(["detect", str(folder), "--dicom-seg", "--output", str(output)]) == 0
    assert len(list(output.glob("*.dcm"))) == 3
    _require_none_came_out(canaries, output, "".join(capsys.readouterr()))


COMMANDS: dict[str, tuple[str, ...]] = {
    "detections": ("detect", "COHORT"),
    "measures": ("evaluate", "BEFORE/detections", "COHORT"),
    "comparison": ("compare", "BEFORE/detections", "COHORT/derivatives/manual",
                   "--reference", "COHORT"),
    "audit": ("audit", "COHORT"),
    "frozen": ("split", "COHORT"),
    "model": ("train", "--data", "COHORT", "--label", "lesion", "--classifier", "tree"),
    "answers": ("predict", "BEFORE/model", "--data", "COHORT"),
    "of-model": ("evaluate", "BEFORE/model", "COHORT"),
    "maps": ("explain", "BEFORE/model", "--data", "COHORT"),
    "frozen-measures": ("evaluate", "BEFORE/detections", "COHORT", "--split",
                        "BEFORE/frozen/split.json"),
    "study": ("reproduce", "--data", "COHORT", "--split", "BEFORE/frozen/split.json"),
    "card": ("card", "BEFORE/study"),
}  # fmt: skip
"""What is written from scans, in an order in which each finds what it needs; by its folder."""


SLOW = ("audit", "study", "card")
"""They fit many classifiers, or need the results of one that does."""


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "left_out", [SLOW, pytest.param((), marks=pytest.mark.slow)], ids=["quick ones", "all"]
)
def test_none_comes_out_of_any_command(
    left_out: tuple[str, ...],
    canaries: Canaries,
    make_bids_cohort,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a command writes names neither the folders of its data nor those of other results."""
    place = tmp_path.joinpath(*(canaries.next() for _ in range(3)))
    people = {f"{i:02d}": "MS" if i < 8 else "control" for i in range(16)}
    cohort = make_bids_cohort(place / canaries.next(), people)
    about = {"Name": "A study", "BIDSVersion": "1.10.0", "Authors": [canaries.next()]}
    (cohort / "dataset_description.json").write_text(json.dumps(about))
    sidecar = {key: canaries.next() for key in SIDECAR_KEYS}
    (cohort / "sub-01/anat/sub-01_FLAIR.json").write_text(json.dumps(sidecar))
    table = cohort / "participants.tsv"
    head, *rows = table.read_text().splitlines()
    named = [f"{head}\tname", *(f"{row}\t{canaries.next()}" for row in rows)]
    table.write_text("\n".join(named) + "\n")
    before = place / canaries.next()
    for name, words in COMMANDS.items():
        if name in left_out:
            continue
        asked = [w.replace("COHORT", str(cohort)).replace("BEFORE", str(before)) for w in words]
        assert main([*asked, "--output", str(before / name)]) in {0, 7}, name
    _require_none_came_out(canaries, before)
    assert {path.name for path in before.iterdir()} == set(COMMANDS) - set(left_out)
    written = capsys.readouterr().out.replace(str(before), "")
    assert [canary for canary in canaries.planted if canary in written] == []
