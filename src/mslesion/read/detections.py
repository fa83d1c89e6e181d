"""What ``mslesion detect`` wrote, found again: by its name, by its content, by its folder.

What a program found is nobody's reference: no reader takes these files for scans or for masks
that an expert drew.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import CohortError, UnreadableFileError
from mslesion.lesions.operating_point import OperatingPoint
from mslesion.read.names import entries
from mslesion.read.side_files import file_sha256, read_json_object

MADE_BY = {"Name": "mslesion", "Description": "mslesion detect"}
"""How a dataset of detections says in ``GeneratedBy`` where it comes from, beside the version."""

_MASK, _SUMMARY = "mask.nii.gz", "_summary.json"
_LABEL = "_label-L"
_REVIEWED = re.compile(
    r"(?P<before>.*)_desc-(?P<desc>[a-zA-Z0-9]*)(?P<by>[rR])eviewed(?P<after>.*)"
)

SLICE_PROBABILITIES = ("detector_probability", "paper_cnn_probability")
"""Columns of the table of slices: the probability that a slice holds a lesion, by two models."""

REFUSAL_KEYS = frozenset({"code", "reason", "remedy"})
"""What a refusal says, beside whose it is and by which version."""

_AGAIN = "run 'mslesion detect' again, or take back the file that it wrote"


@dataclass(frozen=True)
class FoundVerdict:
    """What a summary says of the patient.

    ``ms_probability`` is None where the detector abstains; ``threshold`` is what it must exceed,
    None where no verdict was fitted.
    """

    ms_probability: float | None
    threshold: float | None


@dataclass(frozen=True)
class ReviewFiles:
    """Where a reader's review of the detection called ``name`` lies; it need not be there."""

    folder: Path
    name: str

    @property
    def mask(self) -> Path:
        """The lesions that were accepted."""
        return self._file(_LABEL, _MASK)

    @property
    def sidecar(self) -> Path:
        """What the review came to; written last."""
        return self._file(_LABEL, "mask.json")

    @property
    def table(self) -> Path:
        """The table of lesions with a column for the decisions."""
        return self._file("", "lesions.tsv")

    def _file(self, label: str, suffix: str) -> Path:
        """BIDS allows one ``desc``: what a name describes with it already is lengthened."""
        before, desc, after = self.name.partition("_desc-")
        said = re.match("[a-zA-Z0-9]*", after)
        kept = said[0] if said else ""
        reviewed = f"{kept}Reviewed" if desc else "reviewed"
        return self.folder / f"{before}{label}_desc-{reviewed}{after[len(kept) :]}_{suffix}"

    @property
    def all(self) -> tuple[Path, ...]:
        """All three."""
        return self.table, self.mask, self.sidecar


