"""Where the scan lies that something was found in: known by its content, not by its place.

Results tell a scan's name and the SHA-256 of its file, and only a BIDS derivative tells the way
to its dataset. So the file is looked for, and shown only if it is the very one.
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mslesion.read.detections import DetectionFiles
from mslesion.read.side_files import file_sha256, read_json

_BIDS_URI = "bids:raw:"
_MOST_BYTES = 2**31
_LOOK_ELSEWHERE = "start the viewer with --scans FOLDER, the folder that holds it"


@dataclass(frozen=True)
class Source:
    """The file of a scan; where it is None, ``problem`` says why, in a sentence or two."""

    path: Path | None
    problem: str | None = None


class SourceFinder:
    """Finds the scans of one output folder.

    Looked at, in this order: what the BIDS derivative says of its dataset, the folders ``scans``
    and all below, the output folder itself, and the one that holds it.
    """

    def __init__(self, output: Path, scans: Sequence[Path] = ()) -> None:
        self._output = output
        self._scans = tuple(scans)
        self._sha256_of = cache(_sha256_of)
        self._named = cache(self._index)

    def find(self, files: DetectionFiles, summary: Mapping[str, Any]) -> Source:
        """The file that a summary speaks of, by its name and its SHA-256."""
        name, digest = summary.get("input_file"), summary.get("input_sha256")
        if not isinstance(name, str) or not isinstance(digest, str) or name != Path(name).name:
            return Source(None, "The summary does not say which file this was found in.")
        others = 0
        for path in self._candidates(files, name):
            if self._sha256_of(path) == digest:
                return Source(path)
            others += 1
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

    def _candidates(self, files: DetectionFiles, name: str) -> Iterator[Path]:
        listed = self._by_bids(files)
        near = (self._output / name, self._output.absolute().parent / name)
        for path in (*([listed] if listed else ()), *self._named().get(name, ()), *near):
            if _is_readable_file(path):
                yield path

    def _by_bids(self, files: DetectionFiles) -> Path | None:
        """Where the sidecar of the mask and the description of the dataset lead to."""
        description = _read_object(self._output / "dataset_description.json")
        sources = _read_object(files.sidecars[0]).get("Sources")
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

    def _index(self) -> Mapping[str, Sequence[Path]]:
        found: dict[str, list[Path]] = defaultdict(list)
        for given in self._scans:
            found[given.name].append(given)
            for folder, _, names in os.walk(given):
                for name in names:
                    found[name].append(Path(folder) / name)
        return found


def _is_readable_file(path: Path) -> bool:
    """Whether it is a file of sensible size: no pipe or device, which would never end."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_BYTES


def _sha256_of(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object; {} where the file is absent or holds something else."""
    try:
        content = read_json(path, "utf-8-sig")
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
