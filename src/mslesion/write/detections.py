"""What stands beside the detections of many scans: tables over all, and a BIDS description."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mslesion import __version__
from mslesion.cohort.outliers import outliers
from mslesion.read.detections import MADE_BY
from mslesion.read.names import bids_entities
from mslesion.read.side_files import file_sha256, read_json_object
from mslesion.write.atomic import write_json, write_table, write_text
from mslesion.write.detection import LESION_COLUMNS
from mslesion.write.run import COHORT, LESIONS, REPORT, RUN, Outcome

BIDS_VERSION = "1.10.0"
_DESCRIPTION = "dataset_description.json"
SOURCE = "raw"
"""What the scans' dataset is called in BIDS URIs."""

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


def write_derivative_description(dataset: Path, dataset_name: str, folder: Path) -> None:
    """Make ``folder`` a BIDS derivative of ``dataset``, with what BIDS does not know named.

    Where the dataset lies is told only if one lies in the other: any other way would carry names of
    folders into an output that may be passed on.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    way, doi, own_hash = _way(dataset, folder), _doi(dataset), _hash_uri(dataset)
    source = {**({"URL": way} if way else {}), **({"DOI": doi} if doi else {})}
    link = way or doi or own_hash
    description = {
        "Name": f"Lesions found in {dataset_name}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{**MADE_BY, "Version": __version__}],
        **({"SourceDatasets": [source]} if source else {}),
        **({"DatasetLinks": {SOURCE: link}} if link else {}),
    }
    write_json(folder / _DESCRIPTION, description)
    write_text(folder / "README", _README)
    write_text(folder / ".bidsignore", "".join(f"{pattern}\n" for pattern in _NOT_BIDS))


def source_uri(image: Path, dataset: Path) -> str:
    """The BIDS URI of a scan, as ``bids:raw:sub-01/anat/sub-01_FLAIR.nii.gz``."""
    return f"bids:{SOURCE}:{image.relative_to(dataset).as_posix()}"


def _way(dataset: Path, folder: Path) -> str | None:
    """The way from a folder to a dataset that it lies in, or that lies in it; None for others."""
    source, place = dataset.resolve(), folder.resolve()
    if not (place.is_relative_to(source) or source.is_relative_to(place)):
        return None
    return Path(os.path.relpath(source, place)).as_posix()


def _doi(dataset: Path) -> str | None:
    """The DOI that a dataset says it has, as a URI; None where what it says is none."""
    doi = str(read_json_object(dataset / _DESCRIPTION).get("DatasetDOI", ""))
    found = re.search(r"10\.\d{4,9}/\S+", doi)
    return f"doi:{found[0]}" if found else None


def _hash_uri(dataset: Path) -> str | None:
    """A name for a dataset that tells no place: the hash of its description (RFC 6920)."""
    with suppress(OSError):
        digest = bytes.fromhex(file_sha256(dataset / _DESCRIPTION))
        return f"ni:///sha-256;{urlsafe_b64encode(digest).decode().rstrip('=')}"
    return None
