"""Is this person labelled MS? Verdicts of a detector beside the diagnoses of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mslesion.cohort.people import Diagnosis
from mslesion.errors import CohortError
from mslesion.evaluation.metrics import MEASURES, answers
from mslesion.evaluation.patients import PatientVerdicts, evaluate_patients
from mslesion.evaluation.summary import patient_metrics_as_json

RULE = "mean ms_probability of a person's scans that do not abstain, above ms_threshold"

_DEFINED_FOR_ONE_CLASS = {Diagnosis.MS: "sensitivity", Diagnosis.CONTROL: "specificity"}

_NO_VERDICT = (
    "the predictions hold no ms_probability and ms_threshold: run 'mslesion detect' on the scans"
)
_NO_DIAGNOSIS = (
    "nobody has a diagnosis: give the reference a participants.tsv with a column group, of MS and "
    "control"
)


@dataclass(frozen=True)
class ScanVerdict:
    """What a detector says of the person in one scan, and what is known of them.

    ``ms_probability`` is None where it abstains, ``threshold`` where no verdict was fitted.
    """

    person_id: str
    diagnosis: Diagnosis | None
    ms_probability: float | None
    threshold: float | None
    slice_count: int


def patient_level(verdicts: Sequence[ScanVerdict], draws: int, seed: int) -> dict[str, Any]:
    """The measures over people with a diagnosis and a verdict, as plain values.

    Whoever the detector abstains from is counted apart, and so is who has no diagnosis. With one
    class alone only its own share of right answers is measured: accuracy would say the same again,
    and the other measures nothing. ``reason`` says what is not measured and why.

    Raises:
        CohortError: verdicts have different thresholds.
    """
    known = [verdict for verdict in verdicts if verdict.diagnosis is not None]
    answered = [verdict for verdict in known if verdict.ms_probability is not None]
    silent = {v.person_id: v for v in known}
    for verdict in answered:
        silent.pop(verdict.person_id, None)
    return {
        "question": "is this person labelled MS?",
        "rule": RULE,
        "people_without_diagnosis": len(_people(verdicts) - _people(known)),
        "abstained": {
            "people": sorted(silent),
            "ms": sum(v.diagnosis is Diagnosis.MS for v in silent.values()),
            "control": sum(v.diagnosis is Diagnosis.CONTROL for v in silent.values()),
        },
        **_measured(verdicts, known, answered, draws, seed),
    }


def _people(verdicts: Sequence[ScanVerdict]) -> set[str]:
    return {verdict.person_id for verdict in verdicts}


def _measured(
    verdicts: Sequence[ScanVerdict],
    known: Sequence[ScanVerdict],
    answered: Sequence[ScanVerdict],
    draws: int,
    seed: int,
) -> dict[str, Any]:
    nothing: dict[str, Any] = {"threshold": None, "n_people": 0}
    if not verdicts:
        return {**nothing, "reason": _NO_VERDICT}
    if not known:
        return {**nothing, "reason": _NO_DIAGNOSIS}
    if not answered:
        return {**nothing, "reason": "the detector abstains from everybody"}
    pooled = pooled_verdicts(answered)
    measured = patient_metrics_as_json(evaluate_patients(pooled, draws, seed), pooled, RULE)
    classes = {verdict.diagnosis for verdict in answered}
    reason: str | None = None
    if len(classes) == 1:
        (only,) = classes
        kept = _DEFINED_FOR_ONE_CLASS[only or Diagnosis.MS]
        reason = f"everybody with a verdict has the diagnosis {only}: only {kept} is measured"
        measured = {k: v for k, v in measured.items() if k == kept or k not in MEASURES}
    return {**measured, "threshold": pooled.threshold, "reason": reason}


def pooled_verdicts(answered: Sequence[ScanVerdict]) -> PatientVerdicts:
    """One verdict a person from those of their scans, none of which abstains.

    Raises:
        CohortError: they have different thresholds.
    """
    thresholds = {verdict.threshold for verdict in answered}
    if len(thresholds) > 1 or None in thresholds:
        raise CohortError(
            "the detections were judged by different thresholds of ms_probability",
            remedy="run 'mslesion detect' on all scans with one detector",
        )
    people = sorted(_people(answered))
    mine = [[v for v in answered if v.person_id == person] for person in people]
    score = np.array([np.mean([v.ms_probability for v in own]) for own in mine], np.float64)
    threshold = float(thresholds.pop() or 0.0)
    return PatientVerdicts(
        np.array(people),
        np.array([own[0].diagnosis is Diagnosis.MS for own in mine], np.int8),
        score,
        answers(score, threshold),
        np.array([sum(v.slice_count for v in own) for own in mine], np.int64),
        threshold,
    )