@dataclass(frozen=True)
class DetectionFiles:
    """Where the results of the scan called ``name`` lie; the files need not be there."""

    folder: Path
    name: str

    @property
    def mask(self) -> Path:
        """The lesions: 1 in them, 0 elsewhere."""
        return self._image(_MASK)

    @property
    def probability(self) -> Path:
        """The calibrated probability of lesion in each voxel."""
        return self._image("probseg.nii.gz")

    @property
    def lesions(self) -> Path:
        """A row a lesion."""
        return self._file("_lesions.tsv")

    @property
    def slices(self) -> Path:
        """A row a slice."""
        return self._file("_slices.tsv")

    @property
    def report(self) -> Path:
        """A page to look at."""
        return self._file("_report.html")

    @property
    def summary(self) -> Path:
        """The mark of completion: written last, so that where it is, the others are."""
        return self._file(_SUMMARY)

    @property
    def unfinished(self) -> Path:
        """Lies there, hidden, while the others are written: who is killed then leaves it behind."""
        return self.folder / f".mslesion-unfinished-{self.name}"

    @property
    def refusal(self) -> Path:
        """Why a scan of a BIDS dataset has no detection, where one was tried and refused."""
        return self._file("_refused.json")

    @property
    def sidecars(self) -> tuple[Path, Path]:
        """What BIDS wants to know of the mask and of the probability, in a BIDS dataset only."""
        return self._image("mask.json"), self._image("probseg.json")

    @property
    def dicom(self) -> tuple[Path, Path, Path]:
        """Mask, probability and report as DICOM objects, where they were asked for."""
        return (
            self._file("_label-L_mask.dcm"),
            self._file("_label-L_probseg.dcm"),
            self._file("_report.dcm"),
        )

    @property
    def always(self) -> tuple[Path, ...]:
        """The files that every scan has, in the order they are written in."""
        return (
            self.mask, self.probability, self.lesions, self.slices, self.report, self.summary,
        )  # fmt: skip

    @property
    def with_sidecars(self) -> tuple[Path, ...]:
        """The files that a scan of a BIDS dataset has, in the order they are written in."""
        return (*self.sidecars, *self.always)

    @property
    def review(self) -> ReviewFiles:
        """What ``mslesion view`` writes beside them."""
        return ReviewFiles(self.folder, self.name)

    @property
    def all_kinds(self) -> tuple[Path, ...]:
        """Every file that a scan may have, in the order they are written in."""
        return (*self.dicom, *self.with_sidecars)

    def read_summary(self) -> dict[str, Any]:
        """The content of the summary; {} where there is none, or one that is damaged."""
        return read_json_object(self.summary)

    def read_refusal(self) -> dict[str, str]:
        """The content of the refusal; {} where there is none, or one that is not ours."""
        content = read_json_object(self.refusal)
        if not content.keys() >= REFUSAL_KEYS:
            return {}
        return {key: str(content[key]) for key in REFUSAL_KEYS}

    @property
    def written(self) -> frozenset[str]:
        """Names of the files that a summary of ours tells of, itself too; none without one.

        All of them where the summary is damaged.
        """
        summary = self.read_summary()
        # Path.is_file fails where a name is too long to be one.
        if not summary and os.path.isfile(self.summary):  # noqa: PTH113
            return frozenset(path.name for path in self.all_kinds)
        files = summary.get("files")
        if not isinstance(files, dict) or "weights_sha256" not in summary:
            return frozenset()
        return frozenset((*files, self.summary.name))

    def are_as_written(self) -> bool:
        """Whether all files of a detection are there, and are those its summary was written for."""
        written = self.read_summary().get("files")
        if not isinstance(written, dict) or not {p.name for p in self.always[:-1]} <= set(written):
            return False
        try:
            return all(
                file_sha256(self.folder / name) == digest for name, digest in written.items()
            )
        except OSError:
            return False

    def read_lesions(self) -> list[dict[str, str]]:
        """The rows of the table of lesions as text, the largest lesion first."""
        with self.lesions.open(encoding="utf-8", newline="") as table:
            return list(csv.DictReader(table, delimiter="\t"))

    def read_verdict(self) -> FoundVerdict | None:
        """What the summary says of the patient; None where it says nothing at all.

        Raises:
            UnreadableFileError: it holds something that is no probability.
        """
        summary = self.read_summary()
        if not {"ms_probability", "ms_threshold"} <= summary.keys():
            return None
        probability, threshold = summary["ms_probability"], summary["ms_threshold"]
        if not all(v is None or _is_share(v) for v in (probability, threshold)):
            raise UnreadableFileError(
                "holds an ms_probability or ms_threshold that is no probability",
                remedy=_AGAIN,
                file=self.summary,
            )
        return FoundVerdict(probability, threshold)

    @property
    def slice_count(self) -> int:
        """How many axial slices the table of slices has; 0 without one."""
        if not self.slices.is_file():
            return 0
        return len(self.read_slice_probabilities()[SLICE_PROBABILITIES[0]])

    @property
    def operating_point(self) -> OperatingPoint | None:
        """Where the mask was cut out of the probability; None where the summary does not say."""
        summary = self.read_summary()
        point = [summary.get(name) for name in ("threshold", "min_peak", "min_lesion_mm3")]
        known = [float(value) for value in point if isinstance(value, int | float)]
        return OperatingPoint(*known) if len(known) == len(point) else None

    @property
    def detector(self) -> tuple[object, ...]:
        """Which detector the summary names, and at which operating point."""
        summary = self.read_summary()
        names = ("weights_sha256", "threshold", "min_peak", "min_lesion_mm3")
        return tuple(summary.get(name) for name in names)

    def read_slice_probabilities(self) -> dict[str, NDArray[np.float64]]:
        """Each of :data:`SLICE_PROBABILITIES`: (Z,) from the lowest axial slice, nan where unknown.

        Raises:
            UnreadableFileError: the table cannot be read, or is none that ``detect`` wrote.
        """
        try:
            with self.slices.open(encoding="utf-8", newline="") as table:
                rows = list(csv.DictReader(table, delimiter="\t"))
            indices = [int(row["slice_index"]) for row in rows]
            read = {
                name: np.array([_probability(row[name]) for row in rows], np.float64)
                for name in SLICE_PROBABILITIES
            }
        except (OSError, KeyError, TypeError, ValueError):
            indices = []
        if not indices or indices != list(range(len(indices))):
            raise UnreadableFileError(
                "is no table of slices as 'mslesion detect' writes it",
                remedy=_AGAIN,
                file=self.slices,
            )
        return read

    def _image(self, suffix: str) -> Path:
        """With the label where BIDS wants it: before what a name describes with ``desc``."""
        before, desc, after = self.name.partition("_desc-")
        return self.folder / f"{before}{_LABEL}{desc}{after}_{suffix}"

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"


