"""What ``mslesion detect`` wrote, found again: by its name, by its content, by its folder.

What a program found is nobody's reference: no reader takes these files for scans or for masks
that an expert drew.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mslesion.read.names import entries

MADE_BY = {"Name": "mslesion", "Description": "mslesion detect"}
"""How a dataset of detections says in ``GeneratedBy`` where it comes from, beside the version."""

_SUMMARY = "_summary.json"


@dataclass(frozen=True)
class DetectionFiles:
    """Where the results of the scan called ``name`` lie; the files need not be there."""

    folder: Path
    name: str

    @property
    def mask(self) -> Path:
        """The lesions: 1 in them, 0 elsewhere."""
        return self._file("_label-L_mask.nii.gz")

    @property
    def probability(self) -> Path:
        """The calibrated probability of lesion in each voxel."""
        return self._file("_label-L_probseg.nii.gz")

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
    def sidecars(self) -> tuple[Path, Path]:
        """What BIDS wants to know of the mask and of the probability, in a BIDS dataset only."""
        return self._file("_label-L_mask.json"), self._file("_label-L_probseg.json")

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

    def read_summary(self) -> dict[str, Any]:
        """The content of the summary; {} where there is none, or one that is damaged."""
        try:
            content = json.loads(self.summary.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    @property
    def written(self) -> frozenset[str]:
        """Names of the files that a summary of ours tells of, itself too; none without one.

        All of them where the summary is damaged.
        """
        summary = self.read_summary()
        if not summary and self.summary.is_file():
            return frozenset(path.name for path in self.with_sidecars)
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

    def _file(self, ending: str) -> Path:
        return self.folder / f"{self.name}{ending}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    return sha256(path.read_bytes()).hexdigest()


def is_detections_dataset(folder: Path) -> bool:
    """Whether a folder's ``dataset_description.json`` says that ``mslesion detect`` wrote it."""
    try:
        text = (folder / "dataset_description.json").read_text(encoding="utf-8-sig")
        makers = json.loads(text).get("GeneratedBy", [])
        return any(maker.items() >= MADE_BY.items() for maker in makers)
    except (OSError, ValueError, AttributeError, TypeError):
        # No description, or a damaged one, or one that says it in no way of ours.
        return False


def holds_detections(folder: Path) -> bool:
    """Whether ``mslesion detect`` wrote into a folder, a BIDS dataset or not."""
    return is_detections_dataset(folder) or any(
        DetectionFiles(folder, path.name.removesuffix(_SUMMARY)).probability.is_file()
        for path in entries(folder)
        if path.name.endswith(_SUMMARY)
    )
