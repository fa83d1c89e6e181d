"""Everything a report says in numbers, measured once from a study's predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from mslesion.evaluation.classifier_comparison import ComparedPair, compare_classifiers
from mslesion.evaluation.comparison import Difference, difference, leakage_gap
from mslesion.evaluation.intervals import CONFIDENCE
from mslesion.evaluation.patients import (
    PatientMetrics,
    PatientVerdicts,
    evaluate_patients,
    patient_rule,
    patient_verdicts,
)
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.evaluation.probability_quality import ProbabilityQuality, measure_probabilities
from mslesion.evaluation.slices import SliceMetrics, evaluate_slices
from mslesion.evaluation.summary import (
    DEMONSTRATION,
    difference_as_json,
    number_or_null,
    patient_metrics_as_json,
    slice_metrics_as_json,
    split_as_json,
    warnings_for,
)
from mslesion.paper.claims import CLAIMS, TRAINING_MINUTES
from mslesion.paper.protocol import DecisionProtocol
from mslesion.paper.result import Fit, Run, StudyResult
from mslesion.write.atomic import plain_value

SCHEMA = "mslesion study metrics 1"

CNN = "CNN"
"""The paper's classifier, by the name runs and claims give it."""

CNN_MAX_POOLING = "CNN, max pooling"
"""The same with maxima in place of averages; compared with :data:`CNN` and with nothing else."""

COMPARED = (
    (CNN, "SVM"),
    (CNN, "decision tree"),
    ("SVM", "decision tree"),
    (CNN, CNN_MAX_POOLING),
)
"""The classifiers that are held against each other, two by two."""

SPLIT_KEYS = {
    SplitUnit.PATIENT: "patient_split",
    SplitUnit.SLICE: "slice_split_DEMONSTRATION_OF_LEAKAGE",
}
"""How ``metrics.json`` names the two splits."""


@dataclass(frozen=True)
class RunMeasures:
    """One classifier under one question and one split."""

    run: Run
    slices: dict[Subset, SliceMetrics]
    verdicts: PatientVerdicts
    patients: PatientMetrics

    @property
    def test(self) -> SliceMetrics:
        """The measures that count: those of slices that were not learned from."""
        return self.slices[Subset.TEST]


@dataclass(frozen=True)
class QuestionMeasures:
    """All classifiers under one question.

    Attributes:
        by_split: split -> classifier -> measures, in the order of the runs.
        gaps: classifier -> slice split minus patient split, where both were run.
        max_pooling: max pooling minus average pooling under the patient split, where both ran.
        comparisons: classifiers two by two, under :attr:`split_to_believe`.
        probabilities: classifier -> what its probabilities are worth, under the same split.
    """

    question: Question
    by_split: dict[SplitUnit, dict[str, RunMeasures]]
    gaps: dict[str, Difference]
    max_pooling: Difference | None
    comparisons: tuple[ComparedPair, ...]
    probabilities: dict[str, ProbabilityQuality]

    def of(self, split_unit: SplitUnit, classifier: str) -> RunMeasures | None:
        """One run's measures; None where it was not made."""
        return self.by_split.get(split_unit, {}).get(classifier)

    @property
    def classifiers(self) -> tuple[str, ...]:
        """The classifiers of the paper's comparison, max pooling left aside."""
        names = [name for runs in self.by_split.values() for name in runs]
        return tuple(name for name in dict.fromkeys(names) if name != CNN_MAX_POOLING)

    @property
    def split_to_believe(self) -> SplitUnit:
        """The patient split, or the demonstration where it alone was run."""
        return believable(self.by_split)

    @property
    def main(self) -> str:
        """The classifier the report speaks of: the CNN, or the first where there is none."""
        return CNN if CNN in self.classifiers else [*self.classifiers, CNN_MAX_POOLING][0]


def believable(splits: Container[SplitUnit]) -> SplitUnit:
    """The patient split where it was run, else the slice split."""
    return SplitUnit.PATIENT if SplitUnit.PATIENT in splits else SplitUnit.SLICE


@dataclass(frozen=True)
class StudyMeasures:
    """All questions that were asked."""

    questions: tuple[QuestionMeasures, ...]


def measure_study(result: StudyResult) -> StudyMeasures:
    """Measure every run of a study; the same result gives the same numbers."""
    decision = result.protocol.decision
    return StudyMeasures(
        tuple(
            _measure_question(question, runs, decision, result.seed)
            for question in Question
            if (runs := [run for run in result.runs if run.question is question])
        )
    )