def detection_of_mask(mask: Path) -> DetectionFiles | None:
    """The detection that a mask is of; None where no summary lies beside it."""
    files = DetectionFiles(mask.parent, mask.name.removesuffix(f"_{_MASK}").replace(_LABEL, "", 1))
    return files if mask == files.mask and files.summary.is_file() else None


def is_reviewed_mask(path: Path) -> bool:
    """Whether a mask is what a reader left of the automatic one that lies beside it."""
    named = _REVIEWED.fullmatch(path.name.removesuffix(f"_{_MASK}").replace(_LABEL, "", 1))
    if named is None:
        return False
    desc = f"_desc-{named['desc']}" if named["by"] == "R" else ""
    files = DetectionFiles(path.parent, f"{named['before']}{desc}{named['after']}")
    return files.review.mask == path and files.mask.is_file()


def all_or_none_are_there(files: Sequence[Path]) -> bool:
    """Whether all of these files are there.

    Raises:
        CohortError: some are, and some are not.
    """
    missing = [path for path in files if not path.is_file()]
    if missing and len(missing) < len(files):
        raise CohortError(
            f"is missing, as are {len(missing)} of {len(files)} such files"
            if len(missing) > 1
            else f"is missing, alone of {len(files)} such files",
            remedy=_AGAIN,
            file=missing[0],
        )
    return bool(files) and not missing


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _probability(cell: str) -> float:
    value = float("nan") if cell == "n/a" else float(cell)
    if value < 0 or value > 1:
        raise ValueError(cell)
    return value


def is_detections_dataset(folder: Path) -> bool:
    """Whether a folder's ``dataset_description.json`` says that ``mslesion detect`` wrote it."""
    try:
        makers = read_json_object(folder / "dataset_description.json").get("GeneratedBy", [])
        return any(maker.items() >= MADE_BY.items() for maker in makers)
    except (AttributeError, TypeError):
        # No description, or a damaged one, or one that says it in no way of ours.
        return False


def holds_detections(folder: Path) -> bool:
    """Whether ``mslesion detect`` wrote into a folder, a BIDS dataset or not."""
    return is_detections_dataset(folder) or any(
        DetectionFiles(folder, path.name.removesuffix(_SUMMARY)).probability.is_file()
        for path in entries(folder)
        if path.name.endswith(_SUMMARY)
    )
