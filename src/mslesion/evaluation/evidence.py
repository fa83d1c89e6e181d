"""What predictions and reference say together of some people, and every measure of it.

pairs of masks ──► lesions ─────────────────────┐
tables of slices ──► slices, yes or no ─────────┼──► measures, of all and of each subgroup
summaries + diagnoses ──► people, MS or not ────┤
maps of probability ──► candidates ──► FROC ────┘
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mslesion.errors import CohortError
from mslesion.evaluation.froc import Candidates
from mslesion.evaluation.froc_summary import froc_as_json
from mslesion.evaluation.lesion_summary import ScoredScan, few_people, lesion_summary
from mslesion.evaluation.mask_pairs import measure_pairs
from mslesion.evaluation.patient_level import ScanVerdict, patient_level
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.slice_level import joined, slice_level
from mslesion.evaluation.subgroups import Subgroup
from mslesion.read.detections import DetectionFiles, all_or_none_are_there
from mslesion.read.masks import FileOfScan, MaskFile, MaskPair

DRAWS = 2000
"""How often people are drawn for an interval."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What some people's scans contribute.

    ``slices`` are the answers of each kind (:data:`~mslesion.evaluation.slice_level.SOURCES`).
    ``verdicts`` may be of people who stand nowhere else, for nobody drew their lesions;
    ``candidates`` are empty where no map of probabilities is known.
    """

    scans: tuple[ScoredScan, ...]
    slices: Mapping[str, Predictions]
    verdicts: tuple[ScanVerdict, ...]
    candidates: tuple[Candidates, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody of whom anything is known, sorted."""
        measured = {scan.person_id for scan in self.scans}
        return tuple(sorted(measured | {verdict.person_id for verdict in self.verdicts}))

    def of(self, people: frozenset[str]) -> Evidence:
        """What these people contribute."""
        return Evidence(
            tuple(scan for scan in self.scans if scan.person_id in people),
            {
                name: answers.where(np.isin(answers.person_id, sorted(people)))
                for name, answers in self.slices.items()
            },
            tuple(verdict for verdict in self.verdicts if verdict.person_id in people),
            tuple(scan for scan in self.candidates if scan.person_id in people),
        )


def gather(
    pairs: Sequence[MaskPair], beside: Sequence[tuple[MaskFile, FileOfScan]], workers: int = 1
) -> Evidence:
    """What pairs of masks contribute, and detections ``beside`` in scans without a reference mask.

    Raises:
        CohortError: some of the found masks are detections, or have a table of slices, a map of
            probabilities or a verdict, and some have not; or different detectors made them.
        ScanError: a file cannot be used.
    """
    scans = [*pairs, *beside]
    detections = _detections([found for found, _ in scans])
    for files in ([d.slices for d in detections], [d.probability for d in detections]):
        all_or_none_are_there(files)
    verdicts = _verdicts(detections, [known for _, known in scans])
    measured = measure_pairs(pairs, workers)
    candidates = [pair.candidates for pair in measured]
    return Evidence(
        tuple(pair.scan for pair in measured),
        joined([pair.slices for pair in measured]),
        verdicts,
        tuple(scan for scan in candidates if scan is not None),
    )


def _detections(found: Sequence[MaskFile]) -> list[DetectionFiles]:
    """The detections that the masks are of, all by one detector; none for another tool's."""
    detections = [mask.detection for mask in found]
    ours = [files for files in detections if files is not None]
    if ours and len(ours) < len(found):
        raise CohortError(
            "has no summary of 'mslesion detect' beside it, as other masks here have",
            remedy="take it back, or keep the masks of each tool in a folder of their own",
            file=found[detections.index(None)].path,
        )
    for files in ours:
        if files.detector != ours[0].detector:
            raise CohortError(
                f"names another detector, or other thresholds, than {ours[0].summary.name}",
                remedy="run 'mslesion detect' on all scans with one detector",
                file=files.summary,
            )
    return ours


def _verdicts(
    detections: Sequence[DetectionFiles], scans: Sequence[FileOfScan]
) -> tuple[ScanVerdict, ...]:
    """What the summaries say of each person; nothing where none of them says anything."""
    told = [files.read_verdict() for files in detections]
    if all(verdict is None for verdict in told):
        return ()
    verdicts = []
    for files, verdict, scan in zip(detections, told, scans, strict=True):
        if verdict is None:
            raise CohortError(
                "holds no ms_probability and ms_threshold, as other summaries here do",
                remedy="run 'mslesion detect' on all scans with one version",
                file=files.summary,
            )
        verdicts.append(
            ScanVerdict(
                scan.person_id,
                scan.diagnosis,
                verdict.ms_probability,
                verdict.threshold,
                files.slice_count,
            )
        )
    return tuple(verdicts)


def measure_evidence(
    evidence: Evidence, groups: Sequence[Subgroup] = (), seed: int = 0
) -> dict[str, Any]:
    """Every measure with its interval over people, of everybody and of each group.

    Plain values: ``measures`` of lesions, ``slices``, ``patients``, ``froc`` (None without maps of
    probability) and ``subgroups``.
    """
    return {
        **lesion_summary(evidence.scans, seed),
        "slices": slice_level(evidence.slices, DRAWS, seed),
        "patients": patient_level(evidence.verdicts, DRAWS, seed),
        "froc": froc_as_json(evidence.candidates, evidence.scans, DRAWS, seed),
        "subgroups": [
            {
                "column": group.column,
                "group": group.name,
                **_of_group(evidence.of(group.people), seed),
            }
            for group in groups
        ],
    }


def _of_group(evidence: Evidence, seed: int) -> dict[str, Any]:
    """The measures of a group: those of everybody, without single people and without the FROC."""
    people = len(evidence.people)
    patients = patient_level(evidence.verdicts, DRAWS, seed)
    patients.pop("verdicts", None)
    measured: dict[str, Any] = {
        "people": people,
        "scans": len(evidence.scans),
        "warnings": few_people(people),
        "patients": patients,
    }
    if evidence.scans:
        measured["measures"] = lesion_summary(evidence.scans, seed)["measures"]
        measured["slices"] = slice_level(evidence.slices, DRAWS, seed)
    return measured
