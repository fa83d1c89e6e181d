"""Draws the report's figures: from what is to be shown to the bytes of a PNG.

Figures are drawn on a canvas of their own, without pyplot and its global state; the same drawing
gives the same bytes. Colours are those of Okabe and Ito (2008), which colour-blind readers can
tell apart. Importing this module imports matplotlib.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from mslesion.evaluation.summary import DEMONSTRATION
from mslesion.paper.result import Fit, Layer
from mslesion.report import probability_figures
from mslesion.report.charts import (
    BLUE,
    CLASSIFIER_COLOURS,
    GREEN,
    GREY,
    HATCH,
    INK,
    LARGE,
    NORMAL,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    SMALL,
    VERMILION,
    YELLOW,
    empty_figure,
    tidy,
    wrapped,
)
from mslesion.report.drawings import (
    CalibrationDrawing,
    ComparisonDrawing,
    ConfusionDrawing,
    DecisionCurveDrawing,
    Drawing,
    NetworkDrawing,
    SlicesDrawing,
    TrainingDrawing,
)
from mslesion.report.wording import MEASURE_NAMES, PAPER_MEASURES

_BLUES = LinearSegmentedColormap.from_list("share", ["#f4f8fb", "#9cc7e3", BLUE, "#00416a"])


def draw(drawing: Drawing) -> bytes:
    """The PNG of a drawing; without date or software in it, so that bytes repeat."""
    return as_png(_DRAWERS[type(drawing)](drawing))


def as_png(figure: Figure) -> bytes:
    """The PNG of a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Names may be in any script; a letter the font lacks is shown as a box, which is enough.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


# --- figure 1: the network ---------------------------------------------------------------------

LAYER_KINDS = {
    "input": ("image", "#9aa5b1"),
    "convolution": ("convolution", BLUE),
    "ReLU": ("ReLU", SKY),
    "average pooling": ("pooling", GREEN),
    "max pooling": ("pooling", GREEN),
    "flatten": ("flatten", "#c9a27e"),
    "fully connected": ("fully connected", ORANGE),
    "sigmoid": ("sigmoid", YELLOW),
    "dropout": ("dropout", PURPLE),
    "softmax": ("softmax", VERMILION),
}
"""By the beginning of a layer's name: its kind in the legend, and the colour."""

_OTHER_KIND = ("other", PALE)


def _layer_kind(layer: Layer) -> tuple[str, str]:
    for beginning, kind in LAYER_KINDS.items():
        if layer.name.startswith(beginning):
            return kind
    return _OTHER_KIND


def _draw_network(drawing: NetworkDrawing) -> Figure:
    layers = drawing.layers
    per_row = 8
    lines = [layers[start : start + per_row] for start in range(0, len(layers), per_row)]
    figure = empty_figure(10, 2.35 * len(lines) + 0.45)
    largest = max(max(layer.output_shape[1:], default=1) for layer in layers)
    for number, line in enumerate(lines):
        axes = figure.add_subplot(len(lines), 1, number + 1)
        axes.set_xlim(-0.55, per_row - 0.45)
        axes.set_ylim(-0.55, 1.3)
        axes.set_aspect("equal")
        axes.axis("off")
        for place, layer in enumerate(line):
            _draw_layer(axes, place, layer, largest)
        for place in range(len(line) - (number == len(lines) - 1)):
            axes.annotate(
                "", (place + 0.63, 0.5), (place + 0.4, 0.5),
                arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1},
                annotation_clip=False,
            )  # fmt: skip
    kinds = dict.fromkeys(_layer_kind(layer) for layer in layers)
    figure.legend(
        handles=[Patch(facecolor=colour, label=kind) for kind, colour in kinds],
        loc="outside lower center", ncols=min(len(kinds), 9), frameon=False, fontsize=SMALL,
        labelcolor=INK, handlelength=1, handleheight=1, columnspacing=1.2,
    )  # fmt: skip
    return figure


