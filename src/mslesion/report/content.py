"""What the report says, in which order: from a study and its measures to a document."""

from __future__ import annotations

from mslesion.evaluation.intervals import FEW_PEOPLE
from mslesion.evaluation.patients import patient_rule
from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.summary import DEMONSTRATION, warnings_for
from mslesion.paper.claims import TABLE_SECTION, TRAINING_MINUTES
from mslesion.paper.result import StudyResult
from mslesion.report import captions, tables
from mslesion.report.document import (
    Aside,
    Block,
    Callout,
    Document,
    Figure,
    Listing,
    Section,
    Text,
    Tile,
    Tiles,
)
from mslesion.report.drawings import (
    ComparisonDrawing,
    ConfusionDrawing,
    NetworkDrawing,
    SlicesDrawing,
    TrainingDrawing,
)
from mslesion.report.evaluation_blocks import evaluation_blocks
from mslesion.report.measures import QuestionMeasures, StudyMeasures, more_frequent_share
from mslesion.report.seeds import seed_section
from mslesion.report.wording import (
    PAPER_MEASURES,
    WORDS,
    difference_cell,
    finding,
    format_interval,
    format_value,
    paper_claim,
    printed_value,
)

SOURCE = (
    "Rajabzadeh, Hashemi Kamangar, Jalalzadeh: Detection of Multiple Sclerosis Lesions in MR "
    "Images Based on Convolutional Neural Networks. Future Research on AI and IoT 1(1), 2025, "
    "doi 10.22080/frai.2025.29274.1015"
)

_FILE_MARKS = {SplitUnit.PATIENT: "patient", SplitUnit.SLICE: "slice-demonstration"}
_DEMONSTRATION_TEXT = (
    f"{DEMONSTRATION}. In a slice split, neighbouring slices of one person stand in training and "
    "in test, so the classifier may recognise the person instead of the disease. Its figures say "
    "nothing of new people, and are shown to tell how much such a split flatters."
)

_MEASURES_EXPLAINED = (
    "Accuracy is the share of right answers, sensitivity the share of positives found, "
    "specificity the share of negatives left alone (the paper's equations 5, 3 and 4). Balanced "
    "accuracy is the mean of the last two: 50 % for guessing. AUC is how often a positive gets a "
    "higher probability than a negative: 0.50 for guessing."
)
_QUESTIONS_EXPLAINED = (
    "The two questions, 'diagnosis' and 'lesion', have different labels and are never mixed in "
    "one number."
)


def _title(result: StudyResult) -> str:
    is_honest = any(run.split_unit is SplitUnit.PATIENT for run in result.runs)
    tested = "tested on people it had not seen" if is_honest else "a demonstration of leakage"
    return f"A CNN for multiple sclerosis slices, {tested}"


def build_document(result: StudyResult, measures: StudyMeasures) -> Document:
    """The whole report as a value; nothing is drawn or written."""
    return Document(
        title=_title(result),
        subtitle=f"The study of {SOURCE}, run again on: {result.cohort.name}",
        lead=_lead(result, measures),
        sections=tuple(
            section
            for section in (
                Section("cohort", "The cohort", (tables.cohort_table(result.cohort),)),
                *(_question_section(result, asked) for asked in measures.questions),
                _example_section(result),
                _network_section(result),
                _pooling_section(measures),
                seed_section(result, measures),
                _paper_section(),
                _choice_section(result),
                _reading_section(result),
                _run_section(result),
            )
            if section.blocks
        ),
    )


def _lead(result: StudyResult, measures: StudyMeasures) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if result.cohort.is_simulated:
        blocks.append(
            Callout(
                "warning",
                "This cohort is simulated. The figures show that the study runs and what a split "
                "does to them; they say nothing of real patients.",
            )
        )
    for asked in measures.questions:
        blocks += [_tiles(asked), Text(finding(asked))]
    blocks += [Callout("note", note) for note in result.notes]
    blocks.append(
        Callout(
            "research",
            "Research use only. This is no medical device, and nothing here is a diagnosis.",
        )
    )
    return tuple(blocks)


def _tiles(asked: QuestionMeasures) -> Tiles:
    name = asked.main
    tiles = []
    claim = paper_claim(name)
    if claim is not None:
        tiles.append(
            Tile("paper", "the paper", printed_value(claim.accuracy), f"section {TABLE_SECTION}")
        )
    kinds = {
        SplitUnit.PATIENT: ("ours", "people never seen"),
        SplitUnit.SLICE: ("demonstration", f"slice split, {DEMONSTRATION}"),
    }
    for unit, (kind, label) in kinds.items():
        measured = asked.of(unit, name)
        if measured is None:
            continue
        accuracy = measured.test.accuracy
        interval = format_interval("accuracy", accuracy)
        tiles.append(
            Tile(
                "ours" if kind == "ours" else "demonstration",
                label,
                format_value("accuracy", accuracy.value),
                f"95 % interval {interval}" if accuracy.has_interval else interval,
            )
        )
    question = asked.question.value
    return Tiles(f"{question}: {WORDS[asked.question].title} Accuracy of the {name}", tuple(tiles))


