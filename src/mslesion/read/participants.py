"""``participants.tsv`` of BIDS: what is known of each person of a cohort."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mslesion.cohort.people import Diagnosis
from mslesion.errors import CohortError
from mslesion.read.side_files import read_text

GROUPS = {
    "ms": Diagnosis.MS,
    "patient": Diagnosis.MS,
    "patients": Diagnosis.MS,
    "rrms": Diagnosis.MS,
    "spms": Diagnosis.MS,
    "ppms": Diagnosis.MS,
    "control": Diagnosis.CONTROL,
    "controls": Diagnosis.CONTROL,
    "hc": Diagnosis.CONTROL,
    "healthy": Diagnosis.CONTROL,
    "healthy control": Diagnosis.CONTROL,
    "hv": Diagnosis.CONTROL,
    "ctrl": Diagnosis.CONTROL,
    "normal": Diagnosis.CONTROL,
}
"""Words of the column ``group``, in small letters. Any other word leaves the diagnosis open."""

UNKNOWN = "n/a"
"""How BIDS writes what is not known."""

_ID = "participant_id"


@dataclass(frozen=True)
class Participants:
    """The table of a cohort; without a row where there is none.

    ``columns`` are its other columns than ``participant_id``, in small letters and the order of the
    file; ``rows`` holds the text of each cell by person (``sub-XX``) and column.
    """

    file: Path
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def value(self, person_id: str, column: str) -> str:
        """What stands there of a person; :data:`UNKNOWN` for an empty cell and where nothing does.

        The person may be named with or without ``sub-``.
        """
        return self.rows.get(_with_prefix(person_id), {}).get(column, "") or UNKNOWN

    def diagnosis(self, person_id: str) -> Diagnosis | None:
        """The diagnosis that the column ``group`` gives; None where it gives none."""
        return GROUPS.get(self.value(person_id, "group").lower())

    def site(self, person_id: str) -> str:
        """Where the person was scanned; empty where the column ``site`` does not say."""
        return self._known(person_id, "site")

    def same_person_as(self, person_id: str) -> str:
        """The participant who is the same person, with ``sub-``; empty where there is none."""
        other = self._known(person_id, "same_person_as")
        return _with_prefix(other) if other else ""

    def _known(self, person_id: str, column: str) -> str:
        value = self.value(person_id, column)
        return "" if value == UNKNOWN else value


def read_participants(table: Path) -> Participants:
    """The rows of a table; none where there is no such file.

    Raises:
        CohortError: the file cannot be read, names somebody twice, or has no participant_id.
    """
    try:
        text = read_text(table, "utf-8-sig", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return Participants(table, (), {})
    except OSError as error:
        raise CohortError(
            f"cannot be read ({error.strerror})", remedy="check the file", file=table
        ) from error
    lines = [[cell.strip() for cell in line.split("\t")] for line in re.split(r"\r\n|\r|\n", text)]
    columns = [name.lower() for name in lines[0]]
    if _ID not in columns:
        raise CohortError(
            "has no column participant_id",
            remedy="name it in the first line, and divide the columns by tabs",
            file=table,
        )
    rows: dict[str, Mapping[str, str]] = {}
    for line_number, cells in enumerate(lines[1:], start=2):
        row = dict(zip(columns, cells, strict=False))
        if not any(cells):
            continue
        if not row.get(_ID):
            raise CohortError(
                f"line {line_number} names no participant",
                remedy="fill in participant_id, or remove the line",
                file=table,
            )
        person_id = _with_prefix(row[_ID])
        if person_id in rows:
            raise CohortError(
                f"line {line_number} names {person_id} again",
                remedy="keep one line for each participant",
                file=table,
            )
        rows[person_id] = row
    return Participants(table, tuple(name for name in columns if name != _ID), rows)


def _with_prefix(person_id: str) -> str:
    return "sub-" + person_id.removeprefix("sub-")
