"""The spread over seeds: a section of the report, and the rows of ``seeds.tsv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.seeds import LEVELS, SeedSpread, seed_spreads
from mslesion.evaluation.summary import split_as_json
from mslesion.paper.result import Run, StudyResult
from mslesion.report.document import Cell, Column, Row, RowGroup, Section, Table, Text
from mslesion.report.measures import StudyMeasures
from mslesion.report.wording import MEASURE_NAMES, WORDS, estimate_cell, format_value


def seed_section(result: StudyResult, measures: StudyMeasures) -> Section:
    """Mean and SD over seeds beside the interval over people; empty for a single seed."""
    if not result.other_seeds:
        return Section("seeds", "Other seeds", ())
    count = 1 + len(result.other_seeds)
    said = Text(
        f"Everything was fitted {count} times, with {count} seeds for all that is random in "
        "fitting (first weights, dropout, augmentation, order of slices), on the same split. The "
        "standard deviation (SD) over seeds says how far a figure is luck of the fit; how far it "
        "is luck of who was tested, the interval says. Nothing is random in the SVM. Every run "
        "stands in seeds.tsv."
    )
    columns = (
        Column("measure"),
        Column(f"seed {result.seed}", "95 % interval over people", is_number=True),
        Column("mean over seeds", is_number=True),
        Column("SD over seeds", is_number=True),
        Column("lowest to highest", is_number=True),
    )
    groups = []
    for run, spreads in _spreads(result):
        measured = next(
            asked.of(run.split_unit, run.classifier)
            for asked in measures.questions
            if asked.question is run.question
        )
        if run.split_unit is not SplitUnit.PATIENT or measured is None:
            continue
        groups.append(
            RowGroup(
                f"{WORDS[run.question].title} {run.classifier}",
                tuple(
                    _row(
                        spread, estimate_cell(spread.measure, measured.test.measure(spread.measure))
                    )
                    for spread in spreads
                    if spread.level == LEVELS[0] and spread.measure in MEASURE_NAMES
                ),
            )
        )
    table = Table("Test slices of the patient split", columns, tuple(groups))
    return Section("seeds", "Other seeds", (said, table) if groups else (said,))


def _row(spread: SeedSpread, first: Cell) -> Row:
    values = spread.values.values()
    shown = [format_value(spread.measure, v) for v in (spread.mean, spread.sd, min(values),
                                                      max(values))]  # fmt: skip
    return Row((Cell(MEASURE_NAMES[spread.measure]), first, Cell(shown[0]), Cell(shown[1]),
                Cell(f"{shown[2]} to {shown[3]}")))  # fmt: skip


def seed_columns(result: StudyResult) -> tuple[str, ...]:
    """The columns of ``seeds.tsv``: what was measured, mean, SD, and the value under each seed."""
    seeds = (result.seed, *result.other_seeds)
    about = ("question", "split_unit", "demonstration", "classifier", "level", "measure")
    return (*about, "mean", "sd", *(f"seed_{seed}" for seed in seeds))


def seed_rows(result: StudyResult) -> Iterator[dict[str, Any]]:
    """A row a question, split, classifier, level (slices or patients) and measure."""
    for run, spreads in _spreads(result):
        split = split_as_json(run.split_unit)
        for spread in spreads:
            yield {
                "question": run.question.value,
                "split_unit": split["split_unit"],
                "demonstration": split["demonstration"],
                "classifier": run.classifier,
                "level": spread.level,
                "measure": spread.measure,
                "mean": spread.mean,
                "sd": spread.sd,
                **{f"seed_{seed}": value for seed, value in spread.values.items()},
            }


def _spreads(result: StudyResult) -> Iterator[tuple[Run, tuple[SeedSpread, ...]]]:
    """Each run of the study, and what it and its like under the other seeds measured."""
    for place, run in enumerate(result.runs):
        by_seed = {result.seed: run.predictions}
        by_seed |= {seed: runs[place].predictions for seed, runs in result.other_seeds.items()}
        yield run, seed_spreads(by_seed, run.question, result.protocol.decision)
