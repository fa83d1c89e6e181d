"""Texts filled from result files: every figure from a source, or no text at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mslesion.cards.filling import fill
from mslesion.cards.sources import Sources, read_result_file, read_sources
from mslesion.errors import ResultsError

RESULTS = {
    "dice": {"value": 0.7281, "low": 0.6779, "high": 0.7703},
    "undefined": {"value": None, "low": None, "high": None},
    "rate": [0.0169, 0.003, 0.09],
    "scans": 1234,
    "name": "<b>a|b</b>\nc",
    "missing": None,
    "sites": {"First (3.1)": {"people": 2}, "Second": {"people": 5}},
    "rows": [{"id": "07", "dice": 0.5}, {"id": "19", "dice": 0.25}],
}


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """One result file, called ``r`` in the texts."""
    path = tmp_path / "r.json"
    path.write_text(json.dumps(RESULTS))
    return Sources().with_file("r", path, "a command")


@pytest.mark.parametrize(
    ("reference", "printed"),
    [
        ("{r:dice|interval}", "0.73 (0.68 to 0.77)"),
        ("{r:dice|percent}", "72.8 % (67.8 to 77.0)"),
        ("{r:dice.value|whole percent}", "73 %"),
        ("{r:rate|percent}", "1.7 % (0.3 to 9.0)"),
        ("{r:undefined|interval}", "undefined"),
        ("{r:scans|count}", "1,234"),
        ("{r:scans|seconds}", "1,234.0 s"),
        ("{r:name|text}", "&lt;b&gt;a\\|b&lt;/b&gt; c"),
        ("{r:sites|entries}", "2"),
        ("{r:sites.~second.people|count}", "5"),
        ("{r:rows.1.dice|number}", "0.25"),
        ("{r:rows.id=19.dice|number}", "0.25"),
        ("{r:sites.*|name}: {r:sites.*.people|count}", "First (3.1): 2\nSecond: 5"),
        ("{r:#file|text}", "r.json"),
    ],
)
def test_a_reference_is_printed_in_its_format(
    reference: str, printed: str, sources: Sources
) -> None:
    """Values, intervals, rows of a table, one line for each of several things."""
    assert fill(reference, sources, "test") == printed


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Dice is 0.73", "the number 0.73 is typed"),
        ("of 12 people", "the number 12 is typed"),
        ("{r:dize|interval}", "has no value"),
        ("{s:dice|interval}", "add the file"),
        ("{r:sites.~s.people|count}", "has no value"),
        ("{r:missing|number}", "cannot be printed so"),
        ("{r:dice|furlongs}", "choose one of name"),
        ("{r:name|percent}", "cannot be printed so"),
        ("{r:dice}", "no reference"),
        ("{r:sites.*.age|count}", "has no value"),
    ],
)
def test_a_figure_without_a_source_is_refused(text: str, complaint: str, sources: Sources) -> None:
    """A typed number, a place that is not there, and a value that is no such thing."""
    with pytest.raises(ResultsError, match=complaint):
        fill(text, sources, "a topic")


def test_words_with_digits_are_no_figures(sources: Sources) -> None:
    """F1, T1w, 2D, and what stands in code."""
    text = "F1 of T1w in 2D, `0.5`"
    assert fill(text, sources, "test") == text


def test_files_are_told_apart_by_what_they_hold(tmp_path: Path) -> None:
    """Three commands write a metrics.json; tables hold numbers, n/a is nothing."""
    (tmp_path / "metrics.json").write_text('{"classifier": "CNN", "measures": {}}')
    (tmp_path / "seeds.tsv").write_text("seed\tauc\n0\t0.5\n1\tn/a\n")
    (tmp_path / "test_looks.jsonl").write_text('{"people": 3}\n{"people": 4}\n')
    sources = read_sources(tmp_path)
    assert set(sources.values) == {"classifier", "seeds", "looks"}
    assert sources.values["seeds"] == [{"seed": 0.0, "auc": 0.5}, {"seed": 1.0, "auc": None}]
    assert sources.values["looks"][1] == {"people": 4}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    """With what to do."""
    path = tmp_path / "metrics.json"
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=r"metrics\.json: cannot be read"):
        read_result_file(path)