def _measure_question(
    question: Question, runs: list[Run], decision: DecisionProtocol, seed: int
) -> QuestionMeasures:
    by_split = {
        unit: {
            run.classifier: _measure_run(run, decision, seed)
            for run in runs
            if run.split_unit is unit
        }
        for unit in SplitUnit
    }
    by_patient, by_slice = by_split[SplitUnit.PATIENT], by_split[SplitUnit.SLICE]
    how = (decision.threshold, decision.bootstrap_draws, seed)
    unit = believable([run.split_unit for run in runs])
    believed = {run.classifier: run.predictions for run in runs if run.split_unit is unit}
    return QuestionMeasures(
        question,
        {unit: measured for unit, measured in by_split.items() if measured},
        gaps={
            name: leakage_gap(by_patient[name].run.predictions, split.run.predictions, *how)
            for name, split in by_slice.items()
            if name in by_patient
        },
        max_pooling=(
            difference(
                by_patient[CNN_MAX_POOLING].run.predictions, by_patient[CNN].run.predictions, *how
            )
            if {CNN, CNN_MAX_POOLING} <= by_patient.keys()
            else None
        ),
        comparisons=compare_classifiers(believed, COMPARED, question, decision, seed),
        probabilities={
            name: measure_probabilities(predictions, question, decision, seed)
            for name, predictions in believed.items()
            if name != CNN_MAX_POOLING or len(believed) == 1
        },
    )


def _measure_run(run: Run, decision: DecisionProtocol, seed: int) -> RunMeasures:
    draws = decision.bootstrap_draws
    verdicts = patient_verdicts(run.predictions.of(Subset.TEST), run.question, decision)
    return RunMeasures(
        run,
        {
            part: evaluate_slices(
                run.predictions.of(part),
                decision.threshold,
                draws,
                seed,
                stated_prevalence=decision.stated_prevalence,
            )
            for part in Subset
        },
        verdicts,
        evaluate_patients(verdicts, draws, seed, stated_prevalence=decision.stated_prevalence),
    )


def measures_as_json(result: StudyResult, measures: StudyMeasures) -> dict[str, Any]:
    """The content of ``metrics.json``: plain values, null where a measure is undefined."""
    decision = result.protocol.decision
    content = {
        "schema": SCHEMA,
        "use": "research only; no diagnosis",
        "cohort": dataclasses.asdict(result.cohort),
        "seed": result.seed,
        "protocol_sha256": result.protocol.sha256,
        "threshold": decision.threshold,
        "confidence": CONFIDENCE,
        "bootstrap_draws": decision.bootstrap_draws,
        "stated_prevalence": decision.stated_prevalence,
        "intervals": (
            "people resampled with all their slices, BCa; Wilson for accuracy, sensitivity, "
            "specificity and predictive values of patients"
        ),
        "questions": {
            asked.question.value: _question_as_json(result, asked) for asked in measures.questions
        },
        "paper_percent": [dataclasses.asdict(claim) for claim in CLAIMS],
        "notes": list(result.notes),
        "set_aside": list(result.set_aside),
        "provenance": result.provenance,
    }
    # Settings, curves and provenance come from elsewhere, and may hold tuples and nan.
    return {name: plain_value(value) for name, value in content.items()}


def _question_as_json(result: StudyResult, asked: QuestionMeasures) -> dict[str, Any]:
    splits: dict[str, Any] = {}
    for unit, measured in asked.by_split.items():
        split = result.splits.get((asked.question, unit))
        people = max(measures.patients.n_people for measures in measured.values())
        splits[SPLIT_KEYS[unit]] = {
            **split_as_json(unit),
            "split_sha256": None if split is None else split.sha256,
            "folds": None if split is None else len(split.folds),
            "warnings": warnings_for(people),
            "classifiers": {
                name: _run_as_json(measures, decision=result.protocol.decision)
                for name, measures in measured.items()
            },
        }
    gap = {
        "meaning": f"slice split ({DEMONSTRATION}) minus patient split, test slices",
        **{name: difference_as_json(gap) for name, gap in asked.gaps.items()},
    }
    pooling = asked.max_pooling
    return {
        **splits,
        "leakage_gap": gap if asked.gaps else None,
        "max_minus_average_pooling": None if pooling is None else difference_as_json(pooling),
    }


def _run_as_json(measures: RunMeasures, decision: DecisionProtocol) -> dict[str, Any]:
    run = measures.run
    return {
        "slices": {
            part.value: slice_metrics_as_json(metrics) for part, metrics in measures.slices.items()
        },
        "patients": patient_metrics_as_json(
            measures.patients, measures.verdicts, patient_rule(run.question, decision)
        ),
        "fits": [_fit_as_json(fit) for fit in run.fits],
    }


def _fit_as_json(fit: Fit) -> dict[str, Any]:
    """Without its seconds, which no second run repeats; :func:`timings_as_json` has them."""
    return {name: value for name, value in dataclasses.asdict(fit).items() if name != "seconds"}


def timings_as_json(result: StudyResult) -> dict[str, Any]:
    """How long each fit took: all that differs when the same study is run again."""
    return {
        "paper_cnn_minutes": TRAINING_MINUTES,
        "fits": [
            {
                "question": run.question.value,
                **split_as_json(run.split_unit),
                "classifier": run.classifier,
                "fold": fit.fold,
                "seconds": number_or_null(fit.seconds),
            }
            for run in result.runs
            for fit in run.fits
        ],
    }


def more_frequent_share(metrics: SliceMetrics) -> float | None:
    """The accuracy of always giving the more frequent answer; None without slices."""
    found = metrics.confusion
    return max(found.positives, found.negatives) / found.total if found.total else None
