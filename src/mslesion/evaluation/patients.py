"""From slices to people: one verdict a person, and what the verdicts are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import wilson
from mslesion.evaluation.measured import Measured
from mslesion.evaluation.metrics import answers, confusion_of_answers
from mslesion.evaluation.predictions import Predictions, Question
from mslesion.evaluation.tallies import STATED_PREVALENCE, Tallies, tally
from mslesion.paper.protocol import DecisionProtocol

_SCORES: dict[str, Callable[[NDArray[np.float64]], np.float64]] = {
    "mean probability": np.mean,
    "any slice": np.max,
}
"""From a person's slice probabilities to one score, by the protocol's name for the rule."""


@dataclass(frozen=True, eq=False)
class PatientVerdicts:
    """One entry a person, sorted by ``person_id``.

    Attributes:
        person_id: str (P,).
        label: int8 (P,); for 'diagnosis' the person's label, for 'lesion' whether any of the
            person's slices holds a lesion.
        score: float64 (P,) in [0, 1], the mean or the highest slice probability.
        verdict: bool (P,), whether the score exceeds the threshold.
        slice_count: int64 (P,).
        threshold: what the score had to exceed.
    """

    person_id: NDArray[np.str_]
    label: NDArray[np.int8]
    score: NDArray[np.float64]
    verdict: NDArray[np.bool_]
    slice_count: NDArray[np.int64]
    threshold: float

    def __len__(self) -> int:
        return len(self.person_id)

    def tally(self, stated_prevalence: float = STATED_PREVALENCE) -> Tallies:
        """What each person contributes to the measures of verdicts."""
        return tally(self.person_id, self.label, self.score, self.threshold, stated_prevalence)


@dataclass(frozen=True)
class PatientMetrics(Measured):
    """What a set of verdicts is worth.

    Shares of people (accuracy, sensitivity, specificity, both predictive values at the prevalence
    tested) have Wilson intervals; all others, which are none, have bootstrap intervals.
    """


def patient_rule(question: Question, decision: DecisionProtocol) -> str:
    """The protocol's name for how a person's slices become one score."""
    return {
        Question.DIAGNOSIS: decision.patient_rule,
        Question.LESION: decision.patient_rule_lesion,
    }[question]


def patient_verdicts(
    predictions: Predictions, question: Question, decision: DecisionProtocol
) -> PatientVerdicts:
    """Pool each person's slices into one verdict, by the protocol's rule for ``question``.

    ``predictions`` are those of one part of the data; all slices of a person count alike,
    whichever scan and fold they come from.
    """
    people, owner = np.unique(predictions.person_id, return_inverse=True)
    pool = _SCORES[patient_rule(question, decision)]
    mine = [owner == number for number in range(len(people))]
    score = np.array([pool(predictions.probability[chosen]) for chosen in mine], np.float64)
    label = np.array([predictions.label[chosen].max() for chosen in mine], np.int8)
    return PatientVerdicts(
        people,
        label,
        score,
        answers(score, decision.threshold),
        np.bincount(owner, minlength=len(people)).astype(np.int64),
        decision.threshold,
    )


def evaluate_patients(
    verdicts: PatientVerdicts,
    draws: int,
    seed: int,
    *,
    stated_prevalence: float = STATED_PREVALENCE,
) -> PatientMetrics:
    """Measure verdicts; what a missing class leaves undefined is nan."""
    found = confusion_of_answers(verdicts.label, verdicts.verdict)
    proportions = {
        "accuracy": wilson(found.tp + found.tn, found.total),
        "sensitivity": wilson(found.tp, found.positives),
        "specificity": wilson(found.tn, found.negatives),
        "ppv": wilson(found.tp, found.tp + found.fp),
        "npv": wilson(found.tn, found.tn + found.fn),
    }
    return PatientMetrics(
        confusion=found,
        estimates={**verdicts.tally(stated_prevalence).estimates(draws, seed), **proportions},
        n_people=len(verdicts),
    )
