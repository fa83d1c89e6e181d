"""Random changes of training slices: drawn, recorded, applied."""

from __future__ import annotations

import json

import numpy as np
import torch

from mslesion.paper.augmentation import apply, draw
from mslesion.paper.protocol import AugmentationProtocol


def test_769_slices_become_3845() -> None:
    """Five images of each slice, the first of them the slice itself."""
    draws = draw(769, AugmentationProtocol(), np.random.default_rng(0))
    assert len(draws) == 3845
    assert (np.bincount(draws.source) == 5).all()
    pixels = torch.randn(769, 1, 8, 8)
    assert torch.equal(apply(pixels, draws.where(slice(769))), pixels)


def test_draws_stay_in_the_papers_ranges_and_use_them() -> None:
    """Angles within 15 degrees, brightness within 10 %, half of the copies mirrored."""
    draws = draw(2000, AugmentationProtocol(), np.random.default_rng(1)).where(slice(2000, None))
    assert 14.9 < np.abs(draws.angle_degrees).max() <= 15
    assert 0.9 <= draws.intensity_factor.min() < 0.901
    assert 1.099 < draws.intensity_factor.max() <= 1.1
    assert abs(draws.is_flipped.mean() - 0.5) < 0.02
    assert abs(draws.angle_degrees.mean()) < 0.5


def test_recorded_draws_give_the_same_images_again() -> None:
    """Draws that went through a JSON file make the same images, to the bit."""
    pixels = torch.randn(20, 1, 16, 16)
    draws = draw(20, AugmentationProtocol(), np.random.default_rng(2))
    replayed = type(draws).from_record(json.loads(json.dumps(draws.record())))
    assert torch.equal(apply(pixels, draws), apply(pixels, replayed))


def test_many_images_are_made_as_one_by_one() -> None:
    """An image does not depend on those it is made together with."""
    pixels = torch.randn(300, 1, 16, 16)
    draws = draw(300, AugmentationProtocol(), np.random.default_rng(3))
    together = apply(pixels, draws)
    for index in (0, 255, 256, 700, 1499):
        assert torch.equal(together[index], apply(pixels, draws.where(slice(index, index + 1)))[0])


def test_a_mirrored_slice_mirrored_again_is_the_slice() -> None:
    """The flip is its own inverse."""
    from mslesion.paper.augmentation import Draws

    pixels = torch.randn(1, 1, 32, 32)
    flip = Draws(np.array([0]), np.zeros(1, np.float32), np.array([True]), np.ones(1, np.float32))
    torch.testing.assert_close(apply(apply(pixels, flip), flip), pixels, atol=1e-5, rtol=0)
