"""BIDS datasets: ``sub-*/[ses-*/]anat/*_FLAIR.nii[.gz]`` and what belongs to it.

A reader of what we need; it does not judge whether the dataset is valid BIDS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile, islice
from pathlib import Path

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import ScanError, UnreadableFileError
from mslesion.read.detections import detection_of_mask, is_detections_dataset
from mslesion.read.names import bids_entities, entries, is_volume, plain, without_ending
from mslesion.read.participants import read_participants
from mslesion.read.side_files import read_json

_LESION_LABELS = {"L", "lesion"}
"""``label-L`` is reserved for lesions by BIDS; ``label-lesion`` is what many write."""

_FREE_ENTITIES = {"label", "desc", "space"}
"""Entities in which a mask may differ from its image; all others say which image it is of."""

_VERSION_ENTITIES = ("space", "desc", "res", "den", "rec", "part")
"""Entities in which several files of one acquisition differ: resampled, reconstructed, a part of
the complex signal. Images that differ in any other (``acq``, ``ce``, ``run``, ``chunk``) were
acquired one after the other."""


def is_bids(folder: Path) -> bool:
    """Whether a folder has subjects as a BIDS dataset has them."""
    return any(_subjects(folder))


def read_bids(folder: Path) -> Cohort:
    """Read a BIDS dataset without opening any image.

    People are those with a folder ``sub-*``; their diagnosis is the ``group``, and their site the
    ``site``, of ``participants.tsv``, whose column ``same_person_as`` may say that somebody is
    another participant too. Each acquisition of a session is a scan of its own; of several files of
    one acquisition, the one least processed is taken. A subject without a FLAIR image is set aside,
    and so is a session that has other images of the head alone, or that may not be read.

    Raises:
        CohortError: ``participants.tsv`` names somebody twice, or has no participant_id.
    """
    participants = read_participants(folder / "participants.tsv")
    people: list[Person] = []
    set_aside: list[ScanError] = []
    for subject in _subjects(folder):
        scans, without_scan = _read_subject(subject, folder)
        set_aside += without_scan
        if scans:
            people.append(
                Person(
                    subject.name,
                    participants.diagnosis(subject.name),
                    scans,
                    participants.site(subject.name),
                    participants.same_person_as(subject.name),
                )
            )
    name, is_simulated = _read_description(folder / "dataset_description.json")
    return Cohort(
        name or folder.resolve().name,
        folder,
        "BIDS",
        tuple(people),
        is_simulated=is_simulated,
        set_aside=tuple(set_aside),
    )


def _read_subject(subject: Path, root: Path) -> tuple[tuple[ScanFile, ...], list[ScanError]]:
    """The scans of one subject, and why there are none of the subject or of a session."""
    scans: list[ScanFile] = []
    without_scan: list[ScanError] = []
    try:
        folders = [subject, *_sessions(subject)]
    except OSError as error:
        return (), [_unreadable(subject, error, root)]
    for folder in folders:
        try:
            found = list(_scans_of(folder, root))
            # Of a session without images of the head nobody expects a FLAIR.
            if not found and folder != subject and _volumes(folder / "anat"):
                without_scan.append(_without_flair(folder))
            scans += found
        except OSError as error:
            without_scan.append(_unreadable(folder, error, root))
    if not scans and not without_scan:
        without_scan.append(_without_flair(subject))
    return tuple(scans), without_scan


def _without_flair(folder: Path) -> ScanError:
    return ScanError(
        "has no image named *_FLAIR.nii or *_FLAIR.nii.gz in its folder anat",
        remedy="add the FLAIR image, or name it as BIDS does",
        file=folder,
    )


def _unreadable(folder: Path, error: OSError, root: Path) -> ScanError:
    """What cannot be read of a subject or session, be it masks that all of the dataset share."""
    blamed = Path(error.filename or folder)
    if place_in_dataset(blamed, root):
        what, file = f"cannot be read ({error.strerror})", blamed
    else:
        what, file = f"has masks in {blamed} that cannot be read ({error.strerror})", folder
    return UnreadableFileError(what, remedy="ask for the right to it", file=file)


def place_in_dataset(path: Path, root: Path) -> tuple[str, ...]:
    """The participant, and the session where there is one, that a path of a dataset belongs to.

    ``("sub-01", "ses-2")`` for ``root/sub-01/ses-2/anat`` and what is in it; () for what belongs
    to nobody.
    """
    folders = path.relative_to(root).parts if path.is_relative_to(root) else ()
    belongs = dropwhile(lambda name: not name.startswith("sub-"), folders)
    participant, session = tuple(islice(belongs, 1)), tuple(islice(belongs, 1))
    return participant + tuple(name for name in session if name.startswith("ses-"))


def _read_description(path: Path) -> tuple[str, bool]:
    """The dataset's name, empty where it has none, and whether this package simulated it."""
    try:
        value = read_json(path, "utf-8-sig")
        makers = value.get("GeneratedBy", [])
        return str(value.get("Name", "")), any(maker.get("Name") == "mslesion" for maker in makers)
    except (OSError, ValueError, AttributeError, TypeError):
        # A dataset is read without its description, or with a damaged one.
        return "", False


