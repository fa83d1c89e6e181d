"""What the network is trained to make small."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from mslesion.lesions.learning.samples import Batch
from mslesion.lesions.network import CONTRASTS, REGIONS

_ENTROPY_WEIGHT = {"lesion": 4.0, "ventricle": 1.0, "brain": 0.3}
_OVERLAP_WEIGHT = {"lesion": 1.0, "ventricle": 0.2, "brain": 0.1}
_CONTRAST_WEIGHT = 0.2
_RARE_CONTRAST_WEIGHT = 5.0
"""T1w and T2w images are rare in training; a T1w image taken for FLAIR is no small mistake."""
_SMOOTH_PIXELS = 50.0


def training_loss(regions: torch.Tensor, contrast: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy and soft Dice of each region where it is known, and the contrast's entropy.

    Dice (Milletari et al., 3DV 2016) is taken over the whole batch, so that images without a
    region have one too. ``regions`` are logits (N, 3, S, S), ``contrast`` logits (N, 3).
    """
    total = _CONTRAST_WEIGHT * _contrast_loss(contrast, batch)
    for index, name in enumerate(REGIONS):
        known = batch.known[:, index]
        if not known.any():
            continue
        logits, truth = regions[:, index], batch.regions[:, index]
        weight = batch.lesion_weight if name == "lesion" else None
        by_pixel = binary_cross_entropy_with_logits(logits, truth, weight, reduction="none")
        entropy = (by_pixel.mean(dim=(1, 2)) * known).sum() / known.sum()
        weighted = known[:, None, None]
        probability, share = torch.sigmoid(logits) * weighted, truth * weighted
        overlap = (2 * (probability * share).sum() + _SMOOTH_PIXELS) / (
            probability.sum() + share.sum() + _SMOOTH_PIXELS
        )
        total = total + _ENTROPY_WEIGHT[name] * entropy + _OVERLAP_WEIGHT[name] * (1 - overlap)
    return total


def _contrast_loss(contrast: torch.Tensor, batch: Batch) -> torch.Tensor:
    known = batch.contrast >= 0
    if not known.any():
        return contrast.sum() * 0
    weights = contrast.new_full((contrast.shape[1],), _RARE_CONTRAST_WEIGHT)
    weights[CONTRASTS.index("FLAIR")] = 1
    return cross_entropy(contrast[known], batch.contrast[known], weights)
