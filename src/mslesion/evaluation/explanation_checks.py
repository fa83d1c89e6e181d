"""Can a map of what an answer rests on be believed? Three checks; to look convincing is none.

A map that looks right may be a picture of the slice's edges. So it is asked whether its energy lies
in the lesions more than chance and plain brightness would have it (the energy-based pointing
game: Wang et al. 2020, Score-CAM, section 4.3); whether the answer falls faster when its highest
pixels are blurred first than when any are (the deletion curve: Petsiuk et al. 2018, RISE, section
4.2); and whether it is another map once the network has forgotten all it learnt (Adebayo et al.
2018, NeurIPS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mslesion.evaluation.intervals import (
    BOOTSTRAP_IN_WORDS,
    Weights,
    cluster_bootstrap,
    weighted_mean,
)
from mslesion.evaluation.lesion_summary import few_people, mean_by

DELETED_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the head that are blurred along the deletion curve."""

RANDOM_ORDERS = 5
"""Orders of pixels that the deletion curve is held against."""

_DRAWS = 2000
_HEAD_SHARE = 0.05
"""A pixel belongs to the head where it is brighter than this share of the slice's range."""

Ask = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""From images (N, S, S) to the probability of the answer yes, (N,)."""

Blur = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From images (N, S, S) to the same without anything small in them."""


@dataclass(frozen=True, eq=False)
class ExplainedSlices:
    """Slices that hold lesions, each with its map.

    Attributes:
        person_id: str (N,).
        pixels: float32 (N, S, S).
        lesion_share: float32 (N, S, S) in [0, 1], how far lesions cover each pixel.
        maps: float32 (N, S, S), how much each pixel speaks for the answer yes.
        maps_of_random: the same by a network of random weights; None where there is no network.
    """

    person_id: NDArray[np.str_]
    pixels: NDArray[np.float32]
    lesion_share: NDArray[np.float32]
    maps: NDArray[np.float32]
    maps_of_random: NDArray[np.float32] | None = None


def head_of(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels of the head in images (N, S, S); all of a constant image."""
    low = pixels.min(axis=(1, 2), keepdims=True)
    high = pixels.max(axis=(1, 2), keepdims=True)
    inside: NDArray[np.bool_] = pixels >= low + _HEAD_SHARE * (high - low)
    return inside


def energy_inside(
    maps: NDArray[np.float32], lesion_share: NDArray[np.float32], head: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The share of each map's positive part, within the head, that lies in lesions; (N,).

    nan where nothing in the head speaks for the answer yes.
    """
    energy = np.where(head, np.maximum(maps, 0), 0).astype(np.float64)
    with np.errstate(invalid="ignore"):
        share: NDArray[np.float64] = (energy * lesion_share).sum((1, 2)) / energy.sum((1, 2))
    return share


def deletion_curve(
    ask: Ask,
    blur: Blur,
    pixels: NDArray[np.float32],
    order: NDArray[np.float32],
    head: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Probability of yes as more and more of each head is blurred; (N, len(DELETED_SHARES)).

    Pixels go from the highest of ``order`` (N, S, S) to the lowest.
    """
    flat = np.where(head, order, -np.inf).reshape(len(order), -1)
    rank = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1).reshape(order.shape)
    counts = head.sum((1, 2), keepdims=True)
    smooth = blur(pixels)
    answers = [
        ask(np.where((rank < share * counts) & head, smooth, pixels)) for share in DELETED_SHARES
    ]
    return np.stack(answers, axis=1)


def area_under(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean height of deletion curves (N, len(DELETED_SHARES)), by trapezoids; (N,)."""
    width = DELETED_SHARES[-1] - DELETED_SHARES[0]
    return np.asarray(np.trapezoid(curves, DELETED_SHARES, axis=1) / width)


def rank_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], head: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Spearman's correlation of two maps of each slice, within its head; (N,).

    nan where one of them is constant.
    """

    def one(a: NDArray[np.float32], b: NDArray[np.float32], inside: NDArray[np.bool_]) -> float:
        ranks = rankdata(a[inside]), rankdata(b[inside])
        if min(np.ptp(each) for each in ranks) == 0:
            return float("nan")
        return float(np.corrcoef(*ranks)[0, 1])

    return np.array([one(*each) for each in zip(first, second, head, strict=True)])


def check_explanations(
    slices: ExplainedSlices, ask: Ask, blur: Blur, seed: int = 0
) -> dict[str, Any]:
    """``explanation_checks.json``: means over people of their slices' values, with intervals.

    Slices in which a check is undefined are left out of it.
    """
    head = head_of(slices.pixels)
    generator = np.random.default_rng([seed, 0xE8])
    by_map = deletion_curve(ask, blur, slices.pixels, slices.maps, head)
    orders = [generator.random(slices.maps.shape, np.float32) for _ in range(RANDOM_ORDERS)]
    at_random = np.mean(
        [deletion_curve(ask, blur, slices.pixels, order, head) for order in orders], axis=0
    )
    even = head.astype(np.float32)
    brightness = slices.pixels - slices.pixels.min(axis=(1, 2), keepdims=True)
    inside = energy_inside(slices.maps, slices.lesion_share, head)
    chance = energy_inside(even, slices.lesion_share, head)
    values = {
        "energy_inside_lesions": inside,
        "energy_inside_lesions_of_even_map": chance,
        "energy_inside_lesions_of_brightness": energy_inside(brightness, slices.lesion_share, head),
        "energy_above_even_map": inside - chance,
        "deletion_area": area_under(by_map),
        "deletion_area_at_random": area_under(at_random),
        "deletion_area_below_random": area_under(at_random) - area_under(by_map),
    }
    if slices.maps_of_random is not None:
        values |= {
            "energy_inside_lesions_of_random_weights": energy_inside(
                slices.maps_of_random, slices.lesion_share, head
            ),
            "correlation_with_random_weights": rank_correlation(
                slices.maps, slices.maps_of_random, head
            ),
        }
    people = len(np.unique(slices.person_id))
    return {
        "slices": len(slices.person_id),
        "people": people,
        "interval": BOOTSTRAP_IN_WORDS,
        "warnings": few_people(people),
        "measures": _with_intervals(slices.person_id, values, seed),
        "deletion_curve": [
            {"blurred_share": share, "by_map": float(mine), "at_random": float(other)}
            for share, mine, other in zip(
                DELETED_SHARES,
                _mean_over_people(slices.person_id, by_map),
                _mean_over_people(slices.person_id, at_random),
                strict=True,
            )
        ],
    }


def _mean_over_people(
    person_id: NDArray[np.str_], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The mean (S,) over people of their slices' means of values (N, S)."""
    people, owner = np.unique(person_id, return_inverse=True)
    of_people = [mean_by(owner, column, len(people)) for column in values.T]
    means: NDArray[np.float64] = np.array(of_people).mean(axis=1)
    return means


def _with_intervals(
    person_id: NDArray[np.str_], values: Mapping[str, NDArray[np.float64]], seed: int
) -> dict[str, dict[str, float]]:
    people, owner = np.unique(person_id, return_inverse=True)
    means = {name: mean_by(owner, value, len(people)) for name, value in values.items()}

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        return {name: weighted_mean(weights, mean) for name, mean in means.items()}

    estimates = cluster_bootstrap(len(people), statistics, draws=_DRAWS, seed=seed)
    return {name: asdict(estimate) for name, estimate in estimates.items()}
