"""Numbers in words: how values, intervals and differences are written, and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import MEASURES, Confusion
from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.paper.claims import CLAIMS, TABLE_SECTION, Claim
from mslesion.report.document import Cell
from mslesion.report.measures import QuestionMeasures, more_frequent_share

MEASURE_NAMES = {
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "average_precision": "average precision",
    "mcc": "Matthews correlation",
    "ppv": "PPV, at the prevalence tested",
    "npv": "NPV, at the prevalence tested",
    "ppv_at_stated_prevalence": "PPV, at the stated prevalence",
    "npv_at_stated_prevalence": "NPV, at the stated prevalence",
    "positive_likelihood_ratio": "positive likelihood ratio",
    "negative_likelihood_ratio": "negative likelihood ratio",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "slope": "calibration slope",
    "intercept": "calibration intercept",
    "intercept_at_slope_1": "intercept at slope 1",
}
"""Measures as a reader calls them."""

TABLE_MEASURES = ("accuracy", "sensitivity", "specificity", "balanced_accuracy", "auc")
"""Those of the main tables; the others stand in a table of their own."""

FURTHER_MEASURES = tuple(
    name for name in MEASURE_NAMES if name in set(MEASURES) - set(TABLE_MEASURES)
)

_PER_CENT = {
    "accuracy", "sensitivity", "specificity", "balanced_accuracy", "ppv", "npv",
    "ppv_at_stated_prevalence", "npv_at_stated_prevalence",
}  # fmt: skip
"""Measures that are shares, and printed as such; all others are printed with two digits."""

PAPER_MEASURES = ("accuracy", "sensitivity", "specificity")
"""Those the paper prints."""

UNDEFINED = "n/a"

TO = "\N{NO-BREAK SPACE}to "
"""Between the limits of an interval: a narrow column breaks it before its second limit."""

NOTHING = "\N{EN DASH}"
"""What stands where the paper prints nothing or nothing was run."""

PERCENT = "\N{NO-BREAK SPACE}%"
"""So that a line never ends between a number and its sign."""


@dataclass(frozen=True)
class Words:
    """How to speak of one question."""

    title: str
    explained: str
    told_apart: str
    positive: str
    negative: str
    positive_slices: str
    negative_slices: str
    positive_people: str
    negative_people: str
    person_positive: str
    person_negative: str


WORDS = {
    Question.DIAGNOSIS: Words(
        title="Is this person's label MS?",
        explained=(
            "Every slice carries the label of its person, also where the slice itself shows no "
            "lesion."
        ),
        told_apart="slices of people with MS from slices of controls",
        positive="MS",
        negative="control",
        positive_slices="slices of people with MS",
        negative_slices="slices of controls",
        positive_people="people with MS",
        negative_people="controls",
        person_positive="MS",
        person_negative="control",
    ),
    Question.LESION: Words(
        title="Is there a lesion in this slice?",
        explained=(
            "A slice is positive where the expert's mask marks a lesion in it, whatever the "
            "person's diagnosis."
        ),
        told_apart="slices with a lesion from slices without",
        positive="lesion",
        negative="no lesion",
        positive_slices="slices with a lesion",
        negative_slices="slices without a lesion",
        positive_people="people with a lesion in any slice",
        negative_people="people without a lesion in any slice",
        person_positive="lesions",
        person_negative="none",
    ),
}


def is_share(measure: str) -> bool:
    """Whether a measure is told in per cent, and a difference of it in points."""
    return measure in _PER_CENT


def format_value(measure: str, value: float) -> str:
    """``71.3 %`` of shares, ``0.78`` of others as the AUC; ``n/a`` for nan."""
    if value != value:  # noqa: PLR0124 - nan is the one value that differs from itself
        return UNDEFINED
    return f"{100 * value:.1f}{PERCENT}" if measure in _PER_CENT else _two_digits(value)


def format_interval(measure: str, estimate: Estimate) -> str:
    """``60.2 to 81.3``, in the unit of the value; ``no interval`` where there is none."""
    if not estimate.is_defined:
        return ""
    if not estimate.has_interval:
        return "no interval"
    if measure in _PER_CENT:
        return f"{100 * estimate.low:.1f}{TO}{100 * estimate.high:.1f}"
    return f"{_two_digits(estimate.low)}{TO}{_two_digits(estimate.high)}"


def _two_digits(value: float) -> str:
    """With a real minus sign; what rounds to zero has none."""
    text = f"{value:.2f}"
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "\N{MINUS SIGN}")


def estimate_cell(measure: str, estimate: Estimate) -> Cell:
    """A value with its interval below it."""
    return Cell(format_value(measure, estimate.value), format_interval(measure, estimate))


def format_signed(measure: str, value: float) -> str:
    """``+22.0`` points, or ``+0.12`` for the AUC, with a real minus sign; zero has no sign."""
    text = f"{100 * value:+.1f}" if measure in _PER_CENT else f"{value:+.2f}"
    if not text.strip("+-0."):
        return text[1:]
    return text.replace("-", "\N{MINUS SIGN}")


def difference_cell(measure: str, estimate: Estimate) -> Cell:
    """A difference with its interval below it, both with signs."""
    if not estimate.is_defined:
        return Cell(UNDEFINED)
    if not estimate.has_interval:
        return Cell(format_signed(measure, estimate.value), "no interval")
    low, high = (format_signed(measure, limit) for limit in (estimate.low, estimate.high))
    return Cell(format_signed(measure, estimate.value), f"{low}{TO}{high}")


def printed_value(percent: float | None) -> str:
    """A figure of the paper as it is printed there, ``96 %``; a dash where there is none."""
    return NOTHING if percent is None else f"{percent:g}{PERCENT}"


def paper_claim(classifier: str) -> Claim | None:
    """What the paper's comparison prints for a classifier; None for one it does not know."""
    for claim in CLAIMS:
        if claim.classifier == classifier and claim.section == TABLE_SECTION:
            return claim
    return None


