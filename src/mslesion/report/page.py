"""Renders a report's document as one HTML page that needs nothing but itself.

No script, nothing loaded from elsewhere: the style sheet is inlined and figures are data URIs.
Every text is escaped, as names of people and files come from users. Should markup slip through,
the page's own policy still forbids it to run or load anything.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import quote

from mslesion.evaluation.summary import DEMONSTRATION
from mslesion.report.document import (
    Aside,
    Block,
    Callout,
    Caption,
    Cell,
    Column,
    Document,
    Figure,
    Gallery,
    Listing,
    Panel,
    Row,
    RowGroup,
    Section,
    Table,
    Text,
    Tile,
    Tiles,
    Verbatim,
)

_CALLOUT_TITLES = {
    "research": "Research use only",
    "warning": "Take care",
    "demonstration": DEMONSTRATION,
    "note": "Note",
    "verdict": "Verdict",
}


_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"
)
"""What a browser may do: show pictures that are inside, and obey one style sheet, by its hash."""


def picture_name(gallery: Gallery, number: int) -> str:
    """What a picture of a gallery is called among the page's pictures; ``number`` is from 0."""
    return f"{gallery.name}-{number + 1}"


def render(document: Document, pictures: Mapping[str, bytes]) -> str:
    """The page as text.

    ``pictures`` holds the PNG of every figure of the document by its name, and of every picture
    of its galleries by :func:`picture_name`.

    Raises:
        KeyError: a figure's picture is missing.
    """
    sheet = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    style = f"\n{sheet}"
    digest = base64.b64encode(sha256(style.encode()).digest()).decode("ascii")
    links = "".join(
        f'<li><a href="#{escape(section.anchor)}">{escape(section.title)}</a></li>'
        for section in document.sections
    )
    body = "\n".join(
        [
            "<header>",
            f"<h1>{escape(document.title)}</h1>",
            f'<p class="subtitle">{escape(document.subtitle)}</p>',
            "</header>",
            '<section class="finding" aria-label="Finding">',
            *(_block(block, pictures) for block in document.lead),
            "</section>",
            f'<nav aria-label="Contents"><ol>{links}</ol></nav>',
            *(_section(section, pictures) for section in document.sections),
        ]
    )
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(document.title)}</title>\n"
        f"<style>{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _section(section: Section, pictures: Mapping[str, bytes]) -> str:
    anchor = escape(section.anchor)
    blocks = "\n".join(_block(block, pictures) for block in section.blocks)
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n'
        f'<h2 id="{anchor}-title">{escape(section.title)}</h2>\n{blocks}\n</section>'
    )


def _block(block: Block, pictures: Mapping[str, bytes]) -> str:
    return _RENDERERS[type(block)](block, pictures)


def _text(block: Text, _: Mapping[str, bytes]) -> str:
    return f"<p>{escape(block.text)}</p>"


def _callout(block: Callout, _: Mapping[str, bytes]) -> str:
    title = _CALLOUT_TITLES[block.kind]
    # A text that begins with its own title must not say it twice.
    text = block.text.removeprefix(f"{title}.").lstrip()
    return f'<p class="callout {block.kind}"><strong>{escape(title)}.</strong> {escape(text)}</p>'


def _listing(block: Listing, _: Mapping[str, bytes]) -> str:
    if not block.items:
        return ""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in block.items) + "</ul>"


def _tiles(block: Tiles, _: Mapping[str, bytes]) -> str:
    tiles = "".join(_tile(tile) for tile in block.tiles)
    return f'<h2 class="tiles-title">{escape(block.title)}</h2>\n<dl class="tiles">{tiles}</dl>'


def _tile(tile: Tile) -> str:
    return (
        f'<div class="tile {tile.kind}"><dt>{escape(tile.label)}</dt>'
        f'<dd><span class="value">{escape(tile.value)}</span>'
        f'<span class="detail">{escape(tile.detail)}</span></dd></div>'
    )


def _table(block: Table, _: Mapping[str, bytes]) -> str:
    head = "".join(_heading(column) for column in block.columns)
    groups = "\n".join(_row_group(group, block.columns) for group in block.groups)
    notes = "".join(f"<p>{escape(note)}</p>" for note in block.notes)
    caption = escape(block.caption)
    kind = ' class="demonstration"' if block.is_demonstration else ""
    mark = f'<span class="mark">{DEMONSTRATION}</span> ' if block.is_demonstration else ""
    return (
        f'<div class="table" role="region" aria-label="{caption}" tabindex="0">\n'
        f"<table{kind}>\n<caption>{mark}{caption}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n{groups}\n</table>\n</div>"
        + (f'\n<div class="notes">{notes}</div>' if notes else "")
    )


