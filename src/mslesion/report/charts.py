"""What all figures of a study share: colours, letters, an empty figure and modest axes.

Importing this module imports matplotlib.
"""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from mslesion.evaluation.summary import DEMONSTRATION

DOTS_PER_INCH = 150

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442",
)  # fmt: skip
INK, GREY, PALE = "#1c2733", "#66717d", "#d5dae0"
CLASSIFIER_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
HATCH = "////"

SMALL, NORMAL, LARGE = 9, 10.5, 12.5
"""Sizes of letters in points."""


def empty_figure(
    width_inches: float, height_inches: float, *, is_demonstration: bool = False
) -> Figure:
    """An empty figure; a demonstration carries its mark on a hatched band along the top."""
    band_inches = 0.36 if is_demonstration else 0.0
    room_inches = 1.4 * band_inches  # with some air below the band
    height_inches += room_inches
    band = band_inches / height_inches
    figure = Figure(
        figsize=(width_inches, height_inches),
        dpi=DOTS_PER_INCH,
        layout=ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - room_inches / height_inches)),
    )
    FigureCanvasAgg(figure)
    if is_demonstration:
        figure.add_artist(
            Rectangle(
                (0, 1 - band), 1, band, transform=figure.transFigure,
                facecolor="#f3f4f6", edgecolor="#b3bac2", hatch=HATCH, linewidth=0,
            )
        )  # fmt: skip
        figure.text(
            0.5, 1 - band / 2, f"{DEMONSTRATION}: slices were split, not people",
            ha="center", va="center", fontsize=NORMAL, weight="bold", color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5},
        )  # fmt: skip
    return figure


def tidy(axes: Any) -> None:
    """Modest axes: light grid lines across, no box."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(PALE)
    axes.tick_params(colors=GREY, labelsize=SMALL, length=0)
    axes.grid(axis="y", color=PALE, linewidth=0.7)
    axes.set_axisbelow(True)


def wrapped(text: str, width: int = 28) -> str:
    """The text in at most three lines of about ``width`` letters."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(line[: width + 4] for line in lines[:3])
