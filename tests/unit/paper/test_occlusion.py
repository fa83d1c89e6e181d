"""Maps of what an answer rests on, against the slow definition, and three ways to doubt them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from mslesion.evaluation.explanation_checks import (
    DELETED_SHARES,
    ExplainedSlices,
    area_under,
    check_explanations,
    deletion_curve,
    energy_inside,
    head_of,
    rank_correlation,
)
from mslesion.evaluation.predictions import Question
from mslesion.paper.classifiers import CNNClassifier
from mslesion.paper.explaining import ask_random_twin
from mslesion.paper.network import build_network
from mslesion.paper.occlusion import Occlusion, occlusion_maps
from mslesion.paper.protocol import Protocol
from mslesion.paper.storage import SliceModel

SMALL = Occlusion(patch_pixels=4, stride_pixels=2, blur_pixels=4.0)
SPOT = (slice(8, 12), slice(4, 8))


def _slices(count: int = 3, size: int = 16) -> NDArray[np.float32]:
    pixels = np.random.default_rng(0).normal(size=(count, size, size)).astype(np.float32)
    pixels[:, *SPOT] += 6
    return pixels


def _looks_at_spot(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """A classifier that answers by the brightness of one spot alone."""
    return expit(pixels[:, *SPOT].mean(axis=(1, 2)).astype(np.float64) - 3)


def test_the_map_of_a_slice_is_the_mean_fall_over_the_patches_that_cover_each_pixel() -> None:
    """Pixel by pixel and patch by patch, by the definition, gives the same map."""
    pixels = _slices()
    smooth = SMALL.blurred(pixels)
    slow = np.zeros(pixels.shape)
    starts = [0, 2, 4, 6, 8, 10, 12]
    for n, r, c in np.ndindex(pixels.shape):
        falls = []
        for row in starts:
            for column in starts:
                if row <= r < row + 4 and column <= c < column + 4:
                    covered = pixels[n : n + 1].copy()
                    patch = (0, slice(row, row + 4), slice(column, column + 4))
                    covered[patch] = smooth[n][patch[1:]]
                    before, after = (_looks_at_spot(p)[0] for p in (pixels[n : n + 1], covered))
                    falls.append(np.log(before / (1 - before)) - np.log(after / (1 - after)))
        slow[n, r, c] = np.mean(falls)
    np.testing.assert_allclose(occlusion_maps(_looks_at_spot, pixels, SMALL), slow, atol=1e-5)


def test_the_map_points_to_the_spot_that_the_answer_rests_on() -> None:
    """Of a classifier that looks at one spot, the highest pixels of the map lie in it."""
    maps = occlusion_maps(_looks_at_spot, _slices(), SMALL)
    for each in maps:
        row, column = np.unravel_index(each.argmax(), each.shape)
        assert 8 <= row < 12
        assert 4 <= column < 8
        assert each[:4, 12:].max() == pytest.approx(0, abs=1e-6)


def test_without_slices_there_are_no_maps() -> None:
    """Nothing in, nothing out, in the same shape."""
    assert occlusion_maps(_looks_at_spot, np.empty((0, 16, 16), np.float32), SMALL).shape == (
        0, 16, 16,
    )  # fmt: skip


def test_patches_reach_the_last_row_and_column_of_any_size() -> None:
    """Also where the stride does not divide the slice, every pixel is covered."""
    for size in (8, 15, 64):
        corners = Occlusion(8, 4).corners(size)
        assert max(row for row, _ in corners) == size - 8
        assert corners[0] == (0, 0)


def test_energy_inside_lesions_by_hand() -> None:
    """Of a map of 1, 2, 3 and -5, lesion in the 3 and half of the 2: (3 + 1) / 6."""
    maps = np.array([[[1, 2], [3, -5]]], np.float32)
    lesions = np.array([[[0, 0.5], [1, 1]]], np.float32)
    everywhere = np.ones((1, 2, 2), bool)
    assert energy_inside(maps, lesions, everywhere) == pytest.approx(4 / 6)
    without_three = np.array([[[True, True], [False, True]]])
    assert energy_inside(maps, lesions, without_three) == pytest.approx(1 / 3)
    assert np.isnan(energy_inside(-np.abs(maps), lesions, everywhere)).all()


def test_the_head_is_what_is_brighter_than_the_background() -> None:
    """Air at the slice's darkest value is left out; a constant slice counts as head."""
    pixels = np.full((2, 4, 4), -1.0, np.float32)
    pixels[0, 1:3, 1:3] = 2.0
    head = head_of(pixels)
    assert head[0].sum() == 4
    assert head[1].all()


