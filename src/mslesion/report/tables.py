"""The report's tables, each built from measures or from the study by a function of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mslesion.evaluation.metrics import Confusion
from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.evaluation.summary import DEMONSTRATION
from mslesion.paper.claims import CLAIMS, CONTRADICTIONS, TABLE_SECTION
from mslesion.paper.protocol import Protocol, rows
from mslesion.paper.result import CohortSummary, Layer, StudyResult
from mslesion.report.document import Cell, Column, Row, RowGroup, Table
from mslesion.report.measures import (
    CNN,
    CNN_MAX_POOLING,
    QuestionMeasures,
    RunMeasures,
    StudyMeasures,
)
from mslesion.report.wording import (
    MEASURE_NAMES,
    NOTHING,
    PAPER_MEASURES,
    TABLE_MEASURES,
    UNDEFINED,
    WORDS,
    difference_cell,
    estimate_cell,
    format_value,
    paper_claim,
    printed_value,
    reason_undefined,
)

NO_INTERVAL = (
    "No interval: resampling the tested people gave one value only (one person, or not one error "
    "in any), or left the measure undefined too often."
)


def _row(*texts: str, is_marked: bool = False) -> Row:
    return Row(tuple(Cell(text) for text in texts), is_marked)


def comparison_table(asked: QuestionMeasures) -> Table:
    """The paper's table of section 4.3 beside ours, under both splits, and the gap."""
    both = set(SplitUnit) <= asked.by_split.keys()
    columns = [
        Column("measure"),
        Column("paper", f"section {TABLE_SECTION}", is_number=True),
    ]
    if SplitUnit.PATIENT in asked.by_split:
        columns.append(Column("ours, patient split", "95 % interval", is_number=True))
    if SplitUnit.SLICE in asked.by_split:
        columns.append(Column("slice split", DEMONSTRATION, is_number=True, is_demonstration=True))
    if both:
        columns.append(Column("gap", "slice minus patient split", is_number=True))
    groups = tuple(
        RowGroup(name, tuple(_comparison_row(asked, name, measure) for measure in TABLE_MEASURES))
        for name in asked.classifiers
    )
    return Table(
        f"The paper's table {TABLE_SECTION} beside ours: {asked.question.value}, test slices",
        tuple(columns),
        groups,
        _comparison_notes(asked),
    )


def _comparison_row(asked: QuestionMeasures, classifier: str, measure: str) -> Row:
    claim = paper_claim(classifier)
    printed = getattr(claim, measure) if claim is not None and measure in PAPER_MEASURES else None
    cells = [
        Cell(MEASURE_NAMES[measure]),
        Cell(printed_value(printed)),
    ]
    for unit in asked.by_split:
        measures = asked.of(unit, classifier)
        cells.append(
            Cell(NOTHING)
            if measures is None
            else estimate_cell(measure, measures.test.measure(measure))
        )
    if set(SplitUnit) <= asked.by_split.keys():
        gap = asked.gaps.get(classifier)
        cells.append(
            Cell(NOTHING) if gap is None else difference_cell(measure, gap.measures[measure])
        )
    return Row(tuple(cells))


def _comparison_notes(asked: QuestionMeasures) -> tuple[str, ...]:
    words = WORDS[asked.question]
    notes = [
        (
            "The paper does not say which question or which split its figures are for; they stand "
            "beside each of ours."
        )
    ]
    for unit, measured in asked.by_split.items():
        test = next(iter(measured.values())).test
        kind = "patient split" if unit is SplitUnit.PATIENT else f"slice split ({DEMONSTRATION})"
        notes.append(
            f"Tested in the {kind}: {test.n_slices:,} slices of {test.n_people} people, "
            f"{test.confusion.positives:,} {words.positive_slices} and "
            f"{test.confusion.negatives:,} {words.negative_slices}."
        )
        notes += _undefined_notes(
            [test.confusion], words.positive_slices, words.negative_slices, TABLE_MEASURES
        )
    if asked.gaps:
        paired = all(gap.is_paired for gap in asked.gaps.values())
        notes.append(
            "Gaps in points (AUC: in its own unit). "
            + (
                "The same people were tested under both splits, and each resample takes the same "
                "people for both."
                if paired
                else "The two splits tested different sets of people, so each was resampled by "
                "itself, which widens the interval."
            )
        )
    tests = [measures.test for runs in asked.by_split.values() for measures in runs.values()]
    if any(t.measure(m).is_defined and not t.measure(m).has_interval
           for t in tests for m in TABLE_MEASURES):  # fmt: skip
        notes.append(NO_INTERVAL)
    return tuple(dict.fromkeys(notes))


