"""The dataset of a BIDS-App: who of it is asked for, and whether it says that it is one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from mslesion.cohort.people import Cohort, Person
from mslesion.errors import CohortError, MslesionError, UsageError
from mslesion.read.bids import is_bids, place_in_dataset, read_bids
from mslesion.read.detections import is_detections_dataset
from mslesion.read.names import is_folder
from mslesion.read.side_files import read_json

_DESCRIPTION = "dataset_description.json"
_NOT_CHECKED = "or see past it with --skip-bids-validation"


def read_bids_dataset(folder: Path, *, is_checked: bool = True) -> Cohort:
    """Read a BIDS dataset; no image is opened.

    With ``is_checked``, it must have a ``dataset_description.json`` with a name and a version of
    BIDS. Whether it is valid in all else is the official validator's to say.

    Raises:
        CohortError: it is no folder, has no participants, is one of our own results, or has no such
            description.
    """
    if not is_folder(folder):
        what = "is no folder" if folder.exists() else "does not exist"
        raise CohortError(what, remedy="give the folder of a BIDS dataset", file=folder)
    try:
        if is_detections_dataset(folder):
            raise CohortError(
                "holds what mslesion found, and no scans",
                remedy="give the dataset of the scans as BIDS_DIR",
                file=folder,
            )
        if not is_bids(folder):
            raise CohortError(
                "holds no participants: no folder is named sub-*",
                remedy="give the folder of a BIDS dataset, or use 'mslesion detect', which reads "
                "other layouts too",
                file=folder,
            )
        if is_checked:
            _require_description(folder / _DESCRIPTION)
        return read_bids(folder)
    except OSError as error:
        raise CohortError(
            f"cannot be read ({error.strerror})", remedy="ask for the right to it", file=folder
        ) from error


def _require_description(path: Path) -> None:
    if not path.is_file():
        raise CohortError(
            "is missing, which every BIDS dataset has", remedy=f"add it, {_NOT_CHECKED}", file=path
        )
    try:
        description = read_json(path, "utf-8-sig")
    except (OSError, ValueError) as error:
        raise CohortError(
            f"is no JSON ({error})", remedy=f"mend it, {_NOT_CHECKED}", file=path
        ) from error
    missing = [
        key
        for key in ("Name", "BIDSVersion")
        if not isinstance(description, dict) or not isinstance(description.get(key), str)
    ]
    if missing:
        raise CohortError(
            f"has no {' and no '.join(missing)}, which BIDS requires",
            remedy=f"add what is missing, {_NOT_CHECKED}",
            file=path,
        )


def select(cohort: Cohort, participants: Collection[str], sessions: Collection[str]) -> Cohort:
    """The scans of these participants in these sessions; all of them where none are named.

    Labels may be written with or without ``sub-`` and ``ses-``. Participants who have none of the
    sessions are left out.

    Raises:
        UsageError: there is no such participant, or none of the chosen has such a session.
    """
    people, set_aside = cohort.people, cohort.set_aside
    if participants:
        wanted = {f"sub-{label.removeprefix('sub-')}" for label in participants}
        known = {person.person_id for person in people}
        known |= {name for error in set_aside for name in _place(error, cohort)[:1]}
        _require_known(wanted, known, "participant", cohort.root)
        people = tuple(person for person in people if person.person_id in wanted)
        set_aside = tuple(e for e in set_aside if wanted.intersection(_place(e, cohort)))
    if sessions:
        wanted = {f"ses-{label.removeprefix('ses-')}" for label in sessions}
        known = {scan.image.parent.parent.name for person in people for scan in person.scans}
        known |= {name for error in set_aside for name in _place(error, cohort)[1:]}
        _require_known(wanted, known, "session", cohort.root)
        people = tuple(person for p in people if (person := _in_sessions(p, wanted)).scans)
        set_aside = tuple(e for e in set_aside if wanted.intersection(_place(e, cohort)))
    return replace(cohort, people=people, set_aside=set_aside)


def _in_sessions(person: Person, sessions: Collection[str]) -> Person:
    scans = (scan for scan in person.scans if scan.image.parent.parent.name in sessions)
    return replace(person, scans=tuple(scans))


def _require_known(wanted: Iterable[str], known: Collection[str], kind: str, root: Path) -> None:
    for name in sorted(wanted):
        if name not in known:
            raise UsageError(
                f"has no {kind} {name}{' with a FLAIR image' if kind == 'session' else ''}",
                remedy=f"name {kind}s as the folders {name[:4]}* of the dataset are named",
                file=root,
            )


def _place(error: MslesionError, cohort: Cohort) -> tuple[str, ...]:
    """The participant, and the session, of what was set aside."""
    return place_in_dataset(Path(error.file or ""), cohort.root)
