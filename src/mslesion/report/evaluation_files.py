"""The parts of a study's measures as files of their own, each with what it takes to read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mslesion.evaluation.classifier_comparison import comparisons_as_json
from mslesion.evaluation.detection_quality import detection_quality_as_json
from mslesion.evaluation.intervals import BOOTSTRAP_IN_WORDS
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.probability_quality import (
    Quality,
    measure_probabilities,
    quality_as_json,
)
from mslesion.evaluation.summary import split_as_json
from mslesion.report.drawings import (
    CalibrationDrawing,
    DecisionCurveDrawing,
    Drawing,
    ReliabilityPanel,
)
from mslesion.report.evaluation_blocks import calibration_drawing, decision_curve_drawing
from mslesion.report.measures import SPLIT_KEYS, QuestionMeasures, StudyMeasures
from mslesion.write.atomic import take_away, write_bytes, write_json

if TYPE_CHECKING:
    from mslesion.paper.storage import SliceModel

_ABOUT = (
    "schema", "use", "cohort", "seed", "protocol_sha256", "threshold", "confidence",
    "bootstrap_draws", "stated_prevalence",
)  # fmt: skip
"""What every file repeats of ``metrics.json``."""

CALIBRATION = "calibration.json"
_PICTURES = ("calibration.png", "decision-curve.png")
_CALIBRATION_INTERVAL = f"{BOOTSTRAP_IN_WORDS}; of patients in a bin: Wilson"


def write_evaluation_files(metrics: dict[str, Any], measures: StudyMeasures, folder: Path) -> None:
    """Write the files beside ``metrics.json``, of which ``metrics`` is the content.

    ``metrics_slice.json``, ``metrics_patient.json`` and ``leakage_gap.json`` are parts of it;
    ``comparisons.json`` and ``calibration.json`` hold what it does not.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    about = {name: metrics[name] for name in _ABOUT}
    about["split_sha256"] = {
        question: {part: of[part]["split_sha256"] for part in SPLIT_KEYS.values() if part in of}
        for question, of in metrics["questions"].items()
    }
    by_question = {asked.question.value: asked for asked in measures.questions}
    found = metrics["questions"]
    files = {
        "metrics_slice": {name: _part_of(found[name], "slices") for name in found},
        "metrics_patient": {name: _part_of(found[name], "patients") for name in found},
        "leakage_gap": {name: found[name]["leakage_gap"] for name in found},
        "comparisons": {name: _comparisons(asked) for name, asked in by_question.items()},
        "calibration": {name: _calibration(asked) for name, asked in by_question.items()},
    }
    for name, questions in files.items():
        write_json(folder / f"{name}.json", {**about, "questions": questions})


def write_model_calibration(
    predictions: Predictions,
    model: SliceModel,
    folder: Path,
    seed: int,
    split_sha256: str | None = None,
) -> None:
    """Write ``calibration.json``, ``calibration.png`` and ``decision-curve.png`` of one model.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    decision = model.protocol.decision
    quality = measure_probabilities(predictions, model.question, decision, seed)
    content = {
        "classifier": model.classifier,
        "question": model.question.value,
        "split_sha256": split_sha256,
        "interval": _CALIBRATION_INTERVAL,
        "bootstrap_draws": decision.bootstrap_draws,
        **quality_as_json(quality),
    }
    of_model = {model.classifier: quality}
    _write_calibration(
        folder, content, calibration_drawing(of_model), decision_curve_drawing(of_model)
    )


def write_detection_calibration(
    qualities: Mapping[str, Quality], folder: Path, split_sha256: str | None = None
) -> None:
    """Write the same files of a detector's answers; without any, those of an earlier run go.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    if not qualities:
        for name in (CALIBRATION, *_PICTURES):
            take_away(folder / name)
        return
    content = {
        "split_sha256": split_sha256,
        "interval": _CALIBRATION_INTERVAL,
        **detection_quality_as_json(qualities),
    }
    panels = tuple(
        ReliabilityPanel(name, quality.calibration.bins, ()) for name, quality in qualities.items()
    )
    curves = tuple((name, {"detector": quality.curve}) for name, quality in qualities.items())
    _write_calibration(
        folder,
        content,
        CalibrationDrawing((panels,), is_demonstration=False),
        DecisionCurveDrawing(curves, is_demonstration=False),
    )


def _write_calibration(folder: Path, content: dict[str, Any], *drawings: Drawing) -> None:
    # Drawing takes matplotlib, which whoever only wants the numbers need not have.
    from mslesion.report import figures

    write_json(folder / CALIBRATION, content)
    for name, drawing in zip(_PICTURES, drawings, strict=True):
        write_bytes(folder / name, figures.draw(drawing))


def _part_of(question: dict[str, Any], part: str) -> dict[str, Any]:
    """The splits of one question with one part of what was measured of each classifier."""
    return {
        key: {
            **{name: value for name, value in question[key].items() if name != "classifiers"},
            "classifiers": {
                name: measured[part] for name, measured in question[key]["classifiers"].items()
            },
        }
        for key in SPLIT_KEYS.values()
        if key in question
    }


def _comparisons(asked: QuestionMeasures) -> dict[str, Any]:
    return {
        **split_as_json(asked.split_to_believe),
        "interval": f"{BOOTSTRAP_IN_WORDS}, paired; of the patients' AUC: DeLong",
        "p_holm": "corrected for all tests of this question",
        "pairs": comparisons_as_json(asked.comparisons),
    }


def _calibration(asked: QuestionMeasures) -> dict[str, Any]:
    return {
        **split_as_json(asked.split_to_believe),
        "interval": _CALIBRATION_INTERVAL,
        "classifiers": {
            name: quality_as_json(quality) for name, quality in asked.probabilities.items()
        },
    }
