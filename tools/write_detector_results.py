"""Write the detector's tables into its pages and its model card, from 'make detector'.

    python tools/write_detector_results.py out/detector

The folder holds one folder a model (default, small), each with ``everything`` (trained and
cross-validated on all data), ``tabriz`` and ``ljubljana`` (trained on one dataset alone) and the
``metrics.json`` of these on the other dataset. A copy of every file used goes to
``docs/results/detector-MODEL.json``, and of every detector measured to ``docs/results/networks``.
Where a run is missing, or measures another detector than lies beside it, nothing is written.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pages import replace_part

from mslesion.told import counted
from mslesion.write.atomic import write_json

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGE, CARD = DOCS / "results.md", ROOT / "src/mslesion/lesions/weights/MODEL_CARD.md"
README = ROOT / "README.md"
TABRIZ, LJUBLJANA, LESION_FREE = "tabriz", "ljubljana-mni", "lesion-free"
MODELS = ("default", "small")
MODEL = "model.safetensors"
FILES = {
    "everything": "everything/cross-validation.json",
    "verdict": "everything/verdict.json",
    "ljubljana_unseen": "tabriz-on-ljubljana/metrics.json",
    "tabriz_unseen": "ljubljana-on-tabriz/metrics.json",
}

NETWORKS = {"ljubljana_unseen": "tabriz", "tabriz_unseen": "ljubljana"}
"""The folder of the detector that answered, of those trained on one dataset alone."""

Results = dict[str, Any]
Estimate = dict[str, float | None]


@dataclass(frozen=True)
class Goal:
    """One number that a target is set for: what we want at least, and what we aim at.

    ``is_cost`` numbers should be low, all others high.
    """

    at_least: float
    aim: float
    is_cost: bool = False

    def verdict(self, value: float) -> int:
        """0 for missed, 1 for reached, 2 for the aim."""
        sign = -1 if self.is_cost else 1
        return sum(sign * value >= sign * limit - 1e-9 for limit in (self.at_least, self.aim))


VERDICTS = ("**missed**", "reached", "aim reached")


@dataclass(frozen=True)
class Row:
    """One line of the targets' table: what, its goals, and how it is read from the results.

    ``measured`` gives the numbers the goals are set for, and how all of it is told.
    """

    what: str
    goals: tuple[Goal, ...]
    command: str
    measured: Callable[[Results], tuple[list[float], str]]


def told(value: Estimate, digits: int = 2) -> str:
    """A value with its interval."""
    if value["value"] is None:
        return "n/a"
    text = f"{value['value']:.{digits}f}"
    if value["low"] is None or value["high"] is None:
        return text
    return f"{text} ({value['low']:.{digits}f} to {value['high']:.{digits}f})"


def estimates(*values: Estimate) -> tuple[list[float], str]:
    """Values with their intervals, as numbers and in words."""
    return [float(v["value"] or 0.0) for v in values], " / ".join(told(v) for v in values)


def cross_validated(name: str, *measures: str) -> Callable[[Results], tuple[list[float], str]]:
    """Measures of a dataset, by a part of its name, whose people each fold's network never saw."""

    def measured(results: Results) -> tuple[list[float], str]:
        datasets = results["everything"]["datasets"]
        (found,) = (value for key, value in datasets.items() if name in key.lower())
        return estimates(*(found["measures"][measure] for measure in measures))

    return measured


def dice_of_each(results: Results) -> tuple[list[float], str]:
    """Dice of Ljubljana 19 and 07; of a scan that was refused, 0."""
    measured = results["ljubljana_unseen"]
    dice = {row["person_id"]: row["dice"] for row in measured["rows"]}
    dice |= {name.partition("_")[0]: None for name in measured["scans_refused"]}
    values = [dice[person] for person in ("sub-19", "sub-07")]
    text = " / ".join("refused" if value is None else f"{value:.3f}" for value in values)
    return [value or 0.0 for value in values], text


def dice_of_all(results: Results) -> tuple[list[float], str]:
    """Mean Dice of Tabriz, of those scans that were not refused; how many were is told."""
    measured = results["tabriz_unseen"]
    values, text = estimates(measured["measures"]["dice"])
    refused = len(measured["scans_refused"])
    return values, f"{text}, without {counted(refused, 'refused scan')}" if refused else text


