"""One scan opened: its files held against its summary, and its volumes made ready for the page.

What the page gets is never a file as it lies on the disk: every volume is read and judged first,
and written anew with a clean header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from mslesion.errors import MslesionError, ResultsError, ScanError
from mslesion.lesions.components import label_by_volume
from mslesion.read.nifti import LoadedMask, read_mask, read_probability, read_scan
from mslesion.read.side_files import file_sha256
from mslesion.scan import Grid, Scan
from mslesion.view.listing import ListedScan
from mslesion.view.sources import SourceFinder
from mslesion.write.detection import LESION_COLUMNS

_AGAIN = "run 'mslesion detect' again, or take back the file that it wrote"
_MOST_LESIONS = 2**16 - 1
_MAY_NAME_SOMEBODY = (
    "The scan is not shown: its header says that text may be burned into its images "
    "(BurnedInAnnotation), and that may be a name. Mask and probability are shown without it."
)


@dataclass(frozen=True, eq=False)
class OpenedScan:
    """What the page shows of one scan.

    ``labels`` (uint16, X, Y, Z, closest to RAS+) holds ``lesion_id`` in each lesion, 0 elsewhere.
    ``lesions`` are the rows of the table as text. ``scan`` is None where the image was not found,
    cannot be read, or may not be shown. ``problems`` are sentences for the reader.
    """

    listed: ListedScan
    mask: LoadedMask
    labels: NDArray[np.uint16]
    lesions: tuple[Mapping[str, str], ...]
    scan: Scan | None
    summary_sha256: str
    problems: tuple[str, ...]

    @property
    def lesion_ids(self) -> range:
        """From 1, in the order of the table."""
        return range(1, len(self.lesions) + 1)

    def scan_volume(self) -> bytes:
        """The scan on the grid of the mask, as an uncompressed NIfTI file.

        Raises:
            ResultsError: there is none to be shown.
        """
        if self.scan is None:
            raise ResultsError(
                "is not shown", remedy="see what the page says of it", file=self.listed.files.name
            )
        return _as_nifti(self.scan.voxels, self.scan.grid)

    def mask_volume(self) -> bytes:
        """The mask (uint8) as an uncompressed NIfTI file."""
        return _as_nifti(self.mask.voxels.astype(np.uint8), self.mask.grid)

    def label_bytes(self) -> bytes:
        """``labels`` as little-endian uint16, the first axis fastest, as in a NIfTI file."""
        return self.labels.astype("<u2").tobytes(order="F")

    def probability_volume(self) -> bytes:
        """The probability (float32) as an uncompressed NIfTI file.

        Raises:
            ScanError: it cannot be read, or lies elsewhere than the mask.
        """
        probability, grid = read_probability(self.listed.files.probability)
        if not grid.matches(self.mask.grid):
            raise ScanError(
                "lies on another grid than the mask",
                remedy=_AGAIN,
                file=self.listed.files.probability,
            )
        return _as_nifti(probability, grid)


def open_scan(listed: ListedScan, finder: SourceFinder) -> OpenedScan:
    """Read mask and table of one scan, and find the image that they are of.

    Raises:
        ResultsError: summary, mask and table are not those of one detection.
        ScanError: the mask cannot be read.
    """
    files = listed.files
    summary_sha256 = _require_as_written(listed)
    mask = read_mask(files.mask)
    labels, count = label_by_volume(mask.voxels)
    if count > _MOST_LESIONS:
        raise ResultsError(
            f"holds {count} lesions, more than can be shown",
            remedy="detect again with a larger --min-lesion-mm3",
            file=files.mask,
        )
    lesions = _read_table(listed, count)
    scan, problem = _scan_to_show(listed, finder, mask)
    problems = [problem] if problem else []
    if listed.summary["files"].get(files.probability.name) != _sha256_or_none(listed):
        problems.append(
            "The file of probabilities is missing, or not the one that was written with the mask."
        )
    return OpenedScan(
        listed, mask, labels.astype(np.uint16), lesions, scan, summary_sha256, tuple(problems)
    )


def _scan_to_show(
    listed: ListedScan, finder: SourceFinder, mask: LoadedMask
) -> tuple[Scan | None, str]:
    """The image that the lesions were found in; or None and, in a sentence, why it is not shown."""
    source = finder.find(listed.files, listed.summary)
    if source.path is None:
        return None, source.problem
    volume = listed.summary.get("input_volume")
    try:
        scan = read_scan(source.path, volume if isinstance(volume, int) else None)
    except MslesionError as error:
        return None, f"The scan {error.what}, so it is not shown: {error.remedy}."
    if not scan.may_be_shown:
        return None, _MAY_NAME_SOMEBODY
    if not scan.grid.matches(mask.grid):
        return None, f"The scan lies on another grid than the mask, so it is not shown: {_AGAIN}."
    return scan, ""


def _require_as_written(listed: ListedScan) -> str:
    """See that mask and table are those of the summary; gives the SHA-256 of the summary.

    Raises:
        ResultsError: one is missing, or is another.
    """
    files = listed.files
    written = listed.summary.get("files")
    if not isinstance(written, dict):
        raise ResultsError("cannot be read", remedy=_AGAIN, file=files.summary)
    for path in (files.mask, files.lesions):
        try:
            is_as_written = path.is_file() and file_sha256(path) == written.get(path.name)
        except OSError:
            is_as_written = False
        if not is_as_written:
            state = "is not the file that was written" if path.is_file() else "is missing"
            raise ResultsError(state, remedy=_AGAIN, file=path)
    return file_sha256(files.summary)


def _sha256_or_none(listed: ListedScan) -> str | None:
    path = listed.files.probability
    try:
        return file_sha256(path) if path.is_file() else None
    except OSError:
        return None


def _read_table(listed: ListedScan, count: int) -> tuple[Mapping[str, str], ...]:
    """The table of lesions, one row for each lesion of the mask.

    Raises:
        ResultsError: it is no such table, or has another number of rows.
    """
    files = listed.files
    try:
        rows = files.read_lesions()
    except (OSError, UnicodeDecodeError):
        rows = []
    ids = [row.get("lesion_id") for row in rows]
    is_table = all(set(row) == set(LESION_COLUMNS) for row in rows)
    if not is_table or ids != [str(number) for number in range(1, count + 1)]:
        raise ResultsError(
            f"has not one row for each of the {count} lesions of the mask",
            remedy=_AGAIN,
            file=files.lesions,
        )
    return tuple(rows)


def _as_nifti(voxels: NDArray[Any], grid: Grid) -> bytes:
    image = nib.Nifti1Image(voxels, grid.affine_vox_to_ras)
    image.header.set_xyzt_units("mm")
    return bytes(image.to_bytes())


def told(error: MslesionError) -> dict[str, str]:
    """An error for the page: without the folders that a file lies in."""
    name = "" if error.file is None else error.file.replace("\\", "/").rpartition("/")[2]
    return {"code": error.code, "file": name, "what": error.what, "remedy": error.remedy}
