"""What the page asks for, and what it gets: plain values and bytes, nothing of HTTP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from mslesion import __version__
from mslesion.errors import ResultsError
from mslesion.read.side_files import file_sha256, read_json_object
from mslesion.view.listing import ListedScan, read_listing
from mslesion.view.opened import OpenedScan, open_scan
from mslesion.view.review import (
    Decision,
    Review,
    discard_review,
    is_of_detection,
    read_review,
    save_review,
)
from mslesion.view.sources import SourceFinder

_KEPT_OPEN = 3
"""Scans whose voxels stay in memory: the one that is shown, and those just left."""


class UnknownScanError(LookupError):
    """The page asks for a scan that is not in the list."""


class BadRequestError(ValueError):
    """What the page sent is not what it should be."""


class Session:
    """One output folder, looked at by one viewer; may be used by several threads."""

    def __init__(self, output: Path, scans: Sequence[Path] = ()) -> None:
        self._output = output
        self._finder = SourceFinder(output, scans)
        self._opened: OrderedDict[tuple[str, str], OpenedScan] = OrderedDict()
        self._opening = Lock()
        self._saving = Lock()

    def listing(self) -> dict[str, Any]:
        """All scans, as they lie in the folder now.

        Raises:
            ResultsError: the folder is gone, or empty.
        """
        listing = read_listing(self._output)
        return {
            "version": __version__,
            "output": self._output.absolute().name,
            "scans": [_row(scan) for scan in listing.scans],
            "set_aside": [asdict(scan) for scan in listing.set_aside],
        }

    def scan(self, scan_id: str) -> dict[str, Any]:
        """One scan: what was found, its lesions, and the review so far.

        Raises:
            UnknownScanError: it is not in the list.
            MslesionError: its files are damaged.
        """
        opened = self._open(scan_id)
        return {
            **_row(opened.listed),
            "lesions": [dict(row) for row in opened.lesions],
            "problems": list(opened.problems),
            "has_scan": opened.scan is not None,
            "sides_known": opened.mask.sides_known,
            "shape": list(opened.mask.grid.shape),
            "spacing_mm": [round(mm, 3) for mm in opened.mask.grid.spacing_mm],
            "summary_sha256": opened.summary_sha256,
            "review_files": [path.name for path in opened.listed.files.review.all],
            "review": _review(read_review(opened)),
        }

    def volume(self, scan_id: str, kind: str) -> bytes:
        """One of ``scan``, ``mask``, ``probability`` (NIfTI) and ``labels`` (uint16).

        Raises:
            UnknownScanError, MslesionError: as in :meth:`scan`.
        """
        opened = self._open(scan_id)
        return {
            "scan": opened.scan_volume,
            "mask": opened.mask_volume,
            "probability": opened.probability_volume,
            "labels": opened.label_bytes,
        }[kind]()

    def save(self, scan_id: str, request: object) -> dict[str, Any]:
        """Write the review that the page sent: decisions by lesion, and what they go on from.

        Raises:
            BadRequestError: it is no such thing.
            UnknownScanError, MslesionError: as in :func:`mslesion.view.review.save_review`.
        """
        decisions, revision, replaces = _asked(request)
        with self._saving:
            opened = self._open(scan_id)
            if set(decisions) - set(opened.lesion_ids):
                raise BadRequestError("there is no such lesion")
            return _review(save_review(opened, decisions, revision, replace_earlier=replaces))

    def discard(self, scan_id: str, request: object) -> dict[str, Any]:
        """Take the review of a scan away.

        Raises:
            BadRequestError, UnknownScanError, MslesionError: as in :meth:`save`.
        """
        _, revision, _ = _asked(request)
        with self._saving:
            return _review(discard_review(self._open(scan_id), revision))

    def finish(self) -> None:
        """Wait until what is being saved is saved."""
        self._saving.acquire()

    def _open(self, scan_id: str) -> OpenedScan:
        listed = read_listing(self._output).find(scan_id)
        if listed is None:
            raise UnknownScanError(scan_id)
        with self._opening:
            try:
                key = (scan_id, file_sha256(listed.files.summary))
            except OSError as error:
                raise ResultsError(
                    "cannot be read", remedy="reload the page", file=listed.files.summary
                ) from error
            opened = self._opened.pop(key, None)
            # An image that was not found is looked for again: it may be there by now.
            if opened is None or opened.scan is None:
                opened = open_scan(listed, self._finder)
            self._opened[key] = opened
            while len(self._opened) > _KEPT_OPEN:
                self._opened.popitem(last=False)
            return opened


def _row(scan: ListedScan) -> dict[str, Any]:
    """What the list tells of a scan; the page trusts none of it."""
    names = (
        "lesion_count", "lesion_volume_ml", "verdict", "ms_probability", "abstained",
        "abstained_reason", "warnings", "seen_in_training", "input_file", "head", "model",
    )  # fmt: skip
    return {
        "id": scan.scan_id,
        "name": scan.files.name,
        "is_damaged": not scan.summary,
        **{name: scan.summary.get(name) for name in names},
        "reviewed": _progress(scan),
    }


def _progress(scan: ListedScan) -> Mapping[str, Any] | None:
    """How far a review is, by its sidecar; None where there is none.

    ``is_earlier`` says that it is of an earlier detection of the scan.
    """
    counted = read_json_object(scan.files.review.sidecar).get("Review")
    if not isinstance(counted, dict):
        return None
    return {
        "is_earlier": not is_of_detection(scan.files),
        **{decision.value: counted.get(decision.value) for decision in Decision},
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "state": review.state.value,
        "decisions": {str(n): decision.value for n, decision in review.decisions.items()},
        "revision": review.revision,
        "problem": review.problem,
    }


def _asked(request: object) -> tuple[dict[int, Decision], str, bool]:
    """Decisions, revision, and whether an earlier review may be replaced."""
    if not isinstance(request, dict):
        raise BadRequestError("no object")
    decisions, revision = request.get("decisions", {}), request.get("revision")
    replaces = request.get("replace_earlier", False)
    if not isinstance(decisions, dict) or not isinstance(revision, str):
        raise BadRequestError("decisions and revision are needed")
    if not isinstance(replaces, bool):
        raise BadRequestError("replace_earlier is true or false")
    try:
        return {int(n): Decision(word) for n, word in decisions.items()}, revision, replaces
    except (ValueError, TypeError):
        raise BadRequestError("a decision is accepted, rejected or undecided") from None
