"""Reads a page back: its tables, links, pictures and text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link"}


@dataclass
class Table:
    """Caption and rows of cells; a cell is the list of its lines."""

    caption: str = ""
    rows: list[list[list[str]]] = field(default_factory=list)

    def after(self, group: str) -> list[list[list[str]]]:
        """The rows below the heading ``group``, up to the next heading."""
        start = next(n for n, row in enumerate(self.rows) if row == [[group]]) + 1
        rows = []
        for row in self.rows[start:]:
            if len(row) == 1:
                break
            rows.append(row)
        return rows


class Page(HTMLParser):
    """What a test wants to know of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Table] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        """Remember the tag, and open tables, rows and cells."""
        values = dict(attrs)
        self.tags.append((tag, values))
        self.addresses += [str(values[name]) for name in ("src", "href") if name in values]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "img":
            self.images.append(values)
        elif tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in {"td", "th"}:
            self.tables[-1].rows[-1].append([])

    def handle_endtag(self, tag):
        """Tags close in the order they opened."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Text goes to the page, and to the cell it stands in."""
        if "style" in self._open:
            return
        self.texts.append(data)
        if "caption" in self._open:
            self.tables[-1].caption += data
        elif {"td", "th"} & set(self._open):
            self.tables[-1].rows[-1][-1].append(data)

    @property
    def text(self) -> str:
        """All text, with plain spaces."""
        return " ".join(" ".join(self.texts).replace("\u00a0", " ").split())

    def table(self, beginning: str) -> Table:
        """The first table whose caption holds ``beginning``."""
        return next(table for table in self.tables if beginning in table.caption)
