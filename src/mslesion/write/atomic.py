"""Files that are either complete or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mslesion.errors import OutputError

_REMEDIES = {
    errno.ENOSPC: "free some space, or choose another folder",
    errno.EDQUOT: "free some space, or choose another folder",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "choose a folder that you may write to",
    errno.EPERM: "choose a folder that you may write to",
    errno.ENOTDIR: "a file stands where a folder is needed: move it, or choose another folder",
    errno.EEXIST: "a file stands where a folder is needed: move it, or choose another folder",
    errno.EISDIR: "a folder stands where the file should go: move it, or choose another name",
    errno.ENAMETOOLONG: "choose a shorter name",
}
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
_NO_WAITING = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


def output_error(error: OSError, final: Path) -> OutputError:
    """What the system says of a place that cannot be written, with what to do."""
    reason = (error.strerror or str(error)).lower()
    remedy = _REMEDIES.get(error.errno or 0, "choose another folder")
    return OutputError(f"cannot be written ({reason})", remedy=remedy, file=final)


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes ``final`` when the block ends well.

    The temporary file is a hidden sibling that ends like ``final`` (so that a writer which goes
    by endings does the right thing). It exists, empty, when the block begins. Missing folders
    are made. Whatever goes wrong, ``final`` is either what it was before or the complete file.

    Raises:
        OutputError: The place cannot be written: read-only, a file where a folder should be, a
            folder where the file should be, a full disk. Where it can be known, this comes
            before the block runs. Other errors of the block pass through unchanged.
    """
    # The tail of a long name, so that the sibling's name never exceeds what a disk allows.
    partial = final.parent / f".partial-{secrets.token_hex(6)}-{final.name[-40:]}"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(final))
        partial.touch(exist_ok=False)
    except OSError as error:
        raise output_error(error, final) from error
    try:
        try:
            yield partial
        except OSError as error:
            # The block may also read: only what concerns the place of writing is ours to explain.
            ours = {str(partial), str(final), str(final.parent)}
            if error.errno in _FULL_DISK or str(error.filename) in ours:
                raise output_error(error, final) from error
            raise
        try:
            _to_disk(partial)
            partial.replace(final)
            _to_disk(final.parent)
        except OSError as error:
            raise output_error(error, final) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; it becomes ``final`` when the block ends well.

    As with :func:`atomic_path`, whoever sees ``final`` sees all that is in it. Where somebody else
    who does the same was faster, theirs stays. What a killed process leaves is hidden, and may be
    deleted.

    Raises:
        OutputError: The place cannot be written.
    """
    partial = final.parent / f".partial-{secrets.token_hex(6)}-{final.name[-40:]}"
    try:
        partial.mkdir(parents=True)
        yield partial
        for path in (*partial.iterdir(), partial):
            _to_disk(path)
        try:
            partial.rename(final)
        except OSError:
            if not final.is_dir():
                raise
        _to_disk(final.parent)
    except OSError as error:
        raise output_error(error, final) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_partial_files(folder: Path) -> None:
    """Take away what :func:`atomic_path` left in a folder and below when its process was killed."""
    for path in folder.rglob(".partial-*"):
        if re.match(r"\.partial-[0-9a-f]{12}-", path.name) and path.is_file():
            with suppress(OSError):
                path.unlink()


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's list of names, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows cannot open a folder
        return
    is_folder = path.is_dir()
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems know no waiting for a folder.
        if not (is_folder and error.errno in _NO_WAITING):
            raise
    finally:
        os.close(handle)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all, and read it back.

    Raises:
        OutputError: See :func:`atomic_path`; or what was read back is something else.
    """
    with atomic_path(path) as partial:
        try:
            partial.write_bytes(data)
            is_as_written = partial.read_bytes() == data
        except OSError as error:  # of a disk or a network that names no file
            raise output_error(error, path) from error
        if not is_as_written:
            raise OutputError(
                "cannot be written (what was read back is not what was written)",
                remedy="check the disk, or choose another folder",
                file=path,
            )


def write_text(path: Path, text: str) -> None:
    r"""Write ``text`` as UTF-8 with ``\n`` line ends on every system.

    Characters that UTF-8 cannot hold (the undecodable bytes of a file name) are escaped.

    Raises:
        OutputError: See :func:`atomic_path`.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON in UTF-8, a newline at its end.

    Mappings and dataclasses keep the order their author gave them, sets are sorted: the same
    value gives the same bytes. Arrays become lists, paths strings; JSON has no NaN and no
    infinity, so both become null.

    Raises:
        OutputError: See :func:`atomic_path`.
        TypeError: The value holds something JSON has no form for.
    """
    write_text(path, json.dumps(plain_value(value), indent=2, ensure_ascii=False) + "\n")


def plain_value(value: Any) -> Any:
    """The same value out of what JSON knows, with null for NaN and infinity."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_value(getattr(value, f.name)) for f in fields(value)}
    for kind, plain in _PLAIN_FORMS:
        if isinstance(value, kind):
            return plain(value)
    return value


def _plain_mapping(mapping: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): plain_value(item) for key, item in mapping.items()}


_PLAIN_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (np.generic | np.ndarray, lambda array: plain_value(array.tolist())),
    (float, lambda number: number if math.isfinite(number) else None),
    (Mapping, _plain_mapping),
    (AbstractSet, lambda items: [plain_value(item) for item in sorted(items)]),
    (list | tuple, lambda items: [plain_value(item) for item in items]),
    (os.PathLike, os.fspath),
)


def write_table(
    path: Path,
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str],
    delimiter: str = "\t",
) -> None:
    r"""Write one line for ``columns``, then one line for each row.

    A value that is None, NaN or absent is ``n/a`` in a table divided by tabs (as BIDS wants it)
    and empty in any other. Without rows the file holds the line of columns. Lines end in ``\n``.

    Raises:
        OutputError: See :func:`atomic_path`.
        ValueError: A row has a key that is not among ``columns``.
    """
    missing = "n/a" if delimiter == "\t" else ""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, delimiter=delimiter, lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: _cell(row.get(name), missing) for name in (*columns, *row)})
    write_text(path, text.getvalue())


def _cell(value: object, missing: str) -> str:
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return missing
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    # The csv module leaves a lone carriage return without quotes, and readers end the line there.
    return str(value).replace("\r", "\n")


def take_away(path: Path) -> None:
    """Remove a file that stands for something older; nothing happens where there is none."""
    # A file that cannot be taken away cannot be replaced either, and that error is explained.
    with suppress(OSError):
        path.unlink()
