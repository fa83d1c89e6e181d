"""Draws how a cohort's scans are spread: each a dot, over quartiles and fences."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image, ImageDraw

from mslesion.report.canvas import (
    BLUE,
    GREY,
    INK,
    PALE,
    VERMILION,
    WHITE,
    WIDE_SMALL,
    Colour,
    extent,
    png,
    write,
)
from mslesion.report.drawings import DistributionDrawing, Strip
from mslesion.report.ticks import logarithmic_ticks, round_step, ticks

_FINER = 3
"""Dots are drawn so many times larger and then made smaller, which smooths them."""

_WIDTH = 1400
"""Pixels across: hundreds of dots need them."""
_LEFT, _RIGHT = 24, _WIDTH - 24
_HEIGHT = 206
_TITLE, _BASE, _TICKS = 18, 148, 162
"""Of a strip: where its title, the lowest dots and the numbers below them stand."""

_DOT = 7
_MOST_STACKED = 6
_BOX_TOP = _BASE - 2 * _DOT * _MOST_STACKED
_BOX: Colour = (226, 238, 247)

_LEAST_TICK_GAP = 78


def draw_distributions(drawing: DistributionDrawing) -> bytes:
    """The PNG of all strips, one below the other."""
    height = _HEIGHT * len(drawing.strips)
    canvas = Image.new("RGB", (_WIDTH * _FINER, height * _FINER), WHITE)
    shapes = ImageDraw.Draw(canvas)
    strips = [_Placed(strip, _HEIGHT * row) for row, strip in enumerate(drawing.strips)]
    for strip in strips:
        strip.draw(shapes)
    picture = canvas.reduce(_FINER)
    letters = ImageDraw.Draw(picture)
    for strip in strips:
        strip.write(letters)
    return png(picture.quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))


class _Placed:
    """A strip with its place in the picture, ``top`` pixels down."""

    def __init__(self, strip: Strip, top: int) -> None:
        self.strip = strip
        self.top = top
        values = [strip.measure.scaled(value) for _, value in strip.scans]
        if strip.fences is not None:
            ends = (strip.fences.low, strip.fences.high)
            values += [strip.measure.scaled(value) for value in ends]
        margin = 0.04 * (max(values) - min(values)) or 0.5
        self.low, self.high = min(values) - margin, max(values) + margin

    def x(self, value: float) -> float:
        """How far from the left a value stands."""
        share = (self.strip.measure.scaled(value) - self.low) / (self.high - self.low)
        return _LEFT + share * (_RIGHT - _LEFT)

    def draw(self, shapes: ImageDraw.ImageDraw) -> None:
        """Box, fences and dots, at the larger size."""
        self._line(shapes, (_LEFT, _BASE + 2), (_RIGHT, _BASE + 2), PALE, 2)
        fences = self.strip.fences
        if fences is not None:
            first, middle, third = (self.x(value) for value in fences.quartiles)
            corners = (first, self.top + _BOX_TOP, max(third, first + 2), self.top + _BASE)
            shapes.rectangle([_FINER * place for place in corners], _BOX)
            self._line(shapes, (middle, _BOX_TOP), (middle, _BASE), BLUE, 3)
            for value in self._shown_fences():
                x = self.x(value)
                for dash in range(_BOX_TOP - 8, _BASE, 12):
                    self._line(shapes, (x, dash), (x, dash + 6), GREY, 2)
        for name, x, y in self._dots():
            colour = VERMILION if name in self.strip.apart else BLUE
            box = [_FINER * v for v in (x - _DOT + 1, y - _DOT + 1, x + _DOT - 1, y + _DOT - 1)]
            shapes.ellipse(box, colour, WHITE, _FINER)

    def write(self, letters: ImageDraw.ImageDraw) -> None:
        """Title, numbers, and the names of scans that lie apart where there is room."""
        write(letters, (_LEFT, self.top + _TITLE), self.strip.title, anchor="lm", size=WIDE_SMALL)
        taken = float(-_LEAST_TICK_GAP)
        for value in self._ticks():
            x = self.x(value)
            if x - taken >= _LEAST_TICK_GAP:
                write(
                    letters,
                    (x, self.top + _TICKS),
                    f"{value:g}",
                    GREY,
                    anchor="ma",
                    size=WIDE_SMALL,
                )
                taken = x
        free_from = float("-inf")
        for name, x, y in self._names():
            anchor = "rs" if x > _WIDTH / 2 else "ls"
            place = (x + (_DOT if anchor == "rs" else -_DOT), y - _DOT - 3)
            left, _, right, _ = extent(letters, place, name, anchor, WIDE_SMALL)
            if left > free_from:
                write(letters, place, name, INK, anchor=anchor, size=WIDE_SMALL, halo=WHITE)
                free_from = right + 8

    def _names(self) -> Iterator[tuple[str, float, float]]:
        """What to write over the stacks of scans that lie apart, from the left."""
        stacks: dict[int, list[tuple[str, float, float]]] = {}
        for dot in self._dots():
            if dot[0] in self.strip.apart:
                stacks.setdefault(_column(dot[1]), []).append(dot)
        for stack in stacks.values():
            name, x, _ = stack[0]
            more = f" and {len(stack) - 1} more" if len(stack) > 1 else ""
            yield f"{name}{more}", x, min(y for _, _, y in stack)

    def _shown_fences(self) -> Iterator[float]:
        fences = self.strip.fences
        if fences is not None:
            yield fences.high
            if self.strip.measure.low_matters:
                yield fences.low

    def _ticks(self) -> Iterator[float]:
        """Powers of ten and their parts; where these would be few, plain round numbers."""
        low, high = (self.strip.measure.unscaled(place) for place in (self.low, self.high))
        values = list(logarithmic_ticks(low, high))
        if len(values) <= 3:
            values = list(ticks(low, high, round_step(high - low, 6)))
        is_count = self.strip.measure.is_count
        yield from (value for value in values if not is_count or value == round(value))

    def _dots(self) -> Iterator[tuple[str, float, float]]:
        """Name and place of each scan; those that would touch stand one on the other."""
        stacked: dict[int, int] = {}
        for name, value in sorted(self.strip.scans, key=lambda scan: (scan[1], scan[0])):
            x = self.x(value)
            column = _column(x)
            level = min(stacked.get(column, 0), _MOST_STACKED - 1)
            stacked[column] = level + 1
            yield name, x, self.top + _BASE - _DOT - 2 * _DOT * level

    def _line(
        self,
        shapes: ImageDraw.ImageDraw,
        start: tuple[float, float],
        end: tuple[float, float],
        colour: Colour,
        width: int,
    ) -> None:
        (x, y), (to_x, to_y) = start, end
        points = (x, self.top + y, to_x, self.top + to_y)
        shapes.line([_FINER * place for place in points], colour, _FINER * width)


def _column(x: float) -> int:
    """Which dots would touch: those of one number stand one on the other."""
    return round(x / (2 * _DOT))
