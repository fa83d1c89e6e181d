"""The tutorial, followed to the letter by somebody with nothing but the page."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor
from runnable_page import Block, Reader, blocks, is_shown, read_page

PAGE = Path(__file__).parents[2] / "docs/tutorial.md"
QUICK, SLOW = read_page(PAGE)


def _follow(page: list[Block], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nilearn", reason="simulated patients need nilearn")
    # Workers that another test left waiting are still in its folder.
    get_reusable_executor().shutdown(wait=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BROWSER", "true")  # a browser that opens anything, and shows nothing
    reader = Reader()
    for block in page:
        if block.not_run is None:
            reader.follow(block)


def test_the_tutorial_does_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command to the measures, one after the other, prints what the page shows."""
    _follow(QUICK, tmp_path, monkeypatch)
    assert (tmp_path / "one/sub-sim001_report.html").is_file()
    assert (tmp_path / "measures/metrics.json").is_file()


@pytest.mark.slow
def test_the_whole_tutorial_does_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same to the end, with a training and a comparison."""
    _follow([*QUICK, *SLOW], tmp_path, monkeypatch)
    assert (tmp_path / "comparison/comparisons.json").is_file()


def test_only_the_installation_is_not_run() -> None:
    """Whoever runs these tests has installed it; any other block must run, and most show a text."""
    kept = [block for block in (*QUICK, *SLOW) if block.not_run is not None]
    assert [block.code.split()[:2] for block in kept] == [["pip", "install"]]
    assert {block.language for block in (*QUICK, *SLOW)} == {"bash", "python"}
    shown = [block for block in (*QUICK, *SLOW) if block.shown is not None]
    assert len(shown) >= len(QUICK + SLOW) / 2
    assert webbrowser.__name__ in PAGE.read_text(encoding="utf-8")
    assert [block.code for block in QUICK if block.code.startswith("mslesion view ")]


def test_the_commands_of_installing_are_those_of_the_readme() -> None:
    """The same constraints and the same extra, which pyproject.toml has."""
    (install,) = (block for block in QUICK if block.not_run is not None)
    assert install.code.strip() in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "\nall = [" in (PAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a: 3 lesions, 2.41 ml", "a: 3 lesions, 2.43 ml", True),
        ("a: 3 lesions, 2.41 ml", "a: 4 lesions, 2.41 ml", False),
        ("a: 3 lesions, 2.41 ml", "a: 3 lesions, 3.41 ml", False),
        ("first\n...\nlast", "first\nx\ny\nlast", True),
        ("first\n...\nlast", "first\nx\ny", False),
        ("in ... lines", "in so many lines", True),
        ("a  b", "a b", True),
        ("nothing", "", False),
    ],
)
def test_a_page_that_shows_something_else_is_noticed(
    shown: str, printed: str, fits: bool
) -> None:  # fmt: skip
    """Rounding may differ, counts and words may not."""
    assert is_shown(shown, printed) is fits


def test_blocks_are_read_with_what_they_print() -> None:
    """A block of text belongs to the code before it; a reason keeps one from being run."""
    page = "<!-- not run: why -->\n```bash\na\n```\n\n```bash\nb\n```\n\n```text\nc\n```\n"
    first, second = blocks(page)
    assert (first.code, first.not_run, first.shown) == ("a\n", "why", None)
    assert (second.code, second.not_run, second.shown) == ("b\n", None, "c\n")
    assert second.line == 7
