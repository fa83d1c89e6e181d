"""Masks of any tool held against reference masks, pair by pair."""

from __future__ import annotations

from collections.abc import Sequence

from joblib import Parallel, delayed

from mslesion.evaluation.lesion_summary import ScoredScan, score_scan
from mslesion.progress import track
from mslesion.read.masks import MaskFile
from mslesion.read.nifti import read_mask, require_same_grid

MaskPair = tuple[MaskFile, MaskFile]
"""A found mask and the reference mask of the same scan."""


def score_pairs(pairs: Sequence[MaskPair], workers: int = 1) -> list[ScoredScan]:
    """The agreement of every pair, in the given order.

    Raises:
        ScanError: a mask cannot be read, holds other values than 0 and 1, or the two of a pair lie
            on different grids.
    """
    scored = Parallel(workers, return_as="generator")(delayed(_score)(*pair) for pair in pairs)
    return list(track(scored, "comparing masks", len(pairs)))


def _score(found: MaskFile, reference: MaskFile) -> ScoredScan:
    mask, known = read_mask(found.path), read_mask(reference.path)
    require_same_grid(mask.grid, known.grid, found.path, "the reference mask")
    remarks = mask.remarks + known.remarks
    doubts = ["the reference mask is empty"] if not known.voxels.any() else []
    if found.seen_in_training:
        doubts.append("its detector was trained on this scan: this is no measure of it")
    return score_scan(
        reference.person_id,
        reference.name,
        mask.voxels,
        known.voxels,
        known.grid,
        history=remarks.history,
        warnings=(*remarks.warnings, *doubts),
    )