def _draw_layer(axes: Any, place: int, layer: Layer, largest: int) -> None:
    """One layer: a stack of maps, or a column of numbers; names above, sizes below."""
    _, colour = _layer_kind(layer)
    is_map = len(layer.output_shape) == 3
    channels = layer.output_shape[0]
    if is_map:
        # Height as the square root of the side, or 8 x 8 maps would vanish beside 64 x 64.
        side = 0.54 * np.sqrt(layer.output_shape[-1] / largest)
        sheets = 1 + int(np.log2(channels)) if channels > 1 else 1
        for sheet in reversed(range(sheets)):
            shift = 0.03 * (sheet - (sheets - 1) / 2)
            axes.add_patch(
                Rectangle(
                    (place - side / 2 + shift, 0.5 - side / 2 + shift), side, side,
                    facecolor=colour, edgecolor="white", linewidth=0.8,
                )
            )  # fmt: skip
    else:
        height = min(1.0, 0.1 * (1 + np.log2(max(channels, 1))))
        axes.add_patch(Rectangle((place - 0.07, 0.5 - height / 2), 0.14, height, facecolor=colour))
    name = layer.name.replace(" pooling", "\npooling").replace(" connected", "\nconnected")
    shape = "\N{MULTIPLICATION SIGN}".join(map(str, layer.output_shape))
    count = f"{layer.parameter_count:,}" if layer.parameter_count else ""
    axes.text(place, 1.28, name, ha="center", va="top", fontsize=SMALL, color=INK,
              weight="bold", linespacing=1.05)  # fmt: skip
    axes.text(place, -0.12, shape, ha="center", va="top", fontsize=SMALL, color=INK)
    axes.text(place, -0.3, count, ha="center", va="top", fontsize=SMALL, color=GREY)


# --- figure 2: slices --------------------------------------------------------------------------


