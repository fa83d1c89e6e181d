"""What all pictures of a detection share: colours, letters, and the way to a PNG.

They are drawn with Pillow alone: importing matplotlib takes a second, as long as all of them.
"""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

WIDTH = 1000
"""Pixels across a picture that fills the page; a phone shows them in about 350."""

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
INK, GREY, PALE = (28, 39, 51), (90, 102, 114), (213, 218, 224)
BLUE, ORANGE, VERMILION, YELLOW = (0, 114, 178), (230, 159, 0), (213, 94, 0), (240, 228, 66)
"""Colours of Okabe and Ito (2008), which colour-blind readers can tell apart."""

SMALL, NORMAL = 18, 20
WIDE_SMALL, WIDE = 25, 27
"""Heights of letters in pixels: in pictures of some 700 pixels across, and of :data:`WIDTH`. So
that a phone, which shows the whole picture, shows letters that can be read."""


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # The letters inside Pillow, so that pictures are alike everywhere. They are Latin only.
    return ImageFont.load_default(size)


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    colour: Colour = INK,
    *,
    anchor: str = "la",
    size: int = SMALL,
    halo: Colour | None = None,
) -> None:
    """Write a line; ``anchor`` is one of Pillow's, ``halo`` sets it off from what lies below."""
    width = 0 if halo is None else 2
    draw.text(place, text, colour, _font(size), anchor=anchor, stroke_width=width, stroke_fill=halo)


def extent(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, anchor: str, size: int
) -> tuple[float, float, float, float]:
    """The left, upper, right and lower end of a line so written."""
    return draw.textbbox(place, text, _font(size), anchor=anchor)


def png(image: Image.Image) -> bytes:
    """The bytes of a PNG, without date or software in it."""
    buffer = io.BytesIO()
    image.save(buffer, format="png", compress_level=5)
    return buffer.getvalue()
