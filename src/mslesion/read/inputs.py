"""Which input a result is of, known again by one hash, whether it lies in one file or in many."""

from __future__ import annotations

from pathlib import Path

from mslesion.read.content import regular_file_size
from mslesion.read.dicom.address import is_address
from mslesion.read.dicom.reading import series_sha256
from mslesion.read.side_files import file_sha256


def input_sha256(image: Path) -> str:
    """SHA-256 of an image's file; for a DICOM series, of the hashes of all its files.

    Raises:
        OSError: The file cannot be read.
        ScanError: It is no regular file, or the series cannot be used.
    """
    if is_address(image):
        return series_sha256(image)
    regular_file_size(image)
    return file_sha256(image)
