"""What every check looks at: a cohort, how it is divided, and the model, as one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.audit.given_split import GivenSplit
from mslesion.audit.likeness import Likeness, alike
from mslesion.audit.survey import Survey
from mslesion.cohort.people import Cohort
from mslesion.cohort.split import Fold, Split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.fitting import subset_of_slices
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import draw_slice_split
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet
from mslesion.read.known_doubles import one_name


@dataclass(frozen=True)
class ModelFacts:
    """What a model says of itself.

    ``scans`` are fingerprints of slices (a classifier) or SHA-256 of files (a detector) that it
    learnt from or was chosen with; ``people`` are their names by data set, where it keeps them.
    """

    name: str
    kind: str
    scans: frozenset[str]
    people: frozenset[tuple[str, str]]
    question: Question | None
    seed: int | None
    split_unit: SplitUnit | None
    split_sha256: str | None


@dataclass(frozen=True, eq=False)
class Material:
    """The whole input of an audit; nothing in it is changed by a check.

    ``slices`` are those of ``question`` with a known answer, all slices where there is no question.
    ``split`` is None where none can be drawn, for the reason ``why_no_split``.
    """

    cohort: Cohort
    survey: Survey
    cut: CutCohort
    slices: SliceSet
    question: Question | None
    split: Split | None
    why_no_split: str
    given: GivenSplit | None
    model: ModelFacts | None
    classifier: str
    protocol: Protocol
    seed: int

    @cached_property
    def likenesses(self) -> tuple[Likeness, ...]:
        """How alike the scans of different people are, the most alike first."""
        scans = self.survey.scans
        return alike([s.detail for s in scans], [s.person_id for s in scans])

    @cached_property
    def parts_of(self) -> dict[str, frozenset[Subset]]:
        """Each person's parts in the first fold; nobody without a split."""
        if self.split is None:
            return {}
        return parts_of_people(self.slices, self.split.unit, self.split.folds[0])

    @property
    def straddling(self) -> frozenset[str]:
        """Who stands in more than one part of any fold."""
        if self.split is None:
            return frozenset()
        folds = (parts_of_people(self.slices, self.split.unit, f) for f in self.split.folds)
        return frozenset(who for parts in folds for who, of in parts.items() if len(of) > 1)

    def sides(self, first: str, second: str) -> str:
        """On which sides of the split two people stand, in words."""
        if self.split is None:
            return "no split"
        folds = [parts_of_people(self.slices, self.split.unit, f) for f in self.split.folds]
        divided = sum(
            bool(parts.get(first)) and bool(parts.get(second)) and parts[first] != parts[second]
            for parts in folds
        )
        if not divided:
            return "on one side of the split"
        return f"on different sides in {divided} of {len(folds)} folds"

    def on_test(self) -> frozenset[str]:
        """People with test slices in any fold; everybody without a split."""
        if self.split is None:
            return frozenset(self.survey.people)
        tested = [parts_of_people(self.slices, self.split.unit, f) for f in self.split.folds]
        return frozenset(p for parts in tested for p, of in parts.items() if Subset.TEST in of)


def parts_of_people(slices: SliceSet, unit: SplitUnit, fold: Fold) -> dict[str, frozenset[Subset]]:
    """The parts in which each person, or slices of theirs, stand; those of a split alone."""
    if unit is SplitUnit.PATIENT:
        parts: dict[str, set[Subset]] = {}
        for part in Subset:
            for person in getattr(fold, part.value):
                parts.setdefault(person, set()).add(part)
        return {person: frozenset(of) for person, of in parts.items()}
    owner = dict(zip(slices.slice_names.tolist(), slices.person_id.tolist(), strict=True))
    parts = {}
    for part in Subset:
        for name in getattr(fold, part.value):
            parts.setdefault(owner.get(name, name.rpartition("_slice-")[0]), set()).add(part)
    return {person: frozenset(of) for person, of in parts.items()}


def divided(slices: SliceSet, split: Split, fold: int = 0) -> tuple[SliceSet, NDArray[np.str_]]:
    """The slices that a fold knows, and the part that each belongs to."""
    one = split.folds[fold]
    known = list(one.subset_of())
    names = slices.person_id if split.unit is SplitUnit.PATIENT else slices.slice_names
    kept = slices.where(np.isin(names, known))
    return kept, subset_of_slices(kept, split.unit, one)


def split_for(
    slices: SliceSet,
    question: Question | None,
    unit: SplitUnit,
    protocol: Protocol,
    seed: int,
    *,
    sites: Mapping[str, str],
) -> tuple[Split | None, str]:
    """The split that ``mslesion train`` draws, or why none can be."""
    try:
        split = draw_slice_split(
            slices,
            question or Question.LESION,
            unit,
            seed=seed,
            shares=protocol.decision.split_shares,
            sites=sites,
        )
    except CohortError as error:
        return None, error.told_reason
    return split, ""


def person_labels(people: Iterable[Any]) -> NDArray[np.int8]:
    """1 for MS, 0 for a control, :data:`UNKNOWN` else, of values with a ``diagnosis``."""
    values = {None: UNKNOWN, "MS": 1, "control": 0}
    return np.array(
        [values[None if p.diagnosis is None else str(p.diagnosis)] for p in people], np.int8
    )


def named(items: Iterable[str], most: int = 3) -> str:
    """Some of several names, and how many more there are."""
    listed = list(items)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest


def model_facts(path: Path) -> ModelFacts:
    """What a model says of its training: a folder of 'train', or a file of 'train-detector'.

    Raises:
        ModelFileError: it is missing, damaged, or not one of ours.
    """
    if path.is_dir():
        return _classifier_facts(path)
    from mslesion.lesions.model import load_lesion_model

    detector = load_lesion_model(path)
    datasets = detector.trained_on.get("datasets", {})
    return ModelFacts(
        detector.name,
        "detector",
        frozenset(detector.trained_on.get("scans_sha256", ())),
        frozenset(one_name(name, person) for name, people in datasets.items() for person in people),
        None,
        None,
        None,
        None,
    )


def _classifier_facts(path: Path) -> ModelFacts:
    from mslesion.paper.storage import load_model

    model = load_model(path)
    about = model.trained_on
    unit = about.get("split_unit")
    return ModelFacts(
        model.classifier,
        "classifier",
        frozenset(about["scans"]),
        frozenset(),
        model.question,
        about.get("seed"),
        None if unit is None else SplitUnit(unit),
        about.get("split_sha256"),
    )
