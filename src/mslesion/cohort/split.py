"""Who trains, who validates, who tests: drawn once, written down, never straddled.

People (or, for the demonstration of leakage, single slices) are divided class by class, within a
class site by site, and within a site in the order of their lesion load, so that every part sees
every site and light and heavy cases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mslesion.errors import CohortError, UsageError
from mslesion.evaluation.predictions import SplitUnit, Subset

VALIDATION_SHARE_OF_REST = 0.25
"""Of what is not tested, as in the paper's 253 of 769 + 253 slices."""


@dataclass(frozen=True)
class Unit:
    """What is kept together: a person, or one slice where that was asked for by name.

    ``stratum`` is the class that should be equally frequent everywhere; ``site``, empty where there
    is one or none is known, and ``load`` order the units within it.
    """

    name: str
    stratum: str
    load: float = 0.0
    site: str = ""


@dataclass(frozen=True)
class Fold:
    """The units of each part, sorted by name."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def subset_of(self) -> dict[str, Subset]:
        """The part each unit belongs to."""
        return {name: part for part in Subset for name in getattr(self, part.value)}


@dataclass(frozen=True)
class Split:
    """A division of units, fold by fold; with several folds each unit is tested once."""

    unit: SplitUnit
    seed: int
    folds: tuple[Fold, ...]

    def as_json(self) -> dict[str, Any]:
        """A plain value for ``split.json``, its own hash included."""
        return {
            "unit": self.unit.value,
            "seed": self.seed,
            "sha256": self.sha256,
            "folds": [
                {part.value: list(getattr(fold, part.value)) for part in Subset}
                for fold in self.folds
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Split:
        """The inverse of :meth:`as_json`."""
        return cls(
            SplitUnit(value["unit"]),
            value["seed"],
            tuple(Fold(*(tuple(fold[part.value]) for part in Subset)) for fold in value["folds"]),
        )

    @property
    def sha256(self) -> str:
        """A hash of who stands where; each result names it."""
        folds = [[list(getattr(fold, part.value)) for part in Subset] for fold in self.folds]
        return sha256(json.dumps([self.unit.value, folds]).encode()).hexdigest()


@dataclass(frozen=True)
class FrozenSplit:
    """A split by patient that was drawn, and written to ``file``, before anything was fitted.

    ``dataset_sha256`` is the hash of the files it was drawn for; None where the file does not say.
    """

    split: Split
    file: Path
    dataset_sha256: str | None = None

    @property
    def tested(self) -> frozenset[str]:
        """Everybody who is tested in some fold."""
        return frozenset(name for fold in self.split.folds for name in fold.test)

    def doubts(self, dataset_sha256: str) -> list[str]:
        """What a reader must know where the data set has another hash than the split's."""
        if self.dataset_sha256 in {None, dataset_sha256}:
            return []
        return [
            (
                "The files, diagnoses or sites are not those that the split was frozen for (the "
                "hash of the data set differs)."
            )
        ]

    def require_one_fold(self) -> None:
        """See that there is one training part.

        Raises:
            CohortError: the split is a cross-validation.
        """
        if len(self.split.folds) > 1:
            raise CohortError(
                f"has {len(self.split.folds)} folds, each of which takes a model of its own",
                remedy="freeze a split with --folds 1, or use 'mslesion reproduce'",
                file=self.file,
            )

    def require_unseen(self, people: int) -> None:
        """See that a model has seen none of the people who are tested in the only fold.

        In a cross-validation each model has seen those of the other folds, who are left out.

        Raises:
            CohortError: it was trained on ``people`` of them.
        """
        if people and len(self.split.folds) == 1:
            raise CohortError(
                f"tests {people} people on whom the model was trained",
                remedy="give a model that 'mslesion train' fitted under this split",
                file=self.file,
            )

    def require_people(self, people: Iterable[str]) -> None:
        """See that the split divides exactly these people.

        Raises:
            CohortError: somebody is in the data alone, or in the split alone.
        """
        there, divided = set(map(str, people)), set(self.split.folds[0].subset_of())
        strange = [
            f"{count} of the {counted} {'is' if count == 1 else 'are'} not in the {other}"
            for count, counted, other in (
                (len(divided - there), "split's people", "data"),
                (len(there - divided), "data's people", "split"),
            )
            if count
        ]
        if strange:
            raise CohortError(
                "is of other people than these data: " + ", and ".join(strange),
                remedy="give the data it was frozen for, all scans readable, or freeze a split of "
                "these with 'mslesion split'",
                file=self.file,
            )


