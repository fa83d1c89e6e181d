"""Where experiments are done: cohorts made once, slices cut once, detections kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import Cohort
from mslesion.detector import Detector, load_detector
from mslesion.experiments.cohorts import StudyCohort, cohort_sha256, make_cohort
from mslesion.lesions.detection import find_lesions, slice_probabilities
from mslesion.paper.protocol import SliceProtocol
from mslesion.paper.slices import SliceSet, cut_cohort
from mslesion.progress import track
from mslesion.read import load
from mslesion.read.side_files import read_text
from mslesion.write.atomic import write_json

_MANY = 10_000
"""More slices than a scan has: all are taken."""


@dataclass
class Bench:
    """The cohorts of a study, and a folder ``work`` for what need not be done twice.

    ``data`` is the folder of the real datasets, None without any.
    """

    cohorts: Mapping[str, StudyCohort]
    work: Path
    data: Path | None
    workers: int = 1
    _read: dict[str, Cohort] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _cut: dict[tuple[str, SliceProtocol], SliceSet] = field(default_factory=dict)

    @property
    def available(self) -> tuple[str, ...]:
        """The cohorts at hand: the simulated ones, and the real ones that lie in ``data``."""
        return tuple(
            name
            for name, cohort in self.cohorts.items()
            if not cohort.folder or (self.data is not None and (self.data / cohort.folder).is_dir())
        )

    def cohort(self, name: str) -> Cohort:
        """A cohort by name, made where it has to be."""
        if name not in self._read:
            place = self.work / "cohorts"
            self._read[name] = make_cohort(name, self.cohorts, place, self.data, self.workers)
        return self._read[name]

    def sha256(self, name: str) -> str:
        """The hash of a cohort's files."""
        if name not in self._hashes:
            self._hashes[name] = cohort_sha256(self.cohort(name))
        return self._hashes[name]

    def slices(self, name: str, protocol: SliceProtocol) -> SliceSet:
        """The slices of a cohort, without their masks, which nothing here looks at again.

        A person's name is preceded by that of the cohort the people are of: two simulated cohorts
        give the same names to different people.
        """
        if (name, protocol) not in self._cut:
            asked = self.cohorts[name]
            wanted = _MANY if asked.every_slice else protocol.slices_per_scan
            cut = cut_cohort(self.cohort(name), replace(protocol, slices_per_scan=wanted)).slices
            self._cut[name, protocol] = replace(
                cut,
                lesion_share=np.zeros((len(cut), 0, 0), np.float32),
                person_id=np.array([f"{asked.people_of}/{person}" for person in cut.person_id]),
            )
        return self._cut[name, protocol]

    def forget_slices(self) -> None:
        """Give back the memory of all slices."""
        self._cut.clear()

    def detected_slices(self, name: str) -> dict[str, NDArray[np.float64]]:
        """The shipped detector's probability that each axial slice holds a lesion, by scan."""
        detector = load_detector()
        mark = f"{self.sha256(name)[:16]}-{detector.identity.weights_sha256[:16]}"
        place = self.work / "detections" / f"{name}-{mark}.json"
        if not place.exists():
            write_json(place, self._detect(name, detector))
        found = json.loads(read_text(place))
        return {scan: np.array(values) for scan, values in found.items()}

    def _detect(self, name: str, detector: Detector) -> dict[str, list[float]]:
        scans = [scan for person in self.cohort(name).people for scan in person.scans]
        return {
            scan.name: slice_probabilities(
                find_lesions(load(scan).scan, detector.model, detector.operating_point),
                detector.model,
            ).tolist()
            for scan in track(scans, "finding lesions", len(scans))
        }
