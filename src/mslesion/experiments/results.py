"""The results of a study as its page reads them: a number without a source is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from mslesion.errors import UsageError
from mslesion.evaluation.intervals import Estimate
from mslesion.experiments.study import PLAN, QUOTED, RESULTS
from mslesion.read.side_files import read_text

_REMEDY = "run 'mslesion study' to its end"


@dataclass(frozen=True)
class Source:
    """One result file; ``place`` is its path from the page."""

    place: Path
    content: Mapping[str, Any]

    def at(self, *keys: str) -> Any:
        """What stands under these keys, one inside the other.

        Raises:
            UsageError: nothing does; the number that was wanted has no source.
        """
        found: Any = self.content
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                raise UsageError(
                    f"the page needs {' / '.join(keys)}, which has no source",
                    remedy=_REMEDY,
                    file=self.place,
                )
            found = found[key]
        return found

    def estimate(self, *keys: str) -> Estimate:
        """The value with its interval that stands under these keys; nan for what is null."""
        found = self.at(*keys)
        return Estimate(
            *(nan if found[name] is None else found[name] for name in ("value", "low", "high"))
        )

    def measure(self, arm: str, name: str) -> Estimate:
        """A measure of an arm."""
        return self.estimate("arms", arm, "measures", name)

    def difference(self, first: str, second: str, name: str) -> Estimate:
        """How much higher a measure is in the first arm than in the second."""
        for found in self.at("differences"):
            if (found["of"], found["from"]) == (first, second):
                return Source(self.place, found).estimate(name)
        raise UsageError(
            f"the page needs the difference of {first} and {second}, which has no source",
            remedy=_REMEDY,
            file=self.place,
        )

    def arms(self) -> Mapping[str, Any]:
        """The arms, in the order of the table."""
        found: Mapping[str, Any] = self.at("arms")
        return found


@dataclass(frozen=True)
class StudyResults:
    """All results of a study: its plan, each experiment's, and those quoted from elsewhere."""

    plan: Source
    experiments: Mapping[str, Source]
    quoted: Source | None

    @property
    def is_rehearsal(self) -> bool:
        """Whether its figures mean nothing."""
        return bool(self.plan.at("is_rehearsal"))

    def words_of(self, cohort: str) -> str:
        """What a cohort is called."""
        return str(self.plan.at("cohorts", cohort))


def read_results(folder: Path) -> StudyResults:
    """The results in ``folder``, which holds ``results/study``.

    Raises:
        UsageError: there is no plan, or an experiment of it has no result.
    """
    plan = _read(folder, RESULTS / PLAN)
    return StudyResults(
        plan,
        {name: _read(folder, RESULTS / f"{name}.json") for name in plan.at("experiments")},
        _read(folder, QUOTED) if plan.at("quotes_detector_results") else None,
    )


def _read(folder: Path, place: Path) -> Source:
    path = folder / place
    if not path.is_file():
        raise UsageError("the page needs this file, which is missing", remedy=_REMEDY, file=path)
    return Source(place, json.loads(read_text(path)))