def draw_split(
    units: Sequence[Unit],
    *,
    unit: SplitUnit,
    seed: int,
    folds: int = 1,
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2),
) -> Split:
    """Divide ``units`` at random, stratified by class, site and lesion load.

    With ``folds=1``, into training, validation and test by ``shares``. With more, each fold tests
    its own part, and a quarter of the rest validates. The order of ``units`` does not matter.

    Raises:
        CohortError: there are fewer units than folds, or a class has fewer than three.
        UsageError: ``folds`` is below 1.
    """
    if folds < 1:
        raise UsageError(f"{folds} folds", remedy="give --folds 1 (one split) or more")
    _require_enough(units, unit, folds)
    generator = np.random.default_rng([seed, 0x5B117])
    if folds == 1:
        test, rest = _take_share(units, shares[2], generator)
        validation, training = _take_share(rest, shares[1] / (shares[0] + shares[1]), generator)
        return Split(unit, seed, (_fold(training, validation, test),))
    tested = _deal(units, folds, generator)
    drawn = []
    for number in range(folds):
        rest = [u for u in units if tested[u.name] != number]
        validation, training = _take_share(rest, VALIDATION_SHARE_OF_REST, generator)
        drawn.append(_fold(training, validation, [u for u in units if tested[u.name] == number]))
    return Split(unit, seed, tuple(drawn))


def _require_enough(units: Sequence[Unit], unit: SplitUnit, folds: int) -> None:
    if folds > len(units):
        raise CohortError(
            f"{len(units)} {unit.value}s cannot fill {folds} folds",
            remedy=f"give --folds {max(len(units), 1)} or fewer, or add {unit.value}s",
        )
    for stratum, count in sorted(Counter(u.stratum for u in units).items()):
        if count < len(Subset):
            raise CohortError(
                f"too few {unit.value}s are '{stratum}' ({count}): training, validation and test "
                "each need one",
                remedy=f"add {unit.value}s of that kind",
            )


def _ordered(units: Sequence[Unit]) -> list[list[Unit]]:
    ordered = sorted(units, key=lambda u: (u.stratum, u.site, u.load, u.name))
    return [list(group) for _, group in groupby(ordered, key=lambda u: u.stratum)]


def _deal(units: Sequence[Unit], parts: int, generator: np.random.Generator) -> dict[str, int]:
    """Deal neighbours in the order to different parts, as cards, in a new order each round."""
    part_of: dict[str, int] = {}
    offset: int | None = None
    for group in _ordered(units):
        for start in range(0, len(group), parts):
            block = group[start : start + parts]
            order = generator.permutation(parts)
            if len(block) < parts:
                # The short last round of one class starts where that of the class before ended,
                # so that parts differ by at most one unit in all.
                offset = int(generator.integers(parts)) if offset is None else offset
                order = (offset + np.arange(parts)) % parts
                offset += len(block)
            part_of.update({u.name: int(part) for u, part in zip(block, order, strict=False)})
    return part_of


def _take_share(
    units: Sequence[Unit], share: float, generator: np.random.Generator
) -> tuple[list[Unit], list[Unit]]:
    """Draw ``share`` of every class, spread over its sites and loads: (taken, left)."""
    taken: list[Unit] = []
    left: list[Unit] = []
    for group in _ordered(units):
        count = min(max(1, round(share * len(group))), len(group) - 1)
        edges = np.linspace(0, len(group), count + 1)
        chosen = {
            int(generator.integers(np.ceil(low), np.ceil(high))) for low, high in pairwise(edges)
        }
        taken += [u for i, u in enumerate(group) if i in chosen]
        left += [u for i, u in enumerate(group) if i not in chosen]
    return taken, left


def _fold(training: Sequence[Unit], validation: Sequence[Unit], test: Sequence[Unit]) -> Fold:
    return Fold(*(tuple(sorted(u.name for u in part)) for part in (training, validation, test)))
