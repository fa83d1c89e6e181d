"""A frozen split as files: who trains, validates and tests, and the files it was drawn for."""

from __future__ import annotations

from pathlib import Path

from mslesion import __version__
from mslesion.cohort.split import Split
from mslesion.errors import CohortError, OutputError
from mslesion.read.manifest import Manifest
from mslesion.read.split import read_split
from mslesion.write.atomic import write_json
from mslesion.write.manifest import write_manifest

STRATIFIED_BY = ("diagnosis", "site", "lesion area")


def write_frozen_split(split: Split, manifest: Manifest, folder: Path) -> None:
    """Write ``split.json`` and ``dataset_manifest.tsv``; a split that is there is never replaced.

    The same split of the same files may be written again and gives the same bytes.

    Raises:
        OutputError: the folder holds another split, or the same of other files.
    """
    file = folder / "split.json"
    _require_none_but(split, manifest, file)
    write_manifest(manifest, folder)
    write_json(
        file,
        {
            "version": __version__,
            **split.as_json(),
            "stratified_by": STRATIFIED_BY,
            "dataset_sha256": manifest.sha256,
        },
    )


def _require_none_but(split: Split, manifest: Manifest, file: Path) -> None:
    if not file.exists():
        return
    try:
        there = read_split(file)
        is_same = (there.split, there.dataset_sha256) == (split, manifest.sha256)
    except CohortError:
        is_same = False
    if not is_same:
        raise OutputError(
            "is another split, and a frozen split is never replaced",
            remedy="choose a new folder",
            file=file,
        )
