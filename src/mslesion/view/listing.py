"""What lies in an output folder of ``mslesion detect``: scans with results, scans set aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mslesion.errors import ResultsError
from mslesion.read.detections import DetectionFiles
from mslesion.read.names import entries
from mslesion.read.side_files import read_json

_SUMMARY = "_summary.json"
_RUN = "run.json"
_MOST_SUMMARY_BYTES = 2**22
_GIVE_OUTPUT = "give the --output folder of 'mslesion detect'"


@dataclass(frozen=True)
class ListedScan:
    """One scan that has results.

    ``scan_id`` is what the page calls it by: it is made from the name and the folder, holds
    neither, and stays the same. ``summary`` is {} where the file is damaged.
    """

    scan_id: str
    files: DetectionFiles
    summary: dict[str, Any]

    @property
    def lesion_count(self) -> int | None:
        """As the summary says; None where it does not."""
        count = self.summary.get("lesion_count")
        return count if isinstance(count, int) else None


@dataclass(frozen=True)
class SetAside:
    """One scan without results, and why."""

    name: str
    code: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Listing:
    """All scans of an output folder, in the order of their names."""

    scans: tuple[ListedScan, ...]
    set_aside: tuple[SetAside, ...]

    def find(self, scan_id: str) -> ListedScan | None:
        """The scan that the page calls so; None where there is none."""
        return next((scan for scan in self.scans if scan.scan_id == scan_id), None)


def read_listing(output: Path) -> Listing:
    """List what a run of ``mslesion detect`` left in ``output``; no image is opened.

    Raises:
        ResultsError: there is no such folder, or nothing in it is from ``mslesion detect``.
    """
    if not output.exists():
        raise ResultsError("does not exist", remedy=_GIVE_OUTPUT, file=output)
    if not output.is_dir():
        raise ResultsError("is no folder", remedy=_GIVE_OUTPUT, file=output)
    scans = tuple(_listed(summary, output) for summary in _summaries(output))
    listing = Listing(scans, tuple(_set_aside(output)))
    if not listing.scans and not listing.set_aside:
        raise ResultsError("holds no detection", remedy=_GIVE_OUTPUT, file=output)
    return listing


def _summaries(output: Path) -> Iterator[Path]:
    """Straight in the folder, or in the ``anat`` folders of a BIDS dataset."""
    folders = [output]
    for subject in entries(output):
        if subject.name.startswith("sub-"):
            sessions = [path for path in entries(subject) if path.name.startswith("ses-")]
            folders += [path / "anat" for path in (subject, *sessions)]
    for folder in folders:
        for path in entries(folder):
            if path.name.endswith(_SUMMARY) and path.is_file():
                yield path


def _listed(summary: Path, output: Path) -> ListedScan:
    files = DetectionFiles(summary.parent, summary.name.removesuffix(_SUMMARY))
    place = summary.relative_to(output).as_posix().encode("utf-8", "surrogateescape")
    is_small = summary.stat().st_size <= _MOST_SUMMARY_BYTES
    return ListedScan(
        sha256(place).hexdigest()[:12], files, files.read_summary() if is_small else {}
    )


def _set_aside(output: Path) -> Iterator[SetAside]:
    """What ``run.json`` tells of scans without results; nothing where it is damaged."""
    path = output / _RUN
    try:
        run = read_json(path)
    except (OSError, ValueError):
        run = {}
    records = run.get("scans") if isinstance(run, dict) else None
    for record in records if isinstance(records, list) else ():
        if isinstance(record, dict) and record.get("status") == "set aside":
            told = (str(record.get(key, "")) for key in ("scan", "code", "reason", "remedy"))
            yield SetAside(*told)
