"""Ranges of lesion count and volume: what the probabilities leave plausible."""

import numpy as np
import pytest

from mslesion.lesions.operating_point import OperatingPoint
from mslesion.lesions.uncertainty import Plausible, load_uncertainty

POINT = OperatingPoint(threshold=0.3, peak=0.5, least_mm3=3.0)
SHAPE = (40, 40, 12)


def spots(*probabilities, across=2):
    """Cubes of voxels, far from each other, each of one probability."""
    probability = np.zeros(SHAPE, np.float32)
    places = [(x, y) for x in range(1, 38, 6) for y in range(1, 38, 6)]
    for (x, y), value in zip(places, probabilities, strict=False):
        probability[x : x + across, y : y + across, 2 : 2 + across] = value
    return probability


def test_without_a_candidate_nothing_is_plausible():
    """No probability, no lesion, no volume."""
    uncertainty = load_uncertainty(np.zeros(SHAPE, np.float32), 1.0, POINT)
    assert uncertainty.count == uncertainty.volume_ml == Plausible(0.0, 0.0, 0.0)


def test_certain_lesions_leave_no_doubt():
    """Three lesions of 8 voxels of 5 mm3, of probability 1: three, and 0.12 ml."""
    uncertainty = load_uncertainty(spots(1, 1, 1), 5.0, POINT)
    assert uncertainty.count == Plausible(3.0, 3.0, 3.0)
    assert uncertainty.volume_ml == Plausible(0.12, 0.12, 0.12)


def test_the_means_are_the_sums_of_the_probabilities():
    """Of 20 spots of 0.5 ten are to be expected, and half of their 0.8 ml; drawn 4000 times."""
    uncertainty = load_uncertainty(spots(*[0.5] * 20), 5.0, POINT)
    assert uncertainty.count.expected == pytest.approx(10, abs=0.3)
    assert uncertainty.volume_ml.expected == pytest.approx(0.4, abs=0.012)


def test_spots_that_err_together_give_a_wider_range_than_a_binomial():
    """Of 20 coins 95 % of all throws show 6 to 14 heads; scans err as a whole, in part."""
    count = load_uncertainty(spots(*[0.5] * 20), 5.0, POINT).count
    assert 0 < count.low < 6
    assert 14 < count.high < 20


def test_the_border_of_a_certain_lesion_is_uncertain():
    """A core of probability 1 in a rim of 0.5: the count is certain, the volume is not."""
    probability = spots(0.5, across=4)
    probability[2:4, 2:4, 3:5] = 1
    uncertainty = load_uncertainty(probability, 1.0, POINT)
    assert uncertainty.count == Plausible(1.0, 1.0, 1.0)
    assert (uncertainty.volume_ml.low, uncertainty.volume_ml.high) == (0.008, 0.064)
    assert uncertainty.volume_ml.expected == pytest.approx(0.036, abs=0.002)


def test_a_spot_smaller_than_the_least_lesion_has_no_volume():
    """Of spots of 8 and of 64 mm3, the small ones are left out with a least volume of 10 mm3."""
    probability = spots(*[1] * 8)
    probability[30:34, 30:34, 2:6] = 1
    for least_mm3, volume_ml in ((3.0, 0.128), (10.0, 0.064), (1e9, 0.0)):
        point = OperatingPoint(threshold=0.3, peak=0.5, least_mm3=least_mm3)
        uncertainty = load_uncertainty(probability, 1.0, point)
        assert uncertainty.volume_ml == Plausible(volume_ml, volume_ml, volume_ml)


def test_a_spot_smaller_than_the_least_lesion_counts_for_none():
    """One voxel of 1 mm3 is less than 3; two of 2 mm3 are enough."""
    assert load_uncertainty(spots(1, across=1), 1.0, POINT).count.high == 0
    assert load_uncertainty(spots(1, across=1), 3.0, POINT).count.low == 1


def test_one_voxel_that_gets_brighter_takes_no_candidate_away():
    """27 voxels of 0.28 are one lesion in three or four draws, also where one of them has 0.35."""
    faint = spots(0.28, across=3)
    one_brighter = faint.copy()
    one_brighter[2, 2, 3] = 0.35
    expected = load_uncertainty(faint, 1.0, POINT).count.expected
    assert expected == pytest.approx(0.28, abs=0.03)
    assert load_uncertainty(one_brighter, 1.0, POINT).count.expected == expected


def test_lesions_that_only_faint_voxels_connect_are_counted_apart():
    """As the detector counts them: what joins them is below the threshold."""
    probability = spots(1, 1)
    probability[1:3, 3:7, 2:4] = 0.1
    assert load_uncertainty(probability, 5.0, POINT).count.expected == 2


def test_a_faint_spot_is_a_candidate_too():
    """Nothing is found, and still one lesion is plausible."""
    uncertainty = load_uncertainty(spots(0.2), 5.0, POINT)
    assert (uncertainty.count.low, uncertainty.count.high) == (0, 1)
    assert uncertainty.count.expected == pytest.approx(0.2, abs=0.03)


def test_what_a_low_threshold_finds_is_plausible():
    """Of 20 spots of 0.04, found with a threshold of 0.01, one may be a lesion, perhaps more."""
    point = OperatingPoint(threshold=0.01, peak=0.01, least_mm3=3.0)
    uncertainty = load_uncertainty(spots(*[0.04] * 20), 5.0, point)
    assert uncertainty.count.expected == pytest.approx(0.8, abs=0.11)
    assert uncertainty.count.high >= 1
    assert uncertainty.volume_ml.expected == pytest.approx(0.032, abs=0.004)


def test_the_same_probability_gives_the_same_numbers():
    """To the last digit, wherever the candidates lie in the volume."""
    probability = spots(0.9, 0.4, 0.7, 0.2)
    first = load_uncertainty(probability, 2.0, POINT)
    assert load_uncertainty(probability.copy(), 2.0, POINT) == first
    assert load_uncertainty(np.pad(probability, 3), 2.0, POINT) == first
