"""From what a folder looks like to the reader of its layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mslesion.cohort.people import Cohort
from mslesion.errors import CohortError
from mslesion.read.bids import is_bids, read_bids
from mslesion.read.content import regular_file_size
from mslesion.read.detections import holds_detections
from mslesion.read.dicom.address import is_address
from mslesion.read.dicom.reading import LAYOUT as DICOM
from mslesion.read.dicom.reading import read_address, read_dicom
from mslesion.read.dicom.series import files_below, holds_dicom
from mslesion.read.known_doubles import with_known_doubles
from mslesion.read.names import entries, is_volume
from mslesion.read.public_datasets import (
    is_kaggle,
    is_mendeley,
    is_open_ms_data,
    read_kaggle,
    read_mendeley,
    read_open_ms_data,
)
from mslesion.read.volumes import (
    images_passed_over,
    is_folder_of_volumes,
    read_folder_of_volumes,
    read_single_file,
)

_MOST_LOOKED_AT = 10_000


class Layout(NamedTuple):
    """How a cohort lies in a folder: how that is recognised, and how it is read.

    A layout that ``lies_at_any_depth`` is found from the folder that was given, others also in the
    one folder that this holds. ``has_masks`` tells whether it has a place for lesion masks.
    """

    name: str
    recognise: Callable[[Path], bool]
    read: Callable[[Path], Cohort]
    lies_at_any_depth: bool = False
    has_masks: bool = True


LAYOUTS = (
    Layout("BIDS", is_bids, read_bids),
    Layout("Mendeley", is_mendeley, read_mendeley),
    Layout("Kaggle", is_kaggle, read_kaggle),
    Layout("open_ms_data", is_open_ms_data, read_open_ms_data),
    Layout("folder of volumes", is_folder_of_volumes, read_folder_of_volumes),
    Layout(DICOM, holds_dicom, read_dicom, lies_at_any_depth=True, has_masks=False),
)


def read_cohort(folder: Path) -> Cohort:
    """Find out who is in a folder, and where their scans and masks lie; no image is opened.

    A single file is a cohort of one, as is a DICOM series by its address. Where a folder holds
    nothing but one other folder, as unpacked archives do, that one is looked into. Participants who
    are one person still stand as several, each saying so;
    :meth:`Cohort.with_participants_joined` makes them one.

    Raises:
        MissingExtraError: It holds DICOM, and the extra for that is not installed.
        CohortError: The folder is not there, may not be read, or holds no scan in any layout of
            ``LAYOUTS``; somebody is named twice.
        ScanError: All its images would be called the same.
        UnreadableFileError: It is a link that leads nowhere.
    """
    try:
        if is_address(folder):
            return read_address(folder)
        if folder.is_symlink() and not folder.exists():
            regular_file_size(folder)  # which says where the link fails to lead
        if not folder.exists():
            raise CohortError("does not exist", remedy="check the path", file=folder)
        if not folder.is_dir():
            return read_single_file(folder)
        return _read_folder(folder)
    except OSError as error:
        raise CohortError(
            f"cannot be read ({error.strerror})", remedy="ask for the right to it", file=folder
        ) from error


def read_people(folder: Path) -> Cohort:
    """The same for whatever divides or measures people: participants who are one person are one.

    Raises:
        CohortError: as :func:`read_cohort`, or what is said of one person under several names
            contradicts itself.
        ScanError: as :func:`read_cohort`.
        UnreadableFileError: as :func:`read_cohort`.
    """
    return read_cohort(folder).with_participants_joined()


def passed_over(folder: Path) -> list[Path]:
    """The images of a plain folder that are not taken, as others have FLAIR in their names."""
    if not is_folder_of_volumes(folder):  # which spares looking into DICOM files
        return []
    first = next(layout.read for layout in LAYOUTS if layout.recognise(folder))
    return images_passed_over(folder) if first is read_folder_of_volumes else []


def _read_folder(folder: Path) -> Cohort:
    for layout in LAYOUTS:
        for place in (folder,) if layout.lies_at_any_depth else unpacked(folder):
            if layout.recognise(place):
                cohort = with_known_doubles(layout.read(place))
                if cohort.people:
                    return cohort
    if any(holds_detections(place) for place in unpacked(folder)):
        raise CohortError(
            "holds what 'mslesion detect' found, and no scans",
            remedy="give the folder of the scans themselves",
            file=folder,
        )
    names = ", ".join(layout.name for layout in LAYOUTS)
    below = islice(files_below(folder, skips_unreadable=True), _MOST_LOOKED_AT)
    deeper = next((path.relative_to(folder) for path in below if is_volume(path)), None)
    raise CohortError(
        f"holds no scans in any layout that is known ({names})"
        + (f"; there is an image further down, {deeper}" if deeper else ""),
        remedy="give the folder that the images are in, one of these layouts, or one file",
        file=folder,
    )


def unpacked(folder: Path) -> Iterator[Path]:
    """A folder, and the one that it holds where it holds nothing else, and so on."""
    yield folder
    inside = entries(folder)
    if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink():
        yield from unpacked(inside[0])
