"""The network run over a whole scan: the probability of each region in every voxel."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from mslesion.lesions.field_of_view import Box
from mslesion.lesions.network import CONTEXT, CONTRASTS, REGIONS, LesionNetwork, fused
from mslesion.lesions.shear import taken_back, upright
from mslesion.lesions.slabs import Slab, shows_sides, slabs_of, to_scan
from mslesion.scan import Scan
from mslesion.threads import one_torch_thread

_SLICES_AT_ONCE = 4
_SIGNAL = 0.12
_BLOCK_PIXELS = 4
_MARGIN_PIXELS = 12
_NEIGHBOURS, _COLUMNS = 1, 3
"""Axes of a batch (N, 5, H, W)."""


@dataclass(frozen=True, eq=False)
class RegionProbabilities:
    """What the networks see in a scan.

    Regions are float32 (X, Y, Z) on the scan's grid, from 0 to 1; ``lesion`` is not calibrated
    yet. ``contrast`` is the probability of each of
    :data:`~mslesion.lesions.network.CONTRASTS`, together 1: the mean over slices, weighted by
    the brain in them; all equal where there is no brain.
    """

    lesion: NDArray[np.float32]
    ventricle: NDArray[np.float32]
    brain: NDArray[np.float32]
    contrast: tuple[float, ...]


def region_probabilities(networks: Sequence[LesionNetwork], scan: Scan) -> RegionProbabilities:
    """The mean answer of the networks in every plane that the scan is seen in."""
    seen = upright(scan)
    parts = (slab_probabilities(networks, slab) for slab in slabs_of(seen))
    total, count = next(parts), 1
    for part in parts:
        count += 1
        for name in REGIONS:
            np.add(getattr(total, name), getattr(part, name), out=getattr(total, name))
        contrast = tuple(a + b for a, b in zip(total.contrast, part.contrast, strict=True))
        total = replace(total, contrast=contrast)
    for name in REGIONS:
        np.divide(getattr(total, name), np.float32(count), out=getattr(total, name))
    answers = {name: taken_back(getattr(total, name), seen, scan) for name in REGIONS}
    return RegionProbabilities(**answers, contrast=tuple(p / count for p in total.contrast))


def slab_probabilities(networks: Sequence[LesionNetwork], slab: Slab) -> RegionProbabilities:
    """The mean answer of the networks to each slice of one plane and to its mirror image.

    Left and right are exchanged; in a sagittal slice that is the order of its neighbours.

    Slices go through in batches of one fixed size, the last one filled up with empty slices, so
    that an answer does not depend on how many others come with it. Batches are shared out among
    as many threads as torch may use, each working alone: that is quicker than to share each
    layer, and the answers are the same, to the last bit, for any number of threads.
    """
    quick = [fused(network) for network in networks]
    depth, height, width = slab.slices.shape
    mirrors_columns = shows_sides(slab.plane)
    answers = np.zeros((len(REGIONS), depth, height, width), np.float32)
    contrasts = np.zeros((depth, len(CONTRASTS)), np.float32)

    def answer(first: int) -> None:
        chosen = np.arange(first, min(first + _SLICES_AT_ONCE, depth))
        box = _head_box(slab.slices[chosen], networks[0].pixel_multiple, mirrors_columns)
        if box is not None:
            batch = _with_context(slab, chosen, box)
            regions, contrast = _answer(quick, batch, _COLUMNS if mirrors_columns else _NEIGHBOURS)
            _put(answers, regions[: len(chosen)], chosen, box)
            contrasts[chosen] = contrast[: len(chosen)]

    with one_torch_thread() as count, ThreadPoolExecutor(count) as pool:
        list(pool.map(answer, range(0, depth, _SLICES_AT_ONCE)))
    brain_areas = answers[REGIONS.index("brain")].sum(axis=(1, 2), dtype=np.float64)
    lesion, ventricle, brain = (to_scan(slab, region) for region in answers)
    return RegionProbabilities(lesion, ventricle, brain, _mean_contrast(contrasts, brain_areas))


def _mean_contrast(
    contrasts: NDArray[np.float32], brain_areas: NDArray[np.float64]
) -> tuple[float, ...]:
    total = float(brain_areas.sum())
    if total < 1:
        return (1 / len(CONTRASTS),) * len(CONTRASTS)
    mean = (brain_areas[:, None] * contrasts).sum(axis=0) / total
    return tuple(float(p) for p in mean)


def _head_box(slices: NDArray[np.float32], multiple: int, mirrors_columns: bool) -> Box | None:
    """The part of these slices (n, Y, X) that has signal, its sides multiples of ``multiple``.

    Where left and right are seen it lies as far from one side as from the other, so that a
    mirrored image has the mirrored box. None where there is no signal.
    """
    mean = slices.mean(axis=0)
    if mirrors_columns:
        mean = np.maximum(mean, mean[:, ::-1])
    rows, columns = (-(-n // _BLOCK_PIXELS) for n in mean.shape)
    padded = np.zeros((rows * _BLOCK_PIXELS, columns * _BLOCK_PIXELS), np.float32)
    padded[: mean.shape[0], : mean.shape[1]] = mean
    # Means over blocks, for single pixels of air may be as bright as tissue.
    blocks = padded.reshape(rows, _BLOCK_PIXELS, columns, _BLOCK_PIXELS).mean(axis=(1, 3))
    signal = blocks > _SIGNAL
    if not signal.any():
        return None
    in_rows, in_columns = (
        np.flatnonzero(signal.any(axis=1 - axis)) * _BLOCK_PIXELS for axis in (0, 1)
    )
    y, x = (
        _side(where, size, multiple)
        for where, size in zip((in_rows, in_columns), mean.shape, strict=True)
    )
    if mirrors_columns:
        width = mean.shape[1]
        # A spot may fill a block on one side, and lie in two, neither of them bright, on the other.
        from_other_side = width - int(in_columns[-1]) - _BLOCK_PIXELS
        first = min(x[0], max(0, from_other_side))
        count = _rounded_up(width - 2 * first, multiple)
        x = (width - count) // 2, (width + count) // 2
    return Box((y[0], x[0]), (y[1], x[1]))


def _side(where: NDArray[np.intp], size: int, multiple: int) -> tuple[int, int]:
    """Start and stop of the box along one side, within the image where that is large enough."""
    first = max(0, int(where[0]) - _MARGIN_PIXELS)
    last = min(size, int(where[-1]) + _BLOCK_PIXELS + _MARGIN_PIXELS)
    count = _rounded_up(last - first, multiple)
    first = max(0, min(first, size - count))
    return first, first + count


def _rounded_up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple


def _with_context(slab: Slab, chosen: NDArray[np.intp], box: Box) -> torch.Tensor:
    """The chosen slices (4, 5, H, W) among their neighbours, cut to the box; the outermost repeat.

    Zeros where the box reaches beyond the image.
    """
    last = slab.slices.shape[0] - 1
    batch = np.zeros((_SLICES_AT_ONCE, CONTEXT, *box.shape), np.float32)
    (in_y, in_x), (y, x) = box.overlap(slab.slices.shape[1:])
    for channel, offset in enumerate(slab.offsets):
        seen = slab.slices[np.clip(chosen + offset, 0, last), y, x]
        batch[: len(chosen), channel, in_y, in_x] = seen
    return torch.from_numpy(batch)


def _answer(
    networks: Sequence[LesionNetwork], batch: torch.Tensor, mirror_axis: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities of the regions (4, 3, H, W) and of the contrasts (4, 3).

    They are the mean over the batch as it is and turned round along ``mirror_axis``.
    """
    with torch.inference_mode():
        regions = torch.zeros(batch.shape[0], len(REGIONS), *batch.shape[2:])
        contrasts = torch.zeros(batch.shape[0], len(CONTRASTS))
        for network in networks:
            for mirrored in (False, True):
                seen = batch.flip(mirror_axis) if mirrored else batch
                seen = seen.contiguous(memory_format=torch.channels_last)
                region, contrast = network.regions_and_contrast(seen)
                region = torch.sigmoid(region)
                turns_back = mirrored and mirror_axis == _COLUMNS
                regions += region.flip(_COLUMNS) if turns_back else region
                contrasts += torch.softmax(contrast, dim=1)
        count = 2 * len(networks)
        return (regions / count).numpy(), (contrasts / count).numpy()


def _put(
    answers: NDArray[np.float32], part: NDArray[np.float32], chosen: NDArray[np.intp], box: Box
) -> None:
    """Write a batch's answers (n, 3, h, w) to their place in (3, Z, H, W)."""
    (in_y, in_x), (y, x) = box.overlap(answers.shape[2:])
    answers[:, chosen, y, x] = part[:, :, in_y, in_x].swapaxes(0, 1)
