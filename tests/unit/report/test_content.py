"""What the report says, checked before anything is drawn."""

import dataclasses
import re

import pytest
from made_up_study import make_study
from reading import Page

from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.paper.claims import CLAIMS, CONTRADICTIONS
from mslesion.paper.protocol import Protocol, rows
from mslesion.report.content import build_document
from mslesion.report.document import Callout, Tiles
from mslesion.report.measures import measure_study
from mslesion.report.page import render
from mslesion.report.wording import finding, format_signed

SMALL = {"people": 18, "slices_each": 5, "folds": 1, "draws": 100}


def written(study):
    """The document of a study and its page, with empty pictures."""
    document = build_document(study, measure_study(study))
    return document, Page(render(document, {figure.name: b"" for figure in document.figures}))


@pytest.fixture(scope="module")
def small():
    """A small study with everything in it, and its document and page."""
    study = make_study(**SMALL)
    return study, *written(study)


def test_the_finding_tells_what_was_found_and_what_is_leakage():
    """Accuracy with its interval, the paper's figure, and the gap to the slice split."""
    measures = measure_study(make_study(folds=3, slices_each=8, draws=300))
    asked = measures.questions[0]
    said = finding(asked).replace("\u00a0", " ")
    accuracy = asked.by_split[SplitUnit.PATIENT]["CNN"].test.accuracy
    assert f"an accuracy of {100 * accuracy.value:.1f} %" in said
    assert f"(95 % interval {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f})" in said
    assert "The paper reports 96 %" in said
    gap = 100 * asked.gaps["CNN"].measures["accuracy"].value
    assert f"that gap of {gap:.1f} points" in said
    assert said.count("is leakage, not skill") == 1


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        ("accuracy", 0.2204, "+22.0"),
        ("accuracy", -0.0311, "\u22123.1"),
        ("auc", 0.117, "+0.12"),
        ("accuracy", -0.0001, "0.0"),
        ("auc", 0.001, "0.00"),
    ],
)
def test_differences_carry_their_sign_unless_they_round_to_nothing(measure, value, expected):
    """Points with a plus or a real minus; what rounds to zero has neither."""
    assert format_signed(measure, value) == expected


def test_without_a_gap_nothing_is_called_leakage():
    """A slice split that shows no more than the patient split is not blamed."""
    study = make_study(**SMALL)
    honest = [run for run in study.runs if run.split_unit is SplitUnit.PATIENT]
    copies = [dataclasses.replace(run, split_unit=SplitUnit.SLICE) for run in honest]
    same = dataclasses.replace(study, runs=(*honest, *copies))
    said = finding(measure_study(same).questions[0])
    assert "no leakage can be shown" in said
    assert "not skill" not in said


def test_a_simulated_cohort_is_called_simulated_before_any_number(small):
    """The first thing below the title is the warning; research use is said too."""
    study, document, page = small
    assert isinstance(document.lead[0], Callout)
    assert "simulated" in document.lead[0].text
    assert "Research use only" in page.text
    real = dataclasses.replace(study, cohort=dataclasses.replace(study.cohort, is_simulated=False))
    assert isinstance(build_document(real, measure_study(real)).lead[0], Tiles)


def test_every_choice_is_printed_and_ours_are_marked(small):
    """Every row of the protocol; those on which the paper is silent are called our choice."""
    _, _, page = small
    table = [row for row in page.table("Every choice").rows[1:] if len(row) == 4]
    protocol = rows(Protocol())
    assert len(table) == len(protocol)
    for row, choice in zip(table, protocol, strict=True):
        assert row[0][0] == choice.name.replace("_", " ")
        assert (row[2][0] == "our choice") == choice.is_ours


def test_every_claim_and_contradiction_of_the_paper_is_printed(small):
    """The paper's other figures stand in the report as they stand in the paper."""
    _, _, page = small
    assert len(page.table("in every place").rows) == len(CLAIMS) + 1
    assert len(page.table("do not agree").rows) == len(CONTRADICTIONS) + 1


