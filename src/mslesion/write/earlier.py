"""What lies in an output folder already: what may be replaced, and what is taken away."""

from __future__ import annotations

import os
from pathlib import Path

from mslesion.errors import OutputError
from mslesion.read.detections import DetectionFiles, is_detections_dataset
from mslesion.write.atomic import output_error, take_away

_ELSEWHERE = "choose a new folder"


def require_no_dataset_of_others(output: Path) -> None:
    """See that a folder does not describe itself as a dataset that is not ours.

    Raises:
        OutputError: it does.
    """
    described = output / "dataset_description.json"
    if os.path.lexists(described) and not is_detections_dataset(output):
        raise OutputError("holds a dataset that is not ours", remedy=_ELSEWHERE, file=output)


def require_apart(folder: Path, image: Path, output: Path) -> None:
    """See that the results of a scan, in ``folder`` of ``output``, do not lie beside the scan.

    Raises:
        OutputError: they would.
    """
    if os.path.realpath(folder) == os.path.realpath(image.parent):
        raise OutputError("is the folder of the scan itself", remedy=_ELSEWHERE, file=output)


def require_ours(files: DetectionFiles) -> None:
    """See that no file would be replaced but those of an earlier detection.

    Raises:
        OutputError: one of the files is there, and no summary of ours tells of it.
    """
    ours = files.written | ({files.refusal.name} if files.read_refusal() else set())
    for path in (*files.all_kinds, files.refusal):
        if os.path.lexists(path) and path.name not in ours:
            raise OutputError(
                f"holds {path.name}, which mslesion did not write",
                remedy="move it away, or choose another folder",
                file=files.folder,
            )


def remove_refusal(files: DetectionFiles) -> None:
    """Take away what an earlier run refused; nothing but a refusal of ours is touched."""
    if files.read_refusal():
        take_away(files.refusal)


def remove_detection(files: DetectionFiles) -> None:
    """Take away what an earlier run found in a scan that is now refused.

    Nothing is touched but what a summary of ours tells of.
    """
    written = files.written
    if not written:
        return
    leave_word(files)
    for path in reversed(files.all_kinds):
        if path.name in written:
            take_away(path)
    take_away(files.unfinished)


def leave_word(files: DetectionFiles) -> None:
    """Say beside these files that they change: without a summary, they are known by this as ours.

    Raises:
        OutputError: the folder cannot be written to.
    """
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
        files.unfinished.touch()
    except OSError as error:
        raise output_error(error, files.folder) from error


def remove_unfinished(files: DetectionFiles) -> None:
    """Take away what a run left that was killed while it changed these files, and its word of that.

    Without its word, files of these names are somebody else's, and stay.
    """
    if not os.path.lexists(files.unfinished):
        return
    if not files.written:
        for path in files.all_kinds:
            take_away(path)
    take_away(files.unfinished)
