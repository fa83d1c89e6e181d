"""Verdicts of a detector beside diagnoses: who is counted, and what cannot be measured."""

from __future__ import annotations

import pytest

from mslesion.cohort.people import Diagnosis
from mslesion.errors import CohortError
from mslesion.evaluation.patient_level import ScanVerdict, patient_level, pooled_verdicts

MS, CONTROL = Diagnosis.MS, Diagnosis.CONTROL


def said(person: str, diagnosis: Diagnosis | None, probability: float | None) -> ScanVerdict:
    """A verdict at a threshold of 0.6 from ten slices."""
    return ScanVerdict(person, diagnosis, probability, 0.6, 10)


def test_people_are_counted_once_and_abstentions_apart() -> None:
    """The mean of 0.5 and 0.9 exceeds 0.6; an abstention beside an answer does not count."""
    level = patient_level(
        [
            said("a", MS, 0.5), said("a", MS, 0.9), said("b", MS, 0.6), said("c", CONTROL, 0.1),
            said("c", CONTROL, None), said("d", MS, None), said("e", None, 0.9),
        ],
        draws=50, seed=0,
    )  # fmt: skip
    assert level["confusion"] == {"tp": 1, "fn": 1, "tn": 1, "fp": 0}
    assert level["abstained"] == {"people": ["d"], "ms": 1, "control": 0}
    assert (level["n_people"], level["people_without_diagnosis"]) == (3, 1)
    assert (level["threshold"], level["reason"]) == (0.6, None)
    assert level["verdicts"][0]["score"] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        ([], "run 'mslesion detect' on the scans"),
        ([said("a", None, 0.9)], "nobody has a diagnosis: give the reference a participants.tsv"),
        ([said("a", MS, None)], "abstains from everybody"),
    ],
)
def test_what_cannot_be_measured_has_a_reason(verdicts: list[ScanVerdict], reason: str) -> None:
    """Nothing is measured, and the reason says what to do."""
    level = patient_level(verdicts, draws=50, seed=0)
    assert reason in level["reason"]
    assert level["n_people"] == 0
    assert "accuracy" not in level


@pytest.mark.parametrize(
    ("diagnosis", "kept", "lost"),
    [(MS, "sensitivity", "specificity"), (CONTROL, "specificity", "sensitivity")],
)
def test_of_one_class_only_its_own_share_is_measured(
    diagnosis: Diagnosis, kept: str, lost: str
) -> None:
    """Accuracy over people who all have MS would be sensitivity under another name."""
    level = patient_level([said("a", diagnosis, 0.9), said("b", diagnosis, 0.1)], 50, 0)
    assert level[kept]["value"] == 0.5
    assert not {"accuracy", "auc", "balanced_accuracy", lost} & level.keys()
    assert level["reason"] == (
        f"everybody with a verdict has the diagnosis {diagnosis}: only {kept} is measured"
    )


def test_different_thresholds_are_refused() -> None:
    """Verdicts of two detectors are no answers to one question."""
    other = ScanVerdict("b", MS, 0.5, 0.4, 10)
    with pytest.raises(CohortError, match="different thresholds"):
        pooled_verdicts([said("a", MS, 0.5), other])
