"""What the arms of an experiment are worth, and what tells them apart.

Where an arm has several seeds, a measure is the mean over them, and each draw of people is the
same for all: the interval is that of other people, and the spread over seeds stands beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.comparison import Difference
from mslesion.evaluation.intervals import (
    Estimate,
    Statistics,
    Weights,
    cluster_bootstrap,
    resample,
)
from mslesion.evaluation.metrics import MEASURES, answers
from mslesion.evaluation.predictions import Predictions
from mslesion.evaluation.summary import difference_as_json, estimate_as_json
from mslesion.evaluation.tallies import Tallies, tally
from mslesion.paper.protocol import DecisionProtocol
from mslesion.paper.slices import SliceSet

AREA_EDGES_MM2 = (0.0, 13.0, 52.0, 208.0, np.inf)
"""Bins of lesion area in a slice; one pixel of 64 over a head of 230 mm covers 13 mm2."""


def measures_of(
    runs: Sequence[Predictions], decision: DecisionProtocol, seed: int = 0
) -> dict[str, Any]:
    """The measures of one arm, as a plain value: means over seeds, each seed, and their spread."""
    tallies = [_tally(run, decision) for run in runs]
    people, statistics = _over_seeds(tallies)
    estimates = cluster_bootstrap(
        len(people), statistics, draws=decision.bootstrap_draws, seed=seed
    )
    single = {
        name: [float(t.measures(_once(len(t.people)))[name][0]) for t in tallies]
        for name in MEASURES
    }
    first = runs[0]
    return {
        "n_people": len(people),
        "n_slices": _distinct(first),
        "n_positive": _distinct(first.where(first.label == 1)),
        "always_the_more_frequent": float(max(first.label.mean(), 1 - first.label.mean())),
        "measures": {name: estimate_as_json(estimate) for name, estimate in estimates.items()},
        "of_each_seed": single,
        "sd_over_seeds": {
            name: float(np.std(values, ddof=1)) if len(values) > 1 else None
            for name, values in single.items()
        },
    }


def difference_of(
    higher: Sequence[Predictions],
    lower: Sequence[Predictions],
    decision: DecisionProtocol,
    seed: int = 0,
) -> dict[str, Any]:
    """Each measure of one arm minus that of another, paired where the same people were tested.

    As :func:`mslesion.evaluation.comparison.difference`, which compares single runs.
    """
    (people, higher_of), (others, lower_of) = (
        _over_seeds([_tally(run, decision) for run in runs]) for runs in (higher, lower)
    )
    is_paired = np.array_equal(people, others)
    count = len(people)

    def differences(weights: Weights) -> dict[str, NDArray[np.float64]]:
        minuend = higher_of(weights[:, :count])
        subtrahend = lower_of(weights if is_paired else weights[:, count:])
        return {name: minuend[name] - subtrahend[name] for name in minuend}

    samples = [count] if is_paired else [count, len(others)]
    resampled = resample(samples, differences, draws=decision.bootstrap_draws, seed=seed)
    found = {name: measure.interval() for name, measure in resampled.items()}
    return difference_as_json(Difference(found, is_paired))


def found_by_area(
    runs: Sequence[Predictions], slices: SliceSet, decision: DecisionProtocol, seed: int = 0
) -> list[dict[str, Any]]:
    """How many of the slices with a lesion are found, by the area of lesion in them.

    A list with one entry a bin of :data:`AREA_EDGES_MM2`; an empty bin has no share.
    """
    area_of = dict(zip(slices.slice_names, slices.lesion_area_mm2.tolist(), strict=True))
    test = Predictions.join(runs)
    test = test.where(test.label == 1)
    names = zip(test.scan_name, test.slice_index, strict=True)
    area = np.array([area_of[f"{scan}_slice-{index:03d}"] for scan, index in names])
    found = answers(test.probability, decision.threshold)
    people, owner = np.unique(test.person_id, return_inverse=True)
    rows = []
    for low, high in itertools.pairwise(AREA_EDGES_MM2):
        chosen = (area > low) & (area <= high)
        share = _share_by_person(
            np.bincount(owner[chosen & found], minlength=len(people)),
            np.bincount(owner[chosen], minlength=len(people)),
            decision.bootstrap_draws,
            seed,
        )
        rows.append(
            {
                "from_mm2": low, "to_mm2": high, "slices": _distinct(test.where(chosen)),
                "found": estimate_as_json(share),
            }
        )  # fmt: skip
    return rows


def _share_by_person(
    hits: NDArray[np.int64], counted: NDArray[np.int64], draws: int, seed: int
) -> Estimate:
    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return {"share": (weights @ hits) / (weights @ counted)}

    return cluster_bootstrap(len(hits), statistics, draws=draws, seed=seed)["share"]


def _tally(run: Predictions, decision: DecisionProtocol) -> Tallies:
    return tally(run.person_id, run.label, run.probability, decision.threshold)


def _distinct(predictions: Predictions) -> int:
    """How many slices: the networks of several folds, or seeds, may have been asked of each."""
    return len(set(zip(predictions.scan_name, predictions.slice_index, strict=True)))


def _once(people: int) -> Weights:
    return np.ones((1, people), np.int64)


def _over_seeds(tallies: Sequence[Tallies]) -> tuple[NDArray[np.str_], Statistics]:
    """Everybody tested under any seed, and the mean over seeds of each measure."""
    people = np.unique(np.concatenate([t.people for t in tallies]))
    columns = [np.searchsorted(people, t.people) for t in tallies]

    def statistics(weights: Weights) -> Mapping[str, NDArray[np.float64]]:
        of_each = [t.measures(weights[:, c]) for t, c in zip(tallies, columns, strict=True)]
        return {name: np.mean([of[name] for of in of_each], axis=0) for name in MEASURES}

    return people, statistics  # type: ignore[return-value]
