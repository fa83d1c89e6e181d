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

from made_up_detection import BOX, detection_of
from mslesion import batch
from mslesion.cli import main
from mslesion.detection import Detection
from mslesion.detector import Detector
from mslesion.read import read_scan

HEADER_FIELDS = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
EXTENSION_CODES = {"DICOM": 2, "AFNI": 4, "comment": 6}
SIDECAR_KEYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientAddress", "InstitutionName",
    "OperatorsName", "ReferringPhysicianName", "AccessionNumber", "StationName",
    "DeviceSerialNumber",
)  # fmt: skip
DESCRIPTION_KEYS = ("Authors", "Acknowledgements", "Funding", "EthicsApprovals")
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


def test_of_forty_planted_names_none_comes_out(
    dataset: Path,
    canaries: Canaries,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No file, no file's name and no line of the terminal holds one of them."""

    def detect(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
        return detection_of(read_scan(path, volume), name, boxes=(BOX,), identity=detector.identity)

    monkeypatch.setattr(batch, "detect_scan", detect)
    monkeypatch.chdir(dataset)
    assert main(["detect", ".", "--output", "derivatives/mslesion"]) == 3
    assert len(canaries.planted) == 40
    output = dataset / "derivatives" / "mslesion"
    written = {path.relative_to(output).as_posix(): data for path, data in _written(output)}
    terminal = "".join(capsys.readouterr()).encode()
    assert "sub-01/anat/sub-01_label-L_mask.nii.gz" in written
    for canary in canaries.planted:
        found = [name for name, data in written.items() if canary.encode() in name.encode() + data]
        assert found == [], canary
        assert canary.encode() not in terminal
