"""Pages: parts that are generated, and blocks of text with the comments that follow them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mslesion.write.atomic import write_text


def part(text: str, name: str) -> tuple[str, str, str]:
    """What stands before a generated part, in it and after it.

    A part lies between the marks ``<!-- name -->`` and ``<!-- end of name -->``, which are outside.
    """
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = text.split(start)
    inside, after = rest.split(end)
    return before + start, inside, end + after


def replace_part(path: Path, name: str, lines: Sequence[str]) -> None:
    """Put other lines in a generated part."""
    before, _, after = part(path.read_text(encoding="utf-8"), name)
    write_text(path, before + "\n".join(lines) + "\n" + after)


@dataclass
class Block:
    """A paragraph, an entry of a list or a table, and the comments that follow it.

    ``line`` is that of its beginning, from 1.
    """

    line: int
    text: str
    comments: list[str] = field(default_factory=list)


_PIECE = re.compile(
    r"[ \t]*<!--.*?-->[ \t]*\n|^```.*?^```[^\n]*\n|^[^\n]*\n", re.DOTALL | re.MULTILINE
)
_ENTRY = re.compile(r"\s*(?:[-*]|\d+\.)\s")
_COMMENT = re.compile(r"\s*<!--\s*(.*?)\s*-->\s*", re.DOTALL)


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, without headings; code only where it shows what a command printed."""
    block, line, is_open = Block(1, ""), 1, False
    for piece in _PIECE.findall(text.rstrip("\n") + "\n"):
        comment = _COMMENT.fullmatch(piece)
        if comment is not None:
            block.comments.append(" ".join(comment[1].split()))
        elif is_open and _goes_on(piece):
            block.text += piece
        elif _is_text(piece):
            yield block
            block = Block(line, piece)
        is_open = comment is None and _is_text(piece) and not piece.startswith("```")
        line += piece.count("\n")
    yield block


def _goes_on(piece: str) -> bool:
    """Whether a line belongs to the block before it, which no gap divides from it."""
    return _is_text(piece) and _ENTRY.match(piece) is None and not piece.startswith("```")


def _is_text(piece: str) -> bool:
    if piece.startswith("```"):
        return piece.partition("\n")[2].startswith("$ ")
    return bool(piece.strip()) and not piece.startswith("#")
