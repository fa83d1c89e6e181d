"""The statistics of an audit against slow formulas and hand arithmetic."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from mslesion.audit.checks.controls import _p_of_more_than_guessing, _told_gap
from mslesion.audit.finding import Finding, Outcome, Significance, settle
from mslesion.audit.likeness import SAME_HEAD, alike, fine_detail
from mslesion.audit.material import Material
from mslesion.audit.probes.shortcut import as_features
from mslesion.audit.telling import _hat_matrix, _p_of_rarest, _pairs_won, tell_class
from mslesion.cohort.split import Fold, Split
from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.predictions import SplitUnit
from mslesion.scan import Grid, Scan


def slow_pairs_won(features: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Leave-pair-out cross-validation as it is told: a fit without each pair of people."""
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    kernel = standard @ standard.T / features.shape[1] + 1.0
    y = 2.0 * label - 1
    ones, zeros = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    won = np.zeros((len(ones), len(zeros)))
    for a, i in enumerate(ones):
        for b, j in enumerate(zeros):
            rest = [k for k in range(len(label)) if k not in (i, j)]
            fitted = np.linalg.solve(kernel[np.ix_(rest, rest)] + 0.1 * np.eye(len(rest)), y[rest])
            won[a, b] = kernel[i, rest] @ fitted > kernel[j, rest] @ fitted
    return won


@pytest.mark.parametrize("count", [3, 40])
def test_pairs_are_left_out_as_by_fitting_again(count: int) -> None:
    """The formula gives what fitting without each pair gives, with few features and with many."""
    random = np.random.default_rng(count)
    features = random.normal(size=(15, count))
    label = np.array([1] * 6 + [0] * 9, np.int8)
    features[label == 1, 0] += 1
    fast = _pairs_won(_hat_matrix(features), label)
    assert np.array_equal(fast, slow_pairs_won(features, label))


def test_a_class_that_stands_in_a_feature_is_told() -> None:
    """One feature that is the class: AUC 1, and no permutation does as well."""
    label = np.array([1, 0] * 8, np.int8)
    features = np.random.default_rng(0).normal(size=(16, 5))
    features[:, 2] = label
    told = tell_class(features, label, draws=200, seed=0)
    assert told.auc.value == 1
    assert told.test.p < 0.002
    assert told.excludes_half
    assert (told.strongest, told.strongest_auc) == (2, 1.0)


def test_of_few_people_every_order_is_looked_at() -> None:
    """Six and six, told apart without a mistake: of 924 orders two do as well, by hand."""
    label = np.array([1, 0] * 6, np.int8)
    told = tell_class(label[:, None].astype(float), label, draws=200, seed=0)
    assert told.test == Significance(pytest.approx(2 / 924), pytest.approx(2 / 924))
    uneven = np.array([1] * 4 + [0] * 8, np.int8)
    told = tell_class(uneven[:, None].astype(float), uneven, draws=200, seed=0)
    assert told.test.least_p == pytest.approx(1 / 495)


def test_shuffles_that_all_leak_are_no_guessing() -> None:
    """Twenty times an AUC of 1 is not 'no spread, so nothing shown'; twenty times 0.5 is."""
    assert _p_of_more_than_guessing(np.ones(20)) == 0
    assert _p_of_more_than_guessing(np.full(20, 0.5)) == 1
    assert _p_of_more_than_guessing(np.linspace(0.4, 0.6, 20)) == pytest.approx(0.5, abs=0.01)


def test_a_test_that_came_to_nothing_decides_nothing() -> None:
    """Without a p value a check neither passes nor fails."""
    (found,) = settle(
        [Finding("a", Outcome.FAIL, "AUC nan", "mend it", Significance(float("nan")))]
    )
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "came to nothing" in found.evidence


@pytest.mark.parametrize(
    ("low", "high", "is_audited", "outcome", "ending"),
    [
        (0.05, 0.2, False, Outcome.PASS, "a slice split would have pretended it"),
        (0.05, 0.2, True, Outcome.FAIL, "and this is a slice split"),
        (-0.2, 0.1, False, Outcome.PASS, "no gap is shown"),
        (-0.2, 0.1, True, Outcome.PASS, "no gap is shown"),
        (float("nan"), float("nan"), False, Outcome.PASS, "no gap is shown"),
    ],
)
def test_a_leakage_gap_is_told_where_it_is_shown(
    low: float, high: float, is_audited: bool, outcome: Outcome, ending: str
) -> None:
    """Where its interval holds 0, or there is none, nothing is claimed."""
    found = _told_gap(Estimate(0.1, low, high), "adds", {}, is_audited=is_audited)
    assert (found.outcome, found.evidence.endswith(ending)) == (outcome, True)
    none = _told_gap(Estimate(float("nan"), low, high), "adds", {}, is_audited=is_audited)
    assert none.outcome is Outcome.NOT_APPLICABLE


