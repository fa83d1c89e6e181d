"""Files that are no scan: each is refused with one line that says what it is and what to do."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mslesion.errors import GeometryError, ScanError, UnreadableFileError, VoxelError
from mslesion.read.nifti import read_scan

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])
SHAPE = (6, 7, 8)


def _voxels() -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(100, 20, SHAPE).astype(np.float32)


def _nifti_bytes(voxels: NDArray[np.generic] | None = None) -> bytes:
    image = nib.Nifti1Image(_voxels() if voxels is None else voxels, AFFINE)
    data: bytes = image.to_bytes()
    return data


def _patched(offset: int, layout: str, *values: float | bytes) -> bytes:
    data = bytearray(_nifti_bytes())
    struct.pack_into(layout, data, offset, *values)
    return bytes(data)


def _png_bytes(tmp: Path, size: tuple[int, int] = (9, 9)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, size, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp)
    return tmp.read_bytes()


def _filled(value: float) -> bytes:
    return _nifti_bytes(np.full(SHAPE, value, dtype=np.float32))


def _no_affine(sform: NDArray[np.float64] | None = None) -> bytes:
    image = nib.Nifti1Image(_voxels(), AFFINE)
    image.header["sform_code"] = 0
    image.header["qform_code"] = 0
    data = bytearray(image.to_bytes())
    if sform is not None:
        struct.pack_into("<hh", data, 252, 0, 1)
        struct.pack_into("<12f", data, 280, *sform[:3].ravel())
    return bytes(data)


def _mirrored() -> bytes:
    image = nib.Nifti1Image(_voxels(), AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(np.diag([-1.0, 1.0, 3.0, 1.0]), 1)
    data: bytes = image.to_bytes()
    return data


PACKED = gzip.compress(_nifti_bytes(), mtime=0)
NAN = float("nan")

# What it is, its bytes, the kind of error, what the line must say.
BAD_BYTES: list[tuple[str, bytes, type[ScanError], str]] = [
    ("empty", b"", UnreadableFileError, "is empty"),
    ("text", b"patient,age\n1,30\n", UnreadableFileError, "is text"),
    ("web page", b"\n<!DOCTYPE html><html>sign in</html>", UnreadableFileError, "a web page"),
    ("lfs", b"version https://git-lfs.github.com/spec/v1\n", UnreadableFileError, "git lfs pull"),
    ("zip", b"PK\x03\x04" + bytes(range(256)), UnreadableFileError, "a ZIP archive"),
    ("dicom", bytes(128) + b"DICM" + bytes(200), UnreadableFileError,
     "a DICOM header that is damaged"),
    ("jpeg", b"\xff\xd8\xff\xe0" + bytes(range(99)), UnreadableFileError, "not a PNG"),
    ("pdf", b"%PDF-1.7 \x00", UnreadableFileError, "a PDF document"),
    ("bzip2", b"BZh91AY&SY\x00", UnreadableFileError, "not with gzip"),
    ("zeros", bytes(400), UnreadableFileError, "nothing but zeros"),
    ("noise", bytes(range(255, -1, -1)) * 2, UnreadableFileError, "not a scan in a format"),
    ("gzip of text", gzip.compress(b"hello"), UnreadableFileError, "is text"),
    ("packed twice", gzip.compress(PACKED), UnreadableFileError, "compressed twice"),
    ("gzip head", PACKED[:5], UnreadableFileError, "damaged or cut short"),
    ("gzip half", PACKED[: len(PACKED) // 2], UnreadableFileError, "damaged or cut short"),
    ("gzip without its end", PACKED[:-8], UnreadableFileError, "damaged or cut short"),
    ("gzip and garbage", PACKED + b"garbage" * 9, UnreadableFileError, "damaged or cut short"),
    ("two scans in one gzip", PACKED + PACKED, UnreadableFileError, "goes on after"),
    ("nifti cut", _nifti_bytes()[:-1], UnreadableFileError, "ends early"),
    ("nifti header alone", _nifti_bytes()[:352], UnreadableFileError, "ends early"),
    ("nifti and garbage", _nifti_bytes() + b"x", UnreadableFileError, "goes on after"),
    ("nifti pair", _patched(344, "4s", b"ni1\0"), UnreadableFileError, "in another file"),
    ("analyze", _patched(344, "4s", bytes(4)), UnreadableFileError, "left and right"),
    ("magic", _patched(344, "4s", b"n+7\0"), UnreadableFileError, "header is damaged"),
    ("datatype", _patched(70, "<h", 999), UnreadableFileError, "unknown type"),
    ("offset < 0", _patched(108, "<f", -1.0), UnreadableFileError, "begin at byte -1"),
    ("offset NaN", _patched(108, "<f", NAN), UnreadableFileError, "begin at byte nan"),
    ("offset huge", _patched(108, "<f", 1e30), UnreadableFileError, "begin at byte 1e+30"),
    ("claims 3 GB", _patched(42, "<3h", 1000, 1000, 800), UnreadableFileError, "more than any"),
    ("claims 500 MB", _patched(42, "<3h", 500, 500, 500), UnreadableFileError, "ends early"),
    ("no axes", _patched(40, "<h", 0), GeometryError, "claims 0 axes"),
    ("99 axes", _patched(40, "<h", 99), GeometryError, "claims 99 axes"),
    ("axis of 0", _patched(42, "<h", 0), GeometryError, "0 x 7 x 8"),
    ("axis below 0", _patched(42, "<h", -6), GeometryError, "-6 x 7 x 8"),
    ("voxel size NaN", _patched(80, "<f", NAN), GeometryError, "NaN as a voxel size"),
    ("singular sform", _no_affine(np.zeros((4, 4))), GeometryError, "no usable affine"),
    ("NaN sform", _no_affine(np.full((4, 4), NAN)), GeometryError, "no usable affine"),
    ("mirrored forms", _mirrored(), GeometryError, "mirror images"),
    ("one slice", _nifti_bytes(_voxels()[:, :, :1]), GeometryError, "a single slice"),
    ("2D", _nifti_bytes(_voxels()[:, :, 0]), GeometryError, "a single slice"),
    ("sagittal slice", _nifti_bytes(_voxels()[:1]), GeometryError, "give the whole volume"),
    ("two slices", _nifti_bytes(_voxels()[:, :, :2]), GeometryError, "only 2 slices"),
    ("two volumes", _nifti_bytes(np.stack([_voxels()] * 2, -1)), GeometryError, "2 volumes"),
    ("all NaN", _filled(NAN), VoxelError, "no voxel with a number"),
    ("constant", _filled(7.0), VoxelError, "value 7 in every voxel"),
    ("one voxel", _nifti_bytes(np.eye(1, 336, dtype="f4").reshape(SHAPE)), VoxelError, "but one"),
    ("complex", _nifti_bytes(_voxels().astype(np.complex64)), VoxelError, "complex voxels"),
    ("colour", _nifti_bytes(np.zeros(SHAPE, dtype=[(c, "u1") for c in "RGB"])), VoxelError,
     "colour voxels"),
    ("mgh cut", nib.MGHImage(_voxels(), AFFINE).to_bytes()[:900], UnreadableFileError, "early"),
    ("mgh volumes", nib.MGHImage(np.stack([_voxels()] * 2, -1), AFFINE).to_bytes(),
     GeometryError, "2 volumes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "kind", "phrase"), [row[1:] for row in BAD_BYTES], ids=[row[0] for row in BAD_BYTES]
)
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_bad_bytes_are_refused(
    name: str, data: bytes, kind: type[ScanError], phrase: str, tmp_path: Path
) -> None:
    """A file that is no scan is refused by its content, in one line that names it."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(kind) as caught:
        read_scan(path)
    line = str(caught.value)
    assert type(caught.value) is kind
    assert phrase in line
    assert str(path) in line
    assert "\n" not in line
    assert caught.value.remedy


