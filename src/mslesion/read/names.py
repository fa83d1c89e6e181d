"""Names of files and folders as the layouts need them: listed, ordered, shortened."""

from __future__ import annotations

import os
import re
from pathlib import Path

VOLUME_ENDINGS = (".nii.gz", ".nii", ".mgz", ".mgh")


def entries(folder: Path) -> list[Path]:
    """What a folder holds, numbers in names in the order of counting; nothing if it is none.

    Hidden names are left out: macOS puts a ``._name`` beside each file it copies.
    """
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=_counting_order)


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder; not where that cannot be known, for whatever reason."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib's raises on names too long, or forbidden


def _counting_order(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    numbered = tuple((0, int(p), "") if p[0] in "0123456789" else (1, 0, p.lower()) for p in parts)
    return numbered, path.name


def is_volume(path: Path) -> bool:
    """Whether a file (or a link, even a broken one) is named as a volume, in capitals or not."""
    return path.name.lower().endswith(VOLUME_ENDINGS) and not path.is_dir()


def without_ending(name: str) -> str:
    """A file's name without ``.nii.gz`` or whatever ending it has."""
    for ending in VOLUME_ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return Path(name).stem


def bids_entities(name: str) -> dict[str, str]:
    """``sub-01_label-L_mask.nii.gz`` gives ``{"sub": "01", "label": "L"}``; folders' names too."""
    return dict(re.findall(r"(?:^|_)([a-zA-Z]+)-([^_]*)", without_ending(name)))


def plain(name: str) -> str:
    """A name fit for a table and a file: no spaces, brackets, line breaks or leading dashes.

    What cannot be kept becomes a dash; a name of nothing else becomes ``scan``.
    """
    return re.sub(r"[^\w.+-]+", "-", name).strip("-.") or "scan"
