"""What several commands share: their answer, what they may not write to, scans that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mslesion.cohort.split import FrozenSplit
from mslesion.errors import CohortError, MslesionError
from mslesion.paper.protocol import SliceProtocol
from mslesion.paper.slices import CutCohort, cut_cohort
from mslesion.write.look_log import LookLog

if TYPE_CHECKING:
    from mslesion.cohort.people import Cohort


@dataclass(frozen=True)
class Answer:
    """What a command did: figures to show, the scans it had to leave out, and doubts on others."""

    summary: dict[str, Any]
    set_aside: tuple[MslesionError, ...]
    doubts: tuple[str, ...] = ()


def inputs_of(data: Path, frozen: FrozenSplit | None) -> list[Path]:
    """Folders that no output may be written to: a frozen split lies in one of them."""
    return [data] if frozen is None else [data, frozen.file.parent]


def look_log(frozen: FrozenSplit | None, output: Path) -> LookLog:
    """Beside a frozen split, so that it outlives every output; else in the output."""
    return LookLog(output if frozen is None else frozen.file.parent)


@contextmanager
def naming_missing(set_aside: Iterable[MslesionError], also: str = "") -> Iterator[None]:
    """Where a cohort cannot be used, say too which of its scans were missing."""
    try:
        yield
    except CohortError as error:
        for line in (*map(str, set_aside), also):
            if line and not line.startswith("0 "):
                error.add_note(line)
        raise


def cut_and_look(cohort: Cohort, protocol: SliceProtocol) -> CutCohort:
    """The slices of a cohort; a scan that looks like no FLAIR image of a brain is doubted.

    Simulated people are what they are.
    """
    from mslesion.lesions.glance import contrast_doubts

    return cut_cohort(cohort, protocol, None if cohort.is_simulated else contrast_doubts)
