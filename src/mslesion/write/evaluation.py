"""The files of an evaluation of masks or detections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mslesion.write.atomic import take_away, write_bytes, write_json, write_table

METRICS = "metrics.json"
LESIONS, SLICES, PATIENTS = "metrics_lesion.tsv", "metrics_slice.json", "metrics_patient.json"
FROC, FROC_PICTURE = "froc.json", "froc.png"


def write_evaluation(folder: Path, measured: dict[str, Any]) -> None:
    """Write what :func:`~mslesion.evaluation.evidence.measure_evidence` gives, and ``rows``.

    ``metrics.json``, which holds all but the curve of the FROC, is written last. Where there is no
    FROC, that of an earlier run is taken away.

    Raises:
        OutputError: the folder cannot be written to.
    """
    take_away(folder / METRICS)
    rows = measured["rows"]
    columns = [name for name in rows[0] if name not in ("history", "warnings")]
    write_table(folder / LESIONS, [{name: row[name] for name in columns} for row in rows], columns)
    split = {"split_sha256": measured.get("split_sha256")}
    write_json(folder / SLICES, {**split, **measured["slices"]})
    write_json(folder / PATIENTS, {**split, **measured["patients"]})
    froc = measured["froc"]
    _write_froc(folder, froc and {**split, **froc})
    short = froc and {name: value for name, value in froc.items() if name != "curve"}
    write_json(folder / METRICS, {**measured, "froc": short})


def _write_froc(folder: Path, froc: dict[str, Any] | None) -> None:
    if froc is None:
        for name in (FROC, FROC_PICTURE):
            take_away(folder / name)
        return
    from mslesion.report.froc_figure import draw_froc

    write_json(folder / FROC, froc)
    write_bytes(folder / FROC_PICTURE, draw_froc(froc))
