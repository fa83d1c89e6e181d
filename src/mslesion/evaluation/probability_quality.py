"""Calibration and decision curves of one classifier, by slices and by people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
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
        quality = measure_quality_of(tested, *how)
        qualities.append(replace(quality, temperatures=temperatures, at_temperature=after))
    return ProbabilityQuality(*qualities)


def measure_quality_of(answered: Answered, draws: int, seed: int) -> Quality:
    """Measure answers for which no temperature was fitted."""
    return Quality(
        measure_calibration(answered, draws, seed),
        (),
        None,
        decision_curve(answered, draws, seed),
    )


def quality_as_json(quality: ProbabilityQuality) -> dict[str, Any]:
    """Plain values for ``calibration.json``, null where undefined."""
    return {"slices": plain_quality(quality.slices), "patients": plain_quality(quality.patients)}


def plain_quality(quality: Quality) -> dict[str, Any]:
    """The same for one kind of answer."""
    after = quality.at_temperature
    plain: dict[str, Any] = plain_value(
        {
            **_calibration(quality.calibration),
            "temperatures": quality.temperatures,
            "at_temperature": None if after is None else _calibration(after),
            "decision_curve": [asdict(point) for point in quality.curve],
        }
    )
    return plain


def _calibration(calibration: Calibration) -> dict[str, Any]:
    return {**calibration.measures, "reliability": calibration.bins}