def _column_class(column: Column) -> str:
    names = ["number"] * column.is_number + ["demonstration"] * column.is_demonstration
    return f' class="{" ".join(names)}"' if names else ""


def _heading(column: Column) -> str:
    detail = f'<span class="detail">{escape(column.detail)}</span>' if column.detail else ""
    return f'<th scope="col"{_column_class(column)}>{escape(column.title)}{detail}</th>'


def _row_group(group: RowGroup, columns: tuple[Column, ...]) -> str:
    rows = [_row(row, columns) for row in group.rows]
    if group.title:
        rows.insert(
            0,
            f'<tr class="group"><th scope="rowgroup" colspan="{len(columns)}">'
            f"{escape(group.title)}</th></tr>",
        )
    return "<tbody>\n" + "\n".join(rows) + "\n</tbody>"


def _row(row: Row, columns: tuple[Column, ...]) -> str:
    cells = [f'<th scope="row">{_cell(row.cells[0])}</th>']
    cells += [
        f"<td{_column_class(column)}>{_cell(cell)}</td>"
        for cell, column in zip(row.cells[1:], columns[1:], strict=True)
    ]
    kind = ' class="marked"' if row.is_marked else ""
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _cell(cell: Cell) -> str:
    detail = f'<span class="detail">{escape(cell.detail)}</span>' if cell.detail else ""
    text = escape(cell.text)
    if cell.file:
        # As bytes, for a name may hold such as no encoding has letters for.
        text = f'<a href="{quote(os.fsencode(cell.file))}">{text}</a>'
    return f"{text}{detail}"


def _figure(block: Figure, pictures: Mapping[str, bytes]) -> str:
    kind = ' class="demonstration"' if block.is_demonstration else ""
    title = escape(block.title)
    return (
        f'<figure id="{escape(block.name)}"{kind}>\n'
        f'<div class="picture" role="region" aria-label="{title}" tabindex="0">'
        f"{_image(pictures[block.name], block.alt)}</div>\n"
        f"{_teaching(title, block.caption)}\n</figure>"
    )


def _gallery(block: Gallery, pictures: Mapping[str, bytes]) -> str:
    panels = "\n".join(
        _panel(panel, pictures[picture_name(block, number)])
        for number, panel in enumerate(block.panels)
    )
    return (
        f'<figure id="{escape(block.name)}">\n'
        f'<div class="gallery per-row-{block.per_row}">\n{panels}\n</div>\n'
        f"{_teaching(escape(block.title), block.caption)}\n</figure>"
    )


def _panel(panel: Panel, picture: bytes) -> str:
    title = f"<p>{escape(panel.title)}</p>" if panel.title else ""
    return f'<div class="panel">{_image(picture, panel.alt)}{title}</div>'


def _image(picture: bytes, alt: str) -> str:
    data = base64.b64encode(picture).decode("ascii")
    return f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}">'


def _teaching(title: str, caption: Caption) -> str:
    return (
        f"<figcaption><strong>{title}</strong><dl>"
        f"<dt>Shown</dt><dd>{escape(caption.shown)}</dd>"
        f"<dt>Good</dt><dd>{escape(caption.good)}</dd>"
        f"<dt>Bad</dt><dd>{escape(caption.bad)}</dd>"
        f"<dt>Then</dt><dd>{escape(caption.then)}</dd>"
        "</dl></figcaption>"
    )


def _verbatim(block: Verbatim, _: Mapping[str, bytes]) -> str:
    return f"<pre>{escape(block.text)}</pre>"


def _aside(block: Aside, pictures: Mapping[str, bytes]) -> str:
    inner = "\n".join(_block(part, pictures) for part in block.blocks)
    return f"<details>\n<summary>{escape(block.summary)}</summary>\n{inner}\n</details>"


_RENDERERS: dict[type[Any], Callable[[Any, Mapping[str, bytes]], str]] = {
    Text: _text,
    Callout: _callout,
    Listing: _listing,
    Tiles: _tiles,
    Table: _table,
    Figure: _figure,
    Gallery: _gallery,
    Verbatim: _verbatim,
    Aside: _aside,
}
