"""The catalogue of faults of DICOM: what lies in a folder, and what ``mslesion detect`` must do.

One row a case, each made from the same good series. The lesions are made up: what a row proves is
that the scan which reaches the detector is the good one, to the voxel, or that none does.
"""

from __future__ import annotations

import html
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

import dicom_files
import jpeg_lossless
from dicom_files import PERSON, ROOT, Volume, classic, enhanced, set_pixels, write
from made_up_detection import detection_of
from mslesion import batch
from mslesion.cli import main
from mslesion.detection import Detection
from mslesion.detector import Detector
from mslesion.read.dicom import pixels
from mslesion.read.dicom.header import DicomImage, read_header
from mslesion.read.dicom.stream import quiet_pydicom
from mslesion.read.head import read_head
from mslesion.read.inputs import input_sha256
from mslesion.scan import Scan

SHAPE = (40, 48, 10)
MEGABYTE = 2**20
Make = Callable[[list[FileDataset], Path], object]


def good_volume() -> Volume:
    """A small oblique volume, in slices of 5 mm, of values that no other slice has."""
    angle = np.deg2rad(12)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = tilt @ np.diag([-0.9, -0.9, 5.0, 1.0])
    affine[:3, 3] = [11, 14, -20]
    voxels = np.random.default_rng(1).integers(0, 4000, SHAPE).astype(np.uint16)
    return Volume(voxels, affine)


@dataclass(frozen=True)
class Row:
    """One case in words, how its folder is made of the good series, and what must happen.

    ``refused`` is what the line says, ``told`` what stands in the history or (``warns``) in the
    warnings; without any of them nothing is said. ``at_once`` is with less than a second's work,
    in 200 MB.
    """

    case: str
    make: Make
    refused: str = ""
    told: str = ""
    warns: bool = False
    code: str = "UNREADABLE"
    at_once: bool = False


def _save(files: list[FileDataset], folder: Path) -> None:
    dicom_files.write_series(files, folder / "DOE^JANE" / "a")


def _without(*numbers: int) -> Make:
    """Slices taken away."""
    return lambda files, folder: _save([f for n, f in enumerate(files) if n not in numbers], folder)


def _each(change: Callable[[FileDataset, int], object]) -> Make:
    """Something changed in every slice."""

    def make(files: list[FileDataset], folder: Path) -> None:
        for number, data in enumerate(files):
            change(data, number)
        _save(files, folder)

    return make


def _one(change: Callable[[FileDataset], object]) -> Make:
    """Something changed in one slice of the middle."""
    return _each(lambda data, number: change(data) if number == 4 else None)


def _bytes(change: Callable[[bytes], bytes]) -> Make:
    """The bytes of one file changed."""

    def make(files: list[FileDataset], folder: Path) -> None:
        _save(files, folder)
        path = sorted((folder / "DOE^JANE" / "a").iterdir())[3]
        path.write_bytes(change(path.read_bytes()))

    return make


def _shifted(mm: float) -> Callable[[FileDataset], object]:
    """A slice moved along the normal."""

    def change(data: FileDataset) -> None:
        rows, columns = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(rows, columns)
        place = np.array(data.ImagePositionPatient, float) + mm * normal
        data.ImagePositionPatient = [f"{v:.9f}"[:16] for v in place]

    return change


def _identical_copy(files: list[FileDataset], folder: Path) -> None:
    _save(files, folder)
    write(files[2], folder / "again" / "copy.dcm")


def _other_copy(files: list[FileDataset], folder: Path) -> None:
    _save(files, folder)
    set_pixels(files[2], files[2].pixel_array + np.uint16(1))
    files[2].SOPInstanceUID += ".9"
    write(files[2], folder / "again" / "copy.dcm")


def _another_series(
    files: list[FileDataset], folder: Path, number: int = 7, **tags: object
) -> None:
    """A second series of the same study, with other tags."""
    _save(files, folder)
    for data in classic(good_volume()):
        data.SeriesInstanceUID = f"{ROOT}.{number}"
        data.SOPInstanceUID += f".{number}"
        for name, value in tags.items():
            setattr(data, name, value)
        write(data, folder / f"series{number}" / f"{data.InstanceNumber}")


T1 = {"SeriesDescription": "t1_se_tra", "ProtocolName": "t1", "RepetitionTime": "500",
      "EchoTime": "12", "InversionTime": None}  # fmt: skip
SILENT = {"SeriesDescription": "", "ProtocolName": "", "InversionTime": None}


def _localizer(files: list[FileDataset], folder: Path) -> None:
    """Three sagittal slices under the series' own UID."""
    _save(files, folder)
    for data in classic(good_volume())[:3]:
        data.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
        data.SOPInstanceUID += ".77"
        write(data, folder / "loc" / f"{data.InstanceNumber}")