def test_parameters_add_up(small):
    """The last row of the network's table is the sum of the others."""
    _, _, page = small
    counts = [int(row[-1][0].replace(",", "")) for row in page.table("Layers").rows[1:]]
    assert sum(counts[:-1]) == counts[-1] == 137154


def test_max_pooling_stands_in_its_own_table_alone(small):
    """It is compared with average pooling, and not with the paper's classifiers."""
    _, _, page = small
    assert page.table("Test slices of the patient split").after("Is this person's label MS?")
    assert [["CNN, max pooling"]] not in page.table("beside ours: diagnosis").rows


def test_every_tested_person_has_a_verdict(small):
    """One row a person; wrong verdicts are named wrong."""
    study, _, page = small
    table = page.table("every tested person").rows[1:]
    tested = study.splits[Question.DIAGNOSIS, SplitUnit.PATIENT].folds[0].test
    assert [row[0][0] for row in table] == sorted(tested)
    assert all((row[1] == row[2]) == (row[5][0] == "right") for row in table)


def test_names_from_users_cannot_break_the_page():
    """Tags in the names of people, cohorts and files are shown as text, not obeyed."""
    hostile = '<script>alert("x")</script>&amp;\'"'
    study = make_study(**SMALL, name=hostile)
    study = dataclasses.replace(
        study,
        set_aside=(hostile,),
        doubts=(hostile,),
        mended=(hostile,),
        notes=(hostile,),
        provenance={hostile: hostile},
        examples=(dataclasses.replace(study.examples[0], caption=hostile),),
        runs=tuple(
            dataclasses.replace(
                run,
                predictions=dataclasses.replace(
                    run.predictions, person_id=run.predictions.person_id.astype("U60")
                ),
            )
            for run in study.runs
        ),
    )
    for run in study.runs:
        run.predictions.person_id[run.predictions.person_id == "sub-01"] = hostile
    _, page = written(study)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count('<script>alert("x")</script>&amp;') >= 6
    assert "onerror" not in {name for _, values in page.tags for name in values}


@pytest.mark.parametrize("question", list(Question))
@pytest.mark.parametrize("splits", [[SplitUnit.PATIENT], [SplitUnit.SLICE]])
def test_one_question_under_one_split_makes_a_report(question, splits):
    """There is no gap then, and no other question; a lone slice split is no finding."""
    document, page = written(make_study(**SMALL, questions=[question], splits=splits))
    anchors = {section.anchor for section in document.sections}
    assert anchors & {q.value for q in Question} == {question.value}
    heading = [cell[0] for cell in page.table("beside ours").rows[0]]
    assert "gap" not in heading
    if splits == [SplitUnit.SLICE]:
        assert "Only the slice split was run" in page.text
        assert "pooling" not in anchors
        assert all(figure.is_demonstration for figure in document.figures if "-3-" in figure.name)
        assert "DEMONSTRATION" in page.table("Verdicts by person").caption
    else:
        assert "DEMONSTRATION" not in page.text


def test_what_is_undefined_is_explained_and_never_nan():
    """With MS in everybody, specificity of people is n/a, and the report says why."""
    _, page = written(
        make_study(**{**SMALL, "slices_each": 15}, all_ms=True, questions=[Question.LESION])
    )
    row = page.table("Verdicts by person").rows[1]
    assert row[4] == ["n/a"]
    assert "there were no people without a lesion in any slice in the test" in page.text
    assert not re.search(r"\bnan\b", page.text, re.IGNORECASE)


def test_a_study_without_a_cnn_speaks_of_what_it_has():
    """With one baseline alone, the finding and the figures are the baseline's."""
    document, page = written(make_study(**SMALL, classifiers=["SVM"]))
    assert "the SVM told slices" in page.text
    assert not [figure for figure in document.figures if "training" in figure.name]
    assert "pooling" not in {section.anchor for section in document.sections}


def test_several_folds_are_said_to_be_pooled(small):
    """The reader learns how often a slice stands in the counts."""
    _, _, one = small
    assert "one division into training" in one.text
    _, page = written(make_study(**{**SMALL, "folds": 3}))
    assert "There were 3 folds. Test slices of all folds are pooled" in page.text
