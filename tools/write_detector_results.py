"""Write the detector's tables into docs/results.md and its model card from 'make detector'.

    python tools/write_detector_results.py out/detector

The folder holds one folder a model (default, small), each with ``everything`` (trained and
cross-validated on all data), ``tabriz`` and ``ljubljana`` (trained on one dataset alone) and the
``metrics.json`` of these on the other dataset. A copy of every file used goes to
``docs/results/detector-MODEL.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mslesion.write.atomic import write_json, write_text

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGE, CARD = DOCS / "results.md", ROOT / "src/mslesion/lesions/weights/MODEL_CARD.md"
TABRIZ, LJUBLJANA, LESION_FREE = "tabriz", "ljubljana-mni", "lesion-free"
MODELS = ("default", "small")
FILES = {
    "everything": "everything/cross-validation.json",
    "verdict": "everything/verdict.json",
    "ljubljana_unseen": "tabriz-on-ljubljana/metrics.json",
    "tabriz_unseen": "ljubljana-on-tabriz/metrics.json",
}

Results = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the targets' table: what, the target, and how it is read from the results."""

    what: str
    target: str
    command: str
    measured: Callable[[Results], str]


def estimate(value: dict[str, float | None], digits: int = 2) -> str:
    """A value with its interval."""
    if value["value"] is None:
        return "n/a"
    text = f"{value['value']:.{digits}f}"
    if value["low"] is None or value["high"] is None:
        return text
    return f"{text} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def rate(value: list[float]) -> str:
    """A share with its interval, in per cent."""
    share, low, high = (100 * part for part in value)
    return f"{share:.1f} % ({low:.1f} to {high:.1f})"


def dataset_of(results: Results, name: str) -> dict[str, Any]:
    """The cross-validated measures of one dataset, by a part of its name."""
    datasets = results["everything"]["datasets"]
    (found,) = (value for key, value in datasets.items() if name in key.lower())
    return dict(found["measures"])


def cross_validated(name: str, *measures: str) -> Callable[[Results], str]:
    """Measures of a dataset whose people each fold's network never saw."""
    return lambda results: " / ".join(estimate(dataset_of(results, name)[m]) for m in measures)


def dice_of_each(results: Results) -> str:
    """Dice of every scan, named."""
    rows = results["ljubljana_unseen"]["rows"]
    return ", ".join(f"{row['person_id'].removeprefix('sub-')}: {row['dice']:.2f}" for row in rows)


def lesion_free(results: Results) -> str:
    """False lesions and their volume in the scans without lesions."""
    scans = [s for s in results["everything"]["scans"] if s["reference_ml"] == 0]
    return ", ".join(f"{s['false_lesions']} lesions, {s['found_ml']:.2f} ml" for s in scans)


def without_verdict(results: Results) -> str:
    """How many of the people that the verdict was tested on got none."""
    found = results["verdict"]
    people = found["testing_controls"] + found["testing_ms"] + found["testing_abstained"]
    return f"{found['testing_abstained']} of {people}"


EVERYTHING = "`make detector`: `everything`, cross-validation"
ROWS = (
    Row("Tabriz, 5-fold by patient: mean Dice / lesion F1", "0.65 / 0.70", EVERYTHING,
        cross_validated("tabriz", "dice", "lesion_f1")),
    Row("Ljubljana 19 and 07 from a model that saw no Ljubljana scan: Dice", "0.65 and 0.35",
        "`make detector`: `tabriz-on-ljubljana`", dice_of_each),
    Row("Tabriz from a model that saw no Tabriz scan: mean Dice", "0.50",
        "`make detector`: `ljubljana-on-tabriz`",
        lambda r: estimate(r["tabriz_unseen"]["measures"]["dice"])),
    Row("lesion-free scan: false lesions, volume", "2, 0.1 ml", EVERYTHING, lesion_free),
    Row("recall of lesions of 10-50 mm³ / over 50 mm³, Tabriz", "0.4 / 0.8", EVERYTHING,
        cross_validated("tabriz", "recall_10_to_50_mm3", "recall_50_mm3_and_more")),
    Row("the same, Ljubljana", "0.4 / 0.8", EVERYTHING,
        cross_validated("ljubljana", "recall_10_to_50_mm3", "recall_50_mm3_and_more")),
    Row("simulated controls called MS", "5 %", "`make detector`: `everything`, verdict",
        lambda r: rate(r["verdict"]["control_false_positive_rate"])),
    Row("simulated MS called not MS", "10 %", "`make detector`: `everything`, verdict",
        lambda r: rate(r["verdict"]["ms_missed_rate"])),
    Row("simulated people without a verdict, as their scan is in doubt", "",
        "`make detector`: `everything`, verdict", without_verdict),
)  # fmt: skip


def read_results(folder: Path) -> Results:
    """What one model's runs left behind."""
    return {
        name: json.loads((folder / path).read_text(encoding="utf-8"))
        for name, path in FILES.items()
    }


def table_of_targets(results: dict[str, Results]) -> list[str]:
    """Targets in rows, models in columns."""
    models = list(results)
    lines = [
        "| what | at least | " + " | ".join(models) + " | command |",
        "|---" * (3 + len(models)) + "|",
    ]
    for row in ROWS:
        measured = " | ".join(row.measured(results[model]) for model in models)
        lines.append(f"| {row.what} | {row.target} | {measured} | {row.command} |")
    return lines


def table_of_choices(results: dict[str, Results]) -> list[str]:
    """Calibration and operating point of each shipped model, chosen on validation people."""
    lines = [
        "| model | calibration: slope, intercept | threshold | peak | least volume |",
        "|---|---|---|---|---|",
    ]
    for model, found in results.items():
        point, curve = (found["everything"][k] for k in ("operating_point", "voxel_calibration"))
        lines.append(
            f"| `{model}` | {curve['slope']:.2f}, {curve['intercept']:.2f} "
            f"| {point['threshold']:g} | {point['peak']:g} | {point['least_mm3']:g} mm³ |"
        )
    return lines


def table_of_scans(results: Results) -> list[str]:
    """Every scan by the network that never saw its person."""
    lines = [
        (
            "| dataset | person | reference ml | found ml | Dice | lesion F1 | lesions found "
            "| false lesions | 10-50 mm³ |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s['dataset']} | {s['person_id']} | {s['reference_ml']:.1f} | {s['found_ml']:.1f} "
        f"| {s['dice']:.2f} | {s['lesion_f1']:.2f} "
        f"| {s['reference_lesions_found']} of {s['reference_lesions']} | {s['false_lesions']} "
        f"| {s['found_of_10_to_50_mm3']} |"
        for s in results["everything"]["scans"]
    ]
    return lines


def main(folder: Path) -> None:
    """Write the tables, and copies of what they were read from."""
    results = {model: read_results(folder / model) for model in MODELS if (folder / model).exists()}
    for model, found in results.items():
        write_json(DOCS / "results" / f"detector-{model}.json", found)
    shared = [*table_of_targets(results), "", *table_of_choices(results), ""]
    replace_between(CARD, "measured", shared)
    lines = [*shared]
    for model, found in results.items():
        lines += [f"Every scan, by a network that never saw its person (model `{model}`):", ""]
        lines += [*table_of_scans(found), ""]
    replace_between(PAGE, "detector", lines)


def replace_between(path: Path, name: str, lines: list[str]) -> None:
    """Put lines between the marks ``<!-- name -->`` and ``<!-- end of name -->`` of a page."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, rest = path.read_text(encoding="utf-8").split(start)
    _, after = rest.split(end)
    write_text(path, before + start + "\n" + "\n".join(lines) + end + after)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
