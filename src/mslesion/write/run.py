"""``run.json``: what became of each scan, and which detector, version and computer it came from.

A run over many scans writes it whole. A run over one scan adds its outcome to those that are there,
so that several runs can fill one folder, one after the other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mslesion import __version__
from mslesion.errors import MslesionError, OutputError
from mslesion.read.detections import DetectionFiles, is_detections_dataset
from mslesion.read.side_files import file_sha256, read_json
from mslesion.write.atomic import take_away, write_json

if TYPE_CHECKING:
    from mslesion.detection import DetectorIdentity

LESIONS, COHORT, REPORT, RUN = "lesions.tsv", "cohort.tsv", "cohort_report.html", "run.json"
"""What stands over all scans: two tables, of a BIDS dataset gathered from jobs a report, and the
record of the run, which is written last."""

_STATUS_KEYS = {
    "done": ("summary", "summary_sha256"),
    "set aside": ("code", "reason", "remedy"),
}
"""What is told of a scan, beside whose it is, by what became of it."""


@dataclass(frozen=True)
class Outcome:
    """What became of one scan: its files, or the error for which it was set aside.

    ``is_earlier`` says that the files are those of an earlier run.
    """

    person_id: str
    files: DetectionFiles
    error: MslesionError | None = None
    is_earlier: bool = False

    @property
    def scan_name(self) -> str:
        """What the scan is called in tables and files."""
        return self.files.name


@dataclass(frozen=True)
class RunOrigin:
    """What outcomes came from.

    ``detector`` is None where a scan was refused before one was loaded. ``environment`` are
    versions of libraries, device and threads; None where jobs elsewhere did the work.
    """

    detector: DetectorIdentity | None = None
    environment: Mapping[str, str | int] | None = None

    def as_json(self) -> dict[str, Any]:
        """As ``run.json`` tells it, with the version of this package."""
        detector = None if self.detector is None else asdict(self.detector)
        environment = None if self.environment is None else dict(self.environment)
        return {"version": __version__, "detector": detector, "environment": environment}


def _over_all(folder: Path) -> tuple[str, ...]:
    """What may stand over all scans beside the record of the run.

    Of a BIDS dataset scans have folders of their own, and there is a report; elsewhere a file of
    the report's name is that of a scan called ``cohort``.
    """
    return (LESIONS, COHORT, *([REPORT] if is_detections_dataset(folder) else []))


def require_our_tables(folder: Path) -> None:
    """See that what stands over all scans would replace nothing but that of an earlier run.

    Raises:
        OutputError: a file of such a name is there, and nothing says that it is ours.
    """
    if _read_run(folder) or is_detections_dataset(folder):
        return
    named_alike = DetectionFiles(folder, REPORT.removesuffix("_report.html")).written
    for name in {RUN, LESIONS, COHORT, REPORT, "README", ".bidsignore"} - named_alike:
        if os.path.lexists(folder / name):
            raise _not_ours(name, folder)


def require_our_run(folder: Path) -> None:
    """See that one scan's outcome can be added to what ``run.json`` tells.

    Raises:
        OutputError: there is a ``run.json`` that is not ours, or that is damaged.
    """
    if os.path.lexists(folder / RUN) and not _read_run(folder):
        raise _not_ours(RUN, folder)


def _not_ours(name: str, folder: Path) -> OutputError:
    return OutputError(
        f"holds {name}, which mslesion did not write, or not so",
        remedy="move it away, or choose another folder",
        file=folder,
    )


def remove_tables(folder: Path) -> None:
    """Take away what stands over the scans of an earlier run, before they change."""
    for name in (RUN, *_over_all(folder)):
        take_away(folder / name)


def forget_outcome(scan_name: str, folder: Path) -> None:
    """Take one scan out of ``run.json`` before it is worked on, and the tables that tell of it.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    run = _read_run(folder)
    if not run:
        return
    for name in _over_all(folder):
        if name in run["files"]:
            take_away(folder / name)
    records = [record for record in run["scans"] if record["scan"] != scan_name]
    if records:
        _write(folder, {key: run[key] for key in RunOrigin().as_json()}, records)
    else:
        take_away(folder / RUN)


def write_run(outcomes: Sequence[Outcome], folder: Path, origin: RunOrigin) -> None:
    """Write ``run.json``: what became of each scan, and the SHA-256 of each file over all.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    _write(folder, origin.as_json(), [_record(outcome, folder) for outcome in outcomes])


def add_outcome(outcome: Outcome, folder: Path, origin: RunOrigin) -> None:
    """Write ``run.json`` again with what became of one scan more; scans stand in order of name.

    The outcomes of earlier runs stay where their summaries are still there, and tell what they
    came from where that is something else. Tables over all scans are not true any more.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    forget_outcome(outcome.scan_name, folder)
    run, told = _read_run(folder), origin.as_json()
    records = [*_earlier_records(run, told, folder), _record(outcome, folder)]
    _write(folder, told, sorted(records, key=lambda record: str(record["scan"])))


def _earlier_records(
    run: Mapping[str, Any], told: Mapping[str, Any], folder: Path
) -> Iterator[dict[str, Any]]:
    for record in run.get("scans", ()):
        origin = record.get("run", {key: run[key] for key in told})
        same = {key: value for key, value in record.items() if key != "run"}
        if record["status"] == "set aside" or _still_there(record, folder):
            yield same if origin == told else {**same, "run": origin}


def _still_there(record: Mapping[str, Any], folder: Path) -> bool:
    with suppress(OSError):
        return bool(file_sha256(folder / record["summary"]) == record["summary_sha256"])
    return False


def _write(folder: Path, origin: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    done = sum(record["status"] == "done" for record in records)
    files = {
        name: file_sha256(folder / name) for name in _over_all(folder) if (folder / name).is_file()
    }
    counts = {"done": done, "set_aside": len(records) - done}
    write_json(folder / RUN, {**origin, **counts, "scans": records, "files": files})


def _record(outcome: Outcome, folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = {"scan": outcome.scan_name, "participant_id": outcome.person_id}
    if outcome.error is not None:
        error = outcome.error
        return {
            **record,
            "status": "set aside",
            "code": error.code,
            "reason": error.told_reason,
            "remedy": error.remedy,
        }
    summary = outcome.files.summary
    return {
        **record,
        "status": "done",
        "summary": summary.relative_to(folder).as_posix(),
        "summary_sha256": file_sha256(summary),
    }


def _read_run(folder: Path) -> dict[str, Any]:
    """What an earlier run told; {} where there is nothing, or nothing of ours that is whole."""
    with suppress(OSError, ValueError):
        run = read_json(folder / RUN)
        if _is_run(run):
            return dict(run)
    return {}


def _is_run(run: Any) -> bool:
    return (
        isinstance(run, dict)
        and {"scans", "files", *RunOrigin().as_json()} <= run.keys()
        and isinstance(run["files"], dict)
        and isinstance(run["scans"], list)
        and all(map(_is_record, run["scans"]))
    )


def _is_record(record: Any) -> bool:
    if not isinstance(record, dict):
        return False
    told = ("status", "scan", "participant_id", *_STATUS_KEYS.get(str(record.get("status")), ()))
    return record.get("status") in tuple(_STATUS_KEYS) and all(
        isinstance(record.get(key), str) for key in told
    )
