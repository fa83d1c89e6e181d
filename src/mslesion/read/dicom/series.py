"""From the files in a folder to studies, and from a series to stacks of parallel slices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mslesion.read.dicom.address import SERIES, STUDY, short_name
from mslesion.read.dicom.header import (
    DamagedFile,
    DicomImage,
    Frame,
    Kind,
    OtherObject,
    read_header,
)
from mslesion.read.dicom.stream import PREAMBLE_BYTES, is_dicom

PARALLEL = 0.02
"""Slices whose direction cosines differ by less than this (a degree) are of one stack."""


@dataclass(frozen=True)
class Slice:
    """One frame of one file."""

    image: DicomImage
    frame: Frame


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices of one series that lie in parallel; ``name`` is what results are called by."""

    name: str
    kind: Kind
    slices: tuple[Slice, ...]
    is_part: bool
    """Whether the series also holds slices of other directions."""


@dataclass(frozen=True, eq=False)
class Study:
    """What belongs to one StudyInstanceUID. ``damaged_beside`` are files that may be of it.

    ``patient_key`` is a hash for grouping within one folder; it never leaves this package.
    """

    name: str
    uid: str
    patient_key: str
    stacks: tuple[Stack, ...]
    damaged_beside: tuple[DamagedFile, ...]


@dataclass(frozen=True, eq=False)
class DicomFolder:
    """All studies in a folder, those damaged files that lie beside none, and how many others."""

    studies: tuple[Study, ...]
    damaged: tuple[DamagedFile, ...]
    other_objects: int


def holds_dicom(folder: Path) -> bool:
    """Whether any file in a folder or below begins as a DICOM file does."""
    return any(begins_as_dicom(path) for path in files_below(folder))


def begins_as_dicom(path: Path) -> bool:
    """Whether a regular file begins as a DICOM file does; not where it cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return is_dicom(file.read(PREAMBLE_BYTES + 4))
    except OSError:
        return False


def files_below(root: Path, *, skips_unreadable: bool = False) -> Iterator[Path]:
    """Every regular file at or below ``root``, hidden ones apart, in the order of their paths.

    Links are followed, and each folder is passed once, for one may lead back to another above it.

    Raises:
        OSError: A folder may not be read, unless ``skips_unreadable``.
    """
    if root.is_file():
        yield root
        return
    passed = {os.path.realpath(root)}
    for folder, folders, names in os.walk(
        root, onerror=None if skips_unreadable else _raise, followlinks=True
    ):
        new = []
        for name in sorted(name for name in folders if not name.startswith(".")):
            real = os.path.realpath(Path(folder, name))
            if real not in passed:
                passed.add(real)
                new.append(name)
        folders[:] = new
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _raise(error: OSError) -> None:
    raise error


def read_folder(root: Path) -> DicomFolder:
    """Read the headers of all DICOM files at or below ``root``.

    A folder is read once as long as no file in it changes.

    Raises:
        OSError: A folder may not be read.
    """
    facts = tuple((path, *_size_and_time(path)) for path in files_below(root))
    return _read_files(facts)


def _size_and_time(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=2)
def _read_files(facts: tuple[tuple[Path, int, int], ...]) -> DicomFolder:
    read = [header for path, _, _ in facts if (header := read_header(path)) is not None]
    images = [header for header in read if isinstance(header, DicomImage)]
    damaged = [header for header in read if isinstance(header, DamagedFile)]
    by_study: dict[str, list[DicomImage]] = {}
    for image in images:
        by_study.setdefault(image.study_uid, []).append(image)
    folders_of_images = {image.path.parent for image in images}
    return DicomFolder(
        tuple(_study(uid, group, damaged) for uid, group in sorted(by_study.items())),
        tuple(file for file in damaged if file.path.parent not in folders_of_images),
        sum(isinstance(header, OtherObject) for header in read),
    )


def _study(uid: str, images: list[DicomImage], damaged: list[DamagedFile]) -> Study:
    by_series: dict[str, list[DicomImage]] = {}
    for image in images:
        by_series.setdefault(image.series_uid, []).append(image)
    stacks = [stack for _, group in sorted(by_series.items()) for stack in _stacks(group)]
    folders = {image.path.parent for image in images}
    return Study(
        short_name(STUDY, uid),
        uid,
        images[0].patient_key,
        tuple(stacks),
        tuple(file for file in damaged if file.path.parent in folders),
    )


def _stacks(images: list[DicomImage]) -> list[Stack]:
    """The stacks of one series, the one of most slices first.

    Where any slice cannot be placed, or any file cannot be used, the series is left whole, so that
    what is wrong is found when it is read, and no slice is lost.
    """
    name = short_name(SERIES, images[0].series_uid)
    slices = [Slice(image, frame) for image in images for frame in image.frames]
    if any(image.problem for image in images) or any(s.frame.orientation is None for s in slices):
        slices = [Slice(image, _placeholder(image)) for image in images]
        return [Stack(name, images[0].kind, tuple(slices), is_part=False)]
    groups: list[list[Slice]] = []
    for one in slices:
        for group in groups:
            if _are_parallel(group[0], one):
                group.append(one)
                break
        else:
            groups.append([one])
    groups.sort(key=lambda group: (-len(group), group[0].frame.orientation or ()))
    return [
        Stack(
            name if number == 1 else f"{name}-{number}",
            group[0].image.kind,
            tuple(group),
            is_part=len(groups) > 1,
        )
        for number, group in enumerate(groups, start=1)
    ]


def _placeholder(image: DicomImage) -> Frame:
    """The first frame of an image, or one without a place where it has none."""
    nowhere = Frame(0, None, None, None, 1.0, 0.0, None, ())
    return next((f for f in image.frames if f.orientation is None), (*image.frames, nowhere)[0])


def _are_parallel(first: Slice, second: Slice) -> bool:
    a, b = first.frame.orientation or (), second.frame.orientation or ()
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) < PARALLEL
