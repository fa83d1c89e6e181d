"""One scan, or a plain folder of scans, as a cohort of people without a diagnosis."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import ScanError
from mslesion.read.detections import detection_of_mask
from mslesion.read.dicom.reading import read_dicom
from mslesion.read.dicom.series import begins_as_dicom
from mslesion.read.names import entries, is_volume, plain, without_ending

_NO_IMAGE = re.compile(r"(?:^|[^a-z])(?:mask|lesions?|seg|segmentation|label|labels|gt)(?![a-z])")
_LESION_MASK = re.compile(r"^(.+?)[_.-](?:label[_.-](?:l|lesion)|lesions?)(?:[_.-]mask)?$")


def is_folder_of_volumes(folder: Path) -> bool:
    """Whether a folder has volumes directly in it."""
    return bool(_images(folder))


def read_folder_of_volumes(folder: Path) -> Cohort:
    """Read a folder of volumes with any names: each image is a person of its own.

    Files named as masks are no images; ``NAME_lesion_mask`` or ``NAME_lesions`` is the lesion
    mask of ``NAME``, unless ``mslesion detect`` wrote it. Where any image has FLAIR in its name,
    only those are taken. Images that would be called the same are set aside.

    Raises:
        ScanError: all images would be called the same.
    """
    masks = {}
    for path in entries(folder):
        named = _LESION_MASK.match(without_ending(path.name).lower())
        if named and is_volume(path) and detection_of_mask(path) is None:
            masks[_without_contrast(named[1])] = path
    images = _images(folder)
    called = Counter(_name(image) for image in images)
    people = tuple(
        _person(image, masks.get(_without_contrast(without_ending(image.name).lower())))
        for image in images
        if called[_name(image)] == 1
    )
    set_aside = tuple(_namesake(image) for image in images if called[_name(image)] > 1)
    if not people:
        raise set_aside[0]
    return Cohort(folder.resolve().name, folder, "folder of volumes", people, set_aside=set_aside)


def _namesake(image: Path) -> ScanError:
    return ScanError(
        f"another image would be called {_name(image)} too",
        remedy="remove or rename one of them",
        file=image,
    )


def read_single_file(path: Path) -> Cohort:
    """A cohort of the one scan in a file, of which no more than the kind is looked at yet.

    A DICOM file is one of the files of a series, and is called by the series' name.
    """
    if begins_as_dicom(path):
        return read_dicom(path)
    return Cohort(plain(without_ending(path.name)), path, "single file", (_person(path, None),))


def _person(image: Path, lesion_mask: Path | None) -> Person:
    name = _name(image)
    return Person(name, None, (ScanFile(name, image, lesion_mask),))


def _name(image: Path) -> str:
    """What an image is called in tables and names of files."""
    return plain(_without_contrast(without_ending(image.name)))


def _without_contrast(name: str) -> str:
    return re.sub(r"[_.-]flair$", "", name, flags=re.IGNORECASE)


def images_passed_over(folder: Path) -> list[Path]:
    """Images of a folder of volumes that are not taken, as others have FLAIR in their names."""
    taken = set(_images(folder))
    return [path for path in _all_images(folder) if path not in taken]


def _images(folder: Path) -> list[Path]:
    images = _all_images(folder)
    flair = [path for path in images if "flair" in path.name.lower()]
    return flair or images


def _all_images(folder: Path) -> list[Path]:
    return [
        path
        for path in entries(folder)
        if is_volume(path) and not _NO_IMAGE.search(without_ending(path.name).lower())
    ]
