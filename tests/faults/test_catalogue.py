"""The catalogue of faults: what reaches ``mslesion detect``, and what must happen.

One row a case, each made from the same good scan. REFUSE: one line that says what is wrong and what
to do, and no result. WARN: a result that says what is in doubt. FIX: the result of the good scan,
which says what was mended. ACCEPT: the result of the good scan.
"""

from __future__ import annotations

import gzip
import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import process_time

import nibabel as nib
import numpy as np
import pytest
from good_scan import GoodScan, scan_in_voxels_of, simulated_good_scan
from numpy.typing import NDArray
from outcomes import ACCEPT, Answer, Refuse, RefuseAtOnce, Run, abstain, fix, warn
from PIL import Image

from mslesion.cli import main

NAN, INFINITY = float("nan"), float("inf")
MEGABYTE = 2**20

Make = Callable[[GoodScan, Path], object]
Bytes = Callable[[GoodScan], bytes | bytearray]


@dataclass(frozen=True)
class Case:
    """One row: the case in words, how its file is made, and what must happen."""

    case: str
    make: Make
    outcome: Refuse | Answer
    name: str = "scan.nii"
    options: tuple[str, ...] = ()


def row(
    case: str, content: Bytes, outcome: Refuse | Answer, name: str = "scan.nii", *options: str
) -> Case:
    """A case whose file holds what is made of the good scan."""
    return Case(case, lambda good, path: path.write_bytes(content(good)), outcome, name, options)


# --- how the less plain files are made -----------------------------------------------------------


def _link_to(target: str) -> Make:
    return lambda _good, path: path.symlink_to(target)


def _flipped(data: bytearray, byte: int) -> bytearray:
    """One bit of one byte turned over."""
    data[byte] ^= 1
    return data


def _patched(offset: int, layout: str, *values: float) -> Bytes:
    """Other bytes in the header."""

    def make(good: GoodScan) -> bytearray:
        data = bytearray(good.nifti())
        struct.pack_into(layout, data, offset, *values)
        return data

    return make


def _analyze(good: GoodScan, path: Path) -> None:
    image = nib.Spm99AnalyzeImage(good.voxels.astype(np.int16), good.affine_vox_to_ras)
    image.to_filename(path.with_suffix(".img"))


def _mgz(good: GoodScan) -> bytes:
    return gzip.compress(nib.MGHImage(good.voxels, good.affine_vox_to_ras).to_bytes())


def _big_endian(good: GoodScan) -> bytes:
    header = nib.Nifti1Header(endianness=">")
    image = nib.Nifti1Image(good.voxels.astype(">i2"), good.affine_vox_to_ras, header)
    data: bytes = image.to_bytes()
    assert data[:4] == struct.pack(">i", 348)
    return data


def _nifti2(good: GoodScan) -> bytes:
    data: bytes = nib.Nifti2Image(good.voxels, good.affine_vox_to_ras).to_bytes()
    return data


def _with_names(good: GoodScan) -> bytes:
    image = nib.Nifti1Image(good.voxels, good.affine_vox_to_ras)
    for field in ("descrip", "aux_file", "intent_name"):
        image.header[field] = b"Jane Doe"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    data: bytes = image.to_bytes()
    assert data.count(b"Jane Doe") == 4
    return data


def _claiming_3_gb(good: GoodScan) -> bytes:
    dims = [3, 1000, 1000, 800, 1, 1, 1, 1]
    return good.nifti(dim=dims, datatype=16, bitpix=32)[:139_000]


@lru_cache
def _gzip_of_3_gb() -> bytes:
    """Zeros; streams of gzip that follow each other are one."""
    return 48 * gzip.compress(bytes(64 * MEGABYTE))


def _in_unit(code: int, mm: float) -> Bytes:
    """Lengths in another unit, and a header that says so."""

    def make(good: GoodScan) -> bytes:
        affine = np.diag([1 / mm, 1 / mm, 1 / mm, 1.0]) @ good.affine_vox_to_ras
        return good.nifti(None, affine, xyzt_units=code)

    return make


