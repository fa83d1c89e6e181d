"""How much a result depends on chance in fitting: the same study with several seeds.

The split stays as it is, and so do the test people; only what is random in fitting differs: first
weights, dropout, augmentation and the order of slices, and how a tree breaks ties. Nothing is
random in an SVM. The spread over seeds says nothing of other people; intervals do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.patients import patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, Subset
from mslesion.evaluation.tallies import tally
from mslesion.paper.protocol import DecisionProtocol

LEVELS = ("slices", "patients")
"""What is measured: the test slices, or the verdicts on the people they belong to."""


@dataclass(frozen=True)
class SeedSpread:
    """One measure of one classifier over the seeds: ``values`` by seed, nan where undefined.

    ``level`` is one of :data:`LEVELS`.
    """

    level: str
    measure: str
    values: Mapping[int, float]

    @property
    def mean(self) -> float:
        """The mean over seeds; nan where it is undefined under any of them."""
        return float(np.mean(list(self.values.values())))

    @property
    def sd(self) -> float:
        """The sample standard deviation over seeds; nan for a single seed, and as the mean is."""
        values = list(self.values.values())
        return float(np.std(values, ddof=1)) if len(values) > 1 else nan


def seed_spreads(
    by_seed: Mapping[int, Predictions], question: Question, decision: DecisionProtocol
) -> tuple[SeedSpread, ...]:
    """Every measure over test slices and test people, of the same classifier under each seed."""
    measured = {
        seed: _measures(predictions.of(Subset.TEST), question, decision)
        for seed, predictions in by_seed.items()
    }
    keys = dict.fromkeys(key for measures in measured.values() for key in measures)
    return tuple(
        SeedSpread(*key, {seed: measures[key] for seed, measures in measured.items()})
        for key in keys
    )


def _measures(
    test: Predictions, question: Question, decision: DecisionProtocol
) -> dict[tuple[str, str], float]:
    verdicts = patient_verdicts(test, question, decision)
    slices, patients = LEVELS
    tallies = {
        slices: tally(test.person_id, test.label, test.probability, decision.threshold),
        patients: tally(verdicts.person_id, verdicts.label, verdicts.score, decision.threshold),
    }
    return {
        (level, name): float(values[0])
        for level, counted in tallies.items()
        for name, values in counted.measures(_everybody_once(len(counted.people))).items()
    }


def _everybody_once(people: int) -> NDArray[np.int64]:
    return np.ones((1, people), np.int64)
