"""Lesion masks of the people whom a frozen split tests, and of nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mslesion.cohort.split import FrozenSplit
from mslesion.errors import CohortError
from mslesion.read.masks import FileOfScan, MaskFile
from mslesion.read.reference import Reference


def of_tested(
    found: Sequence[MaskFile], reference: Reference, frozen: FrozenSplit
) -> tuple[tuple[MaskFile, ...], Reference]:
    """Those of the found masks that are of test people, and what is known of these.

    Found masks that fit no scan of the reference at all stay, to be complained about.

    Raises:
        CohortError: the split does not know somebody whose scan is there, nothing is there of
            somebody it tests, or there is no reference mask of a test person.
    """
    masks = tuple(mask for mask in reference.masks if mask.person_id in frozen.tested)
    unmasked = tuple(scan for scan in reference.unmasked if scan.person_id in frozen.tested)
    scans = (*reference.masks, *reference.unmasked)
    others = tuple(scan for scan in scans if scan.person_id not in frozen.tested)
    everybody = frozen.split.folds[0].subset_of()
    strangers = {scan.person_id for scan in others} - everybody.keys()
    absent = frozen.tested - {scan.person_id for scan in scans}
    if masks and absent:
        raise CohortError(
            f"tests {len(frozen.tested)} people; {len(absent)} have no scan in the reference",
            remedy="give the cohort that it was frozen for as the reference",
            file=frozen.file,
        )
    if strangers or not masks:
        raise CohortError(
            f"does not know {len(strangers)} of the people with a scan in the reference"
            if strangers
            else "tests nobody who has a reference mask",
            remedy="give the cohort that it was frozen for as the reference",
            file=frozen.file,
        )
    kept = (
        mask
        for mask in found
        if _fits_any(mask, (*masks, *unmasked)) or not _fits_any(mask, others)
    )
    return tuple(kept), replace(reference, masks=masks, unmasked=unmasked)


def _fits_any(mask: MaskFile, others: Sequence[FileOfScan]) -> bool:
    return any(mask.key.fits(other.key) for other in others)
