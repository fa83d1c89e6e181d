"""The study: which questions can be asked, who is kept apart, and that results are repeatable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mslesion.cohort.people import Cohort, Diagnosis, Person, ScanFile
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper import claims
from mslesion.paper.classifiers import ABLATIONS, CLASSIFIERS
from mslesion.paper.protocol import OURS, Protocol, TrainingProtocol, rows
from mslesion.paper.questions import choose_questions, require_patient_names
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet, cut_cohort
from mslesion.paper.study import StudyRequest, run_study
from mslesion.read import read_cohort

QUICK = replace(Protocol(), training=TrainingProtocol(epochs=2))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, make_bids_cohort) -> Cohort:
    """Six people with MS and six controls, twelve slices each."""
    people = {f"{i:02d}": "MS" if i < 6 else "control" for i in range(12)}
    return read_cohort(make_bids_cohort(tmp_path_factory.mktemp("cohort"), people))


@pytest.fixture(scope="module")
def cut(cohort: Cohort) -> CutCohort:
    """The slices of the cohort."""
    return cut_cohort(cohort, QUICK.slices)


@pytest.fixture(scope="module")
def studied(cohort, cut, tmp_path_factory):
    """The whole study, and the folder it wrote to."""
    folder = tmp_path_factory.mktemp("study")
    return run_study(cohort, cut, StudyRequest(folds=2, protocol=QUICK), folder), folder


def test_each_question_is_asked_of_each_classifier_under_each_split(studied) -> None:
    """Two questions, two splits, three classifiers; the ablation once, for lesions by patient."""
    result, _ = studied
    asked = {(run.question, run.split_unit, run.classifier) for run in result.runs}
    expected = {(q, u, c) for q in Question for u in SplitUnit for c in CLASSIFIERS}
    expected |= {(Question.LESION, SplitUnit.PATIENT, c) for c in ABLATIONS}
    assert asked == expected


def test_no_slice_is_tested_whose_person_was_trained_on(studied) -> None:
    """Under the patient split nobody has slices in two parts; under the slice split some have."""
    result, _ = studied
    for run in result.runs:
        straddles = False
        for fold in range(2):
            of_fold = run.predictions.where(run.predictions.fold == fold)
            people = {part: set(of_fold.of(part).person_id) for part in Subset}
            straddles |= bool(people[Subset.TEST] & people[Subset.TRAINING])
            straddles |= bool(people[Subset.TEST] & people[Subset.VALIDATION])
        assert straddles == (run.split_unit is SplitUnit.SLICE)


def test_every_slice_is_tested_once_over_the_folds(studied, cut: CutCohort) -> None:
    """Two folds test everybody: as many test predictions as slices, each slice once."""
    result, _ = studied
    for run in result.runs:
        test = run.predictions.of(Subset.TEST)
        names = {f"{s}-{i}" for s, i in zip(test.scan_name, test.slice_index, strict=True)}
        assert len(test) == len(names) == len(cut.slices)


def test_both_questions_share_one_patient_split(studied) -> None:
    """The people tested under 'diagnosis' are those tested under 'lesion'."""
    result, _ = studied
    assert (
        result.splits[Question.DIAGNOSIS, SplitUnit.PATIENT].sha256
        == result.splits[Question.LESION, SplitUnit.PATIENT].sha256
    )


def test_models_of_the_patient_split_are_kept_and_name_nobody(studied) -> None:
    """Each model has its folder; no participant's name is in a model's description."""
    result, folder = studied
    described = list(folder.glob("models/*/model.json"))
    assert len(described) == 2 * (2 * len(CLASSIFIERS) + len(ABLATIONS))
    assert not [path for path in described if "sub-" in path.read_text()]
    assert not [path for path in folder.glob("models/*") if "slice-split" in path.name]
    assert result.layers[0].name == "input"


def test_results_do_not_depend_on_the_number_of_workers(cohort, cut, studied, tmp_path) -> None:
    """One process or two: the same probabilities to the bit."""
    result, _ = studied
    request = StudyRequest(
        questions=(Question.LESION,),
        split_units=(SplitUnit.PATIENT,),
        folds=2,
        with_ablations=False,
        protocol=QUICK,
    )
    parallel = run_study(cohort, cut, request, tmp_path, workers=2)
    for run in parallel.runs:
        (same,) = [r for r in result.runs if _key(r) == _key(run)]
        np.testing.assert_array_equal(same.predictions.probability, run.predictions.probability)


def _key(run) -> tuple[str, ...]:
    return run.question, run.split_unit, run.classifier


def test_an_earlier_study_leaves_no_model_behind(cohort, cut, tmp_path) -> None:
    """Two folds, then one, into one folder: only the models of the latter stay; notes stay, too."""
    request = StudyRequest(
        questions=(Question.LESION,),
        split_units=(SplitUnit.PATIENT,),
        with_ablations=False,
        protocol=QUICK,
    )
    stale = tmp_path / "models" / "lesion_patient-split_svm_fold-1"
    noted = tmp_path / "models" / "lesion_patient-split_cnn_fold-7"
    for folder in (stale, noted):
        folder.mkdir(parents=True)
        (folder / "model.json").write_text("{}")
    (noted / "note.txt").write_text("mine")
    run_study(cohort, cut, request, tmp_path)
    assert not stale.exists()
    assert [path.name for path in noted.iterdir()] == ["note.txt"]
    assert len(list(tmp_path.glob("models/*/model.json"))) == len(CLASSIFIERS)


def test_pixels_of_test_people_change_nothing_that_was_fitted(cohort, cut, tmp_path) -> None:
    """With noise in place of the test slices, training and validation answers stay the same."""
    request = StudyRequest(
        questions=(Question.LESION,),
        split_units=(SplitUnit.PATIENT,),
        with_ablations=False,
        protocol=QUICK,
    )
    clean = run_study(cohort, cut, request, tmp_path / "a")
    fold = clean.splits[Question.LESION, SplitUnit.PATIENT].folds[0]
    pixels = cut.slices.pixels.copy()
    tested = np.isin(cut.slices.person_id, fold.test)
    pixels[tested] = np.random.default_rng(0).normal(size=pixels[tested].shape)
    noisy_cut = replace(cut, slices=replace(cut.slices, pixels=pixels))
    noisy = run_study(cohort, noisy_cut, request, tmp_path / "b")
    for a, b in zip(clean.runs, noisy.runs, strict=True):
        for part in (Subset.TRAINING, Subset.VALIDATION):
            np.testing.assert_array_equal(
                a.predictions.of(part).probability, b.predictions.of(part).probability
            )


def _slices(is_ms: list[int], has_lesion: list[int]) -> SliceSet:
    count = len(is_ms)
    names = np.array([f"p{i}" for i in range(count)])
    zeros = np.zeros((count, 4, 4), np.float32)
    return SliceSet(
        zeros, zeros, names, names, np.zeros(count, np.int16), np.array(is_ms, np.int8),
        np.array(has_lesion, np.int8), np.zeros(count, np.float32),
    )  # fmt: skip


def test_a_cohort_of_patients_alone_is_asked_for_lesions_only(cohort: Cohort) -> None:
    """Without controls 'diagnosis' is left out with a note, and refused where asked by name."""
    slices = _slices([1, 1, 1], [1, 0, 1])
    questions, notes = choose_questions(cohort, slices, ())
    assert questions == [Question.LESION]
    assert notes == ["'diagnosis' was not asked: one class only, no slice is from controls."]
    with pytest.raises(CohortError, match=r"one class only.*give --label lesion"):
        choose_questions(cohort, slices, [Question.DIAGNOSIS])


def test_a_cohort_that_answers_nothing_is_refused(cohort: Cohort) -> None:
    """Neither diagnosis nor mask: both reasons are told."""
    slices = _slices([UNKNOWN] * 3, [UNKNOWN] * 3)
    with pytest.raises(CohortError, match=r"no person's diagnosis is known.*no scan has a lesion"):
        choose_questions(cohort, slices, ())


def test_slices_without_patient_names_are_not_split_by_patient() -> None:
    """The reason is told, and that the slice split is a demonstration."""
    person = Person("C-A-1", Diagnosis.CONTROL, (ScanFile("C-A-1", Path("C-A (1).png")),))
    nameless = Cohort("k", Path("k"), "Kaggle", (person,), has_patient_names=False)
    with pytest.raises(CohortError, match=r"does not say which slices belong to one patient.*"
                       r"--split slice' demonstrates the leakage"):  # fmt: skip
        require_patient_names(nameless, [SplitUnit.PATIENT, SplitUnit.SLICE])
    require_patient_names(nameless, [SplitUnit.SLICE])


def test_every_choice_has_a_source_or_a_reason() -> None:
    """Each row of the protocol names the paper's section, or says why we chose."""
    table = rows(Protocol())
    assert len(table) > 40
    for row in table:
        assert row.source.startswith("paper, ") or (row.source == OURS and row.reason)
    changed = {row.name: row for row in rows(QUICK)}
    assert changed["epochs"].reason.startswith("changed from 20 for this run")


def test_the_papers_counts_add_up_where_they_are_said_to() -> None:
    """769 + 253 + 258 slices are 1,280, and the CNN of section 4.3 is the one we compare with."""
    assert sum(claims.SLICE_COUNTS.values()) == 1280
    table = {c.classifier: c for c in claims.CLAIMS if c.section == claims.TABLE_SECTION}
    assert set(table) == set(CLASSIFIERS)
    assert (table["CNN"].accuracy, table["CNN"].sensitivity, table["CNN"].specificity) == (
        96, 95, 98,
    )  # fmt: skip
    impossible = next(c for c in claims.CLAIMS if "impossible" in c.remark)
    assert not impossible.specificity <= impossible.accuracy <= impossible.sensitivity