def _question_section(result: StudyResult, asked: QuestionMeasures) -> Section:
    question = asked.question
    words = WORDS[question]
    blocks: list[Block] = [Text(words.explained)]
    blocks += [Callout("warning", text) for text in _people_warnings(asked)]
    if SplitUnit.SLICE in asked.by_split:
        blocks.append(Callout("demonstration", _DEMONSTRATION_TEXT))
    blocks.append(tables.comparison_table(asked))
    blocks += _patient_blocks(result, asked)
    blocks.append(_comparison_figure(asked))
    blocks += evaluation_blocks(asked, result.protocol.decision)
    for unit in asked.by_split:
        blocks += _split_blocks(asked, unit)
    return Section(question.value, f"{question.value}: {words.title}", tuple(blocks))


def _people_warnings(asked: QuestionMeasures) -> list[str]:
    honest = asked.by_split.get(SplitUnit.PATIENT, {})
    return warnings_for(min(m.patients.n_people for m in honest.values())) if honest else []


def _patient_blocks(result: StudyResult, asked: QuestionMeasures) -> list[Block]:
    unit = asked.split_to_believe
    rule = patient_rule(asked.question, result.protocol.decision)
    blocks: list[Block] = [tables.patient_table(asked, unit, rule)]
    measured = asked.of(unit, asked.main)
    if measured is not None:
        mark = f" ({DEMONSTRATION})" if unit is SplitUnit.SLICE else ""
        blocks.append(
            Aside(
                f"The {asked.main}'s verdict on each of {measured.patients.n_people} people{mark}",
                (tables.verdict_table(asked.question, measured),),
            )
        )
    return blocks


def _split_blocks(asked: QuestionMeasures, unit: SplitUnit) -> list[Block]:
    """The main classifier's matrices and training curve, and everybody's counts."""
    question, words = asked.question, WORDS[asked.question]
    is_demonstration = unit is SplitUnit.SLICE
    mark = f" ({DEMONSTRATION})" if is_demonstration else ""
    split = f"split by {unit.value}{mark}"
    measured = asked.of(unit, asked.main)
    blocks: list[Block] = []
    if measured is not None:
        name = f"figure-4-6-confusion-{question.value}-{_FILE_MARKS[unit]}"
        panels = tuple((part.value, m.confusion) for part, m in measured.slices.items())
        blocks.append(
            Figure(
                name,
                f"Figures 4 to 6. {asked.main}, {question.value}: confusion matrices, {split}",
                captions.confusion_alt(panels, words),
                captions.CONFUSION[unit],
                ConfusionDrawing(panels, words.positive, words.negative, is_demonstration),
                is_demonstration,
            )
        )
    blocks.append(
        Aside(f"The counts of every classifier, {split}", (tables.counts_table(asked, unit),))
    )
    fits = () if measured is None else tuple(fit for fit in measured.run.fits if fit.curve)
    if fits:
        blocks.append(
            Figure(
                f"figure-3-training-{question.value}-{_FILE_MARKS[unit]}",
                f"Figure 3. {asked.main}, {question.value}: training, {split}",
                captions.training_alt(fits),
                captions.TRAINING[unit],
                TrainingDrawing(fits, is_demonstration),
                is_demonstration,
            )
        )
    return blocks


def _comparison_figure(asked: QuestionMeasures) -> Figure:
    claims = {name: paper_claim(name) for name in asked.classifiers}
    tests = {
        unit: {
            name: {m: run.test.measure(m) for m in PAPER_MEASURES}
            for name in asked.classifiers
            if (run := asked.of(unit, name)) is not None
        }
        for unit in SplitUnit
    }
    runs = [run for measured in asked.by_split.values() for run in measured.values()]
    drawing = ComparisonDrawing(
        classifiers=asked.classifiers,
        paper={
            name: {m: getattr(claim, m) / 100 for m in PAPER_MEASURES}
            for name, claim in claims.items()
            if claim is not None
        },
        patient=tests[SplitUnit.PATIENT],
        slice_demonstration=tests[SplitUnit.SLICE],
        more_frequent=more_frequent_share(runs[0].test),
    )
    mark = f"; hatched: slice split, {DEMONSTRATION}" if SplitUnit.SLICE in asked.by_split else ""
    return Figure(
        f"figure-7-comparison-{asked.question.value}",
        f"Figure 7. {asked.question.value}: the classifiers compared on test slices{mark}",
        captions.comparison_alt(drawing),
        captions.COMPARISON,
        drawing,
    )


