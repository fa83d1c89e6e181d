"""What the probabilities of a detector are worth: those of slices, and those of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mslesion.evaluation.calibration import Answered
from mslesion.evaluation.evidence import DRAWS, Evidence
from mslesion.evaluation.patient_level import pooled_verdicts
from mslesion.evaluation.probability_quality import Quality, measure_quality_of, plain_quality
from mslesion.evaluation.slice_level import MASK

PEOPLE = "people"
"""Beside the names of :data:`~mslesion.read.detections.SLICE_PROBABILITIES`, a kind of answer."""

_NAMES = {
    "detector_probability": "slices, detector",
    "paper_cnn_probability": "slices, the paper's CNN",
    PEOPLE: "people, ms_probability",
}


def detection_quality(evidence: Evidence, seed: int = 0) -> dict[str, Quality]:
    """Calibration and decision curve of each kind of answer, by its name in words.

    Kinds without answers are left out: all of them for masks of a tool that gives no probability,
    people where nobody has both a diagnosis and a verdict. Nothing is fitted.
    """
    kinds = {
        name: Answered(answers.person_id, answers.label, answers.probability)
        for name, answers in evidence.slices.items()
        if name != MASK
    }
    told = [
        v for v in evidence.verdicts if v.diagnosis is not None and v.ms_probability is not None
    ]
    if told:
        people = pooled_verdicts(told)
        kinds[PEOPLE] = Answered(people.person_id, people.label, people.score)
    return {
        _NAMES[name]: measure_quality_of(answered, DRAWS, seed)
        for name, answered in kinds.items()
        if len(answered)
    }


def detection_quality_as_json(qualities: Mapping[str, Quality]) -> dict[str, Any]:
    """Plain values for ``calibration.json``, null where undefined."""
    return {
        "answers": {name: plain_quality(quality) for name, quality in qualities.items()},
        "bootstrap_draws": DRAWS,
    }