def _enhanced(_files: list[FileDataset], folder: Path) -> None:
    order = np.random.default_rng(3).permutation(SHAPE[2]).tolist()
    write(enhanced(good_volume(), order), folder / "DOE^JANE")


def _enhanced_with_contrast_agent(_files: list[FileDataset], folder: Path) -> None:
    data = enhanced(good_volume())
    agent = Dataset()
    agent.CodeValue, agent.CodingSchemeDesignator, agent.CodeMeaning = "1", "99X", "CANARY"
    data.ContrastBolusAgentSequence = [agent]
    write(data, folder / "DOE^JANE")


def _messy(files: list[FileDataset], folder: Path) -> None:
    """Nested folders, a DICOMDIR, text, a picture of a screen, a report."""
    for number, data in enumerate(files):
        write(data, folder / "DOE^JANE" / f"{number % 3}" / "x" / f"I{number}")
    meta = Dataset()
    directory = FileDataset("", meta, file_meta=files[0].file_meta.copy(), preamble=bytes(128))
    directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    directory.FileSetID = "CANARY"
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    (folder / "README.TXT").write_text("burned by Canary Hospital")
    (folder / "autorun.exe").write_bytes(b"MZ" + bytes(200))
    other = classic(good_volume())[0]
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    other.Modality = "OT"
    write(other, folder / "DOE^JANE" / "screen")


def _inverted(data: FileDataset, _number: int) -> None:
    set_pixels(data, np.uint16(65535) - data.pixel_array)
    data.PhotometricInterpretation = "MONOCHROME1"


def _scaled(data: FileDataset, number: int) -> None:
    """Stored otherwise in each slice, and the same once it is rescaled."""
    set_pixels(data, (data.pixel_array + np.uint16(number)) * np.uint16(2))
    data.RescaleSlope, data.RescaleIntercept = "0.5", str(-number)


def _nested(files: list[FileDataset], folder: Path) -> None:
    """5,000 sequences in each other, of no stated length."""
    depth = 5000
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    path = write(files[0], folder / "a")
    data = path.read_bytes()
    start = data.index(b"\x08\x00\x05\x00CS")
    path.write_bytes(data[:start] + depth * opening + depth * closing + data[start:])


def _deflated_bomb(files: list[FileDataset], folder: Path) -> None:
    """500 KB that inflate to 512 MB of zeros."""
    data = files[0]
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    path = write(data, folder / "a")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192" + b"\x09\x00\x10\x00OB\0\0" + b"\0\0\0\x20"
    packed = packer.compress(body)
    packed += b"".join(packer.compress(bytes(MEGABYTE)) for _ in range(512)) + packer.flush()
    head = path.read_bytes()
    end = 132 + 12 + int.from_bytes(head[140:144], "little")
    path.write_bytes(head[:end] + packed)
    assert len(packed) < 600_000


def _frames_bomb(_files: list[FileDataset], folder: Path) -> None:
    """A small compressed file whose frames come to 512 MB."""
    data = enhanced(good_volume())
    data.Rows = data.Columns = 4096
    data.file_meta.TransferSyntaxUID = RLELossless
    data.PixelData = encapsulate([bytes(64)] * SHAPE[2])
    data["PixelData"].VR = "OB"
    write(data, folder / "a")


def _codestream_bomb(files: list[FileDataset], folder: Path) -> None:
    """Small pictures that claim 65,535 x 65,535 points in their own header."""
    size = (65535).to_bytes(4)
    stream = b"\xff\x4f\xff\x51" + (41).to_bytes(2) + bytes(2) + size + size + bytes(40)

    def change(data: FileDataset, _number: int) -> None:
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.PixelData = encapsulate([stream])
        data["PixelData"].VR = "OB"

    _each(change)(files, folder)


def _compressed(uid: str) -> Make:
    def change(data: FileDataset, _number: int) -> None:
        data.compress(uid, generate_instance_uid=False)

    return _each(change)


def _jpeg_lossless(uid: str) -> Make:
    def change(data: FileDataset, _number: int) -> None:
        data.PixelData = encapsulate([jpeg_lossless.encode(data.pixel_array)])
        data.file_meta.TransferSyntaxUID = uid
        data["PixelData"].VR = "OB"

    return _each(change)


def _encoding(uid: str) -> dict[str, bool]:
    is_big, is_implicit = uid == ExplicitVRBigEndian, uid == ImplicitVRLittleEndian
    return {"little_endian": not is_big, "implicit_vr": is_implicit, "force_encoding": True}


