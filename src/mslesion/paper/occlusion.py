"""Which pixels an answer rests on: the slice is blurred patch by patch, and asked about again.

Occlusion (Zeiler and Fergus 2014, ECCV, section 4) needs nothing but answers, so the network, the
SVM and the tree are explained in the same way. A patch is blurred rather than painted grey, which
would put edges into the slice that no head has (Fong and Vedaldi 2017, ICCV).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import logit

from mslesion.evaluation.explanation_checks import Ask

_SURE = 1e-6
"""Probabilities are kept this far from 0 and 1, where their logit ends."""

_AT_ONCE = 4096
"""Images asked about together."""


@dataclass(frozen=True)
class Occlusion:
    """How slices are covered: square patches, every so many pixels, blurred so far (SD)."""

    patch_pixels: int = 8
    stride_pixels: int = 4
    blur_pixels: float = 8.0

    def corners(self, size_pixels: int) -> tuple[tuple[int, int], ...]:
        """The upper left pixel of each patch; the last ones touch the lower and right edge."""
        last = max(size_pixels - self.patch_pixels, 0)
        starts = sorted({*range(0, last, self.stride_pixels), last})
        return tuple((row, column) for row in starts for column in starts)

    def blurred(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, S, S) without anything of the size of a patch, float32."""
        smooth: NDArray[np.float32] = gaussian_filter(
            pixels, (0, self.blur_pixels, self.blur_pixels), mode="nearest"
        )
        return smooth


def occlusion_maps(
    ask: Ask, pixels: NDArray[np.float32], occlusion: Occlusion
) -> NDArray[np.float32]:
    """How much each pixel speaks for the answer yes: float32 (N, S, S), in logits.

    The value of a pixel is the mean, over the patches that cover it, of the logit of the whole
    slice minus that of the slice with the patch blurred; negative where it speaks for no.
    ``pixels`` is float32 (N, S, S); without any slice the result is empty.
    """
    maps = np.zeros(pixels.shape, np.float32)
    size = pixels.shape[-1]
    corners = occlusion.corners(size)
    covered = np.zeros((size, size), np.float32)
    for row, column in corners:
        covered[_patch(row, column, occlusion)] += 1
    before = _logits(ask, pixels)
    smooth = occlusion.blurred(pixels)
    for number, image in enumerate(pixels):
        variants = np.repeat(image[None], len(corners), axis=0)
        for variant, (row, column) in zip(variants, corners, strict=True):
            patch = _patch(row, column, occlusion)
            variant[patch] = smooth[number][patch]
        falls = before[number] - _logits(ask, variants)
        for fall, (row, column) in zip(falls, corners, strict=True):
            maps[number][_patch(row, column, occlusion)] += fall
        maps[number] /= covered
    return maps


def _patch(row: int, column: int, occlusion: Occlusion) -> tuple[slice, slice]:
    side = occlusion.patch_pixels
    return slice(row, row + side), slice(column, column + side)


def _logits(ask: Ask, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    parts = [ask(pixels[start : start + _AT_ONCE]) for start in range(0, len(pixels), _AT_ONCE)]
    answers = np.concatenate(parts) if parts else np.empty(0)
    logits: NDArray[np.float64] = logit(np.clip(answers, _SURE, 1 - _SURE))
    return logits
