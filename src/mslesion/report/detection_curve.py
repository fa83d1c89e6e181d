"""Draws what was said of each slice: two probabilities over the lesion area, from low to high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from PIL import Image, ImageDraw

from mslesion.lesions.findings import SliceFinding
from mslesion.report.canvas import (
    BLUE,
    GREY,
    ORANGE,
    PALE,
    VERMILION,
    WHITE,
    WIDE,
    WIDE_SMALL,
    WIDTH,
    Colour,
    extent,
    png,
    write,
)
from mslesion.report.drawings import SliceCurveDrawing
from mslesion.report.ticks import round_step, ticks

_FINER = 3
"""Lines are drawn so many times larger and then made smaller, which smooths them."""

_HEIGHT = 688
_LEFT, _RIGHT = 88, WIDTH - 18
_MOST_DOTS = 64
"""With more slices than these, dots would run into each other."""

Point = tuple[float, float]


@dataclass(frozen=True)
class _Panel:
    """Axes in pixels: ``x`` and ``y`` are the ends of the values, ``top`` and ``bottom`` of y."""

    x: tuple[float, float]
    y: tuple[float, float]
    top: int
    bottom: int

    def place(self, x: float, y: float) -> Point:
        """Where a value lies in the picture."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return _LEFT + across * (_RIGHT - _LEFT), self.bottom - up * (self.bottom - self.top)


