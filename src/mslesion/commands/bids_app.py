"""The two levels of the BIDS-App: lesions in participants' scans, and the group of them all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.errors import OutputError
from mslesion.read.bids_app import read_bids_dataset, select
from mslesion.write.atomic import output_error

if TYPE_CHECKING:
    from mslesion.cohort.people import Cohort
    from mslesion.detector import Detector
    from mslesion.write.run import Outcome


def chosen_scans(
    dataset: Path,
    output: Path,
    *,
    participants: Sequence[str] = (),
    sessions: Sequence[str] = (),
    is_checked: bool = True,
) -> Cohort:
    """The scans of a BIDS dataset that are asked for, where ``output`` is a place for results.

    No participants or no sessions named are all of them. With ``is_checked``, the dataset must
    describe itself as BIDS requires.

    Raises:
        CohortError: the dataset cannot be used.
        UsageError: there are no such participants or sessions.
        OutputError: BIDS has no place for results there.
    """
    cohort = read_bids_dataset(dataset, is_checked=is_checked)
    _require_place_in_bids(dataset, output)
    return select(cohort, participants, sessions)


def detect_level(
    cohort: Cohort,
    output: Path,
    detector: Detector,
    *,
    resume: bool = False,
    stop_at_first: bool = False,
    most_memory_mb: int | None = None,
) -> tuple[Outcome, ...]:
    """Find lesions in participants' scans; see :func:`mslesion.batch.detect_participants`."""
    from mslesion.batch import detect_participants

    return detect_participants(
        cohort,
        output,
        detector,
        resume=resume,
        stop_at_first=stop_at_first,
        most_memory_mb=most_memory_mb,
    )


def group_level(cohort: Cohort, output: Path) -> tuple[Outcome, ...]:
    """Tables and report over all that was found; see :func:`mslesion.batch.gather_participants`."""
    from mslesion.batch import gather_participants

    return gather_participants(cohort, output)


def use_work_dir(folder: Path) -> None:
    """Have whatever needs temporary files put them there.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise output_error(error, folder) from error
    os.environ["TMPDIR"] = tempfile.tempdir = os.fspath(folder.absolute())


def _require_place_in_bids(dataset: Path, output: Path) -> None:
    """See that results lie where BIDS has a place for them, beside the dataset or within it.

    Raises:
        OutputError: they would lie among the raw data, or the raw data among them.
    """
    source, target = (Path(os.path.realpath(path)) for path in (dataset, output))
    if target == source:
        raise OutputError(
            "is the dataset itself", remedy=f"take {source / 'derivatives/mslesion'}", file=output
        )
    if target.is_relative_to(source):
        inside = target.relative_to(source).parts
        if inside[0] != "derivatives" or len(inside) < 2:
            raise OutputError(
                "lies inside of the dataset, where BIDS has no place for results",
                remedy=f"take {source / 'derivatives/mslesion'}, or a folder elsewhere",
                file=output,
            )
    elif source.is_relative_to(target) and source.relative_to(target).parts[0] != "sourcedata":
        raise OutputError(
            "holds the dataset itself",
            remedy="take a folder beside the dataset, or its derivatives/mslesion",
            file=output,
        )
