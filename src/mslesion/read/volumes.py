"""One scan, or a plain folder of scans, as a cohort of people without a diagnosis."""

from __future__ import annotations

import re
from pathlib import Path

from mslesion.cohort.people import Cohort, Person, ScanFile
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
    only those are taken.
    """
    masks = {}
    for path in entries(folder):
        named = _LESION_MASK.match(without_ending(path.name).lower())
        if named and is_volume(path) and detection_of_mask(path) is None:
            masks[_without_contrast(named[1])] = path
    people = tuple(
        _person(image, masks.get(_without_contrast(without_ending(image.name).lower())))
        for image in _images(folder)
    )
    return Cohort(folder.resolve().name, folder, "folder of volumes", people)


def read_single_file(path: Path) -> Cohort:
    """A cohort of the one scan in a file, of which no more than the kind is looked at yet.

    A DICOM file is one of the files of a series, and is called by the series' name.
    """
    if begins_as_dicom(path):
        return read_dicom(path)
    return Cohort(plain(without_ending(path.name)), path, "single file", (_person(path, None),))


def _person(image: Path, lesion_mask: Path | None) -> Person:
    name = plain(_without_contrast(without_ending(image.name)))
    return Person(name, None, (ScanFile(name, image, lesion_mask),))


def _without_contrast(name: str) -> str:
    return re.sub(r"[_.-]flair$", "", name, flags=re.IGNORECASE)


def _images(folder: Path) -> list[Path]:
    images = [
        path
        for path in entries(folder)
        if is_volume(path) and not _NO_IMAGE.search(without_ending(path.name).lower())
    ]
    flair = [path for path in images if "flair" in path.name.lower()]
    return flair or images
