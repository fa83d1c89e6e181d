"""Nested cross-validation: inner folds of people choose settings and epoch, never the tested."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_images import two_kinds

from mslesion.cohort.people import Cohort
from mslesion.cohort.split import FrozenSplit
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.choosing import FitRequest, Round
from mslesion.paper.classifiers import CLASSIFIERS, CNNClassifier, fit_tree
from mslesion.paper.protocol import BaselineProtocol, DecisionProtocol, Protocol, TrainingProtocol
from mslesion.paper.slices import CutCohort, cut_cohort
from mslesion.paper.study import StudyRequest, look_at_study, run_study
from mslesion.paper.training import LabelledImages
from mslesion.read import read_cohort

NESTED = replace(
    Protocol(),
    training=TrainingProtocol(epochs=2),
    baselines=BaselineProtocol(
        tree_depths=(2, 4), tree_leaf_sizes=(1,), svm_costs=(1.0,), svm_gammas=(1.0, 0.3)
    ),
    decision=DecisionProtocol(inner_folds=2),
)
REQUEST = StudyRequest(
    questions=(Question.LESION,),
    split_units=(SplitUnit.PATIENT,),
    with_ablations=False,
    protocol=NESTED,
    seeds=2,
)


def halves(images: LabelledImages) -> tuple[Round, Round]:
    """Two rounds in which each half is fitted on once and chooses once."""
    first = LabelledImages(images.pixels[:20], images.labels[:20])
    second = LabelledImages(images.pixels[20:], images.labels[20:])
    return Round(first, second), Round(second, first)


@pytest.fixture(scope="module")
def request_of_rounds(quick_protocol: Protocol) -> FitRequest:
    """Forty images, hard to tell apart, in two inner rounds."""
    images = two_kinds(40, seed=3)
    noise = np.random.default_rng(1).normal(scale=3, size=images.pixels.shape)
    hard = LabelledImages((images.pixels + noise).astype(np.float32), images.labels)
    return FitRequest(hard, None, quick_protocol, seed=0, inner=halves(hard))


def test_a_tree_is_chosen_by_the_mean_over_inner_rounds(request_of_rounds: FitRequest) -> None:
    """The settings whose two balanced accuracies have the highest mean, fitted on all images."""
    chosen = fit_tree(request_of_rounds)
    scores = {}
    for depth in request_of_rounds.protocol.baselines.tree_depths:
        alone = BaselineProtocol(tree_depths=(depth,), tree_leaf_sizes=(1,))
        of_rounds = [
            fit_tree(
                replace(
                    request_of_rounds,
                    training=training,
                    validation=validation,
                    inner=(),
                    protocol=replace(request_of_rounds.protocol, baselines=alone),
                )
            ).settings["validation_balanced_accuracy"]
            for training, validation in request_of_rounds.inner
        ]
        scores[depth] = np.mean(of_rounds)
    assert chosen.settings["max_depth"] == max(scores, key=scores.__getitem__)
    assert chosen.settings["validation_balanced_accuracy"] == pytest.approx(max(scores.values()))
    # A tree of all images, deep enough, makes fewer mistakes on them than one of half of them.
    right = (chosen.probability(request_of_rounds.training.pixels) > 0.5) == (
        request_of_rounds.training.labels == 1
    )
    assert right.mean() > 0.8
    assert [len(held_out) for held_out in chosen.held_out] == [20, 20]


def test_the_network_is_trained_as_long_as_was_best_in_the_mean_of_inner_rounds(
    request_of_rounds: FitRequest,
) -> None:
    """The epoch of the lowest mean loss of the inner trainings; then that many on all images."""
    protocol = request_of_rounds.protocol
    curves = []
    for training, validation in request_of_rounds.inner:
        inner = CNNClassifier(training=protocol.training).fit(
            training.pixels, training.labels, validation=(validation.pixels, validation.labels)
        )
        curves.append([epoch.validation_loss for epoch in inner.curve_])
    epoch = int(np.argmin(np.mean(curves, axis=0))) + 1
    fitted = CLASSIFIERS["CNN"](request_of_rounds)
    assert fitted.kept_epoch == fitted.settings["epoch"] == epoch
    images = request_of_rounds.training
    final = CNNClassifier(training=replace(protocol.training, epochs=epoch))
    final.fit(images.pixels, images.labels)
    unseen = two_kinds(10, seed=9).pixels
    np.testing.assert_array_equal(fitted.probability(unseen), final.predict_proba(unseen)[:, 1])


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, make_bids_cohort) -> Cohort:
    """Eight people with MS and eight controls, twelve slices each."""
    people = {f"{i:02d}": "MS" if i < 8 else "control" for i in range(16)}
    return read_cohort(make_bids_cohort(tmp_path_factory.mktemp("cohort"), people))


@pytest.fixture(scope="module")
def cut(cohort: Cohort) -> CutCohort:
    """The slices of the cohort."""
    return cut_cohort(cohort, NESTED.slices)


@pytest.fixture(scope="module")
def studied(cohort, cut, tmp_path_factory):
    """A nested study with two seeds, and the folder it wrote to."""
    folder = tmp_path_factory.mktemp("nested")
    return run_study(cohort, cut, REQUEST, folder), folder


def test_nothing_of_test_people_reaches_a_choice_or_a_weight(
    cohort, cut, studied, tmp_path: Path
) -> None:
    """With noise in place of the test people's voxels, settings and models stay to the byte."""
    clean, folder = studied
    (fold,) = clean.splits[Question.LESION, SplitUnit.PATIENT].folds
    pixels = cut.slices.pixels.copy()
    tested = np.isin(cut.slices.person_id, fold.test)
    pixels[tested] = np.random.default_rng(0).normal(size=pixels[tested].shape)
    noisy_cut = replace(cut, slices=replace(cut.slices, pixels=pixels))
    noisy = run_study(cohort, noisy_cut, replace(REQUEST, seeds=1), tmp_path)
    for a, b in zip(clean.runs, noisy.runs, strict=True):
        assert a.fits[0].settings == b.fits[0].settings
        assert a.fits[0].curve == b.fits[0].curve
        assert a.fits[0].model_sha256 == b.fits[0].model_sha256
    written = sorted(p.relative_to(folder) for p in folder.glob("models/*/*"))
    assert len(written) == 2 * len(CLASSIFIERS)
    for name in written:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_inner_folds_divide_people_who_are_not_tested(studied) -> None:
    """Everybody not tested chooses once, beside nobody of the tested; slices stay together."""
    result, _ = studied
    (fold,) = result.splits[Question.LESION, SplitUnit.PATIENT].folds
    (inner,) = result.inner_splits[Question.LESION, SplitUnit.PATIENT]
    chose = [name for part in inner.folds for name in part.test]
    assert sorted(chose) == sorted([*fold.training, *fold.validation])
    for run in result.runs:
        held_out = run.predictions.of(Subset.VALIDATION)
        trained = run.predictions.of(Subset.TRAINING)
        assert set(held_out.person_id) == set(trained.person_id) == set(chose)
        assert len(held_out) == len(trained)
        assert set(run.predictions.of(Subset.TEST).person_id) == set(fold.test)


