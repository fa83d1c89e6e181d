"""Calibration and decision curves of one classifier, by slices and by people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mslesion.evaluation.calibration import Answered, Calibration, measure_calibration
from mslesion.evaluation.decision_curve import NetBenefit, decision_curve
from mslesion.evaluation.patients import patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, Subset
from mslesion.evaluation.temperature import recalibrate_test
from mslesion.paper.protocol import DecisionProtocol
from mslesion.write.atomic import plain_value


@dataclass(frozen=True)
class Quality:
    """Of one kind of answer.

    ``temperatures`` are those of the folds, none without validation answers; ``at_temperature``
    is None where there is none for every fold.
    """

    calibration: Calibration
    temperatures: tuple[float, ...]
    at_temperature: Calibration | None
    curve: tuple[NetBenefit, ...]


@dataclass(frozen=True)
class ProbabilityQuality:
    """What a classifier's probabilities are worth on test people."""

    slices: Quality
    patients: Quality


def measure_probabilities(
    predictions: Predictions, question: Question, decision: DecisionProtocol, seed: int
) -> ProbabilityQuality:
    """Measure test answers; the temperature is fitted on validation answers alone."""

    def by_slice(part: Predictions) -> Answered:
        return Answered(part.person_id, part.label, part.probability)

    def by_person(part: Predictions) -> Answered:
        verdicts = patient_verdicts(part, question, decision)
        return Answered(verdicts.person_id, verdicts.label, verdicts.score)

    how = (decision.bootstrap_draws, seed)
    qualities = []
    for answers_of in (by_slice, by_person):
        tested = answers_of(predictions.of(Subset.TEST))
        temperatures, recalibrated = recalibrate_test(predictions, answers_of)
        after = None if recalibrated is None else measure_calibration(recalibrated, *how)
        qualities.append(
            Quality(
                measure_calibration(tested, *how),
                temperatures,
                after,
                decision_curve(tested, *how),
            )
        )
    return ProbabilityQuality(*qualities)


def quality_as_json(quality: ProbabilityQuality) -> dict[str, Any]:
    """Plain values for ``calibration.json``, null where undefined."""
    plain: dict[str, Any] = plain_value(
        {"slices": _plain(quality.slices), "patients": _plain(quality.patients)}
    )
    return plain


def _plain(quality: Quality) -> dict[str, Any]:
    after = quality.at_temperature
    return {
        **_calibration(quality.calibration),
        "temperatures": quality.temperatures,
        "at_temperature": None if after is None else _calibration(after),
        "decision_curve": [asdict(point) for point in quality.curve],
    }


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return {**calibration.measures, "reliability": calibration.bins}
