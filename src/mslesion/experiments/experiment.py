"""What an experiment is: arms that differ in one thing, and the scale all of them are made at.

An arm is one classifier under one protocol on one cohort; everything else in an experiment is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.paper.protocol import Protocol

CNN, TREE, SVM = "CNN", "decision tree", "SVM"
DETECTOR, HEIGHT = "detector", "slice height alone"
"""Who answers: the paper's three, the shipped detector, and one that looks at no pixel."""


@dataclass(frozen=True)
class Scale:
    """How large the study is made."""

    people: int = 60
    thin_people: int = 40
    detected_people: int = 12
    folds: int = 5
    seeds: int = 5
    shuffles: int = 20
    epochs: int = 20
    sizes: tuple[int, ...] = (64, 128, 256)
    bootstrap_draws: int = 2000
    is_rehearsal: bool = False


FULL = Scale()
REHEARSAL = Scale(
    people=10, thin_people=10, detected_people=1, folds=2, seeds=2, shuffles=2, epochs=1,
    sizes=(64, 128), bootstrap_draws=200, is_rehearsal=True,
)  # fmt: skip
"""Tries the way from scans to page in minutes; its figures mean nothing, and the page says so."""


@dataclass(frozen=True)
class Arm:
    """One classifier, trained on one cohort and tested on its own test people or on another's.

    ``seeds`` each draw split and weights anew. With ``is_shuffled`` each seed also deals the
    people's labels out at random.
    """

    label: str
    question: Question
    cohort: str
    protocol: Protocol
    classifier: str = CNN
    tested_on: str = ""
    split_unit: SplitUnit = SplitUnit.PATIENT
    folds: int = 5
    seeds: tuple[int, ...] = (0,)
    is_shuffled: bool = False

    @property
    def cohorts(self) -> tuple[str, ...]:
        """The cohorts it takes."""
        return (self.cohort, self.tested_on) if self.tested_on else (self.cohort,)


@dataclass(frozen=True)
class Experiment:
    """One question to the system: arms, and pairs of labels whose difference is the answer."""

    name: str
    question: str
    arms: tuple[Arm, ...]
    pairs: tuple[tuple[str, str], ...] = ()

    def within(self, available: Iterable[str]) -> Experiment:
        """What is left of it where only these cohorts are at hand."""
        at_hand = set(available)
        arms = tuple(arm for arm in self.arms if at_hand.issuperset(arm.cohorts))
        labels = {arm.label for arm in arms}
        return replace(self, arms=arms, pairs=tuple(p for p in self.pairs if labels.issuperset(p)))


@dataclass(frozen=True)
class Thickening:
    """The detector on the same people in thin and thick slices, held against the thin truth."""

    name: str
    question: str
    thicknesses_mm: tuple[int, ...]
    people: int
