"""``mslesion claims``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mslesion.cli import main


def test_without_figures_it_audits_the_paper(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight claims, of which five cannot be, and the counts on which two agree."""
    assert main(["claims", "--output", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert text.count("impossible:") == 5
    assert "138 positives suit the most claims: CNN, 4.3; decision tree, 4.3\n" in text
    audit = json.loads((tmp_path / "claims_audit.json").read_text())
    assert [claim["is_possible"] for claim in audit["claims"]].count(False) == 5
    assert audit["most_alike"] == {"claims": ["CNN, 4.3", "decision tree, 4.3"], "positives": [138]}
    (tree,) = (c for c in audit["claims"] if c["name"] == "decision tree, 4.3")
    assert {"tp": 114, "fn": 24, "tn": 102, "fp": 18} in tree["confusion_matrices"]


def test_figures_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    """The counts that give the figures are told."""
    figures = ("--accuracy", "96.51%", "--sensitivity", "94.93", "--specificity", "98.33")
    assert main(["claims", *figures, "--cases", "258"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "claim: accuracy 96.51, sensitivity 94.93, specificity 98.33, 258 cases",
        "  implies that 53.2 to 53.8 % are positive",
        "  whole numbers exist, for 138 positives; with 138: TP 131, FN 7, TN 118, FP 2",
    ]


def test_a_table_of_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names, signs and columns are taken as spreadsheets write them; cases may be unknown."""
    table = tmp_path / "claims.csv"
    table.write_bytes(
        b"\xef\xbb\xbfName,Accuracy,Sensitivity,Specificity,cases,year\r\n"
        b'"Doe, 2020",90%,80 %,95%,,2020\r\n,90,93,92,,\r\n'
    )
    assert main(["claims", "--table", str(table)]) == 0
    text = capsys.readouterr().out
    assert "Doe, 2020: accuracy 90, sensitivity 80, specificity 95\n  implies that 26.7 to" in text
    assert "line 3: accuracy 90, sensitivity 93, specificity 92\n  impossible" in text


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--accuracy", "90"], "add --sensitivity and --specificity"),
        (["--cases", "20"], "--cases alone claims nothing"),
        (["--accuracy", "abc"], "'abc' is not a number"),
        (["--accuracy", "90", "--sensitivity", "101", "--specificity", "5"], "sensitivity 101 is"),
        (["--accuracy", "9", "--sensitivity", "9", "--specificity", "9", "--table", "x"], "leave"),
        (["--table", "absent.csv"], "absent.csv: cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_audited_is_one_line(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what to do."""
    assert main(["claims", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("USAGE: ")
    assert complaint in line


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "has no column accuracy and sensitivity and specificity"),
        ("accuracy,sensitivity\n1,2\n", "has no column specificity"),
        ("accuracy,sensitivity,specificity\n\n", "holds no claim"),
        ("accuracy,sensitivity,specificity\n90,x,90\n", "line 2 holds something that is no number"),
        (
            'accuracy,sensitivity,specificity\n"' + "9" * 140_000,
            "a quotation mark that is not closed",
        ),
        ("accuracy,sensitivity,specificity\n90,90\n", "line 2 holds something that is no number"),
        ("accuracy,sensitivity,specificity\n90,900,90\n", "line 2: sensitivity 900 is no"),
        ("accuracy,sensitivity,specificity,cases\n90,90,90,1.5\n", "line 2 holds something"),
    ],
)
def test_a_table_that_is_none_is_one_line(
    content: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and the line are named."""
    table = tmp_path / "claims.csv"
    table.write_text(content)
    assert main(["claims", "--table", str(table)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{table}: " in line
    assert complaint in line
