"""A reader's review of the lesions of one scan: accepted, rejected, or still undecided.

Two files and a sidecar stand beside the automatic ones, which are never touched:

    NAME_desc-reviewed_lesions.tsv         the automatic table with a column ``review``
    NAME_label-L_desc-reviewed_mask.nii.gz the accepted lesions
    NAME_label-L_desc-reviewed_mask.json   counts, undecided lesions, SHA-256 of the two

A name that has a ``desc`` already has it lengthened (``desc-brainReviewed``).

The table is what a review is resumed from. It is taken for one of the present detection if its
other columns are those of the automatic table, cell by cell.
"""

from __future__ import annotations

import csv
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from mslesion import __version__
from mslesion.errors import OutputError
from mslesion.read.detections import DetectionFiles, ReviewFiles
from mslesion.read.side_files import file_sha256, read_json_object
from mslesion.scan import to_stored_order
from mslesion.view.opened import OpenedScan
from mslesion.write.atomic import output_error, take_away, write_json, write_table
from mslesion.write.detection import LESION_COLUMNS
from mslesion.write.nifti import write_nifti

REVIEW_COLUMN = "review"
MADE_BY = {"Name": "mslesion", "Description": "mslesion view"}

_OF_THE_SCAN: tuple[str, ...] = ("Sources", "SpatialReference")
"""What the sidecar of the automatic mask says of the scan, and the reviewed one says too."""

_LOCK_NAME = ".mslesion-review.lock"
_PATIENCE_S = 5.0
_NO_REVISION = ""


