"""Lesion masks of the people whom a frozen split tests, and of nobody else."""

from __future__ import annotations

from collections.abc import Sequence

from mslesion.cohort.split import FrozenSplit
from mslesion.errors import CohortError
from mslesion.read.masks import MaskFile


def masks_of_tested(
    found: Sequence[MaskFile], reference: Sequence[MaskFile], frozen: FrozenSplit
) -> tuple[tuple[MaskFile, ...], tuple[MaskFile, ...]]:
    """Those of the found and of the reference masks that are of test people.

    Found masks that fit no reference at all stay, to be complained about.

    Raises:
        CohortError: the split does not know somebody whose reference mask is there, or there is no
            reference mask of a test person.
    """
    tested = tuple(mask for mask in reference if mask.person_id in frozen.tested)
    others = tuple(mask for mask in reference if mask.person_id not in frozen.tested)
    everybody = frozen.split.folds[0].subset_of()
    strangers = {mask.person_id for mask in others} - everybody.keys()
    if strangers or not tested:
        raise CohortError(
            f"does not know {len(strangers)} of the people with a reference mask"
            if strangers
            else "tests nobody who has a reference mask",
            remedy="give the cohort that it was frozen for as the reference",
            file=frozen.file,
        )
    kept = (mask for mask in found if _fits_any(mask, tested) or not _fits_any(mask, others))
    return tuple(kept), tested


def _fits_any(mask: MaskFile, others: Sequence[MaskFile]) -> bool:
    return any(mask.key.fits(other.key) for other in others)