def lesion_free(results: Results) -> tuple[list[float], str]:
    """False lesions and their volume in the scan without lesions."""
    (scan,) = (s for s in results["everything"]["scans"] if s["reference_ml"] == 0)
    values = [float(scan["false_lesions"]), scan["found_ml"]]
    return values, f"{scan['false_lesions']} lesions, {scan['found_ml']:.2f} ml"


def rate_of(name: str) -> Callable[[Results], tuple[list[float], str]]:
    """A rate of error of the verdict, in per cent."""

    def measured(results: Results) -> tuple[list[float], str]:
        share, low, high = (100 * part for part in results["verdict"][name])
        return [share], f"{share:.1f} % ({low:.1f} to {high:.1f})"

    return measured


def without_verdict(results: Results) -> tuple[list[float], str]:
    """How many of the people that the verdict was tested on got none."""
    found = results["verdict"]
    people = found["testing_controls"] + found["testing_ms"] + found["testing_abstained"]
    return [], f"{found['testing_abstained']} of {people}"


EVERYTHING = "`make detector`: `everything`, cross-validation"
VERDICT = "`make detector`: `everything`, verdict"
SMALL_AND_LARGE = (Goal(0.4, 0.6), Goal(0.8, 0.9))
ROWS = (
    Row("Tabriz, 5-fold by patient: mean Dice / lesion F1", (Goal(0.65, 0.72), Goal(0.70, 0.78)),
        EVERYTHING, cross_validated("tabriz", "dice", "lesion_f1")),
    Row("Ljubljana 19 / 07 from a model that saw no Ljubljana scan: Dice",
        (Goal(0.65, 0.75), Goal(0.35, 0.50)), "`make detector`: `tabriz-on-ljubljana`",
        dice_of_each),
    Row("Tabriz from a model that saw no Tabriz scan: mean Dice", (Goal(0.50, 0.62),),
        "`make detector`: `ljubljana-on-tabriz`", dice_of_all),
    Row("lesion-free scan: false lesions, volume in ml",
        (Goal(2, 0, is_cost=True), Goal(0.1, 0, is_cost=True)), EVERYTHING, lesion_free),
    Row("recall of lesions of 10-50 mm³ / over 50 mm³, Tabriz", SMALL_AND_LARGE, EVERYTHING,
        cross_validated("tabriz", "recall_10_to_50_mm3", "recall_50_mm3_and_more")),
    Row("the same, Ljubljana", SMALL_AND_LARGE, EVERYTHING,
        cross_validated("ljubljana", "recall_10_to_50_mm3", "recall_50_mm3_and_more")),
    Row("simulated controls called MS, in %", (Goal(5, 2, is_cost=True),), VERDICT,
        rate_of("control_false_positive_rate")),
    Row("simulated MS called not MS, in %", (Goal(10, 5, is_cost=True),), VERDICT,
        rate_of("ms_missed_rate")),
    Row("simulated people without a verdict, as their scan is in doubt", (), VERDICT,
        without_verdict),
)  # fmt: skip


def read_results(folder: Path) -> Results:
    """What one model's runs left behind.

    Raises:
        FileNotFoundError: a run was not made.
        ValueError: a dataset was measured with another detector than lies there now.
    """
    results = {
        name: json.loads((folder / path).read_text(encoding="utf-8"))
        for name, path in FILES.items()
    }
    for name, trained in NETWORKS.items():
        path = folder / trained / MODEL
        if results[name]["detector"]["weights_sha256"] != sha256(path.read_bytes()).hexdigest():
            raise ValueError(f"{folder / FILES[name]} was not measured with {path}")
    return results


def measured_cell(row: Row, results: Results) -> str:
    """What was measured, and whether each goal was reached."""
    values, text = row.measured(results)
    verdicts = [goal.verdict(v) for goal, v in zip(row.goals, values, strict=False)]
    return f"{text}: {' / '.join(VERDICTS[v] for v in verdicts)}" if verdicts else text


def table_of_targets(results: dict[str, Results]) -> list[str]:
    """Targets in rows, models in columns."""
    models = list(results)
    lines = [
        "| what | at least | aim | " + " | ".join(models) + " | command |",
        "|---" * (4 + len(models)) + "|",
    ]
    for row in ROWS:
        limits = (
            " / ".join(f"{getattr(goal, name):g}" for goal in row.goals)
            for name in ("at_least", "aim")
        )
        measured = " | ".join(measured_cell(row, results[model]) for model in models)
        lines.append(f"| {row.what} | {' | '.join(limits)} | {measured} | {row.command} |")
    return lines