def _stored_as(uid: str) -> Make:
    """Uncompressed, or deflated as a whole, in another order of bytes."""

    def make(files: list[FileDataset], folder: Path) -> None:
        for number, data in enumerate(files):
            if uid == ExplicitVRBigEndian:
                data.PixelData = data.pixel_array.astype(">u2").tobytes()
            data.file_meta.TransferSyntaxUID = uid
            path = folder / "DOE^JANE" / f"{number}"
            path.parent.mkdir(exist_ok=True)
            pydicom.dcmwrite(path, data, **_encoding(uid))

    return make


def _enhanced_compressed(uid: str) -> Make:
    """All slices in one file, in scrambled order, compressed frame by frame."""

    def make(_files: list[FileDataset], folder: Path) -> None:
        data = enhanced(good_volume(), np.random.default_rng(3).permutation(SHAPE[2]).tolist())
        if uid == JPEGLosslessSV1:
            data.PixelData = encapsulate([jpeg_lossless.encode(one) for one in data.pixel_array])
            data.file_meta.TransferSyntaxUID = uid
            data["PixelData"].VR = "OB"
        elif uid == DeflatedExplicitVRLittleEndian:
            data.file_meta.TransferSyntaxUID = uid
        else:
            data.compress(uid, generate_instance_uid=False)
        write(data, folder / "DOE^JANE")

    return make


def _many_frames(count: int) -> Make:
    """A small file that claims so many frames."""

    def make(_files: list[FileDataset], folder: Path) -> None:
        data = enhanced(good_volume())
        data.NumberOfFrames = str(count)
        write(data, folder / "a")

    return make


def _deflated_frames_bomb(_files: list[FileDataset], folder: Path) -> None:
    """A small deflated file that claims, and holds, 200 MB of zeros."""
    data = enhanced(good_volume())
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    data.Rows = data.Columns = 4096
    data.NumberOfFrames = "6"
    data.PerFrameFunctionalGroupsSequence = list(data.PerFrameFunctionalGroupsSequence)[:6]
    data.PixelData = bytes(6 * 4096 * 4096 * 2)
    write(data, folder / "a")


def _components_bomb(files: list[FileDataset], folder: Path) -> None:
    """Pictures of the right size that claim 16,384 components."""
    width, height = SHAPE[0].to_bytes(4), SHAPE[1].to_bytes(4)
    parts = (bytes(2), width, height, bytes(8), width, height, bytes(8), (16384).to_bytes(2))
    stream = b"\xff\x4f\xff\x51" + (41).to_bytes(2) + b"".join(parts) + bytes(40)

    def change(data: FileDataset, _number: int) -> None:
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        data.PixelData = encapsulate([stream])
        data["PixelData"].VR = "OB"

    _each(change)(files, folder)


def _put_before(tag: int, more: bytes, path: Path) -> None:
    """Bytes put into a file, explicit little endian, before the first element of a tag."""
    data = path.read_bytes()
    start = data.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
    path.write_bytes(data[:start] + more + data[start:])


def _more_before_the_voxels(files: list[FileDataset], folder: Path) -> None:
    """The length of the voxels' group, as old archives write it, and offsets of frames."""
    length = struct.pack("<HH2sHI", 0x7FE0, 0, b"UL", 4, 1000)
    offsets = b"".join(struct.pack("<HH2sHIQ", 0x7FE0, n, b"OV", 0, 8, 0) for n in (1, 2))
    for number, data in enumerate(files):
        _put_before(0x7FE00010, length + offsets, write(data, folder / f"{number}"))


def _linked(files: list[FileDataset], folder: Path) -> None:
    """The series lies elsewhere, behind a link, and in it a link that leads back."""
    elsewhere = folder.parent / f"{folder.name}-elsewhere"
    _save(files, elsewhere)
    (elsewhere / "back").symlink_to(folder, target_is_directory=True)
    (folder / "series").symlink_to(elsewhere, target_is_directory=True)


def _small_elements(count: int) -> bytes:
    """Private elements that hold nothing."""
    return b"".join(struct.pack("<HH2sH", 0x27, n & 0xFFFF, b"SH", 0) for n in range(count))


def _many_elements(files: list[FileDataset], folder: Path) -> None:
    """A slice of which 4 MB are 500,000 elements."""
    _put_before(0x00280002, _small_elements(500_000), write(files[0], folder / "a"))


def _many_elements_of_a_frame(*, has_length: bool) -> Make:
    """Half a million elements in a frame's position, in sequences whose length is stated or not."""

    def make(_files: list[FileDataset], folder: Path) -> None:
        data = enhanced(good_volume())
        del data.PerFrameFunctionalGroupsSequence
        inner = _sequence(0x00209113, [_small_elements(500_000)], has_length=has_length)
        outer = _sequence(0x52009230, [inner] + 9 * [b""], has_length=has_length)
        _put_before(0x7FE00010, outer, write(data, folder / "a"))

    return make


