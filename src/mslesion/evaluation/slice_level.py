"""Is there a lesion in this axial slice? Masks and detections measured slice by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import UnreadableFileError
from mslesion.evaluation.lesion_summary import ScoredScan
from mslesion.evaluation.predictions import Predictions, Subset
from mslesion.evaluation.slices import evaluate_slices
from mslesion.evaluation.summary import slice_metrics_as_json
from mslesion.paper.protocol import DecisionProtocol
from mslesion.read.detections import SLICE_PROBABILITIES, DetectionFiles

MASK = "mask"
"""The answer that every tool gives: a slice holds a lesion where any of its voxels is marked."""

THRESHOLD = DecisionProtocol().threshold
"""What a slice's probability must exceed; a mask's answers are 0 and 1."""

_NEED_PROBABILITIES = {"auc", "average_precision", "brier"}
"""Measures that a yes or no has none of."""

SOURCES = {MASK: "any voxel of the slice is marked"} | {
    name: f"{name} of NAME_slices.tsv above {THRESHOLD:g}" for name in SLICE_PROBABILITIES
}
"""Where the answers of each kind come from."""


def mask_answers(scan: ScoredScan) -> Predictions:
    """Whether anything is marked in each slice, beside whether the reference has a lesion there."""
    return _predictions(scan, scan.is_marked.astype(np.float64))


def detection_answers(scan: ScoredScan, files: DetectionFiles) -> dict[str, Predictions]:
    """The probabilities of a detection's table of slices, by column; slices without are left out.

    The table counts axial slices from the lowest, as the third axis of a mask in RAS+ order does.

    Raises:
        UnreadableFileError: the table is none of ``detect``, or of another number of slices.
    """
    answers = {}
    for name, probability in files.read_slice_probabilities().items():
        if len(probability) != len(scan.holds_lesion):
            raise UnreadableFileError(
                f"has {len(probability)} slices, and the mask beside it {len(scan.holds_lesion)}",
                remedy="run 'mslesion detect' again",
                file=files.slices,
            )
        answers[name] = _predictions(scan, probability).where(~np.isnan(probability))
    return answers


def _predictions(scan: ScoredScan, probability: NDArray[np.float64]) -> Predictions:
    count = len(probability)
    return Predictions(
        fold=np.zeros(count, np.int16),
        subset=np.full(count, Subset.TEST.value),
        person_id=np.full(count, scan.person_id),
        scan_name=np.full(count, scan.scan_name),
        slice_index=np.arange(count, dtype=np.int16),
        label=scan.holds_lesion.astype(np.int8),
        probability=probability,
    )


def slice_level(answers: Mapping[str, Predictions], draws: int, seed: int) -> dict[str, Any]:
    """The measures of each kind of answer, with intervals over people, as plain values.

    A mask says yes or no, so nothing that ranks slices is measured of it.
    """
    most = max(len(predictions) for predictions in answers.values())
    return {
        "question": "does the reference have a lesion in this slice?",
        "slices": "axial, from 0 at the lowest: the third axis of the mask in RAS+ order",
        "warnings": _one_class(answers[MASK]),
        "answers": {
            name: {
                "source": SOURCES[name],
                "threshold": None if name == MASK else THRESHOLD,
                "slices_without_answer": most - len(predictions),
                **_measured(predictions, name, draws, seed),
            }
            for name, predictions in answers.items()
        },
    }


def _measured(predictions: Predictions, name: str, draws: int, seed: int) -> dict[str, Any]:
    measured = slice_metrics_as_json(evaluate_slices(predictions, THRESHOLD, draws, seed))
    return _without(_NEED_PROBABILITIES, measured) if name == MASK else measured


def _without(names: set[str], measured: dict[str, Any]) -> dict[str, Any]:
    """The same values without these, at any depth."""
    return {
        name: _without(names, value) if isinstance(value, dict) else value
        for name, value in measured.items()
        if name not in names
    }


def _one_class(predictions: Predictions) -> list[str]:
    present = set(predictions.label.tolist())
    if len(present) > 1:
        return []
    each = "every slice holds" if present == {1} else "no slice holds"
    return [f"{each} a lesion of the reference: what needs both kinds is not measured"]


def joined(scans: Sequence[Mapping[str, Predictions]]) -> dict[str, Predictions]:
    """The answers of several scans, by kind; a kind that a scan lacks is left out."""
    kinds = [name for name in scans[0] if all(name in answers for answers in scans)]
    return {name: Predictions.join(answers[name] for answers in scans) for name in kinds}
