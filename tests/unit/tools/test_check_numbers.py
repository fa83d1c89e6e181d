"""Figures of the pages are held against their result files, at the digits that are printed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.fixture
def checker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``tools/check_numbers.py``."""
    pytest.importorskip("pandas", reason="the writers of the pages need pandas")
    monkeypatch.syspath_prepend(TOOLS)
    import check_numbers

    return check_numbers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one result file."""
    results = tmp_path / "docs/results"
    results.mkdir(parents=True)
    content = {
        "accuracy": {"value": 0.8427, "low": 0.778, "high": 0.905},
        "seconds": [6.09, 6.001, 5.18],
        "found": ["2/14", "9/66"],
        "areas": [{"found": 46, "slices": 47}],
        "peak_mb": 1030.5,
    }
    (results / "r.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "right in 84 % (77.8 to 90.5)\n<!-- from r.json: accuracy -->",
        "- right in 84.3 %\n  <!-- from r.json: accuracy.value -->",
        "in 6.0 s\n<!-- from r.json: seconds | median -->",
        "one in seven\n<!-- from r.json: found.* | share -->",
        "finds 98 %\n<!-- from r.json: areas.0.found / areas.0.slices -->",
        "with 1.03 GB\n<!-- from r.json: peak_mb -->",
        "set to 0.5, aims at 95 %\n<!-- given: 0.5, 95 % -->",
        "60 people, slices of 1.5 mm at 3 T, `0.123`, [x](0.5), Python 3.11",
        "```\n0.123 s\n```",
    ],
)
def test_a_figure_with_its_source_passes(text: str, checker: ModuleType, root: Path) -> None:
    """Values, ends of intervals, medians, shares, ratios, other units; and what is no figure."""
    assert list(checker.page_faults("docs/study.md", text, root)) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("right in 84 %", "no source for 84 %"),
        ("right in 85 %\n<!-- from r.json: accuracy -->", "no figure is of r.json: accuracy"),
        ("0.8426\n<!-- from r.json: accuracy.value -->", "no figure is of r.json: accuracy.value"),
        ("84 %\n<!-- from r.json: precision -->", "r.json has no figure at precision"),
        ("84 %\n<!-- from s.json: accuracy -->", "s.json has no figure at accuracy"),
        ("84 %\n<!-- from r.json: accuracy; peak_mb -->", "no figure is of r.json: peak_mb"),
        ("84 %\n<!-- given: 83 % -->", "no source for 84 %"),
        ("84 %\n\nof all\n<!-- from r.json: accuracy -->", "no source for 84 %"),
        ("| a |\n|---|\n| 12 of 84 |", "no source for 84, 12"),
        ("```\n$ time\n6.5 s\n```", "no source for 6.5 s"),
    ],
)
def test_a_figure_without_or_beside_its_source_fails(
    text: str, complaint: str, checker: ModuleType, root: Path
) -> None:
    """Without a source, with another digit, or with a source that is not there or not used."""
    fault, *_ = checker.page_faults("docs/study.md", text, root)
    assert complaint in fault


def test_figures_without_a_file_stand_only_where_trials_are_told(
    checker: ModuleType, root: Path
) -> None:
    """A decision may tell of a trial on the way; results, model card and FAQ may not."""
    text = "it took 5.5 s\n<!-- no file: tried once -->"
    assert not list(checker.page_faults("docs/decisions/0001-x.md", text, root))
    (fault,) = checker.page_faults("docs/faq.md", text, root)
    assert "have no place here" in fault


def test_every_figure_of_this_repository_has_its_source(checker: ModuleType) -> None:
    """What 'make lint' asks for: pages, generated parts and checklists fit the result files."""
    assert list(checker.faults()) == []


def test_a_generated_part_that_was_edited_is_found(
    checker: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the results others, the page would have to be written again."""
    lines = checker.GENERATED["docs/reliability.md", "measured"]()
    changed = [line.replace("kills: 100", "kills: 101") for line in lines]
    monkeypatch.setattr(
        checker, "GENERATED", {("docs/reliability.md", "measured"): lambda: changed}
    )
    assert "docs/reliability.md: the part 'measured' is not what" in next(checker.faults())
