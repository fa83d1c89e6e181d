"""How often 95 % intervals hold the truth, on made-up people of whom the truth is known.

    python tools/measure_interval_coverage.py          # writes docs/results/interval-coverage.json

Every person has 21 slices; answers to one person's slices resemble each other with an intraclass
correlation of 0.3. In the first simulation each slice is right or wrong, with a share of right
answers that differs from person to person (beta), so the accuracy is known exactly; beside the two
ways to take limits from resampled people stands the resampling of slices, which is wrong. In the
second, probabilities are made for positive and negative slices of every person, and all measures
are taken as in a study; the truth is that of very many people. A few minutes on one core.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Resampled, resample
from mslesion.evaluation.metrics import MEASURES
from mslesion.evaluation.tallies import tally
from mslesion.write.atomic import write_json

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "results" / "interval-coverage.json"
SLICES = 21
CORRELATION = 0.3
DRAWS = 2000
ACCURACIES = (0.75, 0.9)
PEOPLE = (12, 30, 60, 120)
TRIALS = 2000
PEOPLE_OF_ALL_MEASURES = (12, 30, 60)
TRIALS_OF_ALL_MEASURES = 400
_MANY_PEOPLE = 3000


def accuracy_coverage(people: int, accuracy: float, trials: int, seed: int) -> dict[str, Any]:
    """How often BCa and percentiles over people, and percentiles over slices, hold ``accuracy``."""
    covered = {"bca": 0, "percentile": 0, "slices": 0}
    given = dict.fromkeys(covered, 0)
    for trial in range(trials):
        random = np.random.default_rng([seed, people, trial])
        both = np.array([accuracy, 1 - accuracy]) * (1 / CORRELATION - 1)
        right = random.binomial(SLICES, random.beta(*both, people)) / SLICES
        by_person = resample(
            [people], lambda w, right=right: {"": w @ right / len(right)}, draws=DRAWS, seed=trial
        )[""]
        # How many of N slices, drawn with return, are right is a binomial.
        share, count = right.mean(), people * SLICES
        redrawn = random.binomial(count, share, DRAWS) / count
        intervals = {
            "bca": by_person.interval(),
            "percentile": by_person.percentile_interval(),
            "slices": Resampled(float(share), redrawn, ()).percentile_interval(),
        }
        for name, interval in intervals.items():
            given[name] += interval.has_interval
            covered[name] += interval.low <= accuracy <= interval.high
    return {
        "people": people,
        "accuracy": accuracy,
        "trials": trials,
        **{name: covered[name] / given[name] for name in covered},
    }


def measures_coverage(
    people: int, trials: int, truth: dict[str, float]
) -> Iterator[dict[str, Any]]:
    """The same for each measure of :data:`MEASURES`, over people; ``given`` is how often any is."""
    intervals: dict[str, list[tuple[Estimate, Estimate]]] = {name: [] for name in MEASURES}
    for trial in range(trials):
        tallies = tally(*_answers(people, np.random.default_rng([people, trial])), 0.5)
        resampled = resample([people], tallies.measures, draws=DRAWS, seed=trial)
        for name, each in resampled.items():
            intervals[name].append((each.interval(), each.percentile_interval()))
    for name, pairs in intervals.items():
        given = [pair for pair in pairs if pair[0].has_interval]
        held = np.array([[i.low <= truth[name] <= i.high for i in pair] for pair in given])
        bca, percentile = held.mean(axis=0).tolist() if given else (None, None)
        yield {
            "people": people,
            "measure": name,
            "truth": truth[name],
            "trials": trials,
            "given": len(given) / trials,
            "bca": bca,
            "percentile": percentile,
        }


def true_measures() -> dict[str, float]:
    """The measures of so many people that chance hardly moves them."""
    tallies = tally(*_answers(_MANY_PEOPLE, np.random.default_rng(1)), 0.5)
    found = tallies.measures(np.ones((1, _MANY_PEOPLE), np.int64))
    return {name: float(values[0]) for name, values in found.items()}


def _answers(
    people: int, random: np.random.Generator
) -> tuple[NDArray[np.str_], NDArray[np.int8], NDArray[np.float64]]:
    """Persons, labels and probabilities of all slices; a third of them positive."""
    person = np.repeat([f"p{number:05d}" for number in range(people)], SLICES)
    label = (random.random(len(person)) < 1 / 3).astype(np.int8)
    of_person = np.repeat(random.normal(scale=np.sqrt(CORRELATION), size=people), SLICES)
    of_slice = random.normal(scale=np.sqrt(1 - CORRELATION), size=len(person))
    score = 1.5 * (label - 0.5) + of_person + of_slice
    return person, label, 1 / (1 + np.exp(-score))


def main() -> None:
    """Measure and write."""
    start = time.perf_counter()
    of_accuracy = []
    for accuracy in ACCURACIES:
        for people in PEOPLE:
            of_accuracy.append(accuracy_coverage(people, accuracy, TRIALS, seed=0))
            print(of_accuracy[-1], flush=True)
    truth, of_measures = true_measures(), []
    for people in PEOPLE_OF_ALL_MEASURES:
        of_measures += measures_coverage(people, TRIALS_OF_ALL_MEASURES, truth)
        print(*of_measures[-len(MEASURES) :], sep="\n", flush=True)
    content = {
        "command": "python tools/measure_interval_coverage.py",
        "slices_each": SLICES,
        "intraclass_correlation": CORRELATION,
        "draws": DRAWS,
        "wanted": "0.95",
        "accuracy": of_accuracy,
        "measures": of_measures,
    }
    write_json(OUTPUT, content)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