def _undefined_notes(
    found: Iterable[Confusion], positives: str, negatives: str, measures: Iterable[str]
) -> list[str]:
    reasons = [
        reason_undefined(matrix, measure, positives, negatives)
        for matrix in found
        for measure in measures
    ]
    return [f"{reason}." for reason in dict.fromkeys(reasons) if reason]


def patient_table(asked: QuestionMeasures, unit: SplitUnit, rule: str) -> Table:
    """One verdict a person: how many were right, for every classifier."""
    words = WORDS[asked.question]
    measured = {name: asked.by_split[unit][name] for name in asked.classifiers
                if name in asked.by_split[unit]}  # fmt: skip
    columns = (
        Column("classifier"),
        Column("right", "of people tested", is_number=True),
        *(Column(MEASURE_NAMES[name], "95 % interval", is_number=True) for name in TABLE_MEASURES),
    )
    table_rows = tuple(
        Row(
            (
                Cell(name),
                Cell(
                    f"{run.patients.confusion.tp + run.patients.confusion.tn} of "
                    f"{run.patients.n_people}"
                ),
                *(
                    estimate_cell(measure, run.patients.measure(measure))
                    for measure in TABLE_MEASURES
                ),
            )
        )
        for name, run in measured.items()
    )
    first = next(iter(measured.values())).patients
    notes = [
        (
            f"Each person's score: the {'mean' if rule == 'mean probability' else 'highest'} "
            f"probability of the person's slices (rule '{rule}'). Tested: "
            f"{first.confusion.positives} {words.positive_people}, "
            f"{first.confusion.negatives} {words.negative_people}."
        ),
        (
            "Intervals of accuracy, sensitivity and specificity: Wilson. Of balanced accuracy and "
            "AUC: people resampled."
        ),
        *_undefined_notes(
            [first.confusion], words.positive_people, words.negative_people, TABLE_MEASURES
        ),
    ]
    if any(r.patients.measure(m).is_defined and not r.patients.measure(m).has_interval
           for r in measured.values() for m in TABLE_MEASURES):  # fmt: skip
        notes.append(NO_INTERVAL)
    return Table(
        "Verdicts by person", columns, (RowGroup("", table_rows),), tuple(notes),
        is_demonstration=unit is SplitUnit.SLICE,
    )  # fmt: skip


def verdict_table(question: Question, measures: RunMeasures) -> Table:
    """Every tested person with score and verdict; the wrong ones are marked."""
    words = WORDS[question]
    said = {True: words.person_positive, False: words.person_negative}
    verdicts = measures.verdicts
    listed = zip(
        verdicts.person_id.tolist(),
        verdicts.label.astype(bool).tolist(),
        verdicts.score.tolist(),
        verdicts.verdict.tolist(),
        verdicts.slice_count.tolist(),
        strict=True,
    )
    return Table(
        f"{measures.run.classifier}: every tested person; wrong verdicts are marked",
        (
            Column("person"), Column("truth"), Column("verdict"),
            Column("score", f"threshold {verdicts.threshold:g}", is_number=True),
            Column("slices", is_number=True), Column(""),
        ),
        (
            RowGroup(
                "",
                tuple(
                    _row(
                        person, said[label], said[verdict], f"{score:.3f}", str(count),
                        "right" if label == verdict else "wrong",
                        is_marked=label != verdict,
                    )
                    for person, label, score, verdict, count in listed
                ),
            ),
        ),
        is_demonstration=measures.run.split_unit is SplitUnit.SLICE,
    )  # fmt: skip


