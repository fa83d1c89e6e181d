"""The site: every page is in it, every command and option, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from mslesion import pipeline
from mslesion.cli import COMMANDS, build_bids_app_parser, build_parser, main
from mslesion.cli.bids_app import is_bids_app_call
from mslesion.errors import UsageError

ROOT = Path(__file__).parents[2]
_CODE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``tools/build_site.py``."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import build_site

    return build_site


def _commands_on_pages() -> list[tuple[str, str]]:
    """Every line that begins with ``mslesion`` in the code of a page."""
    found = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for language, code in _CODE.findall(page.read_text(encoding="utf-8")):
            if language not in {"", "bash"}:
                continue
            lines = code.replace("\\\n", " ").splitlines()
            name = page.relative_to(ROOT).as_posix()
            found += [(name, line) for line in lines if line.startswith("mslesion ")]
    return found


def test_every_command_on_a_page_is_understood() -> None:
    """Nobody copies a command that has another name or option now."""
    import shlex

    commands = _commands_on_pages()
    assert len(commands) > 50
    parser, app_parser, wrong = build_parser(), build_bids_app_parser(), []
    for page, line in commands:
        # What a shell script fills in is some number.
        words = shlex.split(re.sub(r"\$\{?\w+[^\"\s]*", "1", line), comments=True)[1:]
        if "[" in line or "|" in line or "--version" in words:
            continue  # the notation of a synopsis
        is_app = is_bids_app_call(words, {command.name for command in COMMANDS})
        try:
            (app_parser if is_app else parser).parse_args(words)
        except UsageError as error:
            wrong.append(f"{page}: {line}: {error}")
    assert wrong == []


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_the_reference_has_every_option(
    command: str, site: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever ``--help`` lists stands on the command's page, and the page on the list."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    listed = capsys.readouterr().out.partition("examples:")[0]
    options = set(re.findall(r"^  (?:-\w, )?(--?[\w-]+)", listed, re.MULTILINE))
    arguments = set(re.findall(r"^  ([A-Z][\w|]*)(?: |$)", listed, re.MULTILINE))
    pages = site.command_pages()
    shown = pages[command].replace("&#124;", "|")
    assert {option for option in options | arguments if option not in shown} == set()
    assert len(options) >= 3
    assert f"]({command}.md)" in pages["index"]


def test_the_reference_has_every_function(site: ModuleType) -> None:
    """Those of ``mslesion.pipeline``, and the value that detection gives."""
    page = site.python_page()
    names = [f"mslesion.pipeline.{name}" for name in pipeline.__all__ if name != "detect"]
    for name in ("mslesion.detect", "mslesion.Detection", *names):
        assert f"::: {name}\n" in page


def test_every_page_has_its_place_in_the_navigation(site: ModuleType) -> None:
    """Once each; a page that is not there breaks nothing, and a new one is found."""
    places = ["index.md", "how-to/new.md", "reference/new.md", "somewhere/else.md", "tutorial.md"]
    chapters = site.navigation(places)
    assert chapters == [
        {"Start": "index.md"},
        {"Tutorial": "tutorial.md"},
        {"How to": ["how-to/new.md"]},
        {"Reference": ["reference/new.md"]},
    ]  # and no page of a folder that no chapter knows


def test_links_of_the_repository_become_links_of_the_site(site: ModuleType) -> None:
    """To a folder: its README; to a page elsewhere: its place; to other files: their names."""
    text = (
        "[a](decisions) [b](../SECURITY.md#reporting) [c](../LICENSE) [`d`](../src/mslesion) "
        "[e](https://x.org) [f](results.md#x) ![g](images/pipeline.svg)"
    )
    places = {"decisions/README.md", "results.md"}
    assert site.linked(text, "faq.md", "docs/faq.md", places) == (
        "[a](decisions/README.md) [b](project/security.md#reporting) c (`LICENSE`) `d` "
        "[e](https://x.org) [f](results.md#x) ![g](images/pipeline.svg)"
    )


def test_what_a_browser_would_fetch_from_outside_is_noticed(site: ModuleType) -> None:
    """Scripts, pictures and styles of other hosts; links that are clicked are no requests."""
    html = (
        '<a href="https://a.org">a</a><script src="https://b.org/x.js"></script>'
        '<link rel=stylesheet href=//c.org/x.css><img src="local.png">'
    )
    assert site.fetched_from_outside(html) == ["https://b.org/x.js", "//c.org/x.css"]


@pytest.mark.slow
def test_the_site_is_built_and_asks_nobody_for_anything(
    site: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No link leads nowhere, nothing comes from outside, and search needs no server."""
    pytest.importorskip("zensical", reason="pip install 'mslesion[docs]'")
    pytest.importorskip("mkdocstrings_handlers", reason="pip install 'mslesion[docs]'")
    monkeypatch.setattr(site, "SITE", tmp_path / "site")
    monkeypatch.setattr(site, "STAGE", ROOT / "build/site-of-the-test")
    assert site.main() == 0
    start = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert "tutorial.html" in start
    python = (tmp_path / "site/reference/python.html").read_text(encoding="utf-8")
    assert "lesion_volume_ml" in python
    assert ":func:" not in python
    assert (tmp_path / "site/search.js").is_file() or (tmp_path / "site/search").is_dir()
