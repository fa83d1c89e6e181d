"""Two tools on the same scans: paired differences, and tests that need no distribution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import CohortError
from mslesion.evaluation.intervals import (
    BOOTSTRAP_IN_WORDS,
    Weights,
    cluster_bootstrap,
)
from mslesion.evaluation.lesion_summary import MATCHING_RULE, LesionTable, ScoredScan, few_people
from mslesion.evaluation.multiple import holm

_DRAWS = 2000
_SWAPS = 10_000
_MOST_PEOPLE_EXACT = 13
"""With so many people all 8,192 ways to swap the tools are tried, with more a sample."""


def compare_tools(
    first: Sequence[ScoredScan], second: Sequence[ScoredScan], seed: int = 0
) -> dict[str, Any]:
    """Each measure of both, the difference with its paired interval, and its p value.

    The interval is the BCa bootstrap over people, each draw taking the same people for both
    tools. The p value is that of the permutation test: were the tools alike, swapping them in any
    people would change nothing. It is two-sided; ``p_holm`` is corrected for the number of
    measures (Holm, Scand. J. Statist. 6, 1979). Values are plain, nan where undefined.

    Raises:
        CohortError: not the same scans were scored.
    """
    scans = [sorted((s.person_id, s.scan_name) for s in scored) for scored in (first, second)]
    if scans[0] != scans[1]:
        raise CohortError(
            "the two tools were measured on different scans", remedy="compare them on the same ones"
        )
    tables = LesionTable.of(first), LesionTable.of(second)
    people = len(tables[0].people)
    return {
        "people": people,
        "scans": len(first),
        "matching_rule": MATCHING_RULE,
        "interval": f"{BOOTSTRAP_IN_WORDS}, paired",
        "test": "two-sided permutation test over people, Holm over measures",
        "warnings": few_people(people),
        "measures": _compared(*tables, seed),
    }


def _compared(first: LesionTable, second: LesionTable, seed: int) -> dict[str, dict[str, float]]:
    def differences(weights: Weights) -> dict[str, NDArray[np.float64]]:
        minuend, subtrahend = first.statistics(weights), second.statistics(weights)
        return {name: minuend[name] - subtrahend[name] for name in minuend}

    people = len(first.people)
    everybody = np.ones((1, people), np.int64)
    values = [table.statistics(everybody) for table in (first, second)]
    estimates = cluster_bootstrap(people, differences, draws=_DRAWS, seed=seed)
    p_values = _permutation_test(first, second, seed)
    corrected = holm(p_values)
    return {
        name: {
            "first": float(values[0][name][0]),
            "second": float(values[1][name][0]),
            "difference": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "p": p_values[name],
            "p_holm": corrected[name],
        }
        for name, estimate in estimates.items()
    }


def _permutation_test(first: LesionTable, second: LesionTable, seed: int) -> dict[str, float]:
    """The p value of each measure; nan where it is undefined for either tool."""
    people = len(first.people)
    if people <= _MOST_PEOPLE_EXACT:
        is_swapped = np.array(list(product((0, 1), repeat=people)), np.int64)
    else:
        is_swapped = np.random.default_rng([seed, 0x5A9]).integers(0, 2, (_SWAPS, people))
        is_swapped[0] = 0
    both = _side_by_side(first, second)
    kept = both.statistics(np.hstack([1 - is_swapped, is_swapped]))
    swapped = both.statistics(np.hstack([is_swapped, 1 - is_swapped]))
    return {name: _p_value(kept[name] - swapped[name]) for name in kept}


def _side_by_side(first: LesionTable, second: LesionTable) -> LesionTable:
    """One table of twice the people: what they contribute with one tool, and with the other."""
    return LesionTable(
        first.people + second.people,
        {name: np.concatenate([first.means[name], second.means[name]]) for name in first.means},
        {
            name: (
                np.concatenate([first.rates[name][0], second.rates[name][0]]),
                np.concatenate([first.rates[name][1], second.rates[name][1]]),
            )
            for name in first.rates
        },
    )


def _p_value(differences: NDArray[np.float64]) -> float:
    """How many differences are at least as large as the first, which nothing was swapped in."""
    if np.isnan(differences[0]):
        return float("nan")
    defined = differences[~np.isnan(differences)]
    return float((np.abs(defined) >= abs(differences[0]) - 1e-12).mean())
