"""What acting on the answers is worth, at every threshold (Vickers and Elkin 2006).

Who acts at a probability t says that one positive found is worth (1 - t) / t false alarms. The net
benefit counts the positives found, less the false alarms at that price, as a share of everybody
(Med. Decis. Making 26:565). A classifier is of use at t where it is above both treating everybody
and treating nobody, which is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.calibration import Answered
from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.metrics import answers

THRESHOLDS = tuple(number / 20 for number in range(1, 20))


@dataclass(frozen=True)
class NetBenefit:
    """At one threshold, as shares of everybody; nan without answers. Treating nobody gives 0."""

    threshold: float
    classifier: Estimate
    treat_all: Estimate


def decision_curve(answered: Answered, draws: int, seed: int) -> tuple[NetBenefit, ...]:
    """The net benefit of the classifier and of treating all, with intervals over people."""
    people, owner = np.unique(answered.person_id, return_inverse=True)
    price = np.array(THRESHOLDS) / (1 - np.array(THRESHOLDS))
    is_positive = answered.label.astype(bool)[:, None]
    worth = np.where(is_positive, 1.0, -price)
    is_treated = answers(answered.probability[:, None], np.array(THRESHOLDS))
    gained = {
        "classifier": _sum_by(owner, worth * is_treated, len(people)),
        "treat_all": _sum_by(owner, worth, len(people)),
    }
    counts = np.bincount(owner, minlength=len(people)).astype(np.float64)

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        total = (weights @ counts)[:, None]
        with np.errstate(invalid="ignore"):
            shares = {who: (weights @ each) / total for who, each in gained.items()}
        return {
            f"{who} {number}": share[:, number]
            for who, share in shares.items()
            for number in range(len(THRESHOLDS))
        }

    estimates = cluster_bootstrap(len(people), statistics, draws=draws, seed=seed)
    return tuple(
        NetBenefit(t, estimates[f"classifier {number}"], estimates[f"treat_all {number}"])
        for number, t in enumerate(THRESHOLDS)
    )


def _sum_by(
    owner: NDArray[np.intp], values: NDArray[np.float64], people: int
) -> NDArray[np.float64]:
    """Rows (N, K) summed by person: (P, K)."""
    sums = np.zeros((people, values.shape[1]))
    np.add.at(sums, owner, values)
    return sums
