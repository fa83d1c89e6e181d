"""The lesion network: a small U-Net that works at half resolution and answers at full.

U-Net: Ronneberger et al., MICCAI 2015. Each 2 x 2 block of pixels first becomes channels, and the
last layer's channels become 2 x 2 pixels again (sub-pixel convolution; Shi et al., CVPR 2016):
no pixel is lost, and the widest layers see a quarter of the pixels.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool2d, pixel_shuffle, pixel_unshuffle
from torch.nn.utils.fusion import fuse_conv_bn_eval

REGIONS = ("lesion", "ventricle", "brain")
"""What the network tells of each pixel, one independent probability each, in this order."""

CONTRASTS = ("FLAIR", "T1w", "T2w")
"""What the network takes an image for, one probability each, together 1."""

CONTEXT = 5
"""Slices seen at once, from low to high: the one that is asked about is the middle one."""

_SUB_PIXELS = 2


@dataclass(frozen=True)
class NetworkShape:
    """Channels of each level, from the finest (half resolution) to the coarsest."""

    channels: tuple[int, ...]

    @property
    def pixel_multiple(self) -> int:
        """The sides of an image must be multiples of this."""
        return int(_SUB_PIXELS * 2 ** (len(self.channels) - 1))


SHAPES = {
    "default": NetworkShape((16, 24, 36, 56)),
    "small": NetworkShape((8, 12, 16, 24)),
}
"""The networks by their name on the command line."""


class LesionNetwork(nn.Module):
    """Takes (N, 5, H, W) float32 slices, tissue near 1, and gives logits (N, 3, H, W).

    Input channels are the slices of :data:`CONTEXT`, output channels :data:`REGIONS`; H and W
    are multiples of ``shape.pixel_multiple``.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        channels = CONTEXT * _SUB_PIXELS**2
        self.encoder = nn.ModuleList()
        for width in shape.channels:
            self.encoder.append(_two_convolutions(channels, width))
            channels = width
        self.contrast_head = nn.Linear(channels, len(CONTRASTS))
        self.decoder = nn.ModuleList()
        for width in reversed(shape.channels[:-1]):
            self.decoder.append(_two_convolutions(channels + width, width))
            channels = width
        self.head = nn.Conv2d(channels, len(REGIONS) * _SUB_PIXELS**2, 1)
        # Most pixels are no lesion: to begin there saves the first hundred steps.
        nn.init.constant_(self.head.bias[: _SUB_PIXELS**2 * 2], -3.0)  # type: ignore[index]

    @property
    def pixel_multiple(self) -> int:
        """The sides of an image must be multiples of this."""
        return self.shape.pixel_multiple

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        """Logits of the regions."""
        regions, _ = self.regions_and_contrast(slices)
        return regions

    def regions_and_contrast(self, slices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the regions, and of the contrast of each image (N, 3)."""
        features = pixel_unshuffle(slices, _SUB_PIXELS)
        passed_on = []
        for level, block in enumerate(self.encoder):
            if level:
                features = max_pool2d(features, 2)
            features = block(features)
            passed_on.append(features)
        contrast = self.contrast_head(passed_on.pop().mean(dim=(2, 3)))
        for block in self.decoder:
            features = interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([features, passed_on.pop()], dim=1))
        return pixel_shuffle(self.head(features), _SUB_PIXELS), contrast


def fused(network: LesionNetwork) -> LesionNetwork:
    """A copy for answering: every batch normalisation is part of its convolution.

    The same answers to rounding, a tenth quicker.
    """
    copy = deepcopy(network).eval()
    for block in (*copy.encoder, *copy.decoder):
        for place in (0, 3):
            block[place] = fuse_conv_bn_eval(block[place], block[place + 1])
            block[place + 1] = nn.Identity()
    prepared: LesionNetwork = copy.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return prepared


def _two_convolutions(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
