"""Looking at what was found, and reviewing it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mslesion.view.server import Viewer


def view(
    output: Path, *, scans: Sequence[Path] = (), port: int = 0
) -> AbstractContextManager[Viewer]:
    """A viewer of the lesions that ``detect`` wrote into ``output``, on the loopback address.

    It answers while its ``serve`` runs. See :func:`mslesion.view.server.open_viewer`.

    Raises:
        ResultsError: ``output`` is no output of ``detect``.
        UsageError: a folder of scans does not exist, or the port is taken.
    """
    from mslesion.view.server import open_viewer

    return open_viewer(output, scans=scans, port=port)