def _sequence(tag: int, items: list[bytes], *, has_length: bool) -> bytes:
    """A sequence, and its items, whose length is stated, or whose end is marked."""
    unknown = 0xFFFFFFFF
    ends = [b"", b""] if has_length else [b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"]
    packed = b"".join(
        struct.pack("<HHL", 0xFFFE, 0xE000, len(item) if has_length else unknown) + item + ends[0]
        for item in items
    )
    length = len(packed) if has_length else unknown
    return struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, length) + packed + ends[1]


def _frames_described(count: int, told: int, *, has_length: bool) -> Make:
    """An enhanced image whose header describes so many frames, in items that hold nothing."""

    def make(_files: list[FileDataset], folder: Path) -> None:
        data = enhanced(good_volume())
        del data.PerFrameFunctionalGroupsSequence
        data.NumberOfFrames = str(told)
        groups = _sequence(0x52009230, count * [b""], has_length=has_length)
        _put_before(0x7FE00010, groups, write(data, folder / "a"))

    return make


def _long_film(files: list[FileDataset], folder: Path) -> None:
    """The series, and a functional one of 40,000 frames in one file beside it."""
    _save(files, folder)
    other = enhanced(good_volume())
    other.SeriesInstanceUID, other.SOPInstanceUID = f"{ROOT}.9", f"{ROOT}.9.1"
    other.SeriesDescription = other.ProtocolName = "ep2d bold"
    other.NumberOfFrames = "40000"
    write(other, folder / "DOE^JANE" / "a" / "bold")


def _long_value(files: list[FileDataset], folder: Path) -> None:
    """A position of two million numbers."""
    more = struct.pack("<HH2sHL", 0x20, 0x32, b"UN", 0, 4_000_000) + 2_000_000 * b"1\\"
    _put_before(0x00200032, more, write(files[0], folder / "a"))


def _goes_on(make_files: Make) -> Make:
    """A file of a series after which 8 GB of zeros follow, which take no place on the disk."""

    def make(files: list[FileDataset], folder: Path) -> None:
        make_files(files, folder)
        os.truncate(next(path for path in folder.rglob("*") if path.is_file()), 2**33)

    return make


def _undecodable(files: list[FileDataset], folder: Path) -> None:
    """A film in MPEG2, which no decoder of images reads."""

    def change(data: FileDataset, _number: int) -> None:
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
        data.PixelData = encapsulate([bytes(64)])
        data["PixelData"].VR = "OB"

    _each(change)(files, folder)


def _rename(data: FileDataset, _number: int) -> None:
    data.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    data.PatientName = "Canary^\u30e4\u30de\u30c0=\u5c71\u7530^\u592a\u90ce"


def _set(**tags: object) -> Callable[..., None]:
    def change(data: FileDataset, *_: int) -> None:
        for name, value in tags.items():
            if value is None:
                del data[name]
            else:
                setattr(data, name, value)

    return change


def _polyglot(prefix: bytes, suffix: bytes) -> Callable[[bytes], bytes]:
    return lambda data: prefix.ljust(128, b"\0") + data[128:] + suffix


