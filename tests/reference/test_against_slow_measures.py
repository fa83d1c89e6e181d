"""Fast measures and resampling give what their definitions give, computed by loops."""

import numpy as np
import pytest
import slow
from sklearn.metrics import roc_auc_score

from mslesion.evaluation import metrics
from mslesion.evaluation.intervals import draw_people
from mslesion.evaluation.tallies import tally


@pytest.fixture(params=range(4))
def answered(request):
    """Slices of seven people with many ties; one has no positives, one no negatives."""
    random = np.random.default_rng(request.param)
    person = np.sort(random.choice([f"p{number}" for number in range(7)], 120))
    label = random.integers(0, 2, 120).astype(np.int8)
    label[person == "p0"], label[person == "p1"] = 0, 1
    probability = np.round(random.random(120) * 0.7 + 0.3 * label, 1)
    return person, label, probability


def test_the_area_under_the_curve_is_the_share_of_rightly_ordered_pairs(answered):
    """The AUC equals scikit-learn's and the count over all pairs, ties included."""
    _, label, probability = answered
    area = metrics.auc(label, probability)
    assert area == pytest.approx(slow.auc(label, probability), abs=1e-12)
    assert area == pytest.approx(roc_auc_score(label, probability), abs=1e-12)


def test_a_confusion_matrix_is_counted_slice_by_slice(answered):
    """The four counts are those of a loop, and a probability at the threshold means no."""
    _, label, probability = answered
    found = metrics.confusion(label, probability, 0.5)
    assert (found.tp, found.fn, found.tn, found.fp) == slow.confusion(label, probability, 0.5)


def test_weighting_people_is_copying_their_slices(answered):
    """Every measure of every resample equals that of the copied slices, undefined ones too."""
    person, label, probability = answered
    weights = draw_people(7, 60, seed=3)
    # Beside random draws: one person alone, who has one class only.
    weights = np.concatenate([weights, 7 * np.eye(7, dtype=np.int64)])
    fast = tally(person, label, probability, 0.5, 0.2).measures(weights)
    expected = slow.resampled(person, label, probability, 0.5, 0.2, weights)
    for name in metrics.MEASURES:
        np.testing.assert_allclose(fast[name], [e[name] for e in expected], atol=1e-12)
    assert np.isnan(fast["auc"][-7])
