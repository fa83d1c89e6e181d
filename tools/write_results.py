"""Write docs/results.md from finished studies, and keep their figures beside it.

    python tools/write_results.py NAME=STUDY=COHORT [NAME=STUDY=COHORT ...]

NAME is a heading of :data:`INTRODUCTIONS`, STUDY the output folder of ``mslesion reproduce`` and
COHORT the folder it read. Every number on the page comes from ``docs/results/NAME.json``: a
copy of the study's ``metrics.json``, without the verdicts on single people, and two analyses of its
``predictions.csv`` made here.
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import replace_part

from mslesion.evaluation.metrics import auc
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import cut_cohort
from mslesion.read import read_cohort
from mslesion.write.atomic import write_json

DOCS = Path(__file__).resolve().parents[1] / "docs"
RESULTS = DOCS / "results"
SLICE_SPLIT = "slice_split_DEMONSTRATION_OF_LEAKAGE"
SHOWN = ("accuracy", "sensitivity", "specificity", "auc")
AREA_EDGES_MM2 = (0, 13, 52, 208, np.inf)
"""One pixel of 3.6 mm covers 13 square millimetres; the others are four and sixteen of them."""
POSITION_BINS = 10

INTRODUCTIONS = {
    "simulated-5-folds": (
        "Simulated cohort, five folds by patient",
        "60 people, 30 with MS, each tested once. The main result on simulated people.",
    ),
    "simulated": (
        "Simulated cohort, the paper's single split",
        (
            "What `make demo` shows: 36 people train, 12 validate, 12 test. Twelve people are few: "
            "the intervals are wide, and another seed gives other figures."
        ),
    ),
    "tabriz": (
        "Real scans: ten MS patients of the Tabriz set, five folds by patient",
        (
            "1.5 T, axial 2D FLAIR, skull on, expert masks (MIT licence). There are no controls, "
            "so only 'lesion' can be asked."
        ),
    ),
}


def interval(estimate: dict[str, float | None], name: str) -> str:
    """A measure with its interval: per cent, or a plain number for the AUC."""
    if estimate["value"] is None:
        return "n/a"
    scale, digits = (1, 2) if name == "auc" else (100, 1)
    parts = [f"{scale * estimate['value']:.{digits}f}"]
    if estimate["low"] is not None and estimate["high"] is not None:
        low, high = scale * estimate["low"], scale * estimate["high"]
        parts.append(f"({low:.{digits}f} to {high:.{digits}f})")
    return " ".join(parts)


def table_of_question(question: dict[str, Any], paper: list[dict[str, Any]]) -> list[str]:
    """Classifiers in rows, measures in columns, the paper's and the demonstration beside."""
    stated = {c["classifier"]: c for c in paper if c["section"] == "4.3"}
    gap = question.get("leakage_gap", {})
    leaked = question.get(SLICE_SPLIT, {}).get("classifiers", {})
    lines = [
        (
            "| classifier | accuracy % | sensitivity % | specificity % | AUC | people right "
            "| paper: acc / sens / spec | *slice split (leaks): accuracy %* | *gap, points* |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in question["patient_split"]["classifiers"].items():
        test, people = result["slices"]["test"], result["patients"]
        right = people["confusion"]["tp"] + people["confusion"]["tn"]
        cells = [name, *(interval(test[measure], measure) for measure in SHOWN)]
        cells.append(f"{right} of {people['n_people']}")
        cells.append(
            " / ".join(f"{stated[name][m]:g}" for m in SHOWN[:3]) if name in stated else ""
        )
        if name in leaked:
            cells.append(interval(leaked[name]["slices"]["test"]["accuracy"], "accuracy"))
            cells.append(interval(gap[name]["accuracy"], "accuracy"))
        else:
            cells += ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def by_lesion_area(predictions: pd.DataFrame, areas: pd.DataFrame) -> list[dict[str, Any]]:
    """Sensitivity of the CNN for slices with little and much lesion in them."""
    tested = predictions.query(
        "question == 'lesion' and split_unit == 'patient' and classifier == 'CNN' "
        "and subset == 'test' and label == 1"
    ).merge(areas, on=["scan_name", "slice_index"])
    rows = []
    for low, high in itertools.pairwise(AREA_EDGES_MM2):
        part = tested.query("@low < area_mm2 <= @high")
        found = int((part.probability > 0.5).sum())
        rows.append({"from_mm2": low, "to_mm2": high, "slices": len(part), "found": found})
    return rows


def by_position_alone(predictions: pd.DataFrame) -> dict[str, float]:
    """How well the height of a slice in its scan tells whether it holds a lesion.

    The share of training slices with a lesion in ten bins of height is the answer for test
    slices: no pixel is looked at.
    """
    asked = predictions.query(
        "question == 'lesion' and split_unit == 'patient' and classifier == 'CNN'"
    ).copy()
    top = asked.groupby("scan_name").slice_index.transform("max")
    asked["bin"] = (asked.slice_index / top * POSITION_BINS).astype(int).clip(upper=9)
    labels, answers = [], []
    for _, fold in asked.groupby("fold"):
        share = fold.query("subset == 'training'").groupby("bin").label.mean()
        test = fold.query("subset == 'test'")
        labels.append(test.label.to_numpy())
        answers.append(test.bin.map(share).fillna(share.mean()).to_numpy())
    label, answer = np.concatenate(labels), np.concatenate(answers)
    return {
        "accuracy": float(((answer > 0.5) == (label == 1)).mean()),
        "auc": auc(label, answer),
        "always_the_more_frequent": float(max(label.mean(), 1 - label.mean())),
    }


def lesion_areas(cohort: Path) -> pd.DataFrame:
    """Lesion area of every slice of a cohort."""
    slices = cut_cohort(read_cohort(cohort), Protocol().slices).slices
    return pd.DataFrame(
        {
            "scan_name": slices.scan_name,
            "slice_index": slices.slice_index,
            "area_mm2": slices.lesion_area_mm2,
        }
    )


def collect(name: str, study: Path, cohort: Path) -> None:
    """Keep what the page shows of a study in ``docs/results/NAME.json``."""
    metrics = json.loads((study / "metrics.json").read_text(encoding="utf-8"))
    predictions = pd.read_csv(study / "predictions.csv")
    areas = by_lesion_area(predictions, lesion_areas(cohort))
    position = by_position_alone(predictions)
    for question in metrics["questions"].values():
        for split in ("patient_split", SLICE_SPLIT):
            for result in question.get(split, {}).get("classifiers", {}).values():
                del result["patients"]["verdicts"]
    write_json(
        RESULTS / f"{name}.json",
        {**metrics, "by_lesion_area": areas, "by_position_alone": position},
    )


def section(name: str, metrics: dict[str, Any]) -> list[str]:
    """One study on the page, from what was kept of it."""
    title, introduction = INTRODUCTIONS[name]
    position = metrics["by_position_alone"]
    lines = [f"## {title}", "", introduction, "", "```",
             metrics["provenance"]["command"], "```", ""]  # fmt: skip
    for asked, question in metrics["questions"].items():
        counts = metrics["cohort"]["slices_by_label"][asked]
        lines += [
            (
                f"**{asked}**, test slices of people never seen ({counts['yes']} slices yes, "
                f"{counts['no']} no in the cohort):"
            ),
            "",
            *table_of_question(question, metrics["paper_percent"]),
            "",
        ]
    splits = [s for question in metrics["questions"].values() for s in question.values() if s]
    warnings = dict.fromkeys(told for split in splits for told in split.get("warnings", ()))
    lines += [line for told in warnings for line in (f"*{told}*", "")]
    lines += [
        "What the CNN finds, by how much lesion is in a slice (one pixel covers 13 mm²):",
        "",
        "| lesion area in the slice, mm² | slices | found |",
        "|---|---|---|",
        *(_area_row(row) for row in metrics["by_lesion_area"]),
        "",
        (
            "The height of a slice in its scan alone, without looking at a pixel, answers "
            f"'lesion' with accuracy {100 * position['accuracy']:.1f} % and AUC "
            f"{position['auc']:.2f}; always giving the more frequent answer is right in "
            f"{100 * position['always_the_more_frequent']:.1f} %."
        ),
        "",
    ]
    return lines


def _area_row(row: dict[str, Any]) -> str:
    upper = "and more" if row["to_mm2"] is None else f"to {row['to_mm2']}"
    share = f"{row['found']} ({row['found'] / row['slices']:.0%})" if row["slices"] else "n/a"
    return f"| {row['from_mm2']} {upper} | {row['slices']} | {share} |"


def page_lines() -> list[str]:
    """Every study that was kept, in the order of :data:`INTRODUCTIONS`."""
    kept = [(name, RESULTS / f"{name}.json") for name in INTRODUCTIONS]
    sections = [
        section(name, json.loads(file.read_text(encoding="utf-8")))
        for name, file in kept
        if file.exists()
    ]
    return "\n".join(line for lines in sections for line in lines).rstrip("\n").split("\n")


def main(arguments: list[str]) -> None:
    """Keep the studies, and put their sections on the page."""
    for argument in arguments:
        name, study, cohort = argument.split("=")
        collect(name, Path(study), Path(cohort))
    replace_part(DOCS / "results.md", "studies", page_lines())


if __name__ == "__main__":
    main(sys.argv[1:])