def counts_table(asked: QuestionMeasures, unit: SplitUnit) -> Table:
    """The confusion matrix of every classifier in training, validation and test, as numbers."""
    words = WORDS[asked.question]
    columns = (
        Column("part of the data"),
        Column("TP", f"{words.positive}, found", is_number=True),
        Column("FN", f"{words.positive}, missed", is_number=True),
        Column("TN", f"{words.negative}, left alone", is_number=True),
        Column("FP", f"{words.negative}, false alarm", is_number=True),
        *(Column(MEASURE_NAMES[name], is_number=True) for name in PAPER_MEASURES),
    )
    groups = tuple(
        RowGroup(
            name,
            tuple(
                _row(
                    part.value,
                    *(f"{n:,}" for n in (m.confusion.tp, m.confusion.fn, m.confusion.tn,
                                       m.confusion.fp)),
                    *(format_value(name, m.measure(name).value) for name in PAPER_MEASURES),
                )
                for part, m in measures.slices.items()
            ),
        )
        for name, measures in asked.by_split[unit].items()
    )  # fmt: skip
    found = [m.confusion for run in asked.by_split[unit].values() for m in run.slices.values()]
    return Table(
        "Slices of every classifier", columns, groups,
        tuple(
            note.replace("in the test", "in that part of the data")
            for note in _undefined_notes(
                found, words.positive_slices, words.negative_slices, PAPER_MEASURES
            )
        ),
        is_demonstration=unit is SplitUnit.SLICE,
    )  # fmt: skip


def pooling_table(study: StudyMeasures) -> Table | None:
    """Maxima against averages in the network's pooling; None where they were not both run."""
    groups = []
    for asked in study.questions:
        average = asked.of(SplitUnit.PATIENT, CNN)
        maximum = asked.of(SplitUnit.PATIENT, CNN_MAX_POOLING)
        if average is None or maximum is None or asked.max_pooling is None:
            continue
        groups.append(
            RowGroup(
                WORDS[asked.question].title,
                tuple(
                    Row(
                        (
                            Cell(MEASURE_NAMES[name]),
                            estimate_cell(name, average.test.measure(name)),
                            estimate_cell(name, maximum.test.measure(name)),
                            difference_cell(name, asked.max_pooling.measures[name]),
                        )
                    )
                    for name in TABLE_MEASURES
                ),
            )
        )
    if not groups:
        return None
    return Table(
        "Test slices of the patient split",
        (
            Column("measure"),
            Column("average pooling", "the paper's", is_number=True),
            Column("max pooling", "95 % interval", is_number=True),
            Column("max minus average", "95 % interval, same people", is_number=True),
        ),
        tuple(groups),
    )


def cohort_table(cohort: CohortSummary) -> Table:
    """Who and what was studied, in numbers."""
    facts = [
        ("cohort", f"{cohort.name}, {'simulated' if cohort.is_simulated else 'from scans'}"),
        ("layout of the files", cohort.layout),
        *((f"people, {kind}", f"{n:,}") for kind, n in cohort.people_by_diagnosis.items()),
        ("scans", f"{cohort.scan_count:,}"),
        ("slices used", f"{cohort.slice_count:,}"),
        ("slices left out by the tissue rule", f"{cohort.slices_left_out:,}"),
    ]
    for question in Question:
        counted = cohort.slices_by_label.get(question.value)
        words = WORDS[question]
        yes, no = words.positive_slices, words.negative_slices
        facts += (
            [(yes, f"{counted.get('yes', 0):,}"), (no, f"{counted.get('no', 0):,}")]
            if counted is not None
            else [(f"{yes}, {no}", "not known in this cohort")]
        )
    return _facts("Who and what was studied", facts, ("what", "how many"))


