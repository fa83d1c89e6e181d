"""Every scan of a cohort read once, and what the checks need kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mslesion.audit.likeness import Detail, fine_detail
from mslesion.audit.probes import SHORTCUTS
from mslesion.audit.probes.lesions_erased import coarse_picture
from mslesion.audit.probes.shortcut import Facts, Seen, numbers
from mslesion.audit.regions import rough_regions
from mslesion.cohort.people import Cohort, Diagnosis, Person, ScanFile
from mslesion.errors import ScanError
from mslesion.progress import track
from mslesion.read import read_lesion_mask, read_scan
from mslesion.read.inputs import input_sha256
from mslesion.read.manifest import voxels_sha256
from mslesion.scan import Scan


@dataclass(frozen=True, eq=False)
class SurveyedScan:
    """What is kept of one scan.

    ``voxels_sha256`` is :func:`mslesion.read.manifest.voxels_sha256`. ``facts`` are those of
    each shortcut by its check, None where it has none; ``picture`` those of the whole picture.
    """

    person_id: str
    name: str
    diagnosis: Diagnosis | None
    image: Path
    file_sha256: str
    voxels_sha256: str
    detail: Detail
    facts: Mapping[str, Facts | None]
    picture: Facts


@dataclass(frozen=True, eq=False)
class Survey:
    """The scans of a cohort in its order, and those that cannot be read."""

    scans: tuple[SurveyedScan, ...]
    set_aside: tuple[ScanError, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody, once, in the cohort's order."""
        return tuple(dict.fromkeys(scan.person_id for scan in self.scans))

    def first_scans(self) -> tuple[SurveyedScan, ...]:
        """The first scan of each person."""
        first: dict[str, SurveyedScan] = {}
        for scan in self.scans:
            first.setdefault(scan.person_id, scan)
        return tuple(first.values())

    def voxels_sha256_of(self, scan_file: ScanFile) -> str | None:
        """The hash of a scan's voxels; None for one that was set aside."""
        return {scan.image: scan.voxels_sha256 for scan in self.scans}.get(scan_file.image)


def survey_cohort(cohort: Cohort) -> Survey:
    """Read every scan; one that cannot be used is set aside and the others go on."""
    listed = [(person, scan) for person in cohort.people for scan in person.scans]
    scans, set_aside = [], []
    for place, (person, scan_file) in enumerate(track(listed, "looking at scans", len(listed))):
        try:
            scans.append(_survey(person, scan_file, place))
        except ScanError as error:
            set_aside.append(error.without_frames())
    return Survey(tuple(scans), tuple(set_aside))


def _survey(person: Person, scan_file: ScanFile, place: int) -> SurveyedScan:
    scan = read_scan(scan_file.image, scan_file.volume)
    mask = _lesion_mask(person, scan_file, scan)
    seen = Seen(person, scan_file, place, scan, rough_regions(scan), mask)
    return SurveyedScan(
        person.person_id,
        scan_file.name,
        person.diagnosis,
        scan_file.image,
        input_sha256(scan_file.image),
        voxels_sha256(scan),
        fine_detail(scan),
        {shortcut.check: shortcut.facts(seen) for shortcut in SHORTCUTS},
        numbers("pixel", coarse_picture(seen, scan.voxels).ravel())
        if seen.regions.head.any() else {},
    )  # fmt: skip


def _lesion_mask(person: Person, scan_file: ScanFile, scan: Scan) -> np.ndarray | None:
    """The mask; empty for a control without one, None where it is not known or cannot be used."""
    if scan_file.lesion_mask is None:
        is_control = person.diagnosis is Diagnosis.CONTROL
        return np.zeros(scan.voxels.shape, bool) if is_control else None
    try:
        return read_lesion_mask(scan_file.lesion_mask, scan)[0]
    except ScanError:
        return None  # cutting the slices names the mask