def test_who_stands_in_two_parts_of_a_later_fold_is_found() -> None:
    """A clean first fold hides nobody."""
    folds = (Fold(("a",), ("b",), ("c",)), Fold(("c", "a"), ("a",), ("b",)))
    audited = SimpleNamespace(slices=None, split=Split(SplitUnit.PATIENT, 0, folds))
    assert Material.straddling.fget(audited) == {"a"}


def test_the_rarest_of_two_statistics_is_judged_by_its_own_rarity() -> None:
    """By hand, 1 + 4 orders: the first is highest in one row, as another is in the other row."""
    statistics = np.array([[9.0, 1, 2, 3, 4], [1.0, 5, 2, 3, 4]])
    assert _p_of_rarest(statistics) == pytest.approx(2 / 5)


def test_features_without_variation_tell_nothing() -> None:
    """All alike: AUC 0.5, p 1."""
    label = np.array([1, 0] * 5, np.int8)
    told = tell_class(np.ones((10, 3)), label, draws=50, seed=0)
    assert (told.auc.value, told.test.p) == (0.5, 1.0)


def test_p_values_of_nothing_are_uniform() -> None:
    """Of 200 cohorts in which features say nothing, about one in five has p below 0.2."""
    random = np.random.default_rng(5)
    label = np.array([1, 0] * 6, np.int8)
    p = [
        tell_class(random.normal(size=(12, 4)), label, draws=2, seed=s, permutations=99).test.p
        for s in range(200)
    ]
    assert 0.12 < np.mean(np.array(p) <= 0.2) < 0.29


def test_tests_are_settled_together() -> None:
    """Holm by hand: 0.004 x 2 = 0.008 fails, 0.02 passes; a test without power is none."""
    tests = {"a": Significance(0.004), "b": Significance(0.02)}
    a, b = settle(Finding(c, Outcome.FAIL, "seen", "do", t) for c, t in tests.items())
    assert (a.outcome, a.p_holm, a.remedy) == (Outcome.FAIL, 0.008, "do")
    assert (b.outcome, b.p_holm, b.remedy) == (Outcome.PASS, 0.02, "")
    (c,) = settle([Finding("c", Outcome.FAIL, "seen", "do", Significance(0.02, least_p=0.02))])
    assert c.outcome is Outcome.NOT_APPLICABLE


def test_facts_become_columns() -> None:
    """A number that spreads widely by its logarithm, a word as a column for each value."""
    names, features = as_features([{"size": 1.0, "axes": "RAS"}, {"size": 100.0, "axes": "LPS"}])
    assert names == ["axes is LPS", "axes is RAS", "size"]
    assert features.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, np.log(100)]]


def test_a_value_of_zero_is_not_a_missing_one() -> None:
    """Both have a column of their own, by their names."""
    names, _ = as_features([{"mended": 0.0}, {"mended": 1.0}, {}])
    assert names == ["mended is missing", "mended is 0.0", "mended is 1.0"]


def made_up_scan(seed: int, noise: float = 0.0) -> Scan:
    """A ball with bumps and a texture of its own."""
    random = np.random.default_rng(seed)
    shape = (40, 44, 16)
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    bumps = ndimage.gaussian_filter(random.normal(size=shape), (4, 4, 2))
    radius = np.sqrt(sum(a**2 for a in axes)) * (1 + 0.07 * bumps / bumps.std())
    texture = ndimage.gaussian_filter(random.normal(size=shape), (1.3, 1.3, 0.7))
    voxels = np.where(radius < 0.85, 100 + 25 * texture / texture.std(), 0)
    voxels += noise * random.normal(size=shape)
    grid = Grid(shape, np.diag([4.5, 4.5, 9.0, 1.0]))
    return Scan(np.maximum(voxels, 0).astype(np.float32), grid, grid)


def test_one_head_is_known_again_and_another_is_not() -> None:
    """The same with noise or mirrored is above the limit, another person's far below."""
    first, noisy, other = made_up_scan(1), made_up_scan(1, noise=2.0), made_up_scan(2)
    mirrored = Scan(first.voxels[::-1], first.grid, first.grid)
    details = [fine_detail(scan) for scan in (first, noisy, mirrored, other)]
    pairs = {(p.first, p.second): p for p in alike(details, list("abcd"))}
    assert pairs[0, 1].value > 0.95
    assert not pairs[0, 1].is_mirrored
    assert pairs[0, 2].value > 0.99
    assert pairs[0, 2].is_mirrored
    assert pairs[0, 3].value < SAME_HEAD - 0.1


def test_scans_of_one_person_are_no_doubles() -> None:
    """Two visits under one name are not compared."""
    detail = fine_detail(made_up_scan(1))
    assert alike([detail, detail], ["a", "a"]) == ()