def layer_table(layers: tuple[Layer, ...]) -> Table:
    """The network layer by layer, with its parameter counts."""
    total = sum(layer.parameter_count for layer in layers)
    listed = [
        _row(layer.name, " \N{MULTIPLICATION SIGN} ".join(map(str, layer.output_shape)),
             f"{layer.parameter_count:,}")
        for layer in layers
    ]  # fmt: skip
    return Table(
        "Layers and trainable parameters",
        (
            Column("layer"),
            Column("output", "channels \N{MULTIPLICATION SIGN} rows \N{MULTIPLICATION SIGN} "
                   "columns", is_number=True),
            Column("parameters", is_number=True),
        ),
        (RowGroup("", (*listed, _row("all", "", f"{total:,}", is_marked=True))),),
    )  # fmt: skip


def claims_table() -> Table:
    """Every set of figures that the paper prints for its classifiers."""
    return Table(
        "The paper's figures, in percent, in every place that prints them",
        (
            Column("classifier"), Column("section"),
            *(Column(MEASURE_NAMES[name], is_number=True) for name in PAPER_MEASURES),
            Column("remark"),
        ),
        (
            RowGroup(
                "",
                tuple(
                    _row(
                        claim.classifier,
                        claim.section,
                        *(
                            NOTHING if value is None else f"{value:g}"
                            for value in (claim.accuracy, claim.sensitivity, claim.specificity)
                        ),
                        claim.remark,
                        is_marked=claim.section == TABLE_SECTION,
                    )
                    for claim in CLAIMS
                ),
            ),
        ),
        ("Marked: the set held against ours; its CNN and tree agree with whole-number counts.",),
    )  # fmt: skip


def contradiction_table() -> Table:
    """Where the paper says different things in different places."""
    return Table(
        "Statements that do not agree",
        (Column("matter"), Column("what the paper says")),
        (RowGroup("", tuple(_row(c.matter, "; ".join(c.statements)) for c in CONTRADICTIONS)),),
    )


def choice_table(protocol: Protocol) -> Table:
    """Every choice of the protocol; those the paper leaves open are marked."""
    parts: dict[str, list[Row]] = {}
    for choice in rows(protocol):
        parts.setdefault(choice.part, []).append(
            _row(
                choice.name.replace("_", " "),
                choice.value,
                "our choice" if choice.is_ours else choice.source,
                choice.reason,
                is_marked=choice.is_ours,
            )
        )
    ours = sum(choice.is_ours for choice in rows(protocol))
    return Table(
        "Every choice",
        (Column("choice"), Column("value"), Column("source"), Column("remark or reason")),
        tuple(RowGroup(part, tuple(listed)) for part, listed in parts.items()),
        (f"Marked: the {ours} choices on which the paper is silent, with our reason.",),
    )


def provenance_table(result: StudyResult) -> Table:
    """What another run needs in order to be the same."""
    facts = [("seed", str(result.seed)), ("protocol SHA-256", result.protocol.sha256)]
    for (question, unit), split in result.splits.items():
        mark = f", {DEMONSTRATION}" if unit is SplitUnit.SLICE else ""
        facts.append((f"split SHA-256 ({question.value}, by {unit.value}{mark})", split.sha256))
    others = {k: v for k, v in result.provenance.items() if k != "protocol_sha256"}
    facts += _flat_facts(others)
    return _facts("What another run needs to be the same", facts, ("what", "value"))


def _flat_facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            facts += _flat_facts(value, f"{prefix}{name} ")
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
            facts.append((f"{prefix}{name}".replace("_", " "), text))
    return facts


def _facts(caption: str, facts: list[tuple[str, str]], titles: tuple[str, str]) -> Table:
    return Table(
        caption,
        tuple(Column(title) for title in titles),
        (RowGroup("", tuple(_row(name, value or UNDEFINED) for name, value in facts)),),
    )
