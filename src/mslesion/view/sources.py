"""Where the scan lies that something was found in: known by its content, not by its place.

Results tell a scan's name and the SHA-256 of its file, and only a BIDS derivative tells the way
to its dataset. So the file, or the DICOM series, is looked for, and shown only if it is the very
one.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from mslesion.errors import MissingExtraError, MslesionError
from mslesion.read.detections import DetectionFiles
from mslesion.read.dicom.address import is_address
from mslesion.read.dicom.series import files_below
from mslesion.read.inputs import input_sha256
from mslesion.read.side_files import read_json_object

_BIDS_URI = "bids:raw:"
_MOST_BYTES = 2**31
MOST_NEAR = 10_000
"""So many files around the output are looked at unasked: a second's work, or a few of DICOM."""

_LOOK_ELSEWHERE = "start the viewer with --scans FOLDER, the folder that holds it"


@dataclass(frozen=True)
class Source:
    """The file of a scan; where it is None, ``problem`` says why, in a sentence or two."""

    path: Path | None
    problem: str = ""


class SourceFinder:
    """Finds the scans of one output folder.

    Looked at, in this order: what the BIDS derivative says of its dataset, the folders ``scans``
    and all below, the output folder itself, and the one that holds it with all below, unless that
    holds more than :data:`MOST_NEAR` files.
    """

    def __init__(self, output: Path, scans: Sequence[Path] = ()) -> None:
        self._output = output
        self._scans = tuple(scans)
        self._hash_of_state = cache(_hash_of_state)
        self._given = cache(lambda: _by_name(scans))
        self._near_folders = cache(lambda: _near_folders(output))
        self._near = cache(lambda: _by_name(self._near_folders()))

    def find(self, files: DetectionFiles, summary: Mapping[str, Any]) -> Source:
        """The file, or the series, that a summary speaks of, by its name and its SHA-256.

        What was added or replaced since the viewer began is found, and never taken for what it was.
        """
        name, digest = summary.get("input_file"), summary.get("input_sha256")
        if not isinstance(name, str) or not isinstance(digest, str) or name != Path(name).name:
            return Source(None, "The summary does not say which file this was found in.")
        try:
            path, others = self._look(files, name, digest)
            if path is None:
                for listing in (self._given, self._near_folders, self._near):
                    listing.cache_clear()
                path, others = self._look(files, name, digest)
            if path is not None:
                return Source(path)
        except MissingExtraError as error:
            return Source(
                None, f"The scan is a DICOM series, and {error.what}: {error.remedy} shows it."
            )
        if others:
            return Source(
                None,
                f"The scan {name} has changed since: what lies there has another content than "
                f"what the lesions were found in. Only the mask and the probability are shown; "
                f"detect again, or {_LOOK_ELSEWHERE}.",
            )
        return Source(
            None,
            f"The scan {name} was not found, so only the mask and the probability are shown: "
            f"{_LOOK_ELSEWHERE}.",
        )

    def _look(self, files: DetectionFiles, name: str, digest: str) -> tuple[Path | None, int]:
        """The file with this content, and how many others of the name can be read."""
        others = 0
        for path in self._candidates(files, name):
            found = self._hash_of_state(path, _state(path))
            if found == digest:
                return path, others
            others += found is not None
        return None, others

    def _candidates(self, files: DetectionFiles, name: str) -> Iterator[Path]:
        for root in (*self._scans, *self._near_folders()):
            if is_address(root / name):
                yield root / name
        listed = self._by_bids(files)
        for path in (
            *([listed] if listed else ()), *self._given().get(name, ()),
            self._output / name, *self._near().get(name, ()),
        ):  # fmt: skip
            if _is_readable_file(path):
                yield path

    def _by_bids(self, files: DetectionFiles) -> Path | None:
        """Where the sidecar of the mask and the description of the dataset lead to."""
        description = read_json_object(self._output / "dataset_description.json")
        sources = read_json_object(files.sidecars[0]).get("Sources")
        links = description.get("DatasetLinks")
        link = links.get("raw") if isinstance(links, dict) else None
        uri = sources[0] if isinstance(sources, list) and sources else None
        if not isinstance(link, str) or not isinstance(uri, str) or not uri.startswith(_BIDS_URI):
            return None
        dataset = self._output / link.removeprefix("file://")
        path = dataset / uri.removeprefix(_BIDS_URI)
        # A description that leads out of its own dataset is no honest one.
        inside = os.path.normpath(path).startswith(os.path.normpath(dataset) + os.sep)
        return path if inside else None


def _near_folders(output: Path) -> tuple[Path, ...]:
    """The folder that holds the output; none if that holds too much to be looked through."""
    around = output.absolute().parent
    count = sum(1 for _ in islice(files_below(around, skips_unreadable=True), MOST_NEAR + 1))
    return (around,) if count <= MOST_NEAR else ()


def _by_name(given: Sequence[Path]) -> Mapping[str, Sequence[Path]]:
    """The files of folders and below, and those given as such, by their names."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in given:
        for file in files_below(path, skips_unreadable=True):
            found[file.name].append(file)
    return found


def _is_readable_file(path: Path) -> bool:
    """Whether it is a file of sensible size: no pipe or device, which would never end."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_BYTES


_State = tuple[tuple[str, int, int], ...]


def _state(path: Path) -> _State:
    """What changes when a file, or a file beside the address of a series, is written anew."""
    files = files_below(path.parent, skips_unreadable=True) if is_address(path) else (path,)
    state = []
    for file in files:
        with suppress(OSError, ValueError):
            status = file.stat()
            state.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(state)


def _hash_of_state(path: Path, _state: _State) -> str | None:
    """The SHA-256 of what lies there in this state.

    None where it cannot be read, or a folder does not hold the series.

    Raises:
        MissingExtraError: it may be a DICOM series, and no library is there to know.
    """
    try:
        return input_sha256(path)
    except MissingExtraError:
        raise
    except (OSError, MslesionError):
        return None
