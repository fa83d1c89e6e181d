"""Measures as lines of an answer."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any


def measures_as_lines(measures: dict[str, Any]) -> Iterable[str]:
    """One line a measure, with its interval where it has one."""
    for name, estimate in measures.items():
        value, low, high = (estimate[key] for key in ("value", "low", "high"))
        if value is None or isnan(value):
            yield f"  {name:<32} n/a"
        elif low is None or isnan(low):
            yield f"  {name:<32} {value:.3f}"
        else:
            yield f"  {name:<32} {value:.3f}  (95 % interval {low:.3f} to {high:.3f})"


def levels_as_lines(measured: dict[str, Any]) -> Iterable[str]:
    """What an evaluation says beside lesions: of slices, people, the FROC and groups, in short."""
    slices = measured["slices"]
    yield f"slices: {slices['question']}"
    yield from slices["warnings"]
    for name, answers in slices["answers"].items():
        yield from _of_level(f"{name}, {answers['n_slices']} slices", answers)
    patients = measured["patients"]
    yield f"people: {patients['question']}"
    if patients["reason"]:
        yield f"  {patients['reason']}"
    abstained = len(patients["abstained"]["people"])
    if patients["n_people"] or abstained:
        yield from _of_level(f"{patients['n_people']} people, {abstained} abstained from", patients)
    if measured["froc"] is not None:
        yield "FROC: mean share of lesions found at 1/8 to 8 false lesions per scan"
        yield from measures_as_lines({"mean_sensitivity": measured["froc"]["mean_sensitivity"]})
    for group in measured["subgroups"]:
        yield _of_group(group)


_SHOWN = ("sensitivity", "specificity", "auc")
_SHOWN_OF_GROUPS = ("dice", "lesion_sensitivity", "lesion_precision")


def _of_level(title: str, level: dict[str, Any]) -> Iterable[str]:
    yield f" {title}"
    yield from measures_as_lines({name: level[name] for name in _SHOWN if name in level})


def _of_group(group: dict[str, Any]) -> str:
    people = group["people"]
    title = f"{group['column']}, {group['group']}: {people} {'person' if people == 1 else 'people'}"
    if "measures" not in group:
        return f"{title}, without lesion masks"
    shown = [f"{name} {_short(group['measures'][name])}" for name in _SHOWN_OF_GROUPS]
    few = "".join(f" ({doubt.partition(':')[0]})" for doubt in group["warnings"])
    return f"{title}: {', '.join(shown)}{few}"


def _short(estimate: dict[str, Any]) -> str:
    if isnan(estimate["value"]):
        return "n/a"
    has_interval = not isnan(estimate["low"])
    interval = f" ({estimate['low']:.2f} to {estimate['high']:.2f})" if has_interval else ""
    return f"{estimate['value']:.2f}{interval}"
