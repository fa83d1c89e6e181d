"""A split that somebody wrote down: read again, and held against the hash it was written with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mslesion.cohort.split import Split
from mslesion.errors import UsageError
from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.read.side_files import read_json


@dataclass(frozen=True)
class GivenSplit:
    """A split from a file, and the hash that stands beside it there (None where there is none)."""

    split: Split
    written_sha256: str | None


def read_split(path: Path, question: Question | None, unit: SplitUnit | None = None) -> GivenSplit:
    """Read ``split.json`` as ``mslesion reproduce`` writes it, or a single split of it.

    Of several, the one of ``question`` is taken, by patient before by slice unless ``unit`` says
    which.

    Raises:
        UsageError: the file cannot be read, or holds no split of that question and unit.
    """
    try:
        written = read_json(path)
        found = [
            GivenSplit(Split.from_json(value), value.get("sha256"))
            for value in _splits(written, question)
            if unit is None or value["unit"] == unit.value
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            "cannot be read as a split",
            remedy="give the split.json of 'mslesion reproduce'",
            file=path,
        ) from error
    if not found:
        raise UsageError(
            f"holds no split for '{question}'", remedy="give another --label", file=path
        )
    return min(found, key=lambda given: given.split.unit is not SplitUnit.PATIENT)


def _splits(written: Mapping[str, Any], question: Question | None) -> Iterator[Mapping[str, Any]]:
    """Every split in the file that answers ``question``, however deep it lies."""
    if "folds" in written:
        yield written
        return
    for name, value in written.items():
        other = name in set(Question) and question is not None and name != question.value
        if isinstance(value, Mapping) and not other:
            yield from _splits(value, question)