def _draw_slices(drawing: SlicesDrawing) -> Figure:
    examples = drawing.examples
    # At most four side by side, and rows of one length where that can be.
    bands = -(-len(examples) // 4)
    per_row = -(-len(examples) // bands)
    figure = empty_figure(2.5 * per_row, 5.25 * bands)
    grid = figure.add_gridspec(2 * bands, per_row)
    for number, example in enumerate(examples):
        band, column = divmod(number, per_row)
        low, high = np.percentile(example.pixels, [0.5, 99.8])
        for outlined in (False, True):
            axes = figure.add_subplot(grid[2 * band + outlined, column])
            axes.imshow(
                example.pixels, cmap="gray", vmin=low, vmax=max(high, low + 1e-6),
                interpolation="nearest",
            )  # fmt: skip
            axes.axis("off")
            if not outlined:
                axes.set_title(wrapped(example.caption), fontsize=SMALL, color=INK,
                               parse_math=False)  # fmt: skip
            elif example.lesion_mask is None:
                axes.set_title("no mask known", fontsize=SMALL, color=GREY)
            else:
                for line in outline(example.lesion_mask):
                    axes.plot(*line, color=ORANGE, linewidth=1.3, solid_capstyle="projecting")
    return figure


def outline(mask: NDArray[np.bool_]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The edges between a mask's pixels and the others, as ((x, x), (y, y)) in image pixels.

    Pixel centres lie at whole numbers. An empty mask has no edges.
    """
    padded = np.pad(mask, 1)
    lines = []
    for row, column in np.argwhere(padded[1:] != padded[:-1]):
        lines.append(((column - 1.5, column - 0.5), (row - 0.5, row - 0.5)))
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        lines.append(((column - 0.5, column - 0.5), (row - 1.5, row - 0.5)))
    return lines


# --- figure 3: training ------------------------------------------------------------------------


def _draw_training(drawing: TrainingDrawing) -> Figure:
    figure = empty_figure(9.5, 3.9, is_demonstration=drawing.is_demonstration)
    sides = figure.subplots(1, 2)
    _draw_curves(sides[0], drawing.fits, "accuracy", 100.0, "accuracy, %")
    _draw_curves(sides[1], drawing.fits, "loss", 1.0, "loss (cross-entropy, nats)")
    sides[0].set_ylim(None, 101)
    handles = [
        Line2D([], [], color=BLUE, linewidth=2.4, label="training"),
        Line2D([], [], color=VERMILION, linewidth=2.4, linestyle="--", label="validation"),
        Line2D([], [], color=VERMILION, marker="o", linestyle="", label="kept epoch"),
    ]
    if len(drawing.fits) > 1:
        handles.append(Line2D([], [], color=GREY, linewidth=0.8, label="single folds"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False,
                  fontsize=NORMAL, labelcolor=INK)  # fmt: skip
    return figure


def _draw_curves(axes: Any, fits: tuple[Fit, ...], what: str, scale: float, label: str) -> None:
    tidy(axes)
    many = len(fits) > 1
    for part, colour, style in (("training", BLUE, "-"), ("validation", VERMILION, "--")):
        values = {
            fit.fold: [scale * getattr(epoch, f"{part}_{what}") for epoch in fit.curve]
            for fit in fits
        }
        for fit in fits:
            numbers = [epoch.number for epoch in fit.curve]
            axes.plot(
                numbers, values[fit.fold], style, color=colour,
                linewidth=0.8 if many else 2.2, alpha=0.45 if many else 1.0,
            )  # fmt: skip
            if part == "validation" and fit.kept_epoch in numbers:
                kept = numbers.index(fit.kept_epoch)
                axes.plot(numbers[kept], values[fit.fold][kept], "o", color=colour, markersize=5,
                          markeredgecolor="white", zorder=4)  # fmt: skip
        if many and len({len(line) for line in values.values()}) == 1:
            mean = np.mean(list(values.values()), axis=0)
            numbers = [epoch.number for epoch in fits[0].curve]
            axes.plot(numbers, mean, style, color=colour, linewidth=2.4)
    axes.set_xlabel("epoch", fontsize=NORMAL, color=INK)
    axes.set_ylabel(label, fontsize=NORMAL, color=INK)
    axes.xaxis.get_major_locator().set_params(integer=True)


# --- figures 4 to 6: confusion matrices --------------------------------------------------------


def _draw_confusion(drawing: ConfusionDrawing) -> Figure:
    figure = empty_figure(3.2 * len(drawing.panels), 3.5, is_demonstration=drawing.is_demonstration)
    for number, (part, found) in enumerate(drawing.panels):
        axes = figure.add_subplot(1, len(drawing.panels), number + 1)
        counts = np.array([[found.tp, found.fn], [found.fp, found.tn]], np.float64)
        whole = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, whole, out=np.zeros_like(counts), where=whole > 0)
        axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=1)
        for row in range(2):
            for column in range(2):
                colour = "white" if shares[row, column] > 0.5 else INK
                axes.text(column, row - 0.07, f"{counts[row, column]:,.0f}", ha="center",
                          va="center", fontsize=17, color=colour)  # fmt: skip
                share = f"{100 * shares[row, column]:.1f} %" if whole[row, 0] else "no such slice"
                axes.text(column, row + 0.24, share, ha="center", va="center", fontsize=SMALL,
                          color=colour)  # fmt: skip
        axes.set_title(f"{part}, {found.total:,} slices", fontsize=LARGE, color=INK)
        answers = [drawing.positive, drawing.negative]
        axes.set_xticks([0, 1], answers)
        axes.set_yticks([0, 1], answers, rotation=90, va="center")
        axes.set_xlabel("answer", fontsize=NORMAL, color=GREY)
        axes.set_ylabel("truth", fontsize=NORMAL, color=GREY)
        axes.tick_params(length=0, labelsize=NORMAL, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.axhline(0.5, color="white", linewidth=2)
        axes.axvline(0.5, color="white", linewidth=2)
    return figure


# --- figure 7: comparison ----------------------------------------------------------------------


def _draw_comparison(drawing: ComparisonDrawing) -> Figure:
    figure = empty_figure(10, 4.6)
    sides = figure.subplots(1, len(PAPER_MEASURES), sharey=True)
    both = bool(drawing.patient) and bool(drawing.slice_demonstration)
    width = 0.38 if both else 0.6
    for axes, measure in zip(sides, PAPER_MEASURES, strict=True):
        tidy(axes)
        axes.set_title(MEASURE_NAMES[measure], fontsize=LARGE, color=INK)
        axes.set_ylim(0, 108)
        axes.set_xlim(-0.6, len(drawing.classifiers) - 0.4)
        axes.set_xticks(
            range(len(drawing.classifiers)),
            [wrapped(name, 9) for name in drawing.classifiers],
            parse_math=False,
        )
        axes.tick_params(axis="x", labelsize=NORMAL, labelcolor=INK)
        if measure == "accuracy" and drawing.more_frequent is not None:
            axes.axhline(100 * drawing.more_frequent, color=INK, linestyle="--", linewidth=1)
        for place, name in enumerate(drawing.classifiers):
            colour = CLASSIFIER_COLOURS[place % len(CLASSIFIER_COLOURS)]
            honest = drawing.patient.get(name, {}).get(measure)
            if honest is not None:
                _bar(axes, place - width / 2 * both, width, honest, facecolor=colour,
                     edgecolor=colour)  # fmt: skip
            leaky = drawing.slice_demonstration.get(name, {}).get(measure)
            if leaky is not None:
                _bar(axes, place + width / 2 * both, width, leaky, facecolor="white",
                     edgecolor=colour, hatch=HATCH)  # fmt: skip
            printed = drawing.paper.get(name, {}).get(measure)
            if printed is not None:
                axes.plot(place, 100 * printed, "D", color=INK, markersize=7,
                          markeredgecolor="white", zorder=5)  # fmt: skip
    sides[0].set_ylabel("percent of test slices", fontsize=NORMAL, color=INK)
    _comparison_legend(figure, drawing)
    return figure


def _bar(axes: Any, centre: float, width: float, estimate: Any, **style: Any) -> None:
    if not estimate.is_defined:
        axes.text(centre, 2, "n/a", ha="center", va="bottom", fontsize=SMALL, color=GREY)
        return
    axes.bar(centre, 100 * estimate.value, width * 0.92, linewidth=1.2, **style)
    if estimate.has_interval:
        axes.vlines(centre, 100 * estimate.low, 100 * estimate.high, color=INK, linewidth=1.3)
    # At the foot of the bar, where neither whisker nor diamond can cover it.
    axes.text(
        centre, 3, f"{100 * estimate.value:.0f}", ha="center", va="bottom", fontsize=NORMAL,
        color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2, "alpha": 0.88},
    )  # fmt: skip


def _comparison_legend(figure: Figure, drawing: ComparisonDrawing) -> None:
    handles: list[Any] = []
    if drawing.patient:
        handles.append(Patch(facecolor=GREY, label="patient split"))
    if drawing.slice_demonstration:
        handles.append(
            Patch(facecolor="white", edgecolor=GREY, hatch=HATCH,
                  label=f"slice split: {DEMONSTRATION}")
        )  # fmt: skip
    handles.append(
        Line2D([], [], color=INK, marker="D", linestyle="", markersize=7, label="the paper")
    )
    handles.append(Line2D([], [], color=INK, linewidth=1.3, label="95 % interval"))
    if drawing.more_frequent is not None:
        handles.append(
            Line2D([], [], color=INK, linestyle="--", linewidth=1,
                   label="always the more frequent answer")
        )  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False,
                  fontsize=NORMAL, labelcolor=INK)  # fmt: skip


_DRAWERS: dict[type[Any], Callable[[Any], Figure]] = {
    NetworkDrawing: _draw_network,
    SlicesDrawing: _draw_slices,
    TrainingDrawing: _draw_training,
    ConfusionDrawing: _draw_confusion,
    ComparisonDrawing: _draw_comparison,
    CalibrationDrawing: probability_figures.draw_calibration,
    DecisionCurveDrawing: probability_figures.draw_decision_curves,
}
