"""Output folders, tried before the work that fills them."""

from __future__ import annotations

import os
from pathlib import Path

from mslesion.errors import OutputError
from mslesion.write.atomic import write_text


def claim_output_folder(folder: Path) -> Path:
    """Make ``folder`` and try to write in it, so that hours of work do not end in an error.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    probe = folder / f".probe-{os.getpid()}"
    write_text(probe, "")
    probe.unlink()
    if not folder.is_dir():
        raise OutputError("is not a folder", remedy="choose another", file=folder)
    return folder
