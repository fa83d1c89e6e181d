"""Can a class be told from features? A linear classifier, its AUC, and an exact kind of test.

The classifier is ridge regression on the class, one row of features a person. Its AUC is that of
leave-pair-out cross-validation (Airola et al., Comput. Stat. Data Anal. 55, 2011): for each person
of the one class and each of the other, it is fitted on all others and asked which of the two is
which. Unlike leaving out one person, or pooling folds, that has no bias for few people: 0.5 is
guessing. Both are left out by a formula (for ridge regression, what is left of the answers when a
set S is left out is ``inverse(1 - H_SS) (y - H y)_S``), so that thousands of permutations of the
labels, each with all its fits, take a second.

A shortcut is often one fact among many that say nothing, which a classifier of few people may miss.
So each feature is also asked by itself, by its rank alone. The test takes whichever of the two is
the rarer under permutation, and asks how often permutations give as rare a one (Westfall and Young,
Resampling-based Multiple Testing, 1993): that there were two to choose from is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from mslesion.audit.finding import Significance
from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.tallies import weighted_area

PERMUTATIONS = 4999
MOST_PEOPLE = 200
"""So many are drawn of more, for pairs grow with the square."""

_RIDGE = 0.1
_CELLS = 2**22


@dataclass(frozen=True)
class Told:
    """How well a class was told.

    ``auc`` is that of the classifier, with its interval over people. ``strongest`` is the place of
    the feature that by itself follows the class most, and ``strongest_auc`` its AUC, 0.5 or more;
    None and 0.5 without features. ``test`` takes both.
    """

    auc: Estimate
    strongest: int | None
    strongest_auc: float
    test: Significance
    people: int

    @property
    def excludes_half(self) -> bool:
        """Whether the interval, taken alone, lies above guessing."""
        return self.auc.low > 0.5 or (self.auc.value == 1 and not self.auc.has_interval)

    def in_words(self) -> str:
        """AUC with its interval."""
        if not self.auc.has_interval:
            return f"AUC {self.auc.value:.2f}"
        return f"AUC {self.auc.value:.2f} (95 % interval {self.auc.low:.2f} to {self.auc.high:.2f})"


def tell_class(
    features: NDArray[np.float64],
    label: NDArray[np.int8],
    *,
    draws: int,
    seed: int,
    permutations: int = PERMUTATIONS,
) -> Told:
    """Try to tell labels of 0 and 1 (N,) from features (N, F), both classes present.

    Features that are the same for everybody tell nothing: AUC 0.5 and p 1.
    """
    generator = np.random.default_rng([seed, 0x7E11])
    if len(label) > MOST_PEOPLE:
        chosen = np.sort(generator.choice(len(label), MOST_PEOPLE, replace=False))
        features, label = features[chosen], label[chosen]
    hat = _hat_matrix(features)
    won = _pairs_won(hat, label)
    labels, least_p = _orders(label, permutations, generator)
    alone = _areas_alone(features, label[None])[0]
    strongest = int(alone.argmax()) if alone.size else None
    statistics = np.stack([_areas(hat, labels), _strongest_areas(features, labels)])
    return Told(
        _interval(won, label, draws, seed),
        strongest,
        0.5 if strongest is None else float(alone[strongest]),
        Significance(_p_of_rarest(statistics), least_p),
        len(label),
    )


def _orders(
    label: NDArray[np.int8], permutations: int, generator: np.random.Generator
) -> tuple[NDArray[np.int8], float]:
    """The labels (1 + B, N) as they are and in other orders, and the least p they can show.

    All orders, where there are no more than were to be drawn. Only the right order does as well as
    a perfect classifier, and of classes of one size the reverse of it.
    """
    ones = int(label.sum())
    count = comb(len(label), ones)
    perfect = 2 if 2 * ones == len(label) else 1
    if count > permutations:
        drawn = generator.permuted(np.tile(label, (permutations, 1)), axis=1)
        return np.concatenate([label[None], drawn]), perfect / count + 1 / (1 + permutations)
    places = np.array(list(combinations(range(len(label)), ones)))
    orders = np.zeros((count, len(label)), np.int8)
    np.put_along_axis(orders, places, 1, axis=1)
    others = orders[(orders != label).any(axis=1)]
    return np.concatenate([label[None], others]), perfect / count


def _p_of_rarest(statistics: NDArray[np.float64]) -> float:
    """How often permutations are as rare, by any of the statistics (S, 1 + B), as the first is."""
    rounded = -statistics.round(9)
    p_values = rankdata(rounded, method="max", axis=1) / statistics.shape[1]
    rarest = p_values.min(axis=0)
    return float((rarest <= rarest[0]).mean())


def _strongest_areas(
    features: NDArray[np.float64], labels: NDArray[np.int8]
) -> NDArray[np.float64]:
    """The AUC of the strongest feature for each row of labels (draws, N); 0.5 without features."""
    step = max(1, _CELLS // max(1, features.shape[1]))
    strongest = [
        _areas_alone(features, labels[start : start + step]).max(axis=1, initial=0.5)
        for start in range(0, len(labels), step)
    ]
    return np.concatenate(strongest)


def _areas_alone(features: NDArray[np.float64], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """The AUC of each feature, in whichever direction it is 0.5 or more: (draws, F)."""
    ranks = rankdata(features, axis=0)
    ones = labels.sum(axis=1, dtype=np.float64)[:, None]
    pairs = ones * (labels.shape[1] - ones)
    area = (labels.astype(np.float64) @ ranks - ones * (ones + 1) / 2) / pairs
    either_way: NDArray[np.float64] = 0.5 + np.abs(area - 0.5)
    return either_way


def _hat_matrix(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Takes answers (N,) to those of the classifier fitted on them; (N, N)."""
    centred = features - features.mean(axis=0)
    deviation = centred.std(axis=0)
    told = deviation > 1e-9 * np.maximum(1.0, np.abs(features).max(axis=0))
    standard = centred[:, told] / deviation[told]
    # The constant lets the classifier have an intercept.
    kernel = standard @ standard.T / max(1, int(told.sum())) + 1.0
    hat = np.linalg.solve(kernel + _RIDGE * np.eye(len(kernel)), kernel)
    symmetric: NDArray[np.float64] = np.asarray((hat + hat.T) / 2, np.float64)
    return symmetric


