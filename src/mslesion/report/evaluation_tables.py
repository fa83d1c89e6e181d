"""Tables beyond the paper's: further measures, tests between classifiers, calibration."""

from __future__ import annotations

from math import isnan

from mslesion.evaluation.predictions import SplitUnit
from mslesion.paper.protocol import DecisionProtocol
from mslesion.report.document import Cell, Column, Row, RowGroup, Table
from mslesion.report.measures import QuestionMeasures
from mslesion.report.wording import (
    FURTHER_MEASURES,
    MEASURE_NAMES,
    NOTHING,
    TABLE_MEASURES,
    difference_cell,
    estimate_cell,
)
from mslesion.told import p_value

_CALIBRATION_MEASURES = ("brier", "ece", "slope", "intercept", "intercept_at_slope_1")


def further_table(asked: QuestionMeasures, decision: DecisionProtocol) -> Table:
    """All other measures of every classifier: of slices, as means over people, and of people."""
    unit = asked.split_to_believe
    shown = (*TABLE_MEASURES, *FURTHER_MEASURES)
    groups = tuple(
        RowGroup(
            name,
            tuple(
                Row(
                    (
                        Cell(MEASURE_NAMES[measure]),
                        estimate_cell(measure, run.test.measure(measure)),
                        estimate_cell(measure, run.test.averages[measure].estimate)
                        if measure in run.test.averages
                        else Cell(NOTHING),
                        estimate_cell(measure, run.patients.measure(measure)),
                    )
                )
                for measure in shown
            ),
        )
        for name, run in asked.by_split[unit].items()
        if name in asked.classifiers
    )
    return Table(
        f"Every measure: {asked.question.value}, test people, split by {unit.value}",
        (
            Column("measure"),
            Column("slices, pooled", "95 % interval", is_number=True),
            Column("slices, mean over people", "95 % interval", is_number=True),
            Column("people", "95 % interval", is_number=True),
        ),
        groups,
        (
            (
                "PPV and NPV: how likely a yes and a no are right. At the prevalence tested they "
                "are those of this test; the stated prevalence is "
                f"{100 * decision.stated_prevalence:g} in 100. A likelihood ratio says how many "
                "times more frequent an answer is in positives than in negatives; it has no value "
                "without a false alarm, and no mean over people. The Brier score is the mean "
                "squared error of the probabilities."
            ),
            (
                "A mean over people leaves out those in whom a measure has no value, as the "
                "sensitivity of somebody without positive slices."
            ),
        ),
        is_demonstration=unit is SplitUnit.SLICE,
    )


def tests_table(asked: QuestionMeasures) -> Table:
    """Classifiers two by two, with p values corrected for all tests of the question."""
    groups = tuple(
        RowGroup(
            f"{pair.first} against {pair.second}",
            tuple(
                Row(
                    (
                        Cell(f"{MEASURE_NAMES[test.measure]} of {test.unit}"),
                        Cell(test.test),
                        difference_cell(test.measure, test.difference),
                        Cell(p_value(test.p_value)),
                        Cell(p_value(test.p_holm)),
                    )
                )
                for test in pair.tests
            ),
        )
        for pair in asked.comparisons
    )
    count = sum(not isnan(test.p_value) for pair in asked.comparisons for test in pair.tests)
    return Table(
        f"Classifiers against each other: {asked.question.value}, the same test people",
        (
            Column("measure"),
            Column("test"),
            Column("difference", "first minus second, 95 % interval", is_number=True),
            Column("p", is_number=True),
            Column("p, Holm", f"for {count} tests", is_number=True),
        ),
        groups,
        ("Differences in points (AUC: in its own unit).",),
        is_demonstration=asked.split_to_believe is SplitUnit.SLICE,
    )


def calibration_table(asked: QuestionMeasures) -> Table:
    """What probabilities are worth, as they are and at the temperature of validation people."""
    rows = []
    for name, quality in asked.probabilities.items():
        for unit, each in (("slices", quality.slices), ("people", quality.patients)):
            stages = [("", each.calibration), (", at temperature", each.at_temperature)]
            rows += [
                Row(
                    (
                        Cell(f"{name}, {unit}{stage}"),
                        *(estimate_cell(m, found.measures[m]) for m in _CALIBRATION_MEASURES),
                    )
                )
                for stage, found in stages
                if found is not None
            ]
    return Table(
        f"Calibration: {asked.question.value}, test people",
        (
            Column("probabilities"),
            *(
                Column(MEASURE_NAMES[name], "95 % interval", is_number=True)
                for name in _CALIBRATION_MEASURES
            ),
        ),
        (RowGroup("", tuple(rows)),),
        (
            (
                "Of perfect probabilities, slope is 1 and both intercepts are 0. A slope below 1 "
                "says that probabilities are too extreme, an intercept at slope 1 below 0 that "
                "they are too high. A temperature divides the logits; it is fitted on validation "
                "people of each fold, and there is none where no validation answer was wrong or "
                "most were."
            ),
        ),
        is_demonstration=asked.split_to_believe is SplitUnit.SLICE,
    )