CATALOGUE = (
    Row("as it should be", _save),
    Row("nested folders, DICOMDIR, other objects, other files", _messy),
    Row("pixels as large as nothing is", _each(_set(PixelSpacing=["1e200", "1e200"])),
        "does not say where the voxels lie", code="GEOMETRY"),
    Row("pixels of no size", _each(_set(PixelSpacing=["1e-320", "1e-320"])),
        "does not say where the voxels lie", code="GEOMETRY"),
    Row("1000 km from the scanner",
        _each(lambda data, n: setattr(data, "ImagePositionPatient", ["1e9", "0", str(5.0 * n)])),
        "does not say where the voxels lie", code="GEOMETRY"),
    Row("missing slice", _without(4), "lacks 1 slice between slices 4 and 5 of 9, by place: a gap "
        "of 10.00 mm where others are 5.00 mm", code="GEOMETRY"),
    Row("three missing slices", _without(4, 5, 6), "lacks 3 slices", code="GEOMETRY"),
    Row("identical duplicate", _identical_copy, told="1 identical copy of a slice dropped"),
    Row("two images at one place", _other_copy, "different images at one place", code="GEOMETRY"),
    Row("InstanceNumber not in spatial order",
        _each(lambda data, n: setattr(data, "InstanceNumber", str((7 * n) % 10 + 1))),
        told="the numbers of the slices do not follow their places: sorted by place"),
    Row("InstanceNumber in reverse",
        _each(lambda data, n: setattr(data, "InstanceNumber", str(10 - n)))),
    Row("spacing jitter of 1e-3 mm", _one(_shifted(1e-3))),
    Row("spacing jitter of 0.5 mm", _one(_shifted(0.5)), "is unevenly spaced: 5.50 mm between",
        code="GEOMETRY"),
    Row("a gap unlike the thickness of slices", _each(_set(SliceThickness="3.5"))),
    Row("two series, one of them FLAIR", partial(_another_series, **T1),
        told="chosen among 2 series of its study"),
    Row("two FLAIR series", _another_series, "holds 2 FLAIR series among 2 series of its study",
        code="SCAN"),
    Row("two series, neither FLAIR",
        lambda files, folder: (_each(_set(**T1))(files, folder),
                               _another_series([], folder, **T1)),
        "holds no series that is a FLAIR", code="SCAN"),
    Row("a derived copy of the FLAIR beside it",
        partial(_another_series, ImageType=["DERIVED", "SECONDARY", "MPR"]),
        told="chosen among 2 series"),
    Row("T1-weighted FLAIR alone", _each(_set(SeriesDescription="AX T1 FLAIR")),
        "T1 FLAIR by its name", code="SCAN"),
    Row("STIR named FLAIR", _each(_set(InversionTime="160")), "inversion time of 160 ms",
        code="SCAN"),
    Row("no name, but the times of a FLAIR", _each(_set(SeriesDescription="", ProtocolName=""))),
    Row("neither name nor times", _each(_set(**SILENT)),
        told="nothing in the DICOM header says that this is a FLAIR", warns=True),
    Row("contrast agent", _each(_set(ContrastBolusAgent="Canary")), told="contrast agent was given",
        warns=True),
    Row("contrast agent in an enhanced image", _enhanced_with_contrast_agent,
        told="contrast agent was given", warns=True),
    Row("a localizer under the same SeriesInstanceUID", _localizer,
        told="3 slices of another direction under the same series set aside"),
    Row("mosaic", _each(_set(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])),
        "a mosaic of slices in one picture", code="SCAN"),
    Row("enhanced multi-frame in scrambled order", _enhanced, told="sorted by place"),
    Row("MONOCHROME1", _each(_inverted), told="stored as MONOCHROME1: bright and dark turned over"),
    Row("rescale per slice", _each(_scaled)),
    Row("no PixelData", _one(_set(PixelData=None)), "a header without PixelData"),
    Row("no PixelData in any file", _each(_set(PixelData=None)), "a header without PixelData"),
    Row("voxels truncated", _bytes(lambda data: data[:-10]), "ends early: 3830 of 3840 bytes"),
    Row("header truncated", _bytes(lambda data: data[:400]),
        "lies beside a DICOM file that cannot"),
    Row("no orientation in one slice", _one(_set(ImageOrientationPatient=None)),
        "1 of 10 slices without orientation", code="GEOMETRY"),
    Row("no position", _each(_set(ImagePositionPatient=None)), "slices without position",
        code="GEOMETRY"),
    Row("NaN as position", _one(_set(ImagePositionPatient=["nan", "0", "0"])),
        "1 of 10 slices without position", code="GEOMETRY"),
    Row("60,000 rows", _one(_set(Rows=60000)), "claims 40 x 60000 voxels", at_once=True),
    Row("nested 5,000 deep", _nested, "is nested too deep", at_once=True),
    Row("500 KB that inflate to 512 MB", _deflated_bomb, "no image can be compressed so much",
        at_once=True),
    Row("frames that unpack to 320 MB", _frames_bomb, "claims 4096 x 4096 x 10 voxels",
        at_once=True),
    Row("pictures that unpack to 4 GB", _codestream_bomb, "compressed voxels that are damaged",
        at_once=True),
    Row("compressed with RLE", _compressed(RLELossless)),
    Row("compressed with JPEG 2000", _compressed(JPEG2000Lossless)),
    Row("compressed with JPEG-LS", _compressed(JPEGLSLossless)),
    Row("compressed with JPEG lossless", _jpeg_lossless(JPEGLosslessSV1)),
    Row("compressed with JPEG lossless, process 14", _jpeg_lossless(JPEGLossless)),
    Row("deflated as a whole", _stored_as(DeflatedExplicitVRLittleEndian)),
    Row("implicit little endian", _stored_as(ImplicitVRLittleEndian)),
    Row("big endian", _stored_as(ExplicitVRBigEndian)),
    Row("a group length and offsets before the voxels", _more_before_the_voxels),
    Row("behind a link, with a link that leads back", _linked),
    *(Row(f"enhanced, {name}", _enhanced_compressed(uid), told="sorted by place")
      for name, uid in (("RLE", RLELossless), ("JPEG 2000", JPEG2000Lossless),
                        ("JPEG-LS", JPEGLSLossless), ("JPEG lossless", JPEGLosslessSV1),
                        ("deflated", DeflatedExplicitVRLittleEndian))),
    Row("compressed with loss once", _each(_set(LossyImageCompression="01")),
        told="compressed with loss", warns=True),
    Row("2,147,483,647 frames claimed", _many_frames(2**31 - 1), "claims 2147483647 frames",
        at_once=True),
    Row("a deflated file that holds 200 MB of zeros", _deflated_frames_bomb,
        "no image can be compressed so much", at_once=True),
    Row("pictures of 16,384 components", _components_bomb, "compressed voxels that are damaged",
        at_once=True),
    Row("half a million elements", _many_elements, "more elements than any image has",
        at_once=True),
    *(Row(f"half a million elements in a frame, lengths {'stated' if stated else 'unknown'}",
          _many_elements_of_a_frame(has_length=stated), "more elements than any image has",
          at_once=True) for stated in (True, False)),
    Row("40,000 frames", _frames_described(40_000, 40_000, has_length=True),
        "claims 40000 frames", at_once=True),
    Row("40,000 frames in items of unknown length",
        _frames_described(40_000, 40_000, has_length=False), "claims 40000 frames", at_once=True),
    Row("40,000 frames, ten told", _frames_described(40_000, 10, has_length=True),
        "more elements than any image has", at_once=True),
    Row("40,000 frames of unknown length, ten told",
        _frames_described(40_000, 10, has_length=False), "more elements than any image has",
        at_once=True),
    Row("a series of 40,000 frames beside it", _long_film, told="chosen among 2 series"),
    Row("500,000 frames, 8,000 told", _frames_described(500_000, 8000, has_length=True),
        "more elements than any image has", at_once=True),
    Row("a position of two million numbers", _long_value, "a value that is too long to be one",
        at_once=True),
    Row("8 GB after a compressed slice", _goes_on(_compressed(RLELossless)),
        "holds 8589934592 bytes, of which its header and voxels take", at_once=True),
    Row("8 GB after a slice", _goes_on(_save),
        "holds 8589934592 bytes, of which its header and voxels take", at_once=True),
    Row("8 GB after a multi-frame image", _goes_on(_enhanced),
        "holds 8589934592 bytes, of which its header and voxels take", at_once=True),
    Row("8 GB after a damaged header", _goes_on(_many_elements),
        "more elements than any image has", at_once=True),
    Row("compressed without any decoder", _undecodable, "no decoder for that is installed"),
    Row("executable in the preamble", _bytes(_polyglot(b"MZ\x90\0", b""))),
    Row("zip in the tail", _bytes(_polyglot(b"", b"PK\x03\x04" + bytes(range(256)) * 4))),
    Row("UID ../../x", _each(_set(SeriesInstanceUID="../../x", StudyInstanceUID="/etc/passwd"))),
    Row("a name in Japanese", _each(_rename)),
    Row("BurnedInAnnotation YES", _each(_set(BurnedInAnnotation="YES")),
        told="text may be burned into the images", warns=True),
    Row("colour", _each(_set(SamplesPerPixel=3)), "has colour voxels", code="VOXELS"),
    Row("echoes under one series", _one(_set(EchoTime="80")), "images of 2 echo times",
        code="GEOMETRY"),
    Row("a single slice", lambda files, folder: write(files[4], folder / "a"),
        "holds a single slice", code="GEOMETRY"),
    Row("a report alone", lambda files, folder: write_other(files[0], folder),
        "but no MR image", code="COHORT"),
)  # fmt: skip


