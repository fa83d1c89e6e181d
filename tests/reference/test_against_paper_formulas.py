"""Our fast methods against the paper's, written slowly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from paper_formulas import network_by_hand, otsu_by_trying, turned_pixel_by_pixel

from mslesion.paper.augmentation import Draws, apply
from mslesion.paper.network import build_network
from mslesion.paper.protocol import NetworkProtocol
from mslesion.paper.slices import otsu_threshold


@pytest.mark.parametrize("seed", range(5))
def test_threshold_is_the_one_that_divides_best(seed: int) -> None:
    """Otsu's threshold is that of trying every threshold, up to the width of a bin."""
    random = np.random.default_rng(seed)
    values = np.concatenate([random.normal(20, 8, 3000), random.normal(110, 25, 2000)])
    values = np.clip(values, 0, np.percentile(values, 99.5)).astype(np.float32)
    edges = np.linspace(values.min(), values.max(), 257)[1:]
    threshold = otsu_threshold(values.reshape(10, 10, 50))
    bin_width = float(edges[1] - edges[0])
    assert threshold == pytest.approx(otsu_by_trying(values, edges), abs=2 * bin_width)


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("angle_degrees", [-15.0, -4.2, 9.0, 15.0])
def test_a_slice_is_turned_and_mirrored_as_pixel_by_pixel(
    angle_degrees: float, is_flipped: bool
) -> None:
    """Rotation and flip agree with the bilinear formula at every pixel."""
    image = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)
    draws = Draws(
        np.array([0]),
        np.array([angle_degrees], np.float32),
        np.array([is_flipped]),
        np.array([1.07], np.float32),
    )
    fast = apply(torch.from_numpy(image)[None, None], draws)[0, 0].numpy()
    slow = turned_pixel_by_pixel(image, angle_degrees, is_flipped)
    np.testing.assert_allclose(fast, slow * 1.07, atol=2e-5)


def test_the_network_computes_what_section_3_2_says() -> None:
    """Convolution, ReLU, average pooling, sigmoid and softmax, written out, give its answer."""
    torch.manual_seed(0)
    network = build_network(NetworkProtocol(), 64).eval()
    image = torch.randn(64, 64)
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    with torch.inference_mode():
        fast = torch.softmax(network(image[None, None].clone()), dim=1)[0].numpy()
    np.testing.assert_allclose(fast, network_by_hand(image.numpy(), weights, blocks=3), atol=1e-5)