def _in_metre_and_apart(good: GoodScan) -> bytes:
    to_metre = np.diag([1e-3, 1e-3, 1e-3, 1.0])
    image = nib.Nifti1Image(good.voxels, to_metre @ good.affine_vox_to_ras)
    image.set_sform(to_metre @ good.affine_vox_to_ras, 1)
    image.set_qform(to_metre @ good.moved(shift_mm=12), 1)
    image.header.set_xyzt_units("meter")
    data: bytes = image.to_bytes()
    return data


def _honest_bomb(good: GoodScan) -> bytes:
    """512 x 512 x 512 zeros of 8 bytes each, and a header that says so."""
    header = good.nifti(dim=[3, 512, 512, 512, 1, 1, 1, 1], datatype=64, bitpix=64)[:352]
    return gzip.compress(header) + 16 * gzip.compress(bytes(64 * MEGABYTE))


def _z_scored(good: GoodScan) -> bytes:
    return good.nifti((good.voxels - good.voxels.mean()).astype(np.float32) / good.voxels.std())


def _z_scored_brain(_good: GoodScan) -> bytes:
    """Brain alone, z-scored, in a background of zeros."""
    bare = simulated_good_scan(skull="without")
    brain = bare.voxels > 0
    values = (bare.voxels - bare.voxels[brain].mean()) / bare.voxels[brain].std()
    return bare.nifti(np.where(brain, values, 0).astype(np.float32))


def _sheared(good: GoodScan) -> bytes:
    shear = np.eye(4)
    shear[0, 1] = np.tan(np.deg2rad(10))
    return good.nifti(None, good.affine_vox_to_ras @ shear, qform_code=0)


def _picture(good: GoodScan, path: Path) -> None:
    Image.fromarray(good.voxels[:, ::-1, 12].T).save(path)


