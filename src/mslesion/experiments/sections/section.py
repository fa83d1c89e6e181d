"""What a section of the study's page is, and the panels that most of them share."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from mslesion.evaluation.intervals import Estimate
from mslesion.experiments.figures import Dot, DotDrawing, Panel, Row, SquareDrawing
from mslesion.experiments.results import Source

AUC_LIMITS = (0.3, 1.0)
CHANCE = "chance"
UNKNOWN = Estimate(nan, nan, nan)


@dataclass(frozen=True)
class Section:
    """One question of the page: pictures by name, and what was found, in sentences.

    ``sources`` are the result files that every number in it comes from.
    """

    title: str
    findings: tuple[str, ...]
    explained: str
    drawings: dict[str, DotDrawing | SquareDrawing]
    sources: tuple[Source, ...]


def auc_dot(source: Source, arm: str, series: str) -> Dot:
    """The AUC of an arm, with that of each seed where there are several."""
    found = source.at("arms", arm)
    runs = tuple(found["of_each_seed"]["auc"]) if len(found["seeds"]) > 1 else ()
    return Dot(series, source.measure(arm, "auc"), runs)


def auc_panel(
    title: str, rows: tuple[Row, ...], reference: float = 0.5, words: str = CHANCE
) -> Panel:
    """Rows of AUC beside chance, or beside another line."""
    return Panel(title, "AUC", rows, reference, words, AUC_LIMITS)


def counted(source: Source, arm: str) -> str:
    """How many people and slices an arm was tested on."""
    found = source.at("arms", arm)
    return f"{found['n_people']} people, {found['n_slices']} slices"