def draw_curve(drawing: SliceCurveDrawing) -> bytes:
    """The PNG of the curves; a slice without a probability leaves a gap."""
    slices = drawing.slices
    half_mm = _half_step_mm(slices)
    positions = [row.position_mm for row in slices]
    x = (min(positions) - half_mm, max(positions) + half_mm)
    most = max(row.lesion_area_mm2 for row in slices) or 1.0
    shares, areas = _Panel(x, (0.0, 1.0), 62, 340), _Panel(x, (0.0, 1.04 * most), 418, 578)
    canvas = Image.new("RGB", (WIDTH * _FINER, _HEIGHT * _FINER), WHITE)
    lines = ImageDraw.Draw(canvas)
    for panel, step in ((shares, 0.25), (areas, round_step(most, 3))):
        for value in ticks(*panel.y, step):
            _line(lines, [panel.place(x[0], value), panel.place(x[1], value)], PALE, 1)
    _bars(lines, areas, slices, half_mm)
    dots = len(slices) <= _MOST_DOTS
    paper = [(row.position_mm, row.paper_cnn_probability) for row in slices]
    for part in _without_gaps(paper):
        _curve(lines, [shares.place(*point) for point in part], ORANGE, dots=dots, dashed=True)
    ours = [shares.place(row.position_mm, row.detector_probability) for row in slices]
    _curve(lines, ours, BLUE, dots=dots, dashed=False)
    _keys(lines, dots=dots)
    picture = canvas.reduce(_FINER)
    _write_axes(ImageDraw.Draw(picture), shares, areas, most)
    return png(picture.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


def _half_step_mm(slices: Sequence[SliceFinding]) -> float:
    """Half the distance of neighbouring slices; that of a single one is unknown, 0.5."""
    if len(slices) < 2:
        return 0.5
    return max(abs(slices[1].position_mm - slices[0].position_mm) / 2, 1e-3)


def _without_gaps(points: Sequence[tuple[float, float | None]]) -> Iterator[list[Point]]:
    """The stretches of points that have a value."""
    part: list[Point] = []
    for x, y in [*points, (0.0, None)]:
        if y is not None:
            part.append((x, y))
        elif part:
            yield part
            part = []


# --- lines, three times too large --------------------------------------------------------------


def _line(draw: ImageDraw.ImageDraw, points: Sequence[Point], colour: Colour, width: float) -> None:
    larger = [(_FINER * x, _FINER * y) for x, y in points]
    draw.line(larger, colour, round(_FINER * width), joint="curve")


def _curve(
    draw: ImageDraw.ImageDraw,
    points: Sequence[Point],
    colour: Colour,
    *,
    dots: bool,
    dashed: bool,
) -> None:
    """A line through the points, whole with round dots or dashed with square ones."""
    if dashed:
        for dash in _dashes(points):
            _line(draw, dash, colour, 2.5)
    else:
        _line(draw, points, colour, 3.5)
    # A single point has no line, so it needs its dot.
    for x, y in points if dots or len(points) == 1 else ():
        box = [_FINER * (x - 5), _FINER * (y - 5), _FINER * (x + 5), _FINER * (y + 5)]
        shape = draw.rectangle if dashed else draw.ellipse
        shape(box, colour, WHITE, _FINER)


def _dashes(points: Sequence[Point], dash: float = 11.0, gap: float = 6.0) -> Iterator[list[Point]]:
    """Pieces of a line of one length, around its corners."""
    piece: list[Point] = []
    is_dash, left = True, dash
    for (x, y), (to_x, to_y) in pairwise(points):
        length, done = hypot(to_x - x, to_y - y), 0.0
        piece = piece or [(x, y)]
        while length - done > left:
            done += left
            corner = (x + (to_x - x) * done / length, y + (to_y - y) * done / length)
            if is_dash:
                yield [*piece, corner]
            piece, is_dash = [corner], not is_dash
            left = dash if is_dash else gap
        left -= length - done
        piece = [*piece, (to_x, to_y)]
    if is_dash and len(piece) > 1:
        yield piece


def _bars(
    draw: ImageDraw.ImageDraw, panel: _Panel, slices: Sequence[SliceFinding], half_mm: float
) -> None:
    for row in slices:
        if row.lesion_area_mm2 > 0:
            left, top = panel.place(row.position_mm - 0.8 * half_mm, row.lesion_area_mm2)
            right, bottom = panel.place(row.position_mm + 0.8 * half_mm, 0)
            draw.rectangle([_FINER * v for v in (left, top, right, bottom)], VERMILION)


_KEYS = (
    ("this detector", BLUE, False, 390),
    ("the paper's CNN", ORANGE, True, 680),
)
"""The legend: what, in which colour, whether dashed, and how far from the left."""


def _keys(draw: ImageDraw.ImageDraw, *, dots: bool) -> None:
    for _, colour, dashed, left in _KEYS:
        points = [(left + part * 22.0, 22.0) for part in range(3)]
        _curve(draw, points[::2], colour, dots=False, dashed=dashed)
        if dots:
            _curve(draw, points[1:2], colour, dots=True, dashed=dashed)


# --- letters, at their size --------------------------------------------------------------------


def _write_axes(draw: ImageDraw.ImageDraw, shares: _Panel, areas: _Panel, most: float) -> None:
    write(draw, (0, 22), "probability of a lesion, by", anchor="lm", size=WIDE)
    for name, _, _, left in _KEYS:
        write(draw, (left + 56, 22), name, anchor="lm", size=WIDE)
    for panel, step in ((shares, 0.25), (areas, round_step(most, 3))):
        for value in ticks(*panel.y, step):
            _, y = panel.place(panel.x[0], value)
            write(draw, (_LEFT - 10, y), f"{value:g}", GREY, anchor="rm", size=WIDE_SMALL)
    text = "lesion area, mm"
    _, _, end, _ = extent(draw, (0, areas.top - 28), text, "lm", WIDE)
    write(draw, (0, areas.top - 28), text, anchor="lm", size=WIDE)
    write(draw, (end + 1, areas.top - 36), "2", anchor="lm", size=18)
    for value in ticks(*areas.x, round_step(areas.x[1] - areas.x[0], 8)):
        x, _ = areas.place(value, 0)
        draw.line((x, areas.bottom, x, areas.bottom + 6), GREY, 2)
        write(draw, (x, areas.bottom + 12), f"{value:g}", GREY, anchor="ma", size=WIDE_SMALL)
    middle = (_LEFT + _RIGHT) / 2
    text = "position of the slice from foot to head, mm"
    write(draw, (middle, areas.bottom + 52), text, anchor="ma", size=WIDE)
