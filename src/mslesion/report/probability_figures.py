"""Draws what probabilities are worth: reliability diagrams and decision curves."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mslesion.report.charts import (
    BLUE,
    CLASSIFIER_COLOURS,
    GREY,
    INK,
    LARGE,
    NORMAL,
    ORANGE,
    SMALL,
    empty_figure,
    tidy,
)
from mslesion.report.drawings import CalibrationDrawing, DecisionCurveDrawing, ReliabilityPanel

_LARGEST_DOT = 130.0
_SMALLEST_DOT = 10.0
"""Areas of dots in square points."""


def draw_calibration(drawing: CalibrationDrawing) -> Figure:
    """Reliability diagrams: the closer to the diagonal, the more a probability can be believed."""
    columns = max((len(row) for row in drawing.rows), default=1)
    figure = empty_figure(
        3.1 * columns, 3.2 * len(drawing.rows) + 0.5, is_demonstration=drawing.is_demonstration
    )
    for number, row in enumerate(drawing.rows):
        for place, panel in enumerate(row):
            axes = figure.add_subplot(len(drawing.rows), columns, number * columns + place + 1)
            _draw_reliability(axes, panel)
            if place == 0:
                axes.set_ylabel("share of positives", fontsize=NORMAL, color=INK)
            if number == len(drawing.rows) - 1:
                axes.set_xlabel("probability that was given", fontsize=NORMAL, color=INK)
    handles = [
        Line2D([], [], color=GREY, linestyle="--", linewidth=1, label="as it should be"),
        Line2D([], [], color=BLUE, marker="o", linewidth=1.3, label="as it is, 95 % interval"),
    ]
    if any(panel.softened for row in drawing.rows for panel in row):
        handles.append(
            Line2D([], [], color=ORANGE, marker="D", markerfacecolor="white", linestyle="",
                   label="at the temperature of validation people")
        )  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if columns < 3 else 3,
                  frameon=False, fontsize=SMALL, labelcolor=INK)  # fmt: skip
    return figure


def _draw_reliability(axes: Any, panel: ReliabilityPanel) -> None:
    tidy(axes)
    axes.set_title(panel.title, fontsize=LARGE, color=INK)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_aspect("equal")
    axes.plot([0, 1], [0, 1], linestyle="--", color=GREY, linewidth=1)
    filled = [each for each in panel.bins if each.count]
    most = max((each.count for each in filled), default=1)
    for each in filled:
        x, seen = each.mean_probability, each.observed
        if seen.has_interval:
            axes.vlines(x, seen.low, seen.high, color=BLUE, linewidth=1.3)
        area = max(_SMALLEST_DOT, _LARGEST_DOT * each.count / most)
        axes.scatter(x, seen.value, s=area, color=BLUE, edgecolor="white", linewidth=0.8, zorder=4)
    for each in panel.softened:
        if each.count:
            axes.plot(each.mean_probability, each.observed.value, "D", color=ORANGE, markersize=5,
                      markerfacecolor="white", zorder=5)  # fmt: skip


def draw_decision_curves(drawing: DecisionCurveDrawing) -> Figure:
    """Net benefit against threshold: of use where a line is above both treating all and none."""
    figure = empty_figure(4.9 * len(drawing.panels), 4.1, is_demonstration=drawing.is_demonstration)
    names = list(dict.fromkeys(name for _, curves in drawing.panels for name in curves))
    colours = {
        name: CLASSIFIER_COLOURS[number % len(CLASSIFIER_COLOURS)]
        for number, name in enumerate(names)
    }
    for number, (title, curves) in enumerate(drawing.panels):
        axes = figure.add_subplot(1, len(drawing.panels), number + 1)
        tidy(axes)
        axes.set_title(title, fontsize=LARGE, color=INK)
        axes.axhline(0, color=INK, linewidth=1.3)
        highest = 0.0
        for name, curve in curves.items():
            thresholds = [point.threshold for point in curve]
            everybody = [point.treat_all.value for point in curve]
            axes.plot(thresholds, everybody, color=GREY, linestyle="--", linewidth=1.3)
            values = [point.classifier.value for point in curve]
            axes.plot(thresholds, values, color=colours[name], linewidth=2.2)
            if name == names[0]:
                # One band: those of several lie one on the other and cannot be told apart.
                axes.fill_between(
                    thresholds,
                    [point.classifier.low for point in curve],
                    [point.classifier.high for point in curve],
                    color=colours[name], alpha=0.15, linewidth=0,
                )  # fmt: skip
            highest = max([highest, *(v for v in (*values, *everybody) if v == v)])  # noqa: PLR0124
        axes.set_xlim(0, 1)
        # Treating everybody falls without end to the right; what matters lies around zero.
        axes.set_ylim(-0.4 * max(highest, 0.1), 1.25 * max(highest, 0.1))
        axes.set_xlabel("probability at which one would act", fontsize=NORMAL, color=INK)
        if number == 0:
            axes.set_ylabel("net benefit, share of all tested", fontsize=NORMAL, color=INK)
    handles = [
        *(Line2D([], [], color=colours[name], linewidth=2.2, label=name) for name in names),
        Line2D([], [], color=GREY, linestyle="--", linewidth=1.3, label="treating everybody"),
        Line2D([], [], color=INK, linewidth=1.3, label="treating nobody"),
        Line2D(
            [],
            [],
            color=colours[names[0]],
            alpha=0.15,
            linewidth=6,
            label=f"95 % interval, {names[0]}",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False,
                  fontsize=SMALL, labelcolor=INK)  # fmt: skip
    return figure
