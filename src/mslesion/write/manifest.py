"""The identity of a data set as a file."""

from __future__ import annotations

from pathlib import Path

from mslesion.read.manifest import Manifest, ManifestRow
from mslesion.write.atomic import write_table


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write ``dataset_manifest.tsv``, a row a file.

    Raises:
        OutputError: ``folder`` cannot be written.
    """
    write_table(folder / "dataset_manifest.tsv", manifest.as_rows(), ManifestRow._fields)