def _two_volumes(good: GoodScan) -> bytes:
    """Another image, and then the good scan."""
    return good.nifti(np.stack([good.voxels[::-1] // 2, good.voxels], axis=-1))


def _three_voxels_of_air_without_number(good: GoodScan) -> bytes:
    voxels = good.voxels.astype(np.float32)
    voxels[tuple(np.argwhere(good.voxels == 0)[:300:100].T)] = NAN, INFINITY, -INFINITY
    return good.nifti(voxels)


def _air_without_number(good: GoodScan) -> bytes:
    return good.nifti(np.where(good.voxels == 0, np.float32(NAN), good.voxels))


def _one_voxel(good: GoodScan) -> bytes:
    voxels = np.zeros_like(good.voxels)
    voxels[5, 5, 5] = 9
    return good.nifti(voxels)


def _int8(good: GoodScan) -> bytes:
    voxels = (good.voxels.astype(np.int16) - 128).astype(np.int8)
    return good.nifti(voxels, scl_slope=1, scl_inter=128)


def _colour(good: GoodScan) -> bytes:
    voxels = np.zeros(good.voxels.shape, np.dtype([(name, np.uint8) for name in "RGB"]))
    voxels["R"] = good.voxels
    return good.nifti(voxels)


def _mask(good: GoodScan) -> bytes:
    return good.nifti((good.voxels > 200).astype(np.uint8))


def _labels(count: int) -> Bytes:
    """The good scan in so many steps of grey, as a map of regions has."""

    def make(good: GoodScan) -> bytes:
        steps = np.linspace(good.voxels.min(), good.voxels.max(), count)
        nearest = np.abs(good.voxels[..., None] - steps).argmin(axis=-1)
        return good.nifti(nearest.astype(np.uint8))

    return make


def _regions(good: GoodScan) -> bytes:
    """A map of 16 regions in the shape of the head, in no order of brightness."""
    labels = np.linspace(1, 16, int(good.voxels.max()) + 1).astype(np.uint8)[good.voxels]
    order = np.random.default_rng(0).permutation(16) + 1
    return good.nifti(np.where(good.voxels > 0, order[labels - 1], 0).astype(np.uint8))


def _in_voxels_of(x_mm: int, y_mm: int, z_mm: int, axis_codes: str = "RAS") -> Bytes:
    """The patient of the good scan, seen in other voxels."""
    return lambda _good: scan_in_voxels_of(x_mm, y_mm, z_mm).stored_as(axis_codes)


def _in_contrast(**tissues: float) -> Bytes:
    """The person of the good scan in another sequence: intensities in units of white matter."""

    def make(_good: GoodScan) -> bytes:
        return simulated_good_scan(**tissues).nifti()

    return make


def _noise(good: GoodScan) -> bytes:
    return good.nifti(np.random.default_rng(0).rayleigh(20, good.voxels.shape).astype(np.float32))


def _phantom(good: GoodScan) -> bytes:
    """A bottle with three rods."""
    x, y, z = np.indices(good.voxels.shape) - np.array(good.voxels.shape)[:, None, None, None] / 2
    bottle = ((x**2 + y**2) < 45**2) & (np.abs(z) < 9)
    voxels = np.random.default_rng(0).rayleigh(3, good.voxels.shape) + 100 * bottle
    for place in (-20, 0, 20):
        voxels[(x - place) ** 2 + y**2 < 36] = 160
    return good.nifti(voxels.astype(np.float32))


def _knee(good: GoodScan) -> bytes:
    """Skin, fat, muscle, bone and marrow in rings."""
    x, y = np.indices(good.voxels.shape[:2]) - 64
    rings = np.zeros(good.voxels.shape, np.float32)
    for limit, value in ((40, 80), (37, 180), (32, 60), (14, 10), (11, 150)):
        rings[x**2 + y**2 < limit**2] = value
    return good.nifti(rings + np.random.default_rng(0).rayleigh(4, rings.shape).astype("f4"))


def _spine(good: GoodScan) -> bytes:
    """A neck: skin, muscle, a column of vertebrae and discs, and the cord in its fluid."""
    x, y, z = np.indices(good.voxels.shape) - np.array([64, 64, 0])[:, None, None, None]
    neck = np.zeros(good.voxels.shape, np.float32)
    neck[x**2 + y**2 < 36**2] = 170
    neck[x**2 + y**2 < 33**2] = 60
    neck[x**2 + (y - 4) ** 2 < 10**2] = 90
    neck[(x**2 + (y - 4) ** 2 < 10**2) & (z % 4 == 0)] = 40
    neck[x**2 + (y + 12) ** 2 < 6**2] = 15
    neck[x**2 + (y + 12) ** 2 < 4**2] = 110
    return good.nifti(neck + np.random.default_rng(0).rayleigh(4, neck.shape).astype("f4"))


def _photograph(good: GoodScan) -> bytes:
    """Overlapping discs of all sizes, the same in every slice."""
    rng = np.random.default_rng(0)
    picture = np.zeros(good.voxels.shape[:2], np.float32)
    x, y = np.indices(picture.shape)
    for _ in range(400):
        radius = min(3 * rng.pareto(1.5) + 3, 40)
        disc = (x - rng.uniform(0, 128)) ** 2 + (y - rng.uniform(0, 128)) ** 2 < radius**2
        picture[disc] = rng.uniform(20, 255)
    return good.nifti(np.repeat(picture[:, :, None], good.voxels.shape[2], axis=2))


def _ghosted(good: GoodScan) -> bytes:
    """Copies of the head beside it, as breathing or nodding leaves them along one axis."""
    voxels = good.voxels.astype(np.float32)
    return good.nifti(voxels + 0.15 * np.roll(voxels, 64, axis=1))


def _noisy(good: GoodScan) -> bytes:
    rng = np.random.default_rng(0)
    level = np.median(good.voxels[good.voxels > 60])
    real, imaginary = rng.normal(0, 0.13 * level, (2, *good.voxels.shape))
    return good.nifti(np.hypot(good.voxels + real, imaginary).astype(np.float32))


def _uneven(good: GoodScan) -> bytes:
    """Six times as bright at the right edge as at the left, as a surface coil leaves it."""
    across = np.linspace(0, 1, good.voxels.shape[0])[:, None, None]
    return good.nifti((good.voxels * 6**across).astype(np.float32))


def _stripped(good: GoodScan) -> bytes:
    """Zeros outside of the brain, whose border is known from the same person without a skull."""
    bare = simulated_good_scan(skull="without")
    return good.nifti(good.voxels * (bare.voxels > 0))


def _defaced(good: GoodScan) -> bytes:
    """Zeros in front of the brain's base, as defacing leaves them."""
    voxels = good.voxels.copy()
    front = int(np.flatnonzero(simulated_good_scan(skull="without").voxels.any(axis=(0, 2)))[-1])
    voxels[:, front - 8 :, :10] = 0
    return good.nifti(voxels)


def _upside_down(good: GoodScan) -> bytes:
    return good.nifti(good.voxels[:, :, ::-1])


def _axes_exchanged(good: GoodScan) -> bytes:
    """A head that lies on its side, by its header."""
    spacing_mm = good.spacing_mm[[1, 0, 2]]
    return good.nifti(good.voxels.swapaxes(0, 1), np.diag([*spacing_mm, 1.0]))


def _refuse(phrase: str) -> Refuse:
    return Refuse("UNREADABLE", phrase)


def _refuse_at_once(phrase: str) -> Refuse:
    return RefuseAtOnce("UNREADABLE", phrase)


DAMAGED_GZIP = Refuse("UNREADABLE", "is compressed, and damaged or cut short")
NO_BRAIN = Refuse("NO_BRAIN", "shows no brain, as FLAIR images show it")
SINGLE_SLICE = Refuse("GEOMETRY", "holds a single slice")


# --- the catalogue -------------------------------------------------------------------------------

CATALOGUE: dict[str, tuple[Case, ...]] = {
    "Containers": (
        row("empty file", lambda _: b"", _refuse("is empty")),
        row("text named .nii.gz", lambda _: b"id,age\n1,30\n", _refuse("is text"), "scan.nii.gz"),
        row("HTML named .nii.gz", lambda _: b"<!DOCTYPE html><html>sign in", _refuse("a web page"),
            "scan.nii.gz"),
        row("git-lfs pointer", lambda _: b"version https://git-lfs.github.com/spec/v1\noid 0\n",
            _refuse("is a git-lfs pointer, not the file itself"), "scan.nii.gz"),
        Case("broken link", _link_to("nothing.nii"), _refuse("is a link to a file that is not")),
        row("gzip cut at half", lambda g: (d := g.packed())[: len(d) // 2], DAMAGED_GZIP),
        row("gzip, last 8 bytes cut", lambda g: g.packed()[:-8], DAMAGED_GZIP),
        row("gzip, CRC byte flipped", lambda g: _flipped(g.packed(), -8), DAMAGED_GZIP),
        row("one bit flipped inside gzip", lambda g: _flipped(g.packed(), 90_000), DAMAGED_GZIP),
        row("plain NIfTI named .gz", lambda g: g.nifti(), fix("named .gz, but not compressed"),
            "scan.nii.gz"),
        row("gzip named .nii", lambda g: g.packed(), fix("named .nii, but compressed")),
        row("upper-case ending", lambda g: g.packed(), ACCEPT, "SCAN.NII.GZ"),
        row("no ending", lambda g: g.packed(), ACCEPT, "scan"),
        row("compressed twice", lambda g: gzip.compress(g.packed()), _refuse("compressed twice")),
        row("trailing garbage after gzip", lambda g: g.packed() + b"garbage", DAMAGED_GZIP),
        row("trailing garbage", lambda g: g.nifti() + b"garbage", _refuse("goes on after the")),
        row(".nii truncated", lambda g: g.nifti()[:-1], _refuse_at_once("ends early")),
        row("header alone", lambda g: g.nifti()[:352], _refuse_at_once("ends early")),
        row(".hdr without .img", lambda g: g.nifti(magic=b"ni1")[:348],
            _refuse("is a NIfTI header whose voxels are in another file"), "scan.hdr"),
        Case("Analyze 7.5", _analyze, _refuse("does not say where left and right are"), "scan.hdr"),
        row("MGZ", _mgz, ACCEPT, "scan.mgz"),
        row("big-endian", _big_endian, ACCEPT),
        row("NIfTI-2", _nifti2, ACCEPT),
    ),
    "Headers": (
        row("bad magic", lambda g: g.nifti(magic=b"n+7"), _refuse("its header is damaged")),
        row("bad datatype", lambda g: g.nifti(datatype=999), _refuse("voxels of an unknown type")),
        row("vox_offset negative", _patched(108, "<f", -1.0), _refuse("begin at byte -1")),
        row("vox_offset NaN", _patched(108, "<f", NAN), _refuse("begin at byte nan")),
        row("vox_offset huge", _patched(108, "<f", 1e30), _refuse("begin at byte 1e+30")),
        row("dim 0", _patched(42, "<h", 0), Refuse("GEOMETRY", "claims 0 x 128 x")),
        row("dim negative", _patched(42, "<h", -6), Refuse("GEOMETRY", "claims -6 x 128 x")),
        row("dim: 99 axes", _patched(40, "<h", 99), Refuse("GEOMETRY", "claims 99 axes")),
        row("139 KB that claim 1000x1000x800 float32", _claiming_3_gb,
            _refuse_at_once("claims 1000 x 1000 x 800 voxels")),
        row("gzip of 3 GB zeros", lambda _: _gzip_of_3_gb(),
            _refuse_at_once("holds nothing but zeros")),
        row("gzip of 3 GB that claims 1000x1000x800 float32",
            lambda g: gzip.compress(_claiming_3_gb(g)) + _gzip_of_3_gb(),
            _refuse_at_once("claims 1000 x 1000 x 800 voxels")),
        row("gzip of a scan and 3 GB zeros", lambda g: g.packed() + _gzip_of_3_gb(),
            _refuse_at_once("goes on after the")),
        row("xyzt_units in metre", _in_unit(1, 1e3), fix("stored in units of metre")),
        row("xyzt_units in micron", _in_unit(3, 1e-3), fix("stored in units of micron")),
        row("xyzt_units in metre, but lengths in millimetre", lambda g: g.nifti(xyzt_units=1),
            warn("unit, metre, is not believed: millimetres are taken")),
        row("xyzt_units in millimetre, but lengths in micron", _in_unit(2, 1e-3),
            Refuse("GEOMETRY", "mm long, longer than any image of a head")),
        row("qfac 0, and the qform alone", lambda g: g.nifti(pixdim=[0, *g.spacing_mm, 1, 1, 1, 1],
            sform_code=0), ACCEPT),
        row("in metre, sform and qform 12 mm apart", _in_metre_and_apart,
            warn("up to 12.0 mm: the sform is taken", history="stored in units of metre")),
        row("voxels of a hundredth of a millimetre", lambda g: g.nifti(None,
            g.affine_vox_to_ras @ np.diag([0.005, 0.005, 1, 1])),
            Refuse("GEOMETRY", "finer than any image of a head")),
        row("gzip of 1 GB zeros that claims just that", _honest_bomb,
            _refuse_at_once("no scan can be compressed so much")),
        row("names in descrip, aux_file, extensions", _with_names, ACCEPT),
    ),
    "Geometry": (
        row("sform and qform both absent",
            lambda g: g.stored_as("LAS", sform_code=0, qform_code=0),
            warn("left and right are not known, and no side is named")),
        row("sform and qform mirrored", lambda g: g.with_qform(np.diag([-1, 1, 1, 1]) @ g.moved()),
            Refuse("GEOMETRY", "mirror images of each other")),
        row("sform and qform disagree by angle", lambda g: g.with_qform(g.moved(degrees=5)),
            warn("disagree by 5.0 degrees and up to")),
        row("sform and qform disagree by shift", lambda g: g.with_qform(g.moved(shift_mm=12)),
            warn("disagree by 0.0 degrees and up to 12.0 mm: the sform is taken")),
        row("singular sform", lambda g: g.nifti(srow_x=0),
            fix("the sform is unusable: the qform is taken")),
        row("NaN sform", lambda g: g.nifti(srow_y=NAN),
            fix("the sform is unusable: the qform is taken")),
        row("bad quaternion", lambda g: g.nifti(quatern_b=3.0),
            fix("the qform is unusable: the sform is taken")),
        row("singular sform and bad quaternion", lambda g: g.nifti(srow_x=0, quatern_b=3.0),
            Refuse("GEOMETRY", "does not say where the voxels lie (no usable affine)")),
        row("pixdim 0", _patched(80, "<f", 0.0),
            warn("zero or negative voxel sizes in the header (0 x",
                 history="the qform is unusable: the sform is taken")),
        row("pixdim negative", lambda g: g.nifti(pixdim=[1, *-np.abs(g.spacing_mm), 1, 1, 1, 1]),
            warn("zero or negative voxel sizes in the header (-1.9")),
        row("pixdim NaN", _patched(80, "<f", NAN), Refuse("GEOMETRY", "NaN as a voxel size")),
        row("oblique", lambda g: g.nifti(None, g.moved(degrees=20)), ACCEPT),
        row("sheared", _sheared, warn("the voxels are sheared by 10.0 degrees", least_dice=0.9)),
        row("storage order LAS", lambda g: g.stored_as("LAS"), ACCEPT),
        row("storage order PIR", lambda g: g.stored_as("PIR"), ACCEPT),
        row("storage order ILA", lambda g: g.stored_as("ILA"), ACCEPT),
        row("5 mm slices", _in_voxels_of(2, 2, 5), Answer(least_dice=0)),
        row("6 mm slices", lambda g: g.nifti(), ACCEPT),
        row("8 mm slices", _in_voxels_of(2, 2, 8), Answer(least_dice=0)),
        row("sagittal 3D", _in_voxels_of(2, 2, 2, "PIR"), Answer(least_dice=0)),
        row("sagittal slices of 5 mm", _in_voxels_of(5, 2, 2, "PIR"), Answer(least_dice=0)),
        row("one slice", lambda g: g.nifti(g.voxels[:, :, 12:13]), SINGLE_SLICE),
        row("2D file", lambda g: g.nifti(g.voxels[:, :, 12]), SINGLE_SLICE),
        Case("2D picture", _picture, SINGLE_SLICE, "slice.png"),
        row("4D with one volume", lambda g: g.nifti(g.voxels[..., None]),
            fix("stored as 128 x 128 x 23 x 1: one volume")),
        row("4D with two", _two_volumes, Refuse("GEOMETRY", "--volume N, from 0 to 1")),
        row("4D with two, --volume 1", _two_volumes, fix("volume 1 of 2 (from 0) is taken"),
            "scan.nii", "--volume", "1"),
        row("4D with two, --volume 2", _two_volumes, Refuse("GEOMETRY", "has no volume 2"),
            "scan.nii", "--volume", "2"),
        row("3D, --volume 0", lambda g: g.nifti(), ACCEPT, "scan.nii", "--volume", "0"),
        row("fewer than 16 slices of brain", lambda g: g.nifti(g.voxels[:, :, 4:18]),
            abstain("fewer than 16 slices show brain", "the brain is cut off at the edge")),
        row("half a brain", lambda g: g.nifti(g.voxels[:64]),
            abstain("the brain is cut off at the edge of the scan")),
    ),
    "Intensities": (
        row("scl_slope 0", lambda g: g.nifti(scl_slope=0, scl_inter=5), ACCEPT),
        row("scl_slope NaN", lambda g: g.nifti(scl_slope=NAN, scl_inter=5), ACCEPT),
        row("scl_slope inf", lambda g: g.nifti(scl_slope=INFINITY, scl_inter=0),
            warn("scaling of inf and 0 in the header ignored")),
        row("scl_slope negative", lambda g: g.nifti(-g.voxels.astype("i2"), scl_slope=-1),
            warn("negative scaling in the header")),
        row("scl_slope negative, so that dark is bright", lambda g: g.nifti(scl_slope=-1),
            NO_BRAIN),
        row("a few NaN or Inf voxels", _three_voxels_of_air_without_number,
            fix("3 NaN or infinite voxels set to 0")),
        row("NaN background", _air_without_number, fix("NaN or infinite voxels set to 0")),
        row("all zero", lambda g: g.nifti(0 * g.voxels), Refuse("VOXELS", "the value 0 in every")),
        row("constant", lambda g: g.nifti(0 * g.voxels + 7), Refuse("VOXELS", "the value 7 in")),
        row("one voxel", _one_voxel, Refuse("VOXELS", "in every voxel, or in all but one")),
        row("all NaN", lambda g: g.nifti(np.full_like(g.voxels, NAN, np.float32)),
            Refuse("VOXELS", "has no voxel with a number in it")),
        row("times 1e30 (2 to the power of 100)", lambda g: g.nifti(g.voxels * np.float32(2**100)),
            fix("voxels taken times 2 to the power of -")),
        row("all negative", lambda g: g.nifti(g.voxels.astype(np.int16) - np.int16(5000)),
            fix("no voxel is above 0: all raised by 5000")),
        row("air at 1000", lambda g: g.nifti(g.voxels.astype(np.int16) + np.int16(1000)),
            fix("no air is near 0: all lowered by 10", 0.99)),
        row("z-scored", _z_scored, fix("below 0, as after z-scoring: all raised by", 0.95)),
        row("z-scored brain in zeros", _z_scored_brain,
            fix("as after z-scoring: all but zeros raised by", 0.7)),
        row("int8", _int8, ACCEPT),
        row("uint8", lambda g: g.nifti(g.voxels.astype(np.uint8)), ACCEPT),
        row("uint16", lambda g: g.nifti(g.voxels.astype(np.uint16)), ACCEPT),
        row("float64", lambda g: g.nifti(g.voxels.astype(np.float64)), ACCEPT),
        row("complex", lambda g: g.nifti(g.voxels.astype("c8")), Refuse("VOXELS", "has complex")),
        row("RGB", _colour, Refuse("VOXELS", "has colour voxels")),
        row("a mask given as FLAIR", _mask, Refuse("VOXELS", "only 2 different values, as masks")),
        row("a map of 15 labels", _labels(15),
            Refuse("VOXELS", "only 15 different values, as masks")),
        row("the scan in 16 steps of grey", _labels(16), Answer(least_dice=0.8)),
        row("a map of 16 regions", _regions, Refuse("CONTRAST", "not FLAIR")),
    ),
    "Content": (
        row("T1w given as FLAIR", _in_contrast(grey=0.78, csf=0.3, deep_grey=0.88),
            Refuse("CONTRAST", "looks like a T1w image, not FLAIR")),
        row("T2w given as FLAIR", _in_contrast(grey=1.3, csf=2.4, deep_grey=1.15),
            Refuse("CONTRAST", "looks like a T2w image, not FLAIR")),
        row("PD given as FLAIR", _in_contrast(grey=1.2, csf=1.1, deep_grey=1.07),
            NO_BRAIN),
        row("noise", _noise, NO_BRAIN),
        row("phantom", _phantom, NO_BRAIN),
        row("spine", _spine, NO_BRAIN),
        row("knee", _knee, NO_BRAIN),
        row("photograph", _photograph, NO_BRAIN),
        row("skull already stripped", _stripped, Answer(head="without skull", least_dice=0.8)),
        row("defaced", _defaced, Answer(head="with skull, without face", least_dice=0.95)),
        row("heavy motion", _ghosted, abstain("ghosts beside the head")),
        row("low signal to noise", _noisy, abstain("noise is strong")),
        row("strong bias field", _uneven, abstain("brightness is uneven")),
        row("upside-down header", _upside_down,
            abstain("the head lies upside down, by the header")),
        row("permuted affine", _axes_exchanged,
            abstain("the head lies with its axes exchanged")),
    ),
    "Environment": (
        row("spaces in the name", lambda g: g.nifti(), ACCEPT, "my scan of may.nii"),
        row("newline in the name", lambda g: g.nifti(), ACCEPT, "a\nb.nii"),
        row("non-ASCII in the name", lambda g: g.nifti(), ACCEPT, "\u043c\u0440\u0442-\u8133.nii"),
        row("-rf as the name", lambda g: g.nifti(), ACCEPT, "-rf"),
        row("<img onerror> in the name", lambda g: g.nifti(), ACCEPT,
            "<img src=x onerror=alert(1)>.nii"),
        row("undecodable bytes in the name", lambda g: g.nifti(), ACCEPT,
            os.fsdecode(b"\xff\xfe\x80.nii")),
        row("a name that is refused", lambda _: b"text", _refuse("is text"),
            os.fsdecode(b"a\nb\x1b[31m<img>\xff.nii")),
        Case("FIFO", lambda _, path: os.mkfifo(path), _refuse_at_once("is a pipe or a device")),
        Case("/dev/zero", _link_to("/dev/zero"), _refuse_at_once("is a pipe or a device")),
        Case("link loop", lambda _, path: path.symlink_to(path.name),
             _refuse_at_once("is a link that leads in a circle")),
    ),
}  # fmt: skip

ROWS = [pytest.param(r, id=f"{s}: {r.case}") for s, rows in CATALOGUE.items() for r in rows]


Detect = Callable[[Case], Run]


@pytest.fixture
def detect(good: GoodScan, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Detect:
    """Make the file of a case, and run the command on it."""

    def run(case: Case) -> Run:
        scan, output = tmp_path / "scans" / case.name, tmp_path / "out"
        scan.parent.mkdir()
        case.make(good, scan)
        tracemalloc.start()
        # Not by the clock, which also counts what else the machine is at.
        started = process_time()
        exit_code = main(["detect", str(scan), "--output", str(output), *case.options])
        seconds = process_time() - started
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        said, complained = capsys.readouterr()
        complaints = [line for line in complained.splitlines() if "finding lesions: " not in line]
        return Run(scan, output, exit_code, said, complaints, seconds, peak_bytes)

    return run


@pytest.mark.parametrize("case", ROWS)
def test_every_fault_ends_as_the_catalogue_says(
    case: Case, detect: Detect, lesions: NDArray[np.bool_]
) -> None:
    """A faulty file is refused in one line, or its result says what was mended or is in doubt."""
    case.outcome.check(detect(case), lesions)


def test_the_good_scan_of_a_folder_of_faults_is_done(
    good: GoodScan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of all the files that are refused at once, each has its line and its place in run.json."""
    faults = [r for rows in CATALOGUE.values() for r in rows if isinstance(r.outcome, RefuseAtOnce)]
    (tmp_path / "scans").mkdir()
    for number, fault in enumerate(faults):
        fault.make(good, tmp_path / "scans" / f"{number}.nii")
    (tmp_path / "scans" / "good.nii").write_bytes(good.nifti())
    assert main(["detect", str(tmp_path / "scans"), "--output", str(tmp_path / "out")]) == 3
    complaints = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("UNREADABLE: ") for line in complaints) == len(faults)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert {scan["scan"] for scan in run["scans"] if scan["status"] == "done"} == {"good"}
    assert [scan.get("code") for scan in run["scans"]].count("UNREADABLE") == len(faults) == 10
