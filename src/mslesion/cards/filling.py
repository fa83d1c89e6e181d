"""Texts filled from sources: every figure a reference, none typed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mslesion.cards.formats import FORMATS
from mslesion.cards.sources import Found, Sources, is_many
from mslesion.errors import ResultsError

REFERENCE = re.compile(r"\{(?P<name>[a-z][a-z-]*):(?P<place>[^{}|]+)\|(?P<format>[a-z0-9 ]+)\}")
_CODE = re.compile(r"`[^`]*`")
_TYPED = re.compile(r"(?<![A-Za-z\d])(?![23]D\b)\d[\d.,]*")


def fill(text: str, sources: Sources, title: str) -> str:
    """A text with the value of each reference in its place.

    ``{file:place|format}``: see :meth:`Sources.find` and :data:`FORMATS`. A line whose places have
    steps for several things is repeated for each, the same in all of its references; the format
    ``name`` gives the key of the last. ``title`` says in errors which text it was.

    Raises:
        ResultsError: a reference without a value, a value that its format cannot print, or a
            number that stands in the text itself.
    """
    return "\n".join(
        filled for line in text.splitlines() for filled in _fill_line(line, sources, title)
    )


def names_in(text: str) -> frozenset[str]:
    """The sources that a text refers to."""
    return frozenset(match["name"] for match in REFERENCE.finditer(text))


def _fill_line(line: str, sources: Sources, title: str) -> Iterator[str]:
    _refuse_typed(line, title)
    references = list(REFERENCE.finditer(line))
    most = max(references, key=_depth, default=None)
    if most is None or not _many(most["place"]):
        yield REFERENCE.sub(lambda match: _told(match, (), sources, title), line)
        return
    things = [found.names for found in _found(most, (), sources, title)]
    for names in things:
        yield REFERENCE.sub(lambda match, n=names: _told(match, n, sources, title), line)  # type: ignore[misc]


def _depth(match: re.Match[str]) -> tuple[int, int]:
    """By this the reference is chosen that says what the stars of a line can stand for."""
    return _many(match["place"]), match["place"].count(".")


def _many(place: str) -> int:
    """How many steps of a place stand for several things."""
    return sum(map(is_many, place.split(".")))


def _refuse_typed(line: str, title: str) -> None:
    rest = REFERENCE.sub("", _CODE.sub("", line))
    typed = _TYPED.search(rest)
    if typed is not None:
        raise ResultsError(
            f"{title}: the number {typed[0]} is typed in '{line.strip()}'",
            remedy="write {file:place|format}, so that it comes from a result file",
        )
    if "{" in rest or "}" in rest:
        raise ResultsError(
            f"{title}: no reference: '{line.strip()}'", remedy="write {file:place|format}"
        )


def _found(
    match: re.Match[str], names: tuple[str, ...], sources: Sources, title: str
) -> list[Found]:
    found = list(sources.find(match["name"], match["place"], names))
    if found:
        return found
    file = sources.files.get(match["name"])
    raise ResultsError(
        f"{title}: {match[0]} has no value",
        remedy="run again the command that makes this file"
        if file is not None
        else f"add the file, or leave the text on {match['name']} out",
        file=None if file is None else file.path,
    )


def _told(match: re.Match[str], names: tuple[str, ...], sources: Sources, title: str) -> str:
    first = _found(match, names[: _many(match["place"])], sources, title)[0]
    try:
        if match["format"] == "name":
            return FORMATS["text"](first.names[-1])
        return FORMATS[match["format"]](first.value)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise ResultsError(
            f"{title}: {match[0]} cannot be printed so",
            remedy=f"choose one of name, {', '.join(FORMATS)}",
            file=sources.files[match["name"]].path,
        ) from error