def table_of_choices(results: dict[str, Results]) -> list[str]:
    """Calibration and operating point of each shipped model, chosen on validation people."""
    lines = [
        (
            "| model | calibration: slope, intercept | left to calibrate on people unseen "
            "| threshold | peak | least volume |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for model, found in results.items():
        point, curve = (found["everything"][k] for k in ("operating_point", "voxel_calibration"))
        left = found["everything"]["left_to_calibrate"]["voxels"]
        lines.append(
            f"| `{model}` | {curve['slope']:.2f}, {curve['intercept']:.2f} "
            f"| {left['slope']:.2f}, {left['intercept']:.2f} "
            f"| {point['threshold']:g} | {point['peak']:g} | {point['least_mm3']:g} mm³ |"
        )
    return lines


def table_of_scans(results: Results) -> list[str]:
    """Every scan by networks that never saw its person."""
    lines = [
        (
            "| dataset | participant | reference ml | found ml | Dice | lesion F1 | lesions found "
            "| false lesions | 10-50 mm³ |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s['dataset']} | {s['scan_name'].partition('_')[0]} "
        f"| {s['reference_ml']:.1f} | {s['found_ml']:.1f} | {s['dice']:.2f} | {s['lesion_f1']:.2f} "
        f"| {s['reference_lesions_found']} of {s['reference_lesions']} | {s['false_lesions']} "
        f"| {s['found_of_10_to_50_mm3']} |"
        for s in results["everything"]["scans"]
    ]
    return lines


def readme_lines(results: dict[str, Results]) -> list[str]:
    """What somebody wants to know who has a minute, of the model that is used by default."""
    found = results["default"]
    unknown = found["tabriz_unseen"]
    (known,) = (v for k, v in found["everything"]["datasets"].items() if TABRIZ in k.lower())
    rows = (
        (f"{known['people']} patients of a hospital it has learnt from: mean Dice / lesion F1",
         cross_validated("tabriz", "dice", "lesion_f1")),
        ("share of their lesions that were found: of 10 to 50 mm³ / over 50 mm³",
         cross_validated("tabriz", "recall_10_to_50_mm3", "recall_50_mm3_and_more")),
        (f"{unknown['people']} patients of a hospital it has not learnt from: mean Dice",
         dice_of_all),
        ("two patients of another hospital it has not learnt from: Dice of each", dice_of_each),
        ("a scan without lesions: marked all the same", lesion_free),
    )  # fmt: skip
    cells = (f"| {what} | {measured(found)[1]} |" for what, measured in rows)
    return ["| what | measured |", "|---|---|", *cells]


def card_lines(results: dict[str, Results]) -> list[str]:
    """What the model card shows, of each model by name."""
    return [*table_of_targets(results), "", *table_of_choices(results)]


def page_lines(results: dict[str, Results]) -> list[str]:
    """The same and every scan, as the page of results shows it."""
    lines = card_lines(results)
    for model, found in results.items():
        lines += [
            "", f"Every scan, by networks that never saw its person (model `{model}`):",
            "", *table_of_scans(found),
        ]  # fmt: skip
    return lines


def copy_networks(trained: Path, kept: Path) -> None:
    """Keep the detectors that were measured, so that each figure can be asked for again."""
    measured = {path.name: path for path in (trained / "everything/folds").glob("*.safetensors")}
    for alone in NETWORKS.values():
        measured[f"{alone}.safetensors"] = trained / alone / MODEL
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name, path in measured.items():
        shutil.copy(path, kept / name)


def main(folder: Path) -> None:
    """Write the tables, and copies of what they were read from."""
    results = {model: read_results(folder / model) for model in MODELS}
    parts = (
        (CARD, "measured", card_lines(results)),
        (PAGE, "detector", page_lines(results)),
        (README, "glance", readme_lines(results)),
    )
    for model, found in results.items():
        write_json(DOCS / "results" / f"detector-{model}.json", found)
        copy_networks(folder / model, DOCS / "results" / "networks" / model)
    for page, name, lines in parts:
        replace_part(page, name, lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
