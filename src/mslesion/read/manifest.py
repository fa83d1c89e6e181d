"""Which files a cohort consists of, by their hashes: the identity of a data set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from mslesion.cohort.people import Cohort
from mslesion.errors import ScanError
from mslesion.progress import track
from mslesion.read.inputs import input_sha256


class ManifestRow(NamedTuple):
    """One file of a cohort: the columns of ``dataset_manifest.tsv``.

    ``kind`` is ``image`` or ``lesion mask``; ``file`` is its path below the cohort's folder.
    ``diagnosis`` is None, and ``site`` empty, where it is not known; ``sha256`` is None where the
    file cannot be read.
    """

    person_id: str
    diagnosis: str | None
    site: str
    scan_name: str
    kind: str
    file: str
    sha256: str | None


@dataclass(frozen=True)
class Manifest:
    """All files of a cohort, in its order."""

    rows: tuple[ManifestRow, ...]

    def as_rows(self) -> list[dict[str, str | None]]:
        """Rows of a table; None is what is not known."""
        return [{name: value or None for name, value in row._asdict().items()} for row in self.rows]

    @property
    def sha256(self) -> str:
        """One hash of who, which files, and what is in them; not of where the folder lies."""
        return sha256(json.dumps(asdict(self)).encode()).hexdigest()


def dataset_manifest(cohort: Cohort) -> Manifest:
    """Hash every image and lesion mask of a cohort."""
    files = list(_files(cohort))
    return Manifest(
        tuple(
            row._replace(sha256=_hash(path))
            for row, path in track(files, "hashing files", len(files))
        )
    )


def _files(cohort: Cohort) -> Iterator[tuple[ManifestRow, Path]]:
    """Every file, and its row without the hash."""
    for person in cohort.people:
        diagnosis = None if person.diagnosis is None else person.diagnosis.value
        for scan in person.scans:
            for kind, path in (("image", scan.image), ("lesion mask", scan.lesion_mask)):
                if path is not None:
                    inside = Path(os.path.relpath(path, cohort.root)).as_posix()
                    about = (person.person_id, diagnosis, person.site, scan.name, kind, inside)
                    yield ManifestRow(*about, None), path


def _hash(path: Path) -> str | None:
    try:
        return input_sha256(path)
    except (OSError, ScanError):
        # Whoever reads the scan will say what is wrong with the file.
        return None