def _nowhere(path: Path) -> None:
    del path


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing.nii")


def _link_in_a_circle(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (_nowhere, "does not exist"),
        (_link_to_nothing, "a link to a file that is not there"),
        (_link_in_a_circle, "leads in a circle"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "a pipe or a device"),
    ],
)
def test_what_is_no_file_is_refused_at_once(
    make: Callable[[Path], None], phrase: str, tmp_path: Path
) -> None:
    """A pipe, a folder or a broken link is refused without waiting for anything."""
    path = tmp_path / "scan.nii.gz"
    make(path)
    with pytest.raises(UnreadableFileError, match=phrase):
        read_scan(path)


def test_names_are_escaped(tmp_path: Path) -> None:
    """A line break or an escape code in a file's name does not break the one line."""
    path = tmp_path / "a\nb\x1b[31m.nii"
    path.write_bytes(b"text")
    with pytest.raises(UnreadableFileError, match=r"a\\nb\\x1b") as caught:
        read_scan(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image, nib.MGHImage])
def test_damaged_headers_never_crash(kind: type[nib.spatialimages.SpatialImage],
                                     tmp_path: Path) -> None:  # fmt: skip
    """Whatever bytes of a header are changed, a scan comes out or an error of ours."""
    path = tmp_path / "scan"
    good = kind(_voxels(), AFFINE).to_bytes()
    random = np.random.default_rng(0)
    outcomes = set()
    for _ in range(400):
        data = bytearray(good)
        for offset in random.integers(0, 348 if kind is nib.Nifti1Image else 540, 3):
            data[offset] = random.integers(256)
        path.write_bytes(data)
        try:
            assert np.isfinite(read_scan(path).voxels).all()
            outcomes.add("read")
        except ScanError as error:
            outcomes.add(error.code)
    assert {"UNREADABLE", "GEOMETRY"} <= outcomes


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """A scan that unpacks to far more than its header says is left after the header's size."""
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(_nifti_bytes() + bytes(2**26), 9))
    with pytest.raises(UnreadableFileError, match="goes on after the 1696 bytes"):
        read_scan(path)


PNG_DAMAGE: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("cut", lambda data: data[: len(data) // 2], "damaged or cut short"),
    ("signature alone", lambda data: data[:8], "damaged or cut short"),
    ("flipped bit", lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "damaged"),
    ("huge", lambda data: data[:16] + struct.pack(">II", 2**20, 2**20) + data[24:], "more than"),
    ("text inside", lambda data: data[:33] + b"hello" * 9, "damaged or cut short"),
]


@pytest.mark.parametrize(
    ("damage", "phrase"), [row[1:] for row in PNG_DAMAGE], ids=[row[0] for row in PNG_DAMAGE]
)
def test_damaged_pictures_are_refused(
    damage: Callable[[bytes], bytes], phrase: str, tmp_path: Path
) -> None:
    """A PNG that is cut, changed or of impossible size is refused before it is unpacked."""
    path = tmp_path / "slice.png"
    path.write_bytes(damage(_png_bytes(path)))
    with pytest.raises(UnreadableFileError, match=phrase):
        read_scan(path)
