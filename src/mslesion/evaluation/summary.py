"""Measures as plain values for a JSON file."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import Any

from mslesion.evaluation.comparison import Difference
from mslesion.evaluation.intervals import CONFIDENCE, FEW_PEOPLE, Estimate
from mslesion.evaluation.metrics import MEASURES, Confusion
from mslesion.evaluation.patients import (
    PatientMetrics,
    PatientVerdicts,
    evaluate_patients,
    patient_rule,
    patient_verdicts,
)
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.slices import SliceMetrics, evaluate_slices
from mslesion.paper.protocol import DecisionProtocol

DEMONSTRATION = "DEMONSTRATION OF LEAKAGE"
"""What every output of a slice split is marked with."""


def number_or_null(value: float) -> float | None:
    """JSON has no nan."""
    return value if isfinite(value) else None


def estimate_as_json(estimate: Estimate) -> dict[str, float | None]:
    """``value``, ``low`` and ``high``; null for what is undefined."""
    return {
        "value": number_or_null(estimate.value),
        "low": number_or_null(estimate.low),
        "high": number_or_null(estimate.high),
    }


def difference_as_json(difference: Difference) -> dict[str, Any]:
    """Every measure's difference, and whether the same people stood on both sides."""
    differences = {name: estimate_as_json(difference.measures[name]) for name in MEASURES}
    return {"same_people": difference.is_paired, **differences}


def _confusion_as_json(confusion: Confusion) -> dict[str, int]:
    return {"tp": confusion.tp, "fn": confusion.fn, "tn": confusion.tn, "fp": confusion.fp}


def slice_metrics_as_json(metrics: SliceMetrics) -> dict[str, Any]:
    """Counts, confusion matrix and measures of slices, pooled and as means over people."""
    return {
        "n_slices": metrics.n_slices,
        "n_people": metrics.n_people,
        "confusion": _confusion_as_json(metrics.confusion),
        **{name: estimate_as_json(metrics.measure(name)) for name in MEASURES},
        "mean_over_people": {
            name: {**estimate_as_json(average.estimate), "n_people": average.n_people}
            for name, average in metrics.averages.items()
        },
    }


def patient_metrics_as_json(
    metrics: PatientMetrics, verdicts: PatientVerdicts, rule: str
) -> dict[str, Any]:
    """Counts, confusion matrix and measures of people, and each person's verdict."""
    return {
        "rule": rule,
        "n_people": metrics.n_people,
        "confusion": _confusion_as_json(metrics.confusion),
        **{name: estimate_as_json(metrics.measure(name)) for name in MEASURES},
        "verdicts": [
            {
                "person_id": str(person),
                "label": int(label),
                "score": float(score),
                "verdict": int(verdict),
                "n_slices": int(count),
            }
            for person, label, score, verdict, count in zip(
                verdicts.person_id,
                verdicts.label,
                verdicts.score,
                verdicts.verdict,
                verdicts.slice_count,
                strict=True,
            )
        ],
    }


def warnings_for(people: int) -> list[str]:
    """What a reader must know of intervals over this many people."""
    if people >= FEW_PEOPLE:
        return []
    tested = "1 person was" if people == 1 else f"{people} people were"
    few = (
        f"Only {tested} tested. Intervals over fewer than {FEW_PEOPLE} people are wide, and those "
        "by bootstrap are still too narrow: at 12 people, a 95 % interval covers the truth about "
        "89 times of 100."
    )
    return [few]


def metrics_as_json(
    predictions: Predictions,
    question: Question,
    decision: DecisionProtocol,
    seed: int,
    split_unit: SplitUnit = SplitUnit.PATIENT,
) -> dict[str, Any]:
    """Everything measured of one classifier under one question, as a plain value without nan.

    Slices are measured for each part of the data that was predicted; people, for the test part.
    """
    draws, prevalence = decision.bootstrap_draws, decision.stated_prevalence
    test = predictions.of(Subset.TEST)
    verdicts = patient_verdicts(test, question, decision)
    present = Counter(predictions.subset.tolist())
    return {
        "question": question.value,
        **split_as_json(split_unit),
        "threshold": decision.threshold,
        "confidence": CONFIDENCE,
        "bootstrap_draws": draws,
        "stated_prevalence": prevalence,
        "warnings": warnings_for(len(verdicts)),
        "slices": {
            part.value: slice_metrics_as_json(
                evaluate_slices(
                    predictions.of(part),
                    decision.threshold,
                    draws,
                    seed,
                    stated_prevalence=prevalence,
                )
            )
            for part in Subset
            if part.value in present
        },
        "patients": patient_metrics_as_json(
            evaluate_patients(verdicts, draws, seed, stated_prevalence=prevalence),
            verdicts,
            patient_rule(question, decision),
        ),
    }


def split_as_json(split_unit: SplitUnit) -> dict[str, Any]:
    """The split by name, and whether it is a demonstration; a slice split always is."""
    is_demonstration = split_unit is SplitUnit.SLICE
    mark = {"mark": DEMONSTRATION} if is_demonstration else {}
    return {"split_unit": split_unit.value, "demonstration": is_demonstration, **mark}
