"""What one would run instead of our inference: MONAI's sliding window, and nnU-Net's network.

MONAI: Cardoso et al., arXiv:2211.02701. nnU-Net: Isensee et al., Nature Methods 18, 2021; its
default full-resolution 3D U-Net for 1 mm volumes on the default 8 GB: patches of 128 x 128 x 128,
six stages of 32, 64, 128, 256, 320 and 320 channels, two 3 x 3 x 3 convolutions each, windows
that overlap by half and are blended by a Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from monai.inferers.inferer import SliceInferer, SlidingWindowInferer
from monai.networks.nets.dynunet import DynUNet
from numpy.typing import NDArray
from torch import nn

from mslesion.lesions.learning.samples import SIDE_PIXELS
from mslesion.lesions.network import LesionNetwork
from mslesion.lesions.slabs import Slab

NNUNET_CHANNELS = (32, 64, 128, 256, 320, 320)
NNUNET_PATCH = (128, 128, 128)
NNUNET_MIRRORINGS = 8
"""nnU-Net's default answer is the mean over mirroring along each axis and their combinations."""

TRAINING_WINDOW = (SIDE_PIXELS, SIDE_PIXELS)
"""As large as the pictures that were trained on, as MONAI's tutorials have it."""

MONAI_BATCH = 4
MONAI_OVERLAP = 0.25
"""MONAI's default."""


def context_channels(slab: Slab) -> torch.Tensor:
    """The slab as a volume (1, 5, Z, Y, X): the slices seen together are its channels."""
    slices = torch.from_numpy(slab.slices)
    here = np.arange(len(slices))
    seen = [np.clip(here + offset, 0, len(slices) - 1) for offset in slab.offsets]
    return torch.stack([slices[chosen] for chosen in seen])[None]


def whole_slice(slab: Slab, multiple: int) -> tuple[int, int]:
    """The smallest window that covers a slice and that the network can take."""
    height, width = (-(-side // multiple) * multiple for side in slab.slices.shape[1:])
    return height, width


def slice_by_slice(
    networks: Sequence[LesionNetwork], volume: torch.Tensor, window: tuple[int, int]
) -> NDArray[np.float32]:
    """Our networks, mirrored pass included, through MONAI: probabilities (3, Z, Y, X)."""

    def mean_answer(batch: torch.Tensor) -> torch.Tensor:
        plain = [torch.sigmoid(network(batch)) for network in networks]
        mirrored = [torch.sigmoid(network(batch.flip(3))).flip(3) for network in networks]
        return torch.stack(plain + mirrored).mean(dim=0)

    inferer = SliceInferer(
        spatial_dim=0, roi_size=window, sw_batch_size=MONAI_BATCH, overlap=MONAI_OVERLAP
    )
    with torch.inference_mode():
        answer: NDArray[np.float32] = inferer(volume, mean_answer)[0].numpy()
    return answer


def nnunet_network(channels: Sequence[int] = NNUNET_CHANNELS) -> DynUNet:
    """MONAI's reimplementation of nnU-Net's network, with random weights."""
    stages = len(channels)
    network = DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=2,
        kernel_size=[3] * stages,
        strides=[1] + [2] * (stages - 1),
        upsample_kernel_size=[2] * (stages - 1),
        filters=channels,
        norm_name=("INSTANCE", {"affine": True}),
        act_name=("leakyrelu", {"inplace": True, "negative_slope": 0.01}),
        trans_bias=True,
    )
    return network.eval()


def nnunet_inferer(patch: tuple[int, int, int] = NNUNET_PATCH) -> SlidingWindowInferer:
    """Windows one at a time, as nnU-Net takes them."""
    return SlidingWindowInferer(roi_size=patch, sw_batch_size=1, overlap=0.5, mode="gaussian")


def window_by_window(
    network: nn.Module, volume: torch.Tensor, inferer: SlidingWindowInferer
) -> torch.Tensor:
    """The 3D network's answer (1, 2, X, Y, Z) to a volume (1, 1, X, Y, Z)."""
    with torch.inference_mode():
        answer: torch.Tensor = inferer(volume, network)  # type: ignore[assignment]
    return answer


def window_count(inferer: SlidingWindowInferer, volume: torch.Tensor) -> int:
    """How many windows the inferer asks about, found by answering with nothing."""
    sizes: list[int] = []

    def echo(batch: torch.Tensor) -> torch.Tensor:
        sizes.append(len(batch))
        return batch

    inferer(volume, echo)
    return sum(sizes)
