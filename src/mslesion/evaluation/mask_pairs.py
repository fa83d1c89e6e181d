"""Masks of any tool held against reference masks, pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from mslesion.evaluation.froc import Candidates, candidates_of
from mslesion.evaluation.lesion_summary import ScoredScan, score_scan
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.slice_level import MASK, detection_answers, mask_answers
from mslesion.read import mask_doubts
from mslesion.read.masks import MaskFile, MaskPair
from mslesion.read.nifti import LoadedMask, read_mask, read_probability, require_same_grid
from mslesion.workers import share

T = TypeVar("T")


class MeasuredPair(NamedTuple):
    """What one pair contributes: lesions, slices by kind of answer, and candidates of the FROC.

    There are no candidates where no map of probabilities lies beside the found mask.
    """

    scan: ScoredScan
    slices: dict[str, Predictions]
    candidates: Candidates | None


def score_pairs(pairs: Sequence[MaskPair], workers: int = 1) -> list[ScoredScan]:
    """The agreement of every pair, in the given order.

    Raises:
        ScanError: a mask cannot be read, holds other values than 0 and 1, or the two of a pair lie
            on different grids.
    """
    return _for_each(_score, pairs, workers)


def measure_pairs(pairs: Sequence[MaskPair], workers: int = 1) -> list[MeasuredPair]:
    """What every pair contributes to an evaluation, in the given order.

    Raises:
        ScanError: as in :func:`score_pairs`, or a table or map of a detection cannot be used.
    """
    return _for_each(_measure, pairs, workers)


def _for_each(
    work: Callable[[MaskFile, MaskFile], T], pairs: Sequence[MaskPair], workers: int
) -> list[T]:
    return list(share(work, pairs, workers, "comparing masks"))


def _score(found: MaskFile, reference: MaskFile) -> ScoredScan:
    return _scored(found, reference, *_loaded(found, reference))


def _measure(found: MaskFile, reference: MaskFile) -> MeasuredPair:
    mask, known = _loaded(found, reference)
    scan = _scored(found, reference, mask, known)
    answers = {MASK: mask_answers(scan)}
    files = found.detection
    if files is None:
        return MeasuredPair(scan, answers, None)
    if files.slices.is_file():
        answers |= detection_answers(scan, files)
    if not files.probability.is_file() or files.operating_point is None:
        return MeasuredPair(scan, answers, None)
    probability, grid = read_probability(files.probability)
    require_same_grid(grid, known.grid, files.probability, "the reference mask")
    candidates = candidates_of(
        reference.person_id, probability, known.voxels, grid, files.operating_point
    )
    return MeasuredPair(scan, answers, candidates)


def _loaded(found: MaskFile, reference: MaskFile) -> tuple[LoadedMask, LoadedMask]:
    mask, known = read_mask(found.path), read_mask(reference.path)
    require_same_grid(mask.grid, known.grid, found.path, "the reference mask")
    return mask, known


def _scored(
    found: MaskFile, reference: MaskFile, mask: LoadedMask, known: LoadedMask
) -> ScoredScan:
    remarks = mask.remarks + known.remarks
    doubts = [*mask_doubts(known.voxels, reference.diagnosis)]
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