def test_other_seeds_change_the_fit_and_not_the_split(studied) -> None:
    """The network answers otherwise under another seed, of the same slices; the SVM does not."""
    result, folder = studied
    assert list(result.other_seeds) == [1]
    for run, again in zip(result.runs, result.other_seeds[1], strict=True):
        assert (run.name, run.predictions.of(Subset.TEST).scan_name.tolist()) == (
            again.name, again.predictions.of(Subset.TEST).scan_name.tolist(),
        )  # fmt: skip
        is_same = np.array_equal(run.predictions.probability, again.predictions.probability)
        if run.classifier != "decision tree":
            assert is_same == (run.classifier == "SVM")
    assert not list(folder.glob("models/*repeat*"))
    look = look_at_study(result, REQUEST)
    assert len(look.measures) == 2 * len(CLASSIFIERS)
    assert len(look.models_sha256) == len(CLASSIFIERS)


def test_a_frozen_split_takes_the_place_of_a_drawn_one(
    cohort, cut, studied, tmp_path: Path
) -> None:
    """The study runs on the split as it was frozen, and on no other people than its."""
    result, _ = studied
    drawn = result.splits[Question.LESION, SplitUnit.PATIENT]
    (fold,) = drawn.folds
    swapped = replace(drawn, folds=(replace(fold, test=fold.validation, validation=fold.test),))
    frozen = FrozenSplit(swapped, tmp_path / "split.json")
    single = replace(NESTED, decision=DecisionProtocol())
    request = replace(REQUEST, seeds=1, protocol=single, frozen=frozen)
    again = run_study(cohort, cut, request, tmp_path)
    assert again.splits[Question.LESION, SplitUnit.PATIENT] == swapped
    test = again.runs[0].predictions.of(Subset.TEST)
    assert set(test.person_id) == set(fold.validation)
    fewer = replace(cut, slices=cut.slices.where(cut.slices.person_id != "sub-03"))
    with pytest.raises(CohortError, match="1 of the split's people is not in the data"):
        run_study(cohort, fewer, request, tmp_path)