class Decision(StrEnum):
    """What a reader says of a lesion."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDECIDED = "undecided"


class ReviewState(StrEnum):
    """What lies beside a detection."""

    NONE = "none"
    """No review was begun."""
    RESUMED = "resumed"
    """A review of this detection."""
    UNFINISHED = "unfinished"
    """The same, but its last saving was cut short: table and mask may differ."""
    EARLIER = "earlier"
    """A review of an earlier detection, or a damaged one: kept until it is replaced on purpose."""
    FOREIGN = "foreign"
    """A file of that name which mslesion did not write, and will not replace."""


@dataclass(frozen=True)
class Review:
    """The decisions by ``lesion_id``; ``revision`` is the SHA-256 of the table, empty without one.

    ``is_writable`` tells whether a file could be written just now; ``problem`` says what is in
    the way of saving, for the reader.
    """

    state: ReviewState
    decisions: Mapping[int, Decision]
    revision: str
    problem: str | None = None


class StaleReviewError(OutputError):
    """What lies on the disk is not what the page knows of; nothing was written."""

    code = "CHANGED"


def read_review(opened: OpenedScan) -> Review:
    """The review that lies beside a detection, and whether it can go on."""
    files = opened.listed.files.review
    undecided = dict.fromkeys(opened.lesion_ids, Decision.UNDECIDED)
    problem: str | None
    revision = _revision(files)
    rows = _read_rows(files.table)
    is_ours = rows is not None or _is_our_sidecar(files)
    if not is_ours and any(os.path.lexists(path) for path in files.all):
        named = next(path.name for path in files.all if os.path.lexists(path))
        problem = (
            f"The folder holds {named}, which mslesion did not write and will not replace: "
            f"move it away to save a review."
        )
        return Review(ReviewState.FOREIGN, undecided, revision, problem)
    problem = _why_not_writable(files.table)
    if not is_ours:
        return Review(ReviewState.NONE, undecided, revision, problem)
    decisions = None if rows is None else _decisions(rows, opened)
    if decisions is None:
        return Review(ReviewState.EARLIER, undecided, revision, problem)
    state = ReviewState.RESUMED if _is_whole(files) else ReviewState.UNFINISHED
    return Review(state, decisions, revision, problem)


def save_review(
    opened: OpenedScan,
    decisions: Mapping[int, Decision],
    revision: str,
    *,
    replace_earlier: bool = False,
) -> Review:
    """Write the reviewed table and mask; lesions that are not named are undecided.

    ``revision`` is that of the review which the decisions go on from. The sidecar is taken away
    first and written last: where it is, the others are whole and belong together.

    Raises:
        StaleReviewError: another viewer saved meanwhile, the scan was detected again, or a review
            of an earlier detection would be replaced without ``replace_earlier``.
        OutputError: the folder cannot be written, or holds a file that is not ours to replace.
        ValueError: a decision is on a lesion that is not there.
    """
    unknown = set(decisions) - set(opened.lesion_ids)
    if unknown:
        raise ValueError(f"no lesion {min(unknown)}")
    whole = {number: decisions.get(number, Decision.UNDECIDED) for number in opened.lesion_ids}
    with _locked(opened, revision) as present:
        if present.state is ReviewState.EARLIER and not replace_earlier:
            raise StaleReviewError(
                "is a review of an earlier detection",
                remedy="move it away, or begin a new one in its place",
                file=opened.listed.files.review.table,
            )
        _write(opened, whole)
        return read_review(opened)


def discard_review(opened: OpenedScan, revision: str) -> Review:
    """Take the files of a review away; the automatic ones stay as they are.

    Raises:
        StaleReviewError, OutputError: as in :func:`save_review`.
    """
    with _locked(opened, revision):
        files = opened.listed.files.review
        for path in (files.sidecar, files.mask, files.table):
            take_away(path)
            if os.path.lexists(path):
                raise OutputError(
                    "cannot be removed", remedy="see who may write to its folder", file=path
                )
        return read_review(opened)


@contextmanager
def _locked(opened: OpenedScan, revision: str) -> Iterator[Review]:
    """Keep other viewers out, and see that all is as the page thinks it is."""
    files = opened.listed.files
    lock = FileLock(files.folder / _LOCK_NAME)
    try:
        lock.acquire(timeout=_PATIENCE_S)
    except Timeout:
        raise StaleReviewError(
            "is being saved by another viewer", remedy="try again", file=files.review.table
        ) from None
    except OSError as error:
        raise output_error(error, files.folder) from error
    try:
        if _sha256_or_none(files.summary) != opened.summary_sha256:
            raise StaleReviewError(
                "has changed: the scan was detected again",
                remedy="reload the page",
                file=files.summary,
            )
        present = read_review(opened)
        if present.state is ReviewState.FOREIGN:
            raise OutputError(
                "was not written by mslesion, and is not replaced",
                remedy="move it away to save a review",
                file=files.review.table,
            )
        if present.revision != revision:
            raise StaleReviewError(
                "was saved by another viewer meanwhile",
                remedy="reload the page to go on from there",
                file=files.review.table,
            )
        yield present
    finally:
        # Taken away while still locked: whoever opened it meanwhile sees that it is gone.
        with suppress(OSError):
            (files.folder / _LOCK_NAME).unlink()
        lock.release()


def _write(opened: OpenedScan, decisions: Mapping[int, Decision]) -> None:
    files = opened.listed.files.review
    accepted = [n for n, decision in decisions.items() if decision is Decision.ACCEPTED]
    take_away(files.sidecar)
    rows = [
        {**row, REVIEW_COLUMN: decisions[number].value}
        for number, row in zip(opened.lesion_ids, opened.lesions, strict=True)
    ]
    write_table(files.table, rows, (*LESION_COLUMNS, REVIEW_COLUMN))
    mask = np.isin(opened.labels, np.array(accepted, np.uint16))
    grid = opened.mask.stored_grid
    write_nifti(
        files.mask,
        to_stored_order(mask, grid),
        grid.affine_vox_to_ras,
        sides_known=opened.mask.sides_known,
    )
    write_json(files.sidecar, _sidecar(opened.listed.files, decisions))


def _sidecar(files: DetectionFiles, decisions: Mapping[int, Decision]) -> dict[str, Any]:
    """What BIDS wants to know of the reviewed mask, and what became of the review."""
    counts = Counter(decisions.values())
    undecided = [n for n, decision in decisions.items() if decision is Decision.UNDECIDED]
    automatic = read_json_object(files.sidecars[0])
    about = {key: automatic[key] for key in _OF_THE_SCAN if key in automatic}
    return {
        "Description": "Lesions that a program found and a reader accepted: 1 in them, 0 elsewhere",
        "Type": "Lesion",
        **about,
        "Manual": False,
        "GeneratedBy": [{**MADE_BY, "Version": __version__}],
        "Review": {
            **{decision.value: counts[decision] for decision in Decision},
            "undecided_lesion_ids": undecided,
            "is_complete": not undecided,
        },
        "AutomaticMaskSHA256": file_sha256(files.mask),
        "SHA256": {
            path.name: file_sha256(path) for path in (files.review.mask, files.review.table)
        },
    }


def _is_whole(files: ReviewFiles) -> bool:
    """Whether the sidecar speaks of the mask and the table that lie there."""
    written = read_json_object(files.sidecar).get("SHA256")
    return isinstance(written, dict) and all(
        written.get(path.name) == (_sha256_or_none(path) or "")
        for path in (files.mask, files.table)
    )


def _is_our_sidecar(files: ReviewFiles) -> bool:
    makers = read_json_object(files.sidecar).get("GeneratedBy")
    return isinstance(makers, list) and any(
        isinstance(maker, dict) and maker.items() >= MADE_BY.items() for maker in makers
    )


def _read_rows(table: Path) -> list[dict[str, str]] | None:
    """The rows of a reviewed table, however damaged; None where it is no such table."""
    try:
        with table.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines, delimiter="\t")
            rows = list(reader)
    except (OSError, ValueError, csv.Error):
        return None
    return rows if tuple(reader.fieldnames or ()) == (*LESION_COLUMNS, REVIEW_COLUMN) else None


def is_of_detection(files: DetectionFiles) -> bool:
    """Whether the reviewed table beside a detection is of that one; no image is opened."""
    rows = _read_rows(files.review.table)
    try:
        lesions = files.read_lesions()
    except (OSError, ValueError, csv.Error):
        return False
    return rows is not None and _agree(rows, lesions)


def _agree(rows: Sequence[Mapping[str, str]], lesions: Sequence[Mapping[str, str]]) -> bool:
    """Whether a reviewed table has the automatic one's cells."""
    automatic = [{key: cell for key, cell in row.items() if key != REVIEW_COLUMN} for row in rows]
    return automatic == [dict(row) for row in lesions]


def _decisions(rows: list[dict[str, str]], opened: OpenedScan) -> dict[int, Decision] | None:
    """What a reviewed table says; None where it is of another detection, or damaged."""
    if not _agree(rows, opened.lesions):
        return None
    try:
        decided = [Decision(row[REVIEW_COLUMN]) for row in rows]
    except ValueError:
        return None
    return dict(zip(opened.lesion_ids, decided, strict=True))


def _revision(files: ReviewFiles) -> str:
    """Changes with every saving that changes anything."""
    present = [_sha256_or_none(path) or "" for path in files.all]
    return sha256("".join(present).encode()).hexdigest() if any(present) else _NO_REVISION


def _why_not_writable(path: Path) -> str | None:
    """Why a file cannot be written there; None where it can. Found out by trying."""
    probe = path.parent / f".partial-{secrets.token_hex(6)}-probe"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        told = output_error(error, path)
        return (
            f"Reviews cannot be saved: the folder {told.what}. Decisions are off. "
            f"Start the viewer on a copy of the results that you may write to."
        )
    return None


def _sha256_or_none(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None
