"""Draws the pictures of one detection: slices with their lesions, and the whole brain.

The same drawing gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from mslesion.report.canvas import (
    BLACK,
    GREY,
    INK,
    NORMAL,
    ORANGE,
    SMALL,
    VERMILION,
    WHITE,
    WIDE,
    WIDE_SMALL,
    WIDTH,
    YELLOW,
    extent,
    png,
    write,
)
from mslesion.report.detection_curve import draw_curve
from mslesion.report.drawings import (
    AxialSlice,
    Drawing,
    Plane,
    Projection,
    ProjectionDrawing,
    SliceCurveDrawing,
    SliceDrawing,
)

_BAND = 30
"""Height of the band above a slice that holds its title."""


def draw(drawing: Drawing) -> bytes:
    """The PNG of a drawing.

    Raises:
        KeyError: it is not one of a detection's.
    """
    return _DRAWERS[type(drawing)](drawing)


# --- slices ------------------------------------------------------------------------------------

_TALLEST = 1.35
"""A tile is at most so many times as high as it is wide."""

_TILE = 342
"""Pixels across a slice."""

_INNER_GAP = 4

_OUTLINE = 2
"""Width of an outline in pixels; it lies outside of its lesion, whose own pixels stay visible."""


def _draw_slice(drawing: SliceDrawing) -> bytes:
    part = drawing.part
    height = _BAND + min(_height(part.plane, _TILE), int(_TALLEST * _TILE))
    copies = 2 if drawing.is_outlined else 1
    canvas = Image.new("RGB", (copies * (_TILE + _INNER_GAP) - _INNER_GAP, height), WHITE)
    for copy in range(copies):
        tile = _slice_tile(drawing, height, is_outlined=copy > 0)
        canvas.paste(tile, (copy * (_TILE + _INNER_GAP), 0))
    return png(_indexed(canvas))


def _height(plane: Plane, width: int) -> int:
    """Pixels down a plane that is so many pixels across, in its true proportions."""
    rows, columns = plane.grey.shape
    height_per_width = float(rows * plane.row_mm / (columns * plane.column_mm))
    return max(1, round(width * height_per_width))


def _indexed(canvas: Image.Image) -> Image.Image:
    """The picture in 128 grey levels and 32 strengths of the outline's colour, a third as large.

    Pillow's own search for the nearest colour of a palette misses white by some levels.
    """
    red, blue = (np.asarray(canvas.getchannel(name), np.int16) for name in "RB")
    strength = np.clip(np.rint(31 * (red / ORANGE[0] - 0.1) / 0.9), 0, 31)
    index = np.where(red > blue, 128 + strength, np.rint(red * (127 / 255)))
    greys = [(level, level, level) for level in np.linspace(0, 255, 128).astype(int).tolist()]
    strengths = np.linspace(0.1, 1, 32).tolist()
    colours = [tuple(round(part * strength) for part in ORANGE) for strength in strengths]
    indexed = Image.frombytes("P", canvas.size, index.astype(np.uint8).tobytes())
    indexed.putpalette([part for colour in (*greys, *colours) for part in colour])
    return indexed


def _slice_tile(drawing: SliceDrawing, height: int, *, is_outlined: bool) -> Image.Image:
    """One slice in the middle of a black tile, below its title."""
    part, room = drawing.part, height - _BAND
    picture_width, picture_height = _TILE, _height(part.plane, _TILE)
    if picture_height > room:
        picture_width, picture_height = max(1, _TILE * room // picture_height), room
    picture = _picture(part.plane, picture_width, picture_height)
    if is_outlined:
        picture = _outlined(picture, part)
    tile = Image.new("RGB", (_TILE, height), BLACK)
    tile.paste(picture, ((_TILE - picture_width) // 2, _BAND + (room - picture_height) // 2))
    draw = ImageDraw.Draw(tile)
    title, colour = ("outlined", ORANGE) if is_outlined else (part.title, WHITE)
    write(draw, (8, _BAND / 2), title, colour, anchor="lm")
    _write_sides(draw, part.plane, (0, _TILE))
    if drawing.scale_mm:
        across_mm = part.plane.grey.shape[1] * part.plane.column_mm
        _draw_bar(draw, drawing.scale_mm, picture_width / across_mm, height)
    return tile


def _draw_bar(draw: ImageDraw.ImageDraw, length_mm: float, per_mm: float, height: int) -> None:
    """A bar of this length at the lower right, with a black border."""
    right, bottom = _TILE - 10, height - 10
    left = right - length_mm * per_mm
    draw.rectangle((left - 1, bottom - 5, right + 1, bottom + 1), WHITE, BLACK)
    write(
        draw, ((left + right) / 2, bottom - 9), f"{length_mm:g} mm", WHITE, anchor="mb", halo=BLACK
    )


def _picture(plane: Plane, width: int, height: int) -> Image.Image:
    grey = Image.fromarray(plane.grey).resize((width, height), Image.Resampling.BICUBIC)
    return grey.convert("RGB")


def _write_sides(draw: ImageDraw.ImageDraw, plane: Plane, across: tuple[int, int]) -> None:
    """The patient's sides, in the upper corners, where a head leaves room."""
    left, right, y = across[0] + 8, across[1] - 8, _BAND + 16
    for x, anchor, letter in ((left, "lm", plane.left), (right, "rm", plane.right)):
        write(draw, (x, y), letter, WHITE, anchor=anchor, size=NORMAL, halo=BLACK)


