"""Classifiers on the same test people, two by two: differences, tests, Holm over all tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mslesion.errors import CohortError
from mslesion.evaluation.comparison import resample_difference
from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.multiple import holm
from mslesion.evaluation.paired_tests import delong, mcnemar
from mslesion.evaluation.patients import patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, Subset
from mslesion.evaluation.tallies import tally
from mslesion.paper.protocol import DecisionProtocol
from mslesion.write.atomic import plain_value

SLICE_TESTS = ("accuracy", "auc")
"""Measures of slices that are tested. The others have intervals only: each test costs the rest."""


@dataclass(frozen=True)
class PairedTest:
    """One question asked of two classifiers: ``difference`` is first minus second.

    ``p_holm`` is corrected for all tests that were made beside it. Both p values are nan where
    there is nothing to test.
    """

    unit: str
    measure: str
    test: str
    difference: Estimate
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class ComparedPair:
    """Two classifiers: the tests, and the difference in every measure of slices."""

    first: str
    second: str
    tests: tuple[PairedTest, ...]
    slices: Mapping[str, Estimate]


def compare_classifiers(
    predictions: Mapping[str, Predictions],
    pairs: Iterable[tuple[str, str]],
    question: Question,
    decision: DecisionProtocol,
    seed: int,
) -> tuple[ComparedPair, ...]:
    """Compare the test answers of classifiers that were run under one question and one split.

    Verdicts on people are tested by exact McNemar, their areas under the ROC by DeLong. Slices of
    one person are not independent, so what is measured of slices is tested by resampling people
    (the BCa interval turned into a p value). Pairs of which one was not run are passed over.

    Raises:
        CohortError: two classifiers were tested on different slices.
    """
    compared = [
        _compare(first, second, predictions, question, decision, seed=seed)
        for first, second in pairs
        if {first, second} <= predictions.keys()
    ]
    p_values = {
        f"{number} {place}": test.p_value
        for number, pair in enumerate(compared)
        for place, test in enumerate(pair.tests)
    }
    corrected = holm(p_values)
    return tuple(
        replace(
            pair,
            tests=tuple(
                replace(test, p_holm=corrected[f"{number} {place}"])
                for place, test in enumerate(pair.tests)
            ),
        )
        for number, pair in enumerate(compared)
    )


def _compare(
    first: str,
    second: str,
    predictions: Mapping[str, Predictions],
    question: Question,
    decision: DecisionProtocol,
    *,
    seed: int,
) -> ComparedPair:
    tested = [predictions[name].of(Subset.TEST) for name in (first, second)]
    if not _have_same_slices(*tested):
        raise CohortError(
            f"{first} and {second} were tested on different slices",
            remedy="compare classifiers under one question and one split",
        )
    how = (decision.bootstrap_draws, seed)
    at = (decision.threshold, decision.stated_prevalence)
    one, other = (tally(t.person_id, t.label, t.probability, *at) for t in tested)
    slices = resample_difference(one, other, *how)
    verdicts = [patient_verdicts(each, question, decision) for each in tested]
    is_right = [each.verdict == (each.label == 1) for each in verdicts]
    people = resample_difference(verdicts[0].tally(), verdicts[1].tally(), *how)
    areas = delong(verdicts[0].label, np.stack([each.score for each in verdicts]))
    area_difference, area_p = areas.difference(0, 1)
    nan = float("nan")
    of_people = (
        PairedTest(
            "patients", "accuracy", "exact McNemar", people["accuracy"].interval(),
            mcnemar(*is_right), nan,
        ),
        PairedTest("patients", "auc", "DeLong", area_difference, area_p, nan),
    )  # fmt: skip
    of_slices = (
        PairedTest(
            "slices",
            name,
            "cluster bootstrap",
            slices[name].interval(),
            slices[name].p_value(),
            nan,
        )
        for name in SLICE_TESTS
    )
    return ComparedPair(
        first,
        second,
        (*of_people, *of_slices),
        {name: each.interval() for name, each in slices.items()},
    )


def _have_same_slices(first: Predictions, second: Predictions) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("fold", "scan_name", "slice_index", "label")
    )


def comparisons_as_json(pairs: Iterable[ComparedPair]) -> list[dict[str, Any]]:
    """Plain values for ``comparisons.json``, null where undefined."""
    plain: list[dict[str, Any]] = plain_value([asdict(pair) for pair in pairs])
    return plain
