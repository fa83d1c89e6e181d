"""A split that was frozen in a file, read back and held against its hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mslesion.cohort.split import FrozenSplit, Split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import SplitUnit
from mslesion.read.side_files import read_json

_REMEDY = "give a split.json that 'mslesion split' or 'reproduce' wrote, unchanged"


def read_split(path: Path) -> FrozenSplit:
    """The split by patient in a file of ``mslesion split``, or of a study.

    A study's file holds a split for each question; they must be one and the same.

    Raises:
        CohortError: the file cannot be read or understood, was changed since it was written, holds
            no split by patient or several, or has somebody in two parts.
    """
    try:
        value = read_json(path)
        stated = {part["sha256"]: part for part in _patient_splits(value)}
        splits = {sha256: Split.from_json(part) for sha256, part in stated.items()}
    except OSError as error:
        raise CohortError(
            f"cannot be read ({error.strerror})", remedy=_REMEDY, file=path
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CohortError("is no split", remedy=_REMEDY, file=path) from error
    if len(splits) != 1:
        held = "several splits" if splits else "no split by patient"
        raise CohortError(f"holds {held}", remedy="freeze one with 'mslesion split'", file=path)
    ((sha256, split),) = splits.items()
    if split.sha256 != sha256:
        raise CohortError(
            "was changed after it was frozen (its SHA-256 differs)",
            remedy="restore the file, or freeze a new split with 'mslesion split'",
            file=path,
        )
    _require_sound(split, path)
    return FrozenSplit(split, path, value.get("dataset_sha256"))


def _patient_splits(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of a file of either kind, with as many entries as questions have one."""
    if "folds" in value:
        found = [value]
    else:
        found = [split for question in value.values() for split in question.values()]
    return [split for split in found if split["unit"] == SplitUnit.PATIENT]


def _require_sound(split: Split, path: Path) -> None:
    """See that the split has folds, all of the same people, none of them in two parts."""
    parts = [[*fold.training, *fold.validation, *fold.test] for fold in split.folds]
    everybody = set(parts[0]) if parts else set()
    tested = Counter(name for fold in split.folds for name in fold.test)
    if (
        not everybody
        or any(len(part) != len(set(part)) or set(part) != everybody for part in parts)
        or max(tested.values(), default=0) != 1
    ):
        raise CohortError(
            "has somebody in two parts, in no part, or nobody to test",
            remedy="freeze a new split with 'mslesion split'",
            file=path,
        )
