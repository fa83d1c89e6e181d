"""The reference of every command, as pages of Markdown, from the parsers themselves.

Nothing is typed here that a parser knows: the pages are made when the site is built, and cannot lag
behind the command line.
"""

from __future__ import annotations

import argparse
import html
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from mslesion.cli import COMMANDS, build_parser

IN_EVERY_COMMAND = ("--help", "--seed", "--threads", "--debug")
"""What all commands understand, and so stands at the end of each page."""


class Option(NamedTuple):
    """An argument of a command: as it is written, what it does, whether it must be given."""

    written: str
    what: str
    is_required: bool
    is_positional: bool
    not_with: tuple[str, ...]


def command_pages() -> dict[str, str]:
    """The page of each command, by the command's name, and the list of all under ``index``."""
    parsers = subcommands(build_parser())
    pages = {
        command.name: _page(f"mslesion {command.name}", parsers[command.name], command.examples)
        for command in COMMANDS
    }
    return {"index": _index(), **pages}


def subcommands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers of a command's own commands, by their names; none where it has none."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            found |= action.choices
    return found


def options(parser: argparse.ArgumentParser) -> Iterator[Option]:
    """Every argument of a parser, in the order of its help."""
    rivals = {
        id(action): tuple(_flags(other) for other in group._group_actions if other is not action)  # noqa: SLF001
        for group in parser._mutually_exclusive_groups  # noqa: SLF001
        for action in group._group_actions  # noqa: SLF001
    }
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:  # noqa: SLF001
            continue
        is_positional = not action.option_strings
        yield Option(
            _written(action),
            (action.help or "").replace("%%", "%"),
            action.required and action.nargs not in {"?", "*"},
            is_positional,
            rivals.get(id(action), ()),
        )


def _flags(action: argparse.Action) -> str:
    return ", ".join(action.option_strings) or str(action.metavar or action.dest)


def _written(action: argparse.Action) -> str:
    flags = _flags(action)
    if not action.option_strings or action.nargs == 0:
        return flags
    return f"{flags} {_value(action)}"


def _value(action: argparse.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(map(str, action.choices)) + "}"
    name: Any = action.metavar or action.dest.upper()
    value = " ".join(name) if isinstance(name, tuple) else str(name)
    return f"{value} [{value} ...]" if action.nargs in {"+", "*"} else value


def _index() -> str:
    lines = [
        "# Commands", "",
        "What `mslesion COMMAND --help` says, made from the same text. Most commands are also",
        "functions of [Python](../python.md). What each one writes: [every file](../files.md);",
        "what it ends with: [exit codes](../exit-codes.md).", "",
        "| command | what it does |", "|---|---|",
    ]  # fmt: skip
    lines += [f"| [`{c.name}`]({c.name}.md) | {html.escape(c.summary)} |" for c in COMMANDS]
    return "\n".join(lines) + "\n"


def _page(name: str, parser: argparse.ArgumentParser, examples: str) -> str:
    return "\n".join([f"# `{name}`", "", *_body(name, parser, examples, level=2)]) + "\n"


def _body(
    name: str, parser: argparse.ArgumentParser, examples: str, level: int
) -> Iterator[str]:  # fmt: skip
    told = list(options(parser))
    own = [o for o in told if not o.written.split(",")[-1].strip().startswith(IN_EVERY_COMMAND)]
    shared = [option for option in told if option not in own]
    mark = "#" * level
    yield from (html.escape(parser.description or "", quote=False), "")
    yield from ("```bash", *(line.strip() for line in examples.splitlines()), "```", "")
    groups = (
        ("Arguments", [option for option in own if option.is_positional]),
        ("Options", [option for option in own if not option.is_positional]),
        ("In every command", shared),
    )
    for title, group in groups:
        if group:
            yield from (f"{mark} {title}", "", "| | |", "|---|---|", *map(_row, group), "")
    for word, inner in subcommands(parser).items():
        yield from (f"{mark} `{name} {word}`", "")
        yield from _body(f"{name} {word}", inner, inner.epilog or "", level + 1)


def _row(option: Option) -> str:
    what = html.escape(option.what, quote=False)
    what += "" if what.endswith(".") or not what else "."
    if option.is_required and not option.is_positional:
        what += " **Must be given.**"
    if not option.is_required and option.is_positional:
        what += " May be left out."
    if option.not_with:
        what += f" Not with {', '.join(f'`{other}`' for other in option.not_with)}."
    return f"| {_code(option.written)} | {_in_a_cell(what)} |"


def _code(text: str) -> str:
    return f"<code>{_in_a_cell(html.escape(text))}</code>"


def _in_a_cell(text: str) -> str:
    return text.replace("|", "&#124;").replace("\n", " ")
