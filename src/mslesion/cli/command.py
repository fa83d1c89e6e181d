"""One command of the command line, and what several of them share: options, checks, speech."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, cast

from mslesion.errors import MslesionError, one_line
from mslesion.extras import require
from mslesion.seeds import require_given_seed


@dataclass(frozen=True)
class Command:
    """One word of the command line."""

    name: str
    summary: str
    description: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Iterable[MslesionError | str]]
    """Does the work, prints its answer, gives an error (or its line) for each scan set aside."""


def say(line: str) -> None:
    """Print one line of the answer, whatever names are in it.

    What the terminal's encoding lacks is told by its number.
    """
    encoding = sys.stdout.encoding or "utf-8"
    text = one_line(line).encode(encoding, "backslashreplace").decode(encoding)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class _Heard:
    """A stream that goes on where its reader has left, as 'head' does, and as the work must."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._let_go()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _let_go(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


@contextmanager
def heard_or_not() -> Iterator[None]:
    """Inside, nothing fails because nobody reads what is told any more."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Heard(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def say_doubts(doubts: Sequence[str], listed_in: Path | None = None) -> None:
    """Tell what is in doubt about scans; all, or the first where a file lists them."""
    told = doubts if listed_in is None else doubts[:_DOUBTS_TOLD]
    for doubt in told:
        say(f"in doubt: {doubt}")
    if len(doubts) > len(told):
        say(f"in doubt: {len(doubts) - len(told)} more, listed in {listed_in}")


_DOUBTS_TOLD = 5


def natural(text: str) -> int:
    """An option's value from 0."""
    return _integer(text, at_least=0)


def positive(text: str) -> int:
    """An option's value from 1."""
    return _integer(text, at_least=1)


def seed(text: str) -> int:
    """An option's value that starts random numbers."""
    value = natural(text)
    require_given_seed(value)
    return value


def _integer(text: str, at_least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if value < at_least:
        raise argparse.ArgumentTypeError(f"{value} is below {at_least}")
    return value


def number(text: str) -> float:
    """An option's value that is a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None


def given_path(text: str) -> Path:
    """An option's value that is a file or folder.

    An empty one, as of a variable that is not set, would be the current folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; the current folder is '.'")
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{text} is an address, and nothing is fetched from any")
    return Path(text)


def share(text: str) -> float:
    """An option's value from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def require_study() -> None:
    """Ask for the libraries that the study of classifiers needs."""
    require("sklearn", "skops", "matplotlib", "joblib")


def add_data(parser: argparse.ArgumentParser, what: str) -> None:
    """The option that names the data."""
    parser.add_argument("--data", required=True, metavar="DATA", help=what)


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """The option that names the folder to write."""
    parser.add_argument("--output", type=given_path, required=True, metavar="OUT", help=what)


def add_split(parser: argparse.ArgumentParser, what: str) -> None:
    """The option that names a frozen split."""
    parser.add_argument("--split", type=given_path, metavar="FILE", help=what)


def add_model(parser: argparse.ArgumentParser) -> None:
    """The argument that names a saved classifier."""
    parser.add_argument("model", type=given_path, metavar="MODEL", help="folder that 'train' wrote")