def _subjects(folder: Path) -> Iterator[Path]:
    return (p for p in entries(folder) if p.name.startswith("sub-") and p.is_dir())


def _sessions(subject: Path) -> list[Path]:
    return [p for p in entries(subject) if p.name.startswith("ses-") and p.is_dir()]


def _scans_of(session: Path, root: Path) -> Iterator[ScanFile]:
    """The scans of one session, or of a subject without sessions."""
    images = _one_an_acquisition(p for p in _volumes(session / "anat") if _is_flair(p))
    masks = _lesion_masks(session.relative_to(root), root) if images else []
    for image in images:
        name = plain(without_ending(image.name).removesuffix("_FLAIR"))
        fitting = (mask for mask in masks if _of_which(mask, images) == image)
        yield ScanFile(name, image, _best_mask(image, fitting))


def _is_flair(image: Path) -> bool:
    """Whether an image is named FLAIR, and shows magnitudes; a phase is no picture of a head."""
    return _suffix(image) == "FLAIR" and bids_entities(image.name).get("part", "mag") == "mag"


def _one_an_acquisition(images: Iterable[Path]) -> list[Path]:
    """Of the files of each acquisition the one with the fewest signs of processing, then the first.

    A file in its own space comes before all that are in another.
    """
    acquisitions: dict[str, list[Path]] = {}
    for image in images:
        acquisitions.setdefault(_acquisition(image), []).append(image)
    return [min(files, key=_processing) for files in acquisitions.values()]


def _acquisition(image: Path) -> str:
    versions = "|".join(_VERSION_ENTITIES)
    return re.sub(rf"_(?:{versions})-[^_]*", "", without_ending(image.name))


def _processing(image: Path) -> tuple[bool, int]:
    found = bids_entities(image.name).keys()
    return "space" in found, sum(entity in found for entity in _VERSION_ENTITIES)


def _lesion_masks(session: Path, root: Path) -> list[Path]:
    """The lesion masks of a session; what this package detected is no reference and left out."""
    return [
        path
        for pipeline in entries(root / "derivatives")
        if not is_detections_dataset(pipeline)
        for path in _volumes(pipeline / session / "anat")
        if _suffix(path) == "mask"
        and bids_entities(path.name).get("label") in _LESION_LABELS
        and detection_of_mask(path) is None
    ]


def _of_which(mask: Path, images: Sequence[Path]) -> Path | None:
    """The image that a mask is of: of those it agrees with, the one it has most in common with.

    Of several such, it is the one that says least beyond, then the first: so a mask that names no
    run is of the first run.
    """
    found = bids_entities(mask.name)

    def agreement(image: Path) -> tuple[int, int]:
        said = bids_entities(image.name)
        return len(found.items() & said.items()), -len(said)

    fitting = [image for image in images if _is_of(mask, bids_entities(image.name))]
    return max(fitting, key=agreement, default=None)


def _best_mask(image: Path, masks: Iterable[Path]) -> Path | None:
    """The mask that fits an image best; None where there is none."""
    wanted = bids_entities(image.name)

    def misfit(mask: Path) -> tuple[bool, int, bool, str]:
        found = bids_entities(mask.name)
        alike = sum(found.get(key) == value for key, value in wanted.items())
        other_space = found.get("space") != wanted.get("space")
        return other_space, -alike, "manual" not in mask.parts, str(mask)

    return min(masks, key=misfit, default=None)


def _is_of(mask: Path, wanted: dict[str, str]) -> bool:
    found = bids_entities(mask.name)
    identifying = (found.keys() & wanted.keys()) - _FREE_ENTITIES
    return all(found[key] == wanted[key] for key in identifying)


def _volumes(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_volume(path)]


def _suffix(path: Path) -> str:
    return without_ending(path.name).rpartition("_")[2]
