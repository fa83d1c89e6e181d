"""What a report consists of, as values: sections, tables and figures, not yet drawn or rendered.

All text is plain text; escaping it is the renderer's work, and laying it out the style sheet's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mslesion.report.drawings import Drawing


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Callout:
    """A paragraph that must not be overlooked."""

    kind: Literal["research", "warning", "demonstration", "note", "verdict"]
    text: str


@dataclass(frozen=True)
class Listing:
    """A list; without items there is none."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """One large number with what it is."""

    kind: Literal["paper", "ours", "demonstration", "doubt"]
    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Tiles:
    """Large numbers side by side."""

    title: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Cell:
    """What stands in a table, with a second, smaller line where there is one.

    ``file`` is where a click on the text leads, relative to the page; empty where it leads nowhere.
    """

    text: str
    detail: str = ""
    file: str = ""


@dataclass(frozen=True)
class Column:
    """A column by its title; ``detail`` is the title's second, smaller line."""

    title: str
    detail: str = ""
    is_number: bool = False
    is_demonstration: bool = False


@dataclass(frozen=True)
class Row:
    """A row; its first cell is its heading. ``is_marked`` rows stand out."""

    cells: tuple[Cell, ...]
    is_marked: bool = False


@dataclass(frozen=True)
class RowGroup:
    """Rows under a common heading; an empty title shows none."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table with its caption above and notes below."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[RowGroup, ...]
    notes: tuple[str, ...] = ()
    is_demonstration: bool = False


@dataclass(frozen=True)
class Caption:
    """Four short sentences that teach a reader to read a figure."""

    shown: str
    good: str
    bad: str
    then: str


@dataclass(frozen=True)
class Figure:
    """A figure: what to draw, what to call it, and what to say of it.

    ``name`` is its file's name without ending; ``alt`` says what a reader who cannot see it needs.
    """

    name: str
    title: str
    alt: str
    caption: Caption
    drawing: Drawing
    is_demonstration: bool = False


@dataclass(frozen=True)
class Panel:
    """One picture of a gallery: what to draw, its title, and what stands in its place."""

    title: str
    alt: str
    drawing: Drawing


@dataclass(frozen=True)
class Gallery:
    """Pictures under one caption, in rows of at most ``per_row``, on a phone one below the other.

    ``name`` is its address in the page. All pictures fit the width of the page.
    """

    name: str
    title: str
    caption: Caption
    panels: tuple[Panel, ...]
    per_row: int = 1


@dataclass(frozen=True)
class Verbatim:
    """Text of several lines, as it is to be copied."""

    text: str


@dataclass(frozen=True)
class Aside:
    """Blocks that open on demand, and are open in print."""

    summary: str
    blocks: tuple[Block, ...]


Block = Text | Callout | Listing | Tiles | Table | Figure | Gallery | Verbatim | Aside


@dataclass(frozen=True)
class Section:
    """A part of the report; ``anchor`` is its address in the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    subtitle: str
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in reading order."""
        return tuple(block for block in self._blocks if isinstance(block, Figure))

    @property
    def galleries(self) -> tuple[Gallery, ...]:
        """Every gallery, in reading order."""
        return tuple(block for block in self._blocks if isinstance(block, Gallery))

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in reading order."""
        return tuple(block for block in self._blocks if isinstance(block, Table))

    @property
    def _blocks(self) -> list[Block]:
        blocks = [*self.lead, *(block for section in self.sections for block in section.blocks)]
        return _flat(blocks)


def _flat(blocks: list[Block]) -> list[Block]:
    flat: list[Block] = []
    for block in blocks:
        flat += _flat(list(block.blocks)) if isinstance(block, Aside) else [block]
    return flat
