"""The report: every file that a study leaves behind, written from its result.

A result is measured once (:mod:`.measures`), put into words as a document (:mod:`.content`),
drawn (:mod:`.figures`) and rendered (:mod:`.page`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.summary import split_as_json
from mslesion.paper.result import StudyResult
from mslesion.report.content import build_document
from mslesion.report.evaluation_files import write_evaluation_files
from mslesion.report.measures import SPLIT_KEYS, measure_study, measures_as_json, timings_as_json
from mslesion.report.page import render
from mslesion.report.seeds import seed_columns, seed_rows
from mslesion.write.atomic import write_bytes, write_json, write_table, write_text

PREDICTION_COLUMNS = (
    "question", "split_unit", "demonstration", "classifier", "fold", "subset", "person_id",
    "scan_name", "slice_index", "label", "probability",
)  # fmt: skip
"""The columns of ``predictions.csv``."""


def write_report(result: StudyResult, folder: Path) -> dict[str, Any]:
    """Write the page, its figures, and what they are made from.

    ``report.html``, ``figures/*.png``, ``metrics.json`` and its parts
    (:func:`.evaluation_files.write_evaluation_files`), ``predictions.csv``, ``split.json``,
    ``seeds.tsv`` where there were several, and ``timings.json``, which alone of these differs when
    the same study is run again. Each file is complete or absent; the page comes last, so that
    where it is, the others are. The same result gives the same bytes. Figures and seeds of an
    earlier report that this one does not have are removed.

    Returns:
        The content of ``metrics.json``.

    Raises:
        OutputError: ``folder`` cannot be written to.
    """
    # Drawing takes matplotlib, which whoever only wants the numbers need not have.
    from mslesion.report import figures

    measures = measure_study(result)
    metrics = measures_as_json(result, measures)
    document = build_document(result, measures)
    pictures = {figure.name: figures.draw(figure.drawing) for figure in document.figures}
    write_json(folder / "metrics.json", metrics)
    write_evaluation_files(metrics, measures, folder)
    write_json(folder / "split.json", _splits_as_json(result))
    write_json(folder / "timings.json", timings_as_json(result))
    if result.other_seeds:
        write_table(folder / "seeds.tsv", list(seed_rows(result)), seed_columns(result))
    else:
        (folder / "seeds.tsv").unlink(missing_ok=True)
    write_table(folder / "predictions.csv", list(_prediction_rows(result)), PREDICTION_COLUMNS, ",")
    for earlier in (folder / "figures").glob("figure-*.png"):
        if earlier.stem not in pictures:
            earlier.unlink()
    for name, picture in pictures.items():
        write_bytes(folder / "figures" / f"{name}.png", picture)
    write_text(folder / "report.html", render(document, pictures))
    return metrics


def study_metrics(result: StudyResult) -> dict[str, Any]:
    """The content of ``metrics.json``: plain values, null where a measure is undefined."""
    return measures_as_json(result, measure_study(result))


def _splits_as_json(result: StudyResult) -> dict[str, Any]:
    splits: dict[str, dict[str, Any]] = {}
    for (question, unit), split in result.splits.items():
        inner = result.inner_splits.get((question, unit), ())
        marked = {
            **split_as_json(unit),
            **split.as_json(),
            **({"inner": [each.as_json() for each in inner]} if inner else {}),
        }
        splits.setdefault(question.value, {})[SPLIT_KEYS[unit]] = marked
    return splits


def _prediction_rows(result: StudyResult) -> Iterator[dict[str, Any]]:
    for run in result.runs:
        about = {
            "question": run.question.value,
            "split_unit": run.split_unit.value,
            "demonstration": run.split_unit is SplitUnit.SLICE,
            "classifier": run.classifier,
        }
        for row in run.predictions.rows():
            yield {**about, **row}