def test_the_answer_falls_faster_when_the_maps_highest_pixels_go_first() -> None:
    """The deletion curve of a true map lies below that of its reverse, and both start alike."""
    pixels = _slices()
    maps = occlusion_maps(_looks_at_spot, pixels, SMALL)
    head = np.ones(pixels.shape, bool)
    true, reverse = (
        deletion_curve(_looks_at_spot, SMALL.blurred, pixels, order, head)
        for order in (maps, -maps)
    )
    np.testing.assert_allclose(true[:, 0], reverse[:, 0])
    np.testing.assert_allclose(true[:, 0], _looks_at_spot(pixels))
    assert (area_under(true) < area_under(reverse) - 0.1).all()
    assert area_under(np.full((1, len(DELETED_SHARES)), 0.7)) == pytest.approx(0.7)


def test_rank_correlation_agrees_with_scipy() -> None:
    """Spearman's correlation within the head; undefined where a map is constant."""
    first, second = _slices(2), _slices(4)[2:] ** 3
    head = first > -1
    expected = [spearmanr(first[n][head[n]], second[n][head[n]]).statistic for n in range(2)]
    np.testing.assert_allclose(rank_correlation(first, second, head), expected)
    assert np.isnan(rank_correlation(np.zeros_like(first), second, head)).all()


def test_a_map_that_is_right_passes_the_checks_and_a_brightness_map_does_not() -> None:
    """Energy above an even map's, and a fall below the random one, only of the true map."""
    pixels = _slices(8)
    pixels[:, 12:15, 12:15] += 8  # as bright as the spot, but nothing rests on it
    lesions = np.zeros_like(pixels)
    lesions[:, *SPOT] = 1
    people = np.array([f"p{n // 2}" for n in range(8)])
    true = occlusion_maps(_looks_at_spot, pixels, SMALL)
    found = {
        name: check_explanations(
            ExplainedSlices(people, pixels, lesions, maps, maps), _looks_at_spot, SMALL.blurred
        )
        for name, maps in (("true", true), ("wrong", true[:, ::-1, ::-1].copy()))
    }
    measures = found["true"]["measures"]
    assert found["true"]["people"] == 4
    assert measures["energy_above_even_map"]["low"] > 0.2
    assert measures["deletion_area_below_random"]["low"] > 0
    assert measures["correlation_with_random_weights"]["value"] == pytest.approx(1)
    assert found["wrong"]["measures"]["energy_above_even_map"]["high"] < 0


def test_a_network_of_random_weights_is_drawn_by_the_seed_and_leaves_other_draws_alone() -> None:
    """The same seed gives the same answers, another seed others, and torch's own state stays."""
    protocol = Protocol()
    estimator = CNNClassifier(protocol.network, protocol.training, protocol.augmentation)
    estimator.network_ = build_network(protocol.network, protocol.slices.size_pixels)
    model = SliceModel("CNN", estimator, Question.LESION, protocol, {})
    pixels = np.random.default_rng(1).normal(size=(2, 64, 64)).astype(np.float32)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    asked = [ask_random_twin(model, seed) for seed in (0, 0, 1)]
    assert torch.rand(1) == wanted
    answers = [ask(pixels) for ask in asked if ask is not None]
    assert len(answers) == 3
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


def test_only_a_network_has_a_twin_of_random_weights() -> None:
    """For an SVM or a tree the check is left out, as there are no weights to forget."""
    assert ask_random_twin(SliceModel("SVM", object(), Question.LESION, Protocol(), {}), 0) is None
