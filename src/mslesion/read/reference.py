"""What predictions are held against: lesion masks by experts, and what is known of the people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mslesion.cohort.people import Cohort, ScanFile
from mslesion.errors import CohortError, UsageError
from mslesion.read.known_doubles import with_known_doubles
from mslesion.read.layouts import LAYOUTS, unpacked
from mslesion.read.masks import (
    FileOfScan,
    MaskFile,
    agreement_of_keys,
    find_masks,
    scan_keys,
)
from mslesion.read.participants import Participants, read_participants


@dataclass(frozen=True)
class Reference:
    """The truth about some scans.

    ``masks`` are the lesions that experts drew. ``unmasked`` are scans of the cohort without such
    a mask, as controls may be: nothing can be said of their lesions, but their person's diagnosis
    may be known. ``participants`` is the cohort's table.
    """

    root: Path
    masks: tuple[MaskFile, ...]
    unmasked: tuple[FileOfScan, ...]
    participants: Participants

    def divide(
        self, found: Sequence[MaskFile]
    ) -> tuple[tuple[MaskFile, ...], tuple[tuple[MaskFile, FileOfScan], ...]]:
        """Found masks that a mask of the reference may be of, and those of scans without one.

        A found mask is of a scan without a reference mask where its name fits that better than any
        scan with one.
        """
        beside: list[tuple[MaskFile, FileOfScan]] = []
        for mask in found:
            fitting = [scan for scan in (*self.masks, *self.unmasked) if mask.key.fits(scan.key)]
            nearest = max(
                fitting, key=lambda scan: agreement_of_keys(mask.key, scan.key), default=None
            )
            if nearest is not None and not isinstance(nearest, MaskFile):
                beside.append((mask, nearest))
        without = {mask.path for mask, _ in beside}
        return tuple(mask for mask in found if mask.path not in without), tuple(beside)

    def require_columns(self, columns: Sequence[str]) -> None:
        """See that the table of the people has these columns.

        Raises:
            UsageError: there is no table, or a column is not in it.
        """
        known = self.participants.columns
        for column in columns:
            if column.lower() not in known:
                raise UsageError(
                    f"has no column {column}" if known else "is needed to group people by a column",
                    remedy=f"choose of {', '.join(known)}"
                    if known
                    else "add it, or leave out --by",
                    file=self.participants.file,
                )


def read_reference(path: Path) -> Reference:
    """The masks of a cohort's scans, or else those of a folder or a file.

    The people's table is ``participants.tsv`` in the cohort's folder, whatever its layout. What
    ``mslesion detect`` found is nobody's reference, and is passed over.

    Raises:
        CohortError: there are no masks, or a cohort's tables contradict themselves.
    """
    for layout in (one for one in LAYOUTS if one.has_masks and path.is_dir()):
        for place in unpacked(path):
            if layout.recognise(place):
                participants = _participants(place)
                masks, unmasked = _scans_of_cohort(
                    with_known_doubles(layout.read(place)).with_participants_joined(), participants
                )
                if masks:
                    return Reference(place, masks, unmasked, participants)
    participants = _participants(path)
    masks = tuple(
        MaskFile(m.person_id, m.name, m.path, m.key, participants.diagnosis(m.person_id))
        for m in find_masks(path)
        if m.detection is None
    )
    if not masks:
        raise CohortError(
            "holds what 'mslesion detect' found, and no masks that an expert drew",
            remedy="give the folder of the reference masks",
            file=path,
        )
    return Reference(path, masks, (), participants)


def _participants(folder: Path) -> Participants:
    return read_participants(folder / "participants.tsv")


def _scans_of_cohort(
    cohort: Cohort, participants: Participants
) -> tuple[tuple[MaskFile, ...], tuple[FileOfScan, ...]]:
    """The scans of a cohort that have a lesion mask, and those that have none.

    A diagnosis that the layout does not tell is that of the people's table.
    """
    scans: list[tuple[str, ScanFile]] = [(p.person_id, s) for p in cohort.people for s in p.scans]
    by_path = scan_keys([scan.image for _, scan in scans], cohort.root)
    keys = [key.called(scan.name) for key, (_, scan) in zip(by_path, scans, strict=True)]
    masks: list[MaskFile] = []
    unmasked: list[FileOfScan] = []
    for (person_id, scan), key in zip(scans, keys, strict=True):
        diagnosis = cohort.diagnoses[person_id] or participants.diagnosis(person_id)
        if scan.lesion_mask is None:
            unmasked.append(FileOfScan(person_id, scan.name, scan.image, key, diagnosis))
        else:
            masks.append(MaskFile(person_id, scan.name, scan.lesion_mask, key, diagnosis))
    return tuple(masks), tuple(unmasked)