def reason_undefined(found: Confusion, measure: str, positives: str, negatives: str) -> str:
    """Why a measure is ``n/a``; empty where it is not.

    ``positives`` and ``negatives`` are what is counted, in words.
    """
    needs_positives = measure in {"sensitivity", "balanced_accuracy", "auc"}
    needs_negatives = measure in {"specificity", "balanced_accuracy", "auc"}
    if found.total == 0:
        return f"{MEASURE_NAMES[measure]} is {UNDEFINED}: nothing was tested"
    if needs_positives and found.positives == 0:
        return f"{MEASURE_NAMES[measure]} is {UNDEFINED}: there were no {positives} in the test"
    if needs_negatives and found.negatives == 0:
        return f"{MEASURE_NAMES[measure]} is {UNDEFINED}: there were no {negatives} in the test"
    return ""


def with_interval(measure: str, estimate: Estimate) -> str:
    """``71.3 % (95 % interval 60.2 to 81.3)`` within a sentence."""
    value = format_value(measure, estimate.value)
    if not estimate.has_interval:
        return value
    return f"{value} (95{PERCENT} interval {format_interval(measure, estimate)})"


def finding(asked: QuestionMeasures) -> str:
    """What was found under one question, in plain words, from the numbers alone."""
    name, words = asked.main, WORDS[asked.question]
    honest = asked.of(SplitUnit.PATIENT, name)
    if honest is None:
        return (
            "Only the slice split was run. It is a demonstration of leakage: its figures say "
            f"nothing of how well the {name} would tell {words.told_apart} in new people."
        )
    test = honest.test
    others = " and ".join(
        f"a {MEASURE_NAMES[measure]} of {with_interval(measure, test.measure(measure))}"
        for measure in ("sensitivity", "specificity")
        if test.measure(measure).is_defined
    )
    told = (
        f"On people it had never seen, the {name} told {words.told_apart} with an accuracy of "
        f"{with_interval('accuracy', test.accuracy)}"
    )
    told = f"{told}, {others}." if others else f"{told}."
    sentences = [told, _against_guessing(asked), _against_paper(name), _against_leakage(asked)]
    right = honest.patients.confusion.tp + honest.patients.confusion.tn
    sentences.append(
        f"Taken person by person, {right} of {honest.patients.n_people} verdicts were right."
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _against_guessing(asked: QuestionMeasures) -> str:
    honest = asked.of(SplitUnit.PATIENT, asked.main)
    frequent = None if honest is None else more_frequent_share(honest.test)
    if honest is None or frequent is None:
        return ""
    area = honest.test.auc
    if area.has_interval and area.low <= 0.5 <= area.high:
        verdict = f"By its AUC of {with_interval('auc', area)}, it cannot be told from guessing"
    elif area.has_interval and area.high < 0.5:
        verdict = f"Its AUC of {with_interval('auc', area)} is worse than guessing"
    elif area.has_interval:
        verdict = f"Its AUC of {with_interval('auc', area)} is better than guessing"
    else:
        verdict = "Whether it is better than guessing cannot be said here"
    return (
        f"{verdict}; always giving the more frequent answer would be right in "
        f"{format_value('accuracy', frequent)} of slices."
    )


def _against_paper(classifier: str) -> str:
    claim = paper_claim(classifier)
    if claim is None:
        return ""
    return (
        f"The paper reports {printed_value(claim.accuracy)} (section {claim.section}), and does "
        "not say whether it split people or slices."
    )


def _against_leakage(asked: QuestionMeasures) -> str:
    gap = asked.gaps.get(asked.main)
    leaky = asked.of(SplitUnit.SLICE, asked.main)
    if gap is None or leaky is None or not gap.measures["accuracy"].is_defined:
        return ""
    points = gap.measures["accuracy"]
    shown = (
        "Splitting slices instead of people would have shown "
        f"{format_value('accuracy', leaky.test.accuracy.value)}"
    )
    size = f"{abs(100 * points.value):.1f} points"
    if points.has_interval and points.low > 0:
        limits = format_interval("accuracy", points)
        return f"{shown}: that gap of {size} (95{PERCENT} interval {limits}) is leakage, not skill."
    if points.has_interval:
        size = f"{size} (95{PERCENT} interval {difference_cell('accuracy', points).detail})"
    direction = "less" if points.value < 0 else "more"
    return (
        f"{shown}, {size} {direction}: no leakage can be shown for the CNN here; the other "
        "classifiers are in the table."
    )
