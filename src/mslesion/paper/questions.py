"""Which questions a cohort can answer, and what is divided to answer them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mslesion.cohort.people import Cohort
from mslesion.cohort.split import Split, Unit, draw_split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.slices import UNKNOWN, SliceSet

CLASS_NAMES: Mapping[Question, tuple[str, str]] = {
    Question.DIAGNOSIS: ("from controls", "from people with MS"),
    Question.LESION: ("without a lesion", "with a lesion"),
}
"""What a slice of class 0 and of class 1 is called in messages."""


NAMELESS = (
    "The files do not say which slices belong to one person: each slice counts as a person of its "
    "own. What is said of people is said of slices, and intervals are too narrow."
)
"""What a reader must know of any figure on such a cohort."""


def require_patient_names(cohort: Cohort, units: Iterable[SplitUnit]) -> None:
    """Refuse a patient split where the layout does not say whose slices they are.

    Raises:
        CohortError: ``units`` holds the patient split and the cohort has no patient names.
    """
    if SplitUnit.PATIENT in units and not cohort.has_patient_names:
        raise CohortError(
            f"the layout '{cohort.layout}' does not say which slices belong to one patient, so "
            "no patient split can be made",
            remedy="give data with patient names; 'mslesion reproduce --split slice' demonstrates "
            "the leakage",
            file=cohort.root,
        )


def choose_questions(
    cohort: Cohort, slices: SliceSet, wanted: Iterable[Question]
) -> tuple[list[Question], list[str]]:
    """The questions to ask, and a note for each that cannot be.

    Without ``wanted``, all that the cohort can answer.

    Raises:
        CohortError: a wanted question, or every question, has no answer in this cohort.
    """
    wanted = tuple(wanted)
    reasons = {q: _why_not(slices, q) for q in wanted or Question}
    possible = [question for question, reason in reasons.items() if not reason]
    refused = {question: reason for question, reason in reasons.items() if reason}
    if refused and (wanted or not possible):
        other = _other_question(slices, next(iter(refused)))
        raise CohortError(
            "; ".join(f"'{question}' cannot be asked: {why}" for question, why in refused.items()),
            remedy=f"give --label {other}" if other else "add people or scans of the other class",
            file=cohort.root,
        )
    return possible, [f"'{q}' was not asked: {why}." for q, why in refused.items()]


def _other_question(slices: SliceSet, refused: Question) -> Question | None:
    return next((q for q in Question if q is not refused and not _why_not(slices, q)), None)


def _why_not(slices: SliceSet, question: Question) -> str:
    """Why a question has no answer in this cohort; empty where it has."""
    labels = slices.labels(question)
    if (labels == UNKNOWN).all():
        return {
            Question.DIAGNOSIS: "no person's diagnosis is known",
            Question.LESION: "no scan has a lesion mask",
        }[question]
    for value, words in enumerate(CLASS_NAMES[question]):
        if not (labels == value).any():
            return f"one class only, no slice is {words}"
    return ""


def draw_slice_split(
    slices: SliceSet,
    question: Question,
    unit: SplitUnit,
    *,
    seed: int,
    folds: int = 1,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
    sites: Mapping[str, str] | None = None,
) -> Split:
    """Divide the people, or the slices, that a question is asked of.

    ``sites`` says where each person was scanned, if that is known.
    """
    units = (
        _people_units(slices, question, sites or {})
        if unit is SplitUnit.PATIENT
        else _slice_units(slices, question, seed)
    )
    return draw_split(units, unit=unit, seed=seed, folds=folds, shares=shares)


def _people_units(slices: SliceSet, question: Question, sites: Mapping[str, str]) -> list[Unit]:
    """Each person, by diagnosis, site and lesion area.

    So both questions have one split where they are asked of the same people. Where lesions are
    asked for and a group is too small to be divided, people are ordered by lesion area alone.
    """
    strata = {1: "MS", 0: "control", UNKNOWN: "of unknown diagnosis"}
    groups = [len(np.unique(slices.person_id[slices.is_ms == value])) for value in strata]
    if question is Question.LESION and any(0 < count < len(Subset) for count in groups):
        strata = dict.fromkeys(strata, "people")
    units = []
    for person in np.unique(slices.person_id):
        of_person = slices.person_id == person
        units.append(
            Unit(
                str(person),
                strata[int(slices.is_ms[of_person][0])],
                float(slices.lesion_area_mm2[of_person].sum()),
                sites.get(str(person), ""),
            )
        )
    return units


def _slice_units(slices: SliceSet, question: Question, seed: int) -> list[Unit]:
    """Each slice by its label alone, at random as papers do it."""
    labels = slices.labels(question)
    order = np.random.default_rng([seed, 0x511CE]).permutation(len(slices))
    return [
        Unit(str(name), CLASS_NAMES[question][int(label)], float(place))
        for name, label, place in zip(slices.slice_names, labels, order, strict=True)
    ]
