"""Several seeds: a table in the report, and every run in seeds.tsv."""

from __future__ import annotations

import csv
import dataclasses
import statistics
from pathlib import Path

import pytest
from made_up_study import make_study

from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.evaluation.seeds import LEVELS
from mslesion.paper.result import StudyResult
from mslesion.report import figures, write_report
from mslesion.report.document import Table
from mslesion.report.measures import measure_study
from mslesion.report.seeds import seed_columns, seed_rows, seed_section


def study(seed: int) -> StudyResult:
    """One question, both splits, two classifiers."""
    return make_study(
        people=12, slices_each=6, folds=2, seed=seed, questions=(Question.LESION,),
        classifiers=("CNN", "SVM"), draws=100,
    )  # fmt: skip


@pytest.fixture(scope="module")
def seeded() -> StudyResult:
    """A study and its like under two other seeds."""
    return dataclasses.replace(study(4), other_seeds={5: study(5).runs, 6: study(6).runs})


def test_every_run_stands_in_the_table_with_mean_and_sd(seeded: StudyResult) -> None:
    """Both levels, five or more measures, two classifiers, two splits; mean and SD by hand."""
    rows = list(seed_rows(seeded))
    assert set(rows[0]) == set(seed_columns(seeded))
    assert {row["level"] for row in rows} == set(LEVELS)
    assert {row["split_unit"] for row in rows} == {unit.value for unit in SplitUnit}
    accuracy = next(row for row in rows if row["measure"] == "accuracy")
    values = [accuracy[f"seed_{seed}"] for seed in (4, 5, 6)]
    assert accuracy["mean"] == pytest.approx(statistics.mean(values))
    assert accuracy["sd"] == pytest.approx(statistics.stdev(values))
    first = measure_study(seeded).questions[0].by_split[SplitUnit.PATIENT]["CNN"]
    assert values[0] == first.test.accuracy.value


def test_the_report_shows_the_spread_under_the_patient_split_alone(seeded: StudyResult) -> None:
    """A group a classifier; nothing of it in a study of one seed."""
    section = seed_section(seeded, measure_study(seeded))
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [group.title.rsplit(" ", 1)[1] for group in table.groups] == ["CNN", "SVM"]
    assert not seed_section(study(4), measure_study(study(4))).blocks


def test_the_table_of_an_earlier_study_goes(
    seeded: StudyResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seeds, then one, into the same folder; figures, which take seconds, are left blank."""
    monkeypatch.setattr(figures, "draw", lambda _drawing: b"")
    write_report(seeded, tmp_path)
    with (tmp_path / "seeds.tsv").open() as table:
        assert {"seed_4", "seed_5", "seed_6"} <= set(next(csv.DictReader(table, delimiter="\t")))
    write_report(study(4), tmp_path)
    assert not (tmp_path / "seeds.tsv").exists()
