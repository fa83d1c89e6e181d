"""Output folders, tried before the work that fills them."""

from __future__ import annotations

import os
from pathlib import Path

from mslesion.errors import OutputError
from mslesion.write.atomic import write_text


def claim_output_folder(folder: Path, *inputs: Path) -> None:
    """Make ``folder`` and try to write in it, so that hours of work do not end in an error.

    Raises:
        OutputError: the folder cannot be made or written, or is one of ``inputs``.
    """
    if any(folder.resolve() == source.resolve() for source in inputs):
        raise OutputError("is an input of this command", remedy="choose another", file=folder)
    probe = folder / f".probe-{os.getpid()}"
    try:
        write_text(probe, "")
    except OutputError as error:
        raise OutputError(error.what, remedy=error.remedy, file=folder) from error
    probe.unlink()