def _scores(
    hat: NDArray[np.float64], y: NDArray[np.float64], i: NDArray[np.intp], j: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Score of i minus score of j where both are left out; y (draws, N), gives (draws, pairs)."""
    residual = y - y @ hat
    h_ii, h_jj, h_ij = hat[i, i], hat[j, j], hat[i, j]
    determinant = (1 - h_ii) * (1 - h_jj) - h_ij**2
    # inverse(1 - H_SS) @ residual_S, first row minus second.
    of_i = (1 - h_jj - h_ij) / determinant
    of_j = (1 - h_ii - h_ij) / determinant
    left: NDArray[np.float64] = (y[:, i] - y[:, j]) - (
        residual[:, i] * of_i - residual[:, j] * of_j
    )
    return left


def _pairs_won(hat: NDArray[np.float64], label: NDArray[np.int8]) -> NDArray[np.float64]:
    """For each person of class 1 (rows) and of class 0: 1, 0, or 0.5 where they are level."""
    ones, zeros = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    i, j = (side.ravel() for side in np.meshgrid(ones, zeros, indexing="ij"))
    lead = _scores(hat, _signed(label)[None], i, j)[0].reshape(len(ones), len(zeros))
    return _won(lead)


def _areas(hat: NDArray[np.float64], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """AUC for each row of labels (draws, N)."""
    i, j = np.triu_indices(labels.shape[1], 1)
    areas = np.empty(len(labels))
    step = max(1, _CELLS // len(i))
    for start in range(0, len(labels), step):
        some = labels[start : start + step]
        lead = _scores(hat, _signed(some), i, j)
        sides = some[:, i] - some[:, j]
        # A pair counts where the classes differ; the lead is that of the person of class 1.
        won = _won(lead * sides) * (sides != 0)
        areas[start : start + step] = won.sum(axis=1) / (sides != 0).sum(axis=1)
    return areas


def _signed(label: NDArray[np.int8]) -> NDArray[np.float64]:
    return 2.0 * label.astype(np.float64) - 1.0


def _won(lead: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(lead) < 1e-9, 0.5, (lead > 0).astype(np.float64))


def _interval(won: NDArray[np.float64], label: NDArray[np.int8], draws: int, seed: int) -> Estimate:
    """The interval over people: each draw takes some of them, with the pairs they stand in."""
    ones, zeros = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    pairs_won = np.zeros((len(label), len(label)))
    pairs_won[np.ix_(ones, zeros)] = won

    def area(weights: Weights) -> dict[str, NDArray[np.float64]]:
        weighted = weights.astype(np.float64)
        pairs = weighted[:, ones].sum(axis=1) * weighted[:, zeros].sum(axis=1)
        return {"auc": weighted_area(weighted, pairs_won, pairs)}

    return cluster_bootstrap(len(label), area, draws=draws, seed=seed)["auc"]
