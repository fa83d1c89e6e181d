"""Files beside the scans: tables, descriptions, splits, results, models.

Whatever stands under such a name is looked at before it is opened: a pipe would be waited for, and
a device read, without end. What is wrong is an ``OSError``, as of any file that cannot be read, so
that each reader says it in its own way.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import stat
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

MOST_BYTES = 256 * 2**20
"""No table, description or model of this kind is as large."""

_BLOCK_BYTES = 2**20


def read_bytes(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a regular file.

    Raises:
        OSError: it is not there, may not be read, is no regular file, or is larger.
    """
    require_regular_file(path)
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes / 2**20:.0f} MB", str(path))
    return content


def read_text(path: Path, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The content of a regular file as text.

    Raises:
        OSError: as :func:`read_bytes`.
        UnicodeDecodeError: it is no such text, unless ``errors`` lets it pass.
    """
    return read_bytes(path).decode(encoding, errors)


def read_rows(table: Path) -> list[dict[str, str]]:
    """The rows of a table divided by tabs; none where it cannot be read or is no table.

    A cell is text, empty where a row ends early.
    """
    try:
        lines = read_text(table, "utf-8-sig", "replace").splitlines()
        rows = list(csv.DictReader(lines, delimiter="\t", restval=""))
    except (OSError, csv.Error):
        return []
    return [{str(k): v for k, v in row.items() if k is not None} for row in rows]


def read_json(path: Path, encoding: str = "utf-8", most_bytes: int = MOST_BYTES) -> Any:
    """The content of a regular file of JSON; NaN and infinity, and what is too large, are None.

    Raises:
        OSError: as :func:`read_bytes`.
        ValueError: it is no JSON, or is nested so deep that nobody wrote it.
    """
    text = read_bytes(path, most_bytes).decode(encoding)
    try:
        return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None


def read_json_object(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """A JSON object; {} where the file is absent, damaged, too deep, or holds something else."""
    try:
        content = read_json(path, "utf-8-sig", most_bytes)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def require_regular_file(path: Path) -> None:
    """See that a file may be opened without waiting for anyone.

    Raises:
        OSError: it is not there, or is a folder, a pipe or a device.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))


def file_sha256(path: Path) -> str:
    """SHA-256 of a regular file's content, of any size.

    Raises:
        OSError: it is not there, may not be read, or is no regular file.
    """
    require_regular_file(path)
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
