"""Which files and voxels a cohort consists of, by their hashes: the identity of a data set."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import ScanError
from mslesion.progress import track
from mslesion.read.inputs import input_sha256
from mslesion.read.nifti import read_scan
from mslesion.scan import Scan


class ManifestRow(NamedTuple):
    """One file of a cohort: the columns of ``dataset_manifest.tsv``.

    ``kind`` is ``image`` or ``lesion mask``; ``file`` is its path below the cohort's folder.
    ``diagnosis`` is None, and ``site`` empty, where it is not known; ``sha256`` is None where the
    file cannot be read. ``voxels_sha256`` is :func:`voxels_sha256` of an image; None for a mask,
    and where the scan cannot be used.
    """

    person_id: str
    diagnosis: str | None
    site: str
    scan_name: str
    kind: str
    file: str
    sha256: str | None
    voxels_sha256: str | None


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


def voxels_sha256(scan: Scan) -> str:
    """Of the float32 voxels in RAS+ order and their shape.

    The same whatever the file's type, compression and storage order.
    """
    return sha256(repr(scan.voxels.shape).encode() + scan.voxels.tobytes()).hexdigest()


def read_voxels_sha256(scan_file: ScanFile) -> str | None:
    """:func:`voxels_sha256` of a scan; None where it cannot be used."""
    try:
        return voxels_sha256(read_scan(scan_file.image, scan_file.volume))
    except ScanError:
        # Whoever cuts the scan, or looks for lesions in it, says what is wrong with it.
        return None


def dataset_manifest(
    cohort: Cohort, voxels_of: Callable[[ScanFile], str | None] = read_voxels_sha256
) -> Manifest:
    """Hash every image and lesion mask of a cohort.

    ``voxels_of`` gives the hash of a scan's voxels; whoever has read the scans before need not read
    them again.
    """
    scans = [(person, scan) for person in cohort.people for scan in person.scans]
    rows = [
        row
        for person, scan in track(scans, "hashing scans", len(scans))
        for row in _rows(cohort, person, scan, voxels_of(scan))
    ]
    return Manifest(tuple(rows))


def _rows(
    cohort: Cohort, person: Person, scan: ScanFile, voxels: str | None
) -> Iterator[ManifestRow]:
    diagnosis = None if person.diagnosis is None else person.diagnosis.value
    for kind, path in (("image", scan.image), ("lesion mask", scan.lesion_mask)):
        if path is not None:
            yield ManifestRow(
                person.person_id,
                diagnosis,
                person.site,
                scan.name,
                kind,
                Path(os.path.relpath(path, cohort.root)).as_posix(),
                _hash(path),
                voxels if kind == "image" else None,
            )


def _hash(path: Path) -> str | None:
    try:
        return input_sha256(path)
    except (OSError, ScanError):
        # Whoever reads the scan will say what is wrong with the file.
        return None