def _outlined(picture: Image.Image, shown: AxialSlice) -> Image.Image:
    """The picture with a line around each lesion, and the numbers of those that are named."""
    width, height = picture.size
    rows, columns = shown.lesions.shape
    # The highest number in each pixel: a lesion thinner than a pixel is drawn all the same.
    across = np.maximum.reduceat(shown.lesions, np.arange(height) * rows // height, axis=0)
    lesions = np.maximum.reduceat(across, np.arange(width) * columns // width, axis=1)
    inside = lesions > 0
    square = np.ones((2 * _OUTLINE + 1,) * 2, np.bool_)
    line = ndimage.binary_dilation(inside, square) & ~inside
    pixels = np.array(picture)
    pixels[line] = ORANGE
    outlined = Image.fromarray(pixels)
    draw = ImageDraw.Draw(outlined)
    taken: list[tuple[float, float, float, float]] = []
    for number in shown.named:
        if (lesions == number).any():
            _write_number(draw, number, lesions == number, taken)
    return outlined


def _write_number(
    draw: ImageDraw.ImageDraw,
    number: int,
    lesion: NDArray[np.bool_],
    taken: list[tuple[float, float, float, float]],
) -> None:
    """A lesion's number beside it, on the side away from the middle where there is room.

    Where there is room on no side, it is left out: the table of lesions says where it lies.
    """
    height, width = lesion.shape
    down, across = np.nonzero(lesion)
    left, right, top, bottom = across.min(), across.max(), down.min(), down.max()
    air = 2 * _OUTLINE + 2
    at_left = ((left - air, down[across == left].mean()), "rm")
    at_right = ((right + air, down[across == right].mean()), "lm")
    above = ((across[down == top].mean(), top - air), "mb")
    below = ((across[down == bottom].mean(), bottom + air), "mt")
    sides = (at_left, at_right) if across.mean() < width / 2 else (at_right, at_left)
    for place, anchor in (*sides, above, below):
        box = extent(draw, place, str(number), anchor, SMALL)
        is_within = box[0] >= 0 and box[1] >= 0 and box[2] < width and box[3] < height
        if is_within and not any(_overlap(box, other) for other in taken):
            write(draw, place, str(number), ORANGE, anchor=anchor, halo=BLACK)
            taken.append(box)
            return


def _overlap(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# --- projections -------------------------------------------------------------------------------

_GAP = 12
_LEGEND = 84


def _draw_projections(drawing: ProjectionDrawing) -> bytes:
    planes = [projection.plane for projection in drawing.projections]
    widths_mm = [plane.grey.shape[1] * plane.column_mm for plane in planes]
    heights_mm = [plane.grey.shape[0] * plane.row_mm for plane in planes]
    room = WIDTH - _GAP * (len(planes) - 1)
    per_mm = min(room / sum(widths_mm), _TALLEST * room / len(planes) / max(heights_mm))
    sizes = [
        (max(1, int(across * per_mm)), max(1, int(up * per_mm)))
        for across, up in zip(widths_mm, heights_mm, strict=True)
    ]
    height = _BAND + max(up for _, up in sizes)
    canvas = Image.new("RGB", (WIDTH, height + _LEGEND), WHITE)
    draw = ImageDraw.Draw(canvas)
    left = 0
    for projection, size in zip(drawing.projections, sizes, strict=True):
        draw.rectangle((left, 0, left + size[0] - 1, height - 1), BLACK)
        top = _BAND + (height - _BAND - size[1]) // 2
        canvas.paste(_projected(projection, size), (left, top))
        write(draw, (left + 8, _BAND / 2), projection.title, WHITE, anchor="lm", size=WIDE_SMALL)
        _write_sides(draw, projection.plane, (left, left + size[0]))
        left += size[0] + _GAP
    _draw_scale(canvas, height + 14, drawing.threshold)
    return png(canvas)


def _projected(projection: Projection, size: tuple[int, int]) -> Image.Image:
    """The brain in grey, with the probability over it in colour; none at 0."""
    grey = np.array(_picture(projection.plane, *size), np.float32)
    share = Image.fromarray(projection.probability).resize(size, Image.Resampling.BILINEAR)
    return Image.fromarray(_coloured(grey, np.array(share)))


def _coloured(grey: NDArray[np.float32], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey (rows, columns, 3) under the colours of a probability (rows, columns)."""
    share = np.clip(probability, 0, 1)[..., None]
    low, high = (np.array(colour, np.float32) for colour in (VERMILION, YELLOW))
    opacity = np.minimum(3 * share, 0.9)
    mixed = (1 - opacity) * grey + opacity * ((1 - share) * low + share * high)
    coloured: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return coloured


def _draw_scale(canvas: Image.Image, top: int, threshold: float) -> None:
    """The colours from probability 0 to 1, and where a lesion ends."""
    left, width, height = 168, 280, 24
    steps = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    canvas.paste(
        Image.fromarray(_coloured(np.full((height, width, 3), 60, np.float32), steps)), (left, top)
    )
    draw = ImageDraw.Draw(canvas)
    write(draw, (0, top + height / 2), "probability", GREY, anchor="lm", size=WIDE)
    for value, text in ((0.0, "0"), (1.0, "1")):
        x = left + value * (width - 1)
        draw.line((x, top, x, top + height + 4), INK, 1)
        write(draw, (x, top + height + 8), text, INK, anchor="ma", size=WIDE_SMALL)
    x = left + threshold * (width - 1)
    draw.line((x, top - 4, x, top + height + 4), INK, 3)
    # Beside the scale: below it, words would run into the numbers at its ends.
    words = f"lesions end at {threshold:g} (black line)"
    write(draw, (left + width + 14, top + height / 2), words, INK, anchor="lm", size=WIDE)


_DRAWERS: dict[type[Any], Callable[[Any], bytes]] = {
    SliceDrawing: _draw_slice,
    ProjectionDrawing: _draw_projections,
    SliceCurveDrawing: draw_curve,
}
