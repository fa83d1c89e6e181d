"""What a report says of one question beyond the paper: tests, calibration, decision curves."""

from __future__ import annotations

from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.probability_quality import ProbabilityQuality
from mslesion.paper.protocol import DecisionProtocol
from mslesion.report import captions
from mslesion.report.document import Aside, Block, Figure
from mslesion.report.drawings import CalibrationDrawing, DecisionCurveDrawing, ReliabilityPanel
from mslesion.report.evaluation_tables import calibration_table, further_table, tests_table
from mslesion.report.measures import QuestionMeasures


def evaluation_blocks(asked: QuestionMeasures, decision: DecisionProtocol) -> list[Block]:
    """Tables and figures, in reading order."""
    question = asked.question.value
    is_demonstration = asked.split_to_believe is SplitUnit.SLICE
    blocks: list[Block] = [
        Aside(f"Every measure of every classifier, {question}", (further_table(asked, decision),))
    ]
    if asked.comparisons:
        blocks.append(tests_table(asked))
    calibration = calibration_drawing(asked.probabilities, is_demonstration=is_demonstration)
    curves = decision_curve_drawing(asked.probabilities, is_demonstration=is_demonstration)
    return [
        *blocks,
        Figure(
            f"figure-8-calibration-{question}",
            f"Figure 8. {question}: what probabilities are worth, split by "
            f"{asked.split_to_believe.value}",
            captions.calibration_alt(calibration),
            captions.CALIBRATION,
            calibration,
            is_demonstration,
        ),
        Aside(f"Calibration in numbers, {question}", (calibration_table(asked),)),
        Figure(
            f"figure-9-decision-curve-{question}",
            f"Figure 9. {question}: what acting on the answers is worth, split by "
            f"{asked.split_to_believe.value}",
            captions.decision_curve_alt(curves),
            captions.DECISION_CURVE,
            curves,
            is_demonstration,
        ),
    ]


def calibration_drawing(
    probabilities: dict[str, ProbabilityQuality], *, is_demonstration: bool = False
) -> CalibrationDrawing:
    """A row of slices and one of people, a column for each classifier."""
    return CalibrationDrawing(
        tuple(
            tuple(
                ReliabilityPanel(
                    f"{name}, {unit}",
                    each.calibration.bins,
                    () if each.at_temperature is None else each.at_temperature.bins,
                )
                for name, each in panels
            )
            for unit, panels in (
                ("slices", [(name, quality.slices) for name, quality in probabilities.items()]),
                ("people", [(name, quality.patients) for name, quality in probabilities.items()]),
            )
        ),
        is_demonstration,
    )


def decision_curve_drawing(
    probabilities: dict[str, ProbabilityQuality], *, is_demonstration: bool = False
) -> DecisionCurveDrawing:
    """A panel of slices and one of people, a line for each classifier."""
    return DecisionCurveDrawing(
        (
            ("slices", {name: quality.slices.curve for name, quality in probabilities.items()}),
            ("people", {name: quality.patients.curve for name, quality in probabilities.items()}),
        ),
        is_demonstration,
    )