def write_other(data: FileDataset, folder: Path) -> None:
    """An object of another kind."""
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    write(data, folder / "sr")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Scan]:
    """The scans that reach the detector, whose findings are made up."""
    scans: list[Scan] = []

    def detect(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
        scans.append(read_head(path, volume))
        found = detection_of(
            scans[-1], name, identity=detector.identity, input_sha256=input_sha256(path)
        )
        return replace(found, warnings=scans[-1].warnings)

    monkeypatch.setattr(batch, "detect_scan", detect)
    return scans


def _good_scan() -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    volume = good_volume()
    scan = Scan.from_stored(volume.voxels, volume.affine_vox_to_ras)
    return scan.voxels, scan.grid.affine_vox_to_ras


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.case)
def test_every_fault_of_dicom_ends_as_the_catalogue_says(
    row: Row, seen: list[Scan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A faulty series is refused in one line, or reaches the detector as the good one."""
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    with quiet_pydicom():
        row.make(classic(good_volume()), folder)
    exit_code = main(["detect", str(folder), "--output", str(output), "--threads", "1"])
    said, complained = capsys.readouterr()
    complaints = [line for line in complained.splitlines() if "finding lesions: " not in line]
    _require_private(output, said, complained)
    if row.refused:
        (line,) = complaints
        assert row.refused in line
        assert line.startswith(f"{row.code}: {folder}")
        assert (exit_code, said, seen) == (4, "", [])
        assert {path.name for path in output.rglob("*")} <= {
            "cohort.tsv",
            "lesions.tsv",
            "run.json",
        }
        return
    assert (exit_code, complaints) == (0, [])
    voxels, affine_vox_to_ras = _good_scan()
    np.testing.assert_array_equal(seen[0].voxels, voxels)
    np.testing.assert_allclose(seen[0].grid.affine_vox_to_ras, affine_vox_to_ras, atol=1e-3)
    (summary,) = (json.loads(path.read_text()) for path in output.glob("*_summary.json"))
    assert summary["name"].startswith("series-")
    told = " | ".join(summary["warnings" if row.warns else "history"])
    assert row.told in told
    assert bool(told) == bool(row.told)
    assert summary["history" if row.warns else "warnings"] == []


REFUSING = """
import sys
from pathlib import Path
from time import process_time
from mslesion.errors import ScanError
from mslesion.read import read_cohort
from mslesion.read.head import read_head
for folder in map(Path, sys.argv[1:]):
    started = process_time()
    try:
        read_head(read_cohort(folder).people[0].scans[0].image)
    except ScanError as error:
        peak_kb = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
        print(folder.name, process_time() - started, peak_kb, error.what)
"""
MOST_SECONDS, MOST_MEGABYTES = 1.0, 200


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_bombs_are_refused_at_once_and_in_little_memory(tmp_path: Path) -> None:
    """One process reads them all: none takes a second's work, and at no time are 200 MB in use."""
    rows = [row for row in CATALOGUE if row.at_once]
    for number, row in enumerate(rows):
        (tmp_path / str(number)).mkdir()
        row.make(classic(good_volume()), tmp_path / str(number))
    # The first is read twice: what libraries take to begin is nobody's bomb.
    folders = [str(tmp_path / str(number)) for number in (0, *range(len(rows)))]
    command = [sys.executable, "-c", REFUSING, *folders]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    told = [line.split(" ", 3) for line in answer.stdout.splitlines()][1:]
    assert [int(number) for number, *_ in told] == list(range(len(rows)))
    for row, (_, seconds, peak_kb, what) in zip(rows, told, strict=True):
        assert row.refused in what
        assert float(seconds) < MOST_SECONDS, row.case
        assert int(peak_kb) < MOST_MEGABYTES * 1024, row.case


def _require_private(output: Path, said: str, complained: str) -> None:
    """Nothing of the person or of names of files inside the folder is written or said."""
    texts = [said.encode(), complained.encode()]
    texts += [p.name.encode() + p.read_bytes() for p in output.rglob("*") if p.is_file()]
    canaries = [*map(str, PERSON.values()), "canary", "doe^jane", "etc/passwd", "../x"]
    for canary in canaries:
        if len(canary) > 1:
            assert not any(canary.lower().encode() in text.lower() for text in texts), canary


def test_no_picture_is_made_where_a_name_may_be_burned_in(seen: list[Scan], tmp_path: Path) -> None:
    """The page says why it shows no slice, and holds no picture of one."""
    files = classic(good_volume())
    _each(_set(BurnedInAnnotation="YES"))(files, tmp_path / "in")
    assert main(["detect", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 0
    page = html.unescape(next((tmp_path / "out").glob("*.html")).read_text())
    assert "No picture is shown" in page
    assert page.count("data:image/") <= 1  # the curve over slices, which shows no voxel
    assert not seen[0].may_be_shown


def test_a_missing_decoder_is_named_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the libraries of the extra, its name is in the line."""
    from pydicom.pixels.decoders.base import Decoder

    _compressed(RLELossless)(classic(good_volume()), tmp_path / "in")
    monkeypatch.setattr(Decoder, "is_available", False)
    assert main(["detect", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 4
    assert "pip install 'mslesion[dicom-compressed]'" in capsys.readouterr().err


def test_a_decoder_that_reads_eight_bits_alone_is_none_for_twelve(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pillow says that it reads JPEG Extended: for 12 bits the line names the extra."""
    from pydicom.pixels.decoders.base import Decoder

    files = classic(good_volume())
    for data in files:
        data.BitsStored, data.HighBit = 12, 11
        data.PixelData = encapsulate([bytes(64)])
        data.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    _save(files, tmp_path / "in")
    monkeypatch.setattr(Decoder, "available_plugins", ("pillow",))
    assert main(["detect", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 4
    assert "pip install 'mslesion[dicom-compressed]'" in capsys.readouterr().err


def test_one_multi_frame_file_is_a_scan_and_one_slice_is_none(
    seen: list[Scan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An enhanced file may be given directly; a single classic slice is refused with what to do."""
    whole = write(enhanced(good_volume()), tmp_path / "DOE^JANE.dcm")
    assert main(["detect", str(whole), "--output", str(tmp_path / "out")]) == 0
    assert len(seen) == 1
    assert not [path for path in (tmp_path / "out").iterdir() if "DOE" in path.name]
    slice_file = write(classic(good_volume())[0], tmp_path / "one.dcm")
    capsys.readouterr()
    assert main(["detect", str(slice_file), "--output", str(tmp_path / "other")]) == 4
    assert "give the folder with all slices of the series" in capsys.readouterr().err


def test_one_of_several_flair_series_is_taken_by_its_address(
    seen: list[Scan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the refusal calls a series is what can be given in its place."""
    folder = tmp_path / "in"
    _another_series(classic(good_volume()), folder)
    assert main(["detect", str(folder), "--output", str(tmp_path / "a")]) == 4
    name = capsys.readouterr().err.split("2 series of its study: ")[1].split(" ")[0]
    assert main(["detect", str(folder / name), "--output", str(tmp_path / "b")]) == 0
    assert len(seen) == 1
    assert (tmp_path / "b" / f"{name}_summary.json").is_file()


def test_several_studies_are_several_scans_and_one_bad_does_not_stop_the_others(
    seen: list[Scan], tmp_path: Path
) -> None:
    """Two patients, one with two visits, of which one lacks a slice."""
    for number, (patient, drop) in enumerate((("A", None), ("A", 3), ("B", None))):
        for k, data in enumerate(classic(good_volume())):
            data.PatientID, data.StudyInstanceUID = patient, f"{ROOT}.1{number}"
            data.SeriesInstanceUID = f"{ROOT}.2{number}"
            if k != drop:
                write(data, tmp_path / "in" / f"{number}" / f"{k}")
    assert main(["detect", str(tmp_path / "in"), "--output", str(tmp_path / "out")]) == 3
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert sorted(scan["status"] for scan in run["scans"]) == ["done", "done", "set aside"]
    assert len({scan["participant_id"] for scan in run["scans"]}) == 2
    assert len(seen) == 2


@pytest.mark.parametrize("is_length_unknown", [False, True])
def test_a_long_header_of_a_scanner_is_read(is_length_unknown: bool, tmp_path: Path) -> None:
    """400 frames, each described by 127 elements in 26 sequences, are no attack."""
    voxels = np.zeros((8, 8, 400), np.uint16)
    data = enhanced(replace(good_volume(), voxels=voxels))
    for group in data.PerFrameFunctionalGroupsSequence:
        for number in range(24):
            item = Dataset()
            item.add_new(0x00180081, "DS", "120")
            for place in range(3):
                item.add_new(0x00211001 + place, "US", number)
            item.is_undefined_length_sequence_item = is_length_unknown
            group.add_new(0x00219000 + number, "SQ", [item])
            group[0x00219000 + number].is_undefined_length = is_length_unknown
        group.is_undefined_length_sequence_item = is_length_unknown
    data["PerFrameFunctionalGroupsSequence"].is_undefined_length = is_length_unknown
    read = read_header(write(data, tmp_path / "a"))
    assert isinstance(read, DicomImage)
    assert read.problem is None
    assert len(read.frames) == 400


def test_codestreams_say_their_size() -> None:
    """JPEG 2000 and JPEG pictures made by libraries claim the size they have."""
    data = classic(good_volume())[0]
    data.compress(JPEG2000Lossless)
    frame = next(iter(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)))
    assert pixels.codestream_size(frame) == (SHAPE[1], SHAPE[0], 1)
    assert pixels.codestream_size(frame + frame[:60]) == (SHAPE[1], SHAPE[0], 1)
    another = frame[:8] + bytes(8) + frame[16:60]
    assert pixels.codestream_size(frame + another) is None
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xf7\x00\x0b\x08\x01\x02\x03\x04\x01\x01\x11\x00"
    assert pixels.codestream_size(jpeg) == (0x0102, 0x0304, 1)
    assert pixels.codestream_size(bytes(64)) is None


def test_resume_passes_over_a_series_that_has_not_changed(seen: list[Scan], tmp_path: Path) -> None:
    """The same files under other names are the same input; a changed voxel is not."""
    files = classic(good_volume())
    command = ["detect", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--resume"]
    _save(files, tmp_path / "in")
    assert main(command) == 0
    folder = tmp_path / "in" / "DOE^JANE" / "a"
    for path in list(folder.iterdir()):
        path.rename(path.with_name(f"z{path.name}"))
    assert main(command) == 0
    assert len(seen) == 1
    set_pixels(files[4], files[4].pixel_array + np.uint16(1))
    for path in folder.iterdir():
        path.unlink()
    _save(files, tmp_path / "in")
    assert main(command) == 0
    assert len(seen) == 2
