"""Draws the figures of the study: values with their intervals beside chance, and a square of both.

Everything a reader needs stands in the picture: the question, the unit, the line of chance, how
many were tested, what whiskers and small marks are. Importing this module imports matplotlib.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, isfinite
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from mslesion.evaluation.intervals import Estimate
from mslesion.report.charts import (
    BLUE,
    DOTS_PER_INCH,
    GREEN,
    GREY,
    INK,
    LARGE,
    NORMAL,
    ORANGE,
    PALE,
    PURPLE,
    SMALL,
    VERMILION,
)
from mslesion.report.figures import as_png

_ROW_INCHES, _DOT_INCHES = 0.42, 0.34
_STYLES = (
    (BLUE, "o", BLUE), (VERMILION, "D", "white"), (GREEN, "s", GREEN), (ORANGE, "^", ORANGE),
    (PURPLE, "v", "white"),
)  # fmt: skip
"""Of each series in turn: its colour, its mark, and what the mark is filled with."""
_SHADES = LinearSegmentedColormap.from_list("auc", ["#ffffff", "#cfe3f1", "#6fb1d8", BLUE])


@dataclass(frozen=True)
class Dot:
    """A value of one series, with its interval; ``runs`` are those of single seeds or shuffles."""

    series: str
    estimate: Estimate
    runs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """One line of a panel, with the dots that stand on it."""

    label: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Panel:
    """Rows on one axis; ``reference`` is a dashed line, of chance as a rule, named in words."""

    title: str
    axis: str
    rows: tuple[Row, ...]
    reference: float
    reference_words: str
    limits: tuple[float, float]
    scale: float = 1.0

    @property
    def decimals(self) -> int:
        """Per cent are told in whole numbers, all else with two decimals."""
        return 2 if self.scale == 1.0 else 0


@dataclass(frozen=True)
class DotDrawing:
    """Panels side by side under one question."""

    question: str
    panels: tuple[Panel, ...]
    series: tuple[str, ...]
    runs_words: str = ""
    interval_words: str = "95 % interval over people"
    is_rehearsal: bool = False


@dataclass(frozen=True)
class SquareDrawing:
    """What is trained on each cohort (rows), tested on each (columns); absent pairs stay empty."""

    question: str
    names: tuple[str, ...]
    cells: Mapping[tuple[str, str], Estimate]
    is_rehearsal: bool = False


def draw(drawing: DotDrawing | SquareDrawing) -> bytes:
    """The PNG of a drawing; the same drawing gives the same bytes."""
    if isinstance(drawing, SquareDrawing):
        return as_png(_draw_square(drawing))
    return as_png(_draw_dots(drawing))


def _figure(width_inches: float, height_inches: float, question: str, *, rehearsal: bool) -> Figure:
    figure = Figure((width_inches, height_inches), DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    mark = "REHEARSAL, means nothing. " if rehearsal else ""
    title = textwrap.fill(mark + question, round(8.5 * width_inches))
    figure.suptitle(title, fontsize=LARGE + 1, color=INK, weight="bold")
    return figure


def _draw_dots(drawing: DotDrawing) -> Figure:
    tallest = max(len(panel.rows) for panel in drawing.panels)
    series = max(len(row.dots) for panel in drawing.panels for row in panel.rows)
    row_inches = max(_ROW_INCHES, _DOT_INCHES * series + 0.12)
    width = 3.4 * len(drawing.panels) + 2.2
    figure = _figure(
        width, row_inches * tallest + 2.3, drawing.question, rehearsal=drawing.is_rehearsal
    )
    same_rows = len({tuple(row.label for row in panel.rows) for panel in drawing.panels}) == 1
    sides = figure.subplots(1, len(drawing.panels), squeeze=False)[0]
    for number, (axes, panel) in enumerate(zip(sides, drawing.panels, strict=True)):
        shown = replace(panel, limits=_common_limits(panel, drawing.panels))
        _draw_panel(axes, shown, drawing.series, with_labels=number == 0 or not same_rows)
    handles = _legend(drawing, with_runs=_has_runs(drawing))
    figure.legend(
        handles=handles, loc="outside lower center", frameon=False, fontsize=NORMAL,
        labelcolor=INK, ncols=min(len(handles), 1 + len(drawing.panels)),
    )  # fmt: skip
    return figure


def _common_limits(panel: Panel, panels: tuple[Panel, ...]) -> tuple[float, float]:
    """Panels of one axis are drawn alike, and as wide as the widest interval asks for."""
    alike = [other for other in panels if other.axis == panel.axis]
    reached = [
        value
        for other in alike
        for row in other.rows
        for dot in row.dots
        for value in (dot.estimate.value, dot.estimate.low, dot.estimate.high, *dot.runs)
        if isfinite(value)
    ]
    low = min([panel.limits[0], *(floor(10 * value) / 10 for value in reached)])
    return max(low, 0.0), panel.limits[1]


def _draw_panel(axes: Any, panel: Panel, series: tuple[str, ...], *, with_labels: bool) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(PALE)
    axes.tick_params(colors=GREY, labelsize=SMALL, length=0)
    axes.grid(axis="x", color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlim(*(panel.scale * limit for limit in panel.limits))
    axes.set_ylim(len(panel.rows) - 0.45, -0.75)
    labels = [textwrap.fill(row.label, 26) for row in panel.rows] if with_labels else []
    axes.set_yticks(range(len(panel.rows)) if with_labels else [], labels, parse_math=False)
    axes.tick_params(axis="y", labelsize=NORMAL, labelcolor=INK)
    title = "\n".join(textwrap.fill(line, 36) for line in panel.title.split("\n"))
    axes.set_title(title, fontsize=NORMAL + 0.5, color=INK)
    axes.set_xlabel(panel.axis, fontsize=NORMAL, color=INK)
    if panel.reference_words:
        place = panel.scale * panel.reference
        axes.axvline(place, color=INK, linestyle="--", linewidth=1)
        axes.text(
            place, -0.52, f" {panel.reference_words} ", fontsize=SMALL, color=INK, va="bottom",
            ha="left" if panel.reference < sum(panel.limits) / 2 + 1e-9 else "right",
        )  # fmt: skip
    for place, row in enumerate(panel.rows):
        step = 0.8 / max(len(row.dots), 2)
        for number, dot in enumerate(row.dots):
            height = place + step * (number - (len(row.dots) - 1) / 2)
            _draw_dot(axes, height, dot, panel, _STYLES[series.index(dot.series)])


def _draw_dot(
    axes: Any, height: float, dot: Dot, panel: Panel, style: tuple[str, str, str]
) -> None:
    colour, mark, fill = style
    value, low, high = (
        panel.scale * number for number in (dot.estimate.value, dot.estimate.low, dot.estimate.high)
    )
    runs = [panel.scale * run for run in dot.runs]
    axes.plot(
        runs, [height] * len(runs), "|", color=colour, markersize=9, alpha=0.55,
        markeredgewidth=1.1,
    )  # fmt: skip
    if not dot.estimate.is_defined:
        axes.text(
            panel.scale * panel.limits[0], height, " not measured", fontsize=SMALL, color=GREY,
            va="center",
        )  # fmt: skip
        return
    if dot.estimate.has_interval:
        axes.plot([low, high], [height, height], color=colour, linewidth=2)
    axes.plot(
        value, height, mark, color=colour, markersize=7, markerfacecolor=fill, markeredgewidth=1.6,
        clip_on=False, zorder=4,
    )  # fmt: skip
    axes.annotate(
        f"{value:.{panel.decimals}f}", (value, height), (0, 5), textcoords="offset points",
        ha="center", va="bottom", fontsize=SMALL, color=INK, zorder=3, annotation_clip=False,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.8},
    )  # fmt: skip


def _has_runs(drawing: DotDrawing) -> bool:
    return any(dot.runs for panel in drawing.panels for row in panel.rows for dot in row.dots)


def _legend(drawing: DotDrawing, *, with_runs: bool) -> list[Line2D]:
    handles = []
    if len(drawing.series) > 1:
        handles += [
            Line2D([], [], color=colour, marker=mark, linestyle="", markersize=7,
                   markerfacecolor=fill, markeredgewidth=1.6, label=name)
            for name, (colour, mark, fill) in zip(drawing.series, _STYLES, strict=False)
        ]  # fmt: skip
    handles.append(Line2D([], [], color=GREY, linewidth=2, label=drawing.interval_words))
    if with_runs:
        handles.append(
            Line2D([], [], color=GREY, marker="|", linestyle="", markersize=9,
                   label=drawing.runs_words)
        )  # fmt: skip
    return handles


def _draw_square(drawing: SquareDrawing) -> Figure:
    names = drawing.names
    figure = _figure(2.0 * len(names) + 2.4, 1.15 * len(names) + 2.4, drawing.question,
                     rehearsal=drawing.is_rehearsal)  # fmt: skip
    axes = figure.add_subplot()
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    for row, trained in enumerate(names):
        for column, tested in enumerate(names):
            estimate = drawing.cells.get((trained, tested))
            _draw_cell(axes, column, row, estimate, is_own=row == column)
    axes.set_xticks(range(len(names)), [textwrap.fill(name, 18) for name in names])
    axes.set_yticks(range(len(names)), [textwrap.fill(name, 18) for name in names])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("tested on", fontsize=NORMAL, color=GREY)
    axes.set_ylabel("trained on", fontsize=NORMAL, color=GREY)
    axes.tick_params(length=0, labelsize=NORMAL, labelcolor=INK)
    axes.spines[:].set_visible(False)
    figure.text(
        0.5, 0.012, "AUC (95 % interval over people); 0.5 is chance. Framed: other people of the "
        "own cohort.",
        ha="center", fontsize=NORMAL, color=INK,
    )  # fmt: skip
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0, 0.06, 1, 0.94)))
    return figure


def _draw_cell(
    axes: Any, column: int, row: int, estimate: Estimate | None, *, is_own: bool
) -> None:
    if estimate is None or not estimate.is_defined:
        axes.text(column, row, "nobody left\nto test" if is_own else "not measured", ha="center",
                  va="center", fontsize=SMALL, color=GREY)  # fmt: skip
        return
    share = min(max((estimate.value - 0.5) / 0.5, 0.0), 1.0)
    axes.add_patch(
        Rectangle(
            (column - 0.46, row - 0.44), 0.92, 0.88, facecolor=_SHADES(share),
            edgecolor=INK if is_own else "none", linewidth=2 if is_own else 0,
        )
    )  # fmt: skip
    colour = "white" if share > 0.75 else INK
    axes.text(column, row - 0.08, f"{estimate.value:.2f}", ha="center", va="center", fontsize=16,
              color=colour)  # fmt: skip
    if estimate.has_interval:
        axes.text(column, row + 0.26, f"{estimate.low:.2f} to {estimate.high:.2f}", ha="center",
                  va="center", fontsize=SMALL, color=colour)  # fmt: skip