def _example_section(result: StudyResult) -> Section:
    blocks: tuple[Block, ...] = ()
    if result.examples:
        blocks = (
            Figure(
                "figure-2-slices",
                "Figure 2. Sample slices, as the classifiers see them",
                captions.slices_alt(result.examples),
                captions.SLICES,
                SlicesDrawing(result.examples),
            ),
        )
    return Section("slices", "Sample slices with lesions", blocks)


def _network_section(result: StudyResult) -> Section:
    blocks: tuple[Block, ...] = ()
    if result.layers:
        blocks = (
            Figure(
                "figure-1-network",
                "Figure 1. The network",
                captions.network_alt(result.layers),
                captions.NETWORK,
                NetworkDrawing(result.layers),
            ),
            tables.layer_table(result.layers),
        )
    return Section("network", "The network", blocks)


def _pooling_section(measures: StudyMeasures) -> Section:
    table = tables.pooling_table(measures)
    if table is None:
        return Section("pooling", "Average or max pooling", ())
    said = Text(
        "The paper pools by averages, 'leading to improved accuracy and sensitivity' (section "
        "3.2, item 4), and prints no figures for it. Here the same network was trained with "
        "maxima. " + " ".join(_pooling_verdict(asked) for asked in measures.questions)
    )
    return Section("pooling", "Average or max pooling", (said, table))


def _pooling_verdict(asked: QuestionMeasures) -> str:
    if asked.max_pooling is None:
        return ""
    points = asked.max_pooling.measures["accuracy"]
    if not points.has_interval:
        return f"Under '{asked.question.value}', no interval can be given for the difference."
    cell = difference_cell("accuracy", points)
    shown = f"{cell.text} points of accuracy (95 % interval {cell.detail})"
    verdict = (
        "max pooling did better"
        if points.low > 0
        else "average pooling did better, as the paper says"
        if points.high < 0
        else "the two cannot be told apart"
    )
    return f"Under '{asked.question.value}', {verdict}: {shown}, max minus average."


def _paper_section() -> Section:
    return Section(
        "paper",
        "What else the paper says",
        (
            Text(
                f"The paper prints several sets of results that exclude each other. Section "
                f"{TABLE_SECTION} agrees with section 4.2 and, but for its SVM, with whole numbers "
                "of slices, and is the one held against ours; here are all of them."
            ),
            tables.claims_table(),
            tables.contradiction_table(),
        ),
    )


def _choice_section(result: StudyResult) -> Section:
    return Section(
        "choices",
        "Every choice made",
        (
            Text(
                "Where the paper states a value, it is used and its section named. Where the "
                "paper is silent, we chose; these rows are marked."
            ),
            tables.choice_table(result.protocol),
        ),
    )


def _reading_section(result: StudyResult) -> Section:
    folds = max((len(split.folds) for split in result.splits.values()), default=1)
    pooled = (
        f"There were {folds} folds. Test slices of all folds are pooled: each person (in the "
        "slice split: each slice) was tested once, by a classifier that had not seen them. "
        "Training and validation count a slice once for each fold that used it there."
        if folds > 1
        else "There was one division into training, validation and test."
    )
    draws = f"{result.protocol.decision.bootstrap_draws:,}"
    intervals = (
        "Intervals are 95 %. Slices of one person resemble each other, so people are drawn at "
        f"random with all their slices, {draws} times; the limits are those of the middle 95 % of "
        "the values, moved by the bias-corrected and accelerated method (BCa). With fewer than "
        f"{FEW_PEOPLE} people such intervals are too narrow; a warning says so."
    )
    said = (_MEASURES_EXPLAINED, intervals, pooled, *_nested(result), _QUESTIONS_EXPLAINED)
    return Section("reading", "How to read the numbers", (Listing(said),))


def _nested(result: StudyResult) -> list[str]:
    inner_folds = result.protocol.decision.inner_folds
    if inner_folds == 1:
        return []
    return [
        (
            f"Settings and epoch were chosen in nested cross-validation, by {inner_folds} inner "
            "folds of those who are not tested. So all of these count as training, and once more "
            "as validation, with the answers of the inner classifiers that had not seen them; the "
            "training curve is the mean over the inner folds."
        )
    ]


def _run_section(result: StudyResult) -> Section:
    blocks: list[Block] = []
    blocks.append(
        Aside(f"Scans set aside: {len(result.set_aside)}", (Listing(result.set_aside),))
        if result.set_aside
        else Text("No scan was set aside.")
    )
    for title, lines in (
        ("What is in doubt about scans", result.doubts),
        ("What was mended in scans", result.mended),
    ):
        if lines:
            blocks.append(Aside(f"{title}: {len(lines)}", (Listing(lines),)))
    blocks.append(tables.provenance_table(result))
    blocks.append(
        Text(
            f"How long each fit took stands in timings.json; the paper's training of its CNN took "
            f"{TRAINING_MINUTES} minutes (section 4.1)."
        )
    )
    return Section("run", "This run", tuple(blocks))
