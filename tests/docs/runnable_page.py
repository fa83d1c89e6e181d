"""A page of the docs whose code is run: its blocks, what they print, and whether that is shown."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from mslesion.cli import main

SLOW_FROM_HERE = "<!-- slow from here -->"
"""What comes after this mark in a page takes minutes."""

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$"
    r"(?:\n*^```text\n(?P<shown>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(?![\w.])")


@dataclass(frozen=True)
class Block:
    """Some code of a page, and what the page shows as printed by it (None: nothing is shown)."""

    line: int
    language: str
    code: str
    shown: str | None
    not_run: str | None


def blocks(text: str) -> Iterator[Block]:
    """The blocks of code in a page, in order."""
    for match in _BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("code")) + 1
        yield Block(line, match["language"], match["code"], match["shown"], match["reason"])


class Reader:
    """Somebody who does what a page says, in one folder, block after block."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> str:
        """Do one block, in the current folder; gives what it printed on standard output."""
        if block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.code, f"line {block.line}", "exec"), self.names)  # noqa: S102
            return printed.getvalue()
        if block.language == "bash":
            return "".join(_run_command(line) for line in _commands(block.code))
        raise AssertionError(f"line {block.line}: nobody can run {block.language or 'this'}")

    def follow(self, block: Block) -> None:
        """Do one block, and see that it prints what the page shows."""
        printed = self.run(block)
        if block.shown is not None and not is_shown(block.shown, printed):
            pytest.fail(
                f"line {block.line} of the page is out of date\n--- printed\n{printed}"
                f"--- shown\n{block.shown}",
                pytrace=False,
            )


def _commands(code: str) -> Iterator[str]:
    whole = code.replace("\\\n", " ")
    yield from (line for line in whole.splitlines() if line.strip() and not line.startswith("#"))


def _run_command(line: str) -> str:
    """One line of a shell; ``mslesion`` itself runs in this Python, which has its libraries."""
    words = shlex.split(line)
    if words[0] == "mslesion":
        printed = io.StringIO()
        visited = _visited(printed) if words[1] == "view" else contextlib.nullcontext()
        with contextlib.redirect_stdout(printed), visited:
            try:
                code = main(words[1:])
            except SystemExit as stopped:
                code = stopped.code
        assert code in {0, None}, line
        return printed.getvalue()
    shell = shutil.which("bash") or "/bin/bash"
    done = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def _visited(printed: io.StringIO) -> Iterator[None]:
    """Somebody opens the address that a viewer prints, gets its page, and presses Ctrl-C."""
    pages: list[bytes] = []

    def visit() -> None:
        end = time.monotonic() + 60
        while not (address := re.search(r"^viewer: (\S+)$", printed.getvalue(), re.MULTILINE)):
            assert time.monotonic() < end, "no address was printed"
            time.sleep(0.05)
        browser = build_opener(HTTPCookieProcessor())  # the token becomes a cookie
        try:
            pages.append(browser.open(address[1], timeout=60).read())
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    yield
    visitor.join()
    assert pages, "the viewer gave no page"
    assert b"mslesion" in pages[0]


def is_shown(shown: str, printed: str) -> bool:
    """Whether a text is what the page shows.

    ``...`` stands for any text, on a line of its own for any lines. Decimal numbers may differ by 5
    per cent or by 2 in their last digit, as another processor adds in another order; whole numbers
    may not. How many spaces there are does not count.
    """
    wanted = [line.split() for line in shown.strip().splitlines()]
    found = [line.split() for line in printed.strip().splitlines()]
    return _lines_fit(wanted, found)


def _lines_fit(wanted: list[list[str]], found: list[list[str]]) -> bool:
    if not wanted:
        return not found
    if wanted[0] == ["..."]:
        return any(_lines_fit(wanted[1:], found[start:]) for start in range(len(found) + 1))
    return bool(found) and _line_fits(wanted[0], found[0]) and _lines_fit(wanted[1:], found[1:])


def _line_fits(wanted: list[str], found: list[str]) -> bool:
    theirs, ours = " ".join(wanted), " ".join(found)
    pattern = _NUMBER.sub("\0", theirs)
    regex = re.escape(pattern).replace(re.escape("\0"), r"(-?\d+\.\d+)")
    regex = regex.replace(re.escape("..."), ".*")
    match = re.fullmatch(regex, ours)
    numbers = _NUMBER.findall(theirs)
    return match is not None and all(map(_is_near, numbers, match.groups()))


def _is_near(shown: str, printed: str) -> bool:
    last_digit = 10.0 ** -len(shown.partition(".")[2])
    limit = max(2 * last_digit, 0.05 * abs(float(shown)))
    return abs(float(shown) - float(printed)) <= limit + 1e-9


def read_page(path: Path) -> tuple[list[Block], list[Block]]:
    """The blocks of a page before and after the mark of slowness; lines count from the page's."""
    text = path.read_text(encoding="utf-8")
    quick = text.partition(SLOW_FROM_HERE)[0].count("\n") + 1
    found = list(blocks(text))
    return [b for b in found if b.line <= quick], [b for b in found if b.line > quick]
