"""What stands beside the detections of many scans: tables over all, and a BIDS description."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mslesion import __version__
from mslesion.cohort.outliers import outliers
from mslesion.detection import DetectorIdentity
from mslesion.errors import MslesionError, OutputError
from mslesion.read.detections import MADE_BY, DetectionFiles, is_detections_dataset
from mslesion.read.names import bids_entities
from mslesion.read.side_files import file_sha256, read_text
from mslesion.write.atomic import take_away, write_json, write_table, write_text
from mslesion.write.detection import LESION_COLUMNS

BIDS_VERSION = "1.10.0"
SOURCE = "raw"
"""What the scans' dataset is called in BIDS URIs."""

LESIONS, COHORT, REPORT, RUN = "lesions.tsv", "cohort.tsv", "cohort_report.html", "run.json"
"""What stands over all scans: two tables, of a BIDS dataset gathered from jobs a report, and the
record of the run, which is written last."""

COHORT_COLUMNS = (
    "scan", "participant_id", "session_id", "status", "reason", "lesion_count", "lesion_volume_ml",
    "largest_lesion_mm3", "ms_probability", "abstained", "abstained_reason", "warnings",
    "noise_share", "bias_ratio", "ghost_share", "outlier",
)  # fmt: skip

QUALITY_COLUMNS = ("noise_share", "bias_ratio", "ghost_share")
"""Of the ``quality`` of a summary, what is a number and the worse the higher."""

_README = """\
MS lesions that 'mslesion detect' found in FLAIR scans: of each scan a mask, the probability in each
voxel, tables of lesions and slices, a summary and a report; of all, lesions.tsv and cohort.tsv.
A program found them, no expert. Research use only: nothing here is a diagnosis.
"""
_NOT_BIDS = (
    "*_lesions.tsv", "*_slices.tsv", "*_summary.json", "*_report.html", "*_refused.json",
    LESIONS, COHORT, REPORT, RUN,
)  # fmt: skip


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


def require_our_tables(folder: Path) -> None:
    """See that what stands over all scans would replace nothing but that of an earlier run.

    Raises:
        OutputError: a file of such a name is there, and nothing says that it is ours.
    """
    if _is_run(folder / RUN) or is_detections_dataset(folder):
        return
    for name in (RUN, LESIONS, COHORT, REPORT, "README", ".bidsignore"):
        if os.path.lexists(folder / name):
            raise OutputError(
                f"holds {name}, which mslesion did not write",
                remedy="move it away, or choose another folder",
                file=folder,
            )


def _is_run(path: Path) -> bool:
    with suppress(OSError, ValueError):
        run = json.loads(read_text(path))
        return isinstance(run, dict) and {"detector", "scans", "version"} <= set(run)
    return False


def remove_tables(folder: Path) -> None:
    """Take away what stands over the scans of an earlier run, before they change."""
    for name in (RUN, REPORT, LESIONS, COHORT):
        take_away(folder / name)


def write_tables(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write ``lesions.tsv`` and ``cohort.tsv`` from the files of each scan, in the order given.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    write_table(folder / LESIONS, list(_lesion_rows(outcomes)), ("scan", *LESION_COLUMNS))
    rows = cohort_rows(outcomes)
    write_table(folder / COHORT, rows, COHORT_COLUMNS)


def cohort_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The rows of ``cohort.tsv``, in the order given; what is not known is None.

    ``outlier`` names the values that lie apart from those of the other scans
    (:mod:`mslesion.cohort.outliers`).
    """
    rows = [_cohort_row(outcome) for outcome in outcomes]
    for row, apart in zip(rows, outliers(rows), strict=True):
        row["outlier"] = "; ".join(f"{one.measure} {one.side}" for one in apart) or None
    return rows


def _lesion_rows(outcomes: Iterable[Outcome]) -> Iterator[dict[str, str]]:
    for outcome in outcomes:
        if outcome.error is None:
            for row in outcome.files.read_lesions():
                yield {"scan": outcome.scan_name, **row}


def _cohort_row(outcome: Outcome) -> dict[str, Any]:
    session = bids_entities(outcome.scan_name).get("ses")
    who = {
        "scan": outcome.scan_name,
        "participant_id": outcome.person_id,
        "session_id": session and f"ses-{session}",
    }
    if outcome.error is not None:
        # The file is left out: a path says more of the computer than of the scan.
        reason = f"{outcome.error.code}: {outcome.error.told_reason}"
        return {**who, "status": "set aside", "reason": reason}
    summary = outcome.files.read_summary()
    lesions = outcome.files.read_lesions()
    same = ("lesion_count", "lesion_volume_ml", "ms_probability", "abstained", "abstained_reason")
    return {
        **who,
        "status": "done",
        **{name: summary[name] for name in same},
        "largest_lesion_mm3": lesions[0]["volume_mm3"] if lesions else None,
        "warnings": "; ".join(summary["warnings"]) or None,
        **{name: summary.get("quality", {}).get(name) for name in QUALITY_COLUMNS},
    }


def write_run(outcomes: Sequence[Outcome], folder: Path, detector: DetectorIdentity) -> None:
    """Write ``run.json``: what became of each scan, and the SHA-256 of each file over all.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    done = sum(outcome.error is None for outcome in outcomes)
    run = {
        "version": __version__,
        "detector": asdict(detector),
        "done": done,
        "set_aside": len(outcomes) - done,
        "scans": [_run_record(outcome, folder) for outcome in outcomes],
        "files": {
            name: file_sha256(folder / name)
            for name in (LESIONS, COHORT, REPORT)
            if (folder / name).is_file()
        },
    }
    write_json(folder / RUN, run)


def _run_record(outcome: Outcome, folder: Path) -> dict[str, Any]:
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


def write_derivative_description(dataset: Path, dataset_name: str, folder: Path) -> None:
    """Make ``folder`` a BIDS derivative of ``dataset``, with what BIDS does not know named.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    link = _link(dataset, folder)
    description = {
        "Name": f"Lesions found in {dataset_name}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{**MADE_BY, "Version": __version__}],
        "SourceDatasets": [{"URL": link, **_doi(dataset)}],
        "DatasetLinks": {SOURCE: link},
    }
    write_json(folder / "dataset_description.json", description)
    write_text(folder / "README", _README)
    write_text(folder / ".bidsignore", "".join(f"{pattern}\n" for pattern in _NOT_BIDS))


def source_uri(image: Path, dataset: Path) -> str:
    """The BIDS URI of a scan, as ``bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz``."""
    return f"bids:{SOURCE}:{image.relative_to(dataset).as_posix()}"


def _link(dataset: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(dataset.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on Windows, from one drive to another
        return dataset.resolve().as_uri()


def _doi(dataset: Path) -> dict[str, str]:
    """The DOI that a dataset says it has; {} where it says none."""
    with suppress(OSError, ValueError, AttributeError):
        text = read_text(dataset / "dataset_description.json", "utf-8-sig")
        doi = json.loads(text).get("DatasetDOI")
        if isinstance(doi, str):
            return {"DOI": doi}
    return {}
