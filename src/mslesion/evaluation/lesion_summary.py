"""Lesion measures of many scans: one row a scan, and means over people with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import (
    BOOTSTRAP_IN_WORDS,
    FEW_PEOPLE,
    Weights,
    cluster_bootstrap,
    weighted_mean,
)
from mslesion.evaluation.lesions import LesionAgreement, compare_masks
from mslesion.evaluation.surface import SurfaceAgreement, compare_surfaces
from mslesion.lesions.components import common_box
from mslesion.scan import Grid

SIZE_BINS_MM3 = ((3.0, 10.0), (10.0, 50.0), (50.0, 100.0), (100.0, np.inf))
"""Bins of volume in which lesions are counted as found or missed, true or false."""

MATCHING_RULE = (
    "26-connected lesions; a reference lesion is found when any of its voxels is marked, a marked "
    "lesion is false when none of its voxels is lesion in the reference"
)
_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class ScoredScan:
    """One scan's agreement with its reference, and whose scan it is.

    ``is_marked`` and ``holds_lesion``, bool (Z,) from the lowest axial slice, say in which slices
    any voxel was found, and in which the reference has one. ``history`` says what was mended in
    scan and reference, ``warnings`` what is in doubt.
    """

    person_id: str
    scan_name: str
    agreement: LesionAgreement
    surface: SurfaceAgreement
    is_marked: NDArray[np.bool_]
    holds_lesion: NDArray[np.bool_]
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def score_scan(
    person_id: str,
    scan_name: str,
    found: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    grid: Grid,
    *,
    history: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
) -> ScoredScan:
    """Hold a found mask (X, Y, Z) against a reference mask on the same grid, closest to RAS+."""
    box = common_box(found, reference)
    return ScoredScan(
        person_id,
        scan_name,
        compare_masks(found[box], reference[box], grid.voxel_volume_mm3),
        compare_surfaces(found[box], reference[box], grid),
        np.asarray(found.any(axis=(0, 1))),
        np.asarray(reference.any(axis=(0, 1))),
        history,
        warnings,
    )


SCAN_MEASURES: dict[str, Callable[[ScoredScan], float]] = {
    "dice": lambda scan: scan.agreement.dice,
    "normalised_surface_distance": lambda scan: scan.surface.normalised_surface_distance,
    "hausdorff95_mm": lambda scan: scan.surface.hausdorff95_mm,
    "lesion_f1": lambda scan: scan.agreement.lesion_f1,
    "lesion_sensitivity": lambda scan: scan.agreement.lesion_sensitivity,
    "lesion_precision": lambda scan: scan.agreement.lesion_precision,
    "false_lesions": lambda scan: float(scan.agreement.false_lesions),
    "false_lesions_ml": lambda scan: scan.agreement.false_mm3 / 1000,
    "volume_difference_ml": lambda scan: scan.agreement.volume_difference_ml,
    "relative_volume_difference": lambda scan: scan.agreement.relative_volume_difference,
}
"""Every measure of a scan, by name; nan where it is undefined (docs/reference/evaluation.md)."""


def scan_rows(scans: Sequence[ScoredScan]) -> list[dict[str, Any]]:
    """The measures of each scan as plain values, in the given order."""
    return [_scan_row(scan) for scan in scans]


def _scan_row(scan: ScoredScan) -> dict[str, Any]:
    agreement = scan.agreement
    row: dict[str, Any] = {
        "person_id": scan.person_id,
        "scan_name": scan.scan_name,
        "reference_ml": round(agreement.reference_total_mm3 / 1000, 4),
        "found_ml": round(agreement.found_total_mm3 / 1000, 4),
        **{name: round(measure(scan), 4) for name, measure in SCAN_MEASURES.items()},
        "reference_lesions": agreement.is_found.size,
        "reference_lesions_found": int(agreement.is_found.sum()),
        "found_lesions": agreement.is_true.size,
        "false_lesions": agreement.false_lesions,
    }
    for low, high in SIZE_BINS_MM3:
        found, count = agreement.recall_of_size(low, high)
        row[f"found_of_{_bin_name(low, high)}"] = f"{found}/{count}"
        true, count = agreement.precision_of_size(low, high)
        row[f"true_of_{_bin_name(low, high)}"] = f"{true}/{count}"
    return row | {"history": list(scan.history), "warnings": list(scan.warnings)}


def _bin_name(low: float, high: float) -> str:
    return f"{low:g}_mm3_and_more" if np.isinf(high) else f"{low:g}_to_{high:g}_mm3"


def lesion_summary(scans: Sequence[ScoredScan], seed: int = 0) -> dict[str, Any]:
    """Means over people, and rates by size over lesions, with BCa intervals by person.

    A person with several scans counts once, with their mean; scans in which a measure is undefined
    are left out of it. Plain values, nan where nothing is left: no scans at all, or no lesion of a
    size.
    """
    measured = LesionTable.of(scans)
    estimates = cluster_bootstrap(
        len(measured.people), measured.statistics, draws=_DRAWS, seed=seed
    )
    people = len(measured.people)
    doubts = [f"{scan.scan_name}: {warning}" for scan in scans for warning in scan.warnings]
    return {
        "people": people,
        "scans": len(scans),
        "matching_rule": MATCHING_RULE,
        "interval": BOOTSTRAP_IN_WORDS,
        "warnings": [*few_people(people), *doubts],
        "measures": {name: asdict(estimate) for name, estimate in estimates.items()},
    }


def few_people(people: int) -> list[str]:
    """What a reader must know of intervals over so many people; nothing from 30 on."""
    if people == 1:
        return ["one person: there are no intervals"]
    return (
        [f"fewer than {FEW_PEOPLE} people: intervals are too narrow"] if people < FEW_PEOPLE else []
    )


@dataclass(frozen=True, eq=False)
class LesionTable:
    """What each of P people contributes to the measures.

    ``means`` holds one value a person (P,), nan where undefined; ``rates`` the hits (P,) and the
    lesions counted (P,) of each person.
    """

    people: tuple[str, ...]
    means: dict[str, NDArray[np.float64]]
    rates: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]

    @classmethod
    def of(cls, scans: Sequence[ScoredScan]) -> LesionTable:
        """The table of some scans; several of one person are averaged, and their lesions added."""
        people = tuple(sorted({scan.person_id for scan in scans}))
        index = {person: number for number, person in enumerate(people)}
        owner = np.array([index[scan.person_id] for scan in scans], np.intp)
        means = {
            name: mean_by(owner, np.array([measure(scan) for scan in scans]), len(people))
            for name, measure in SCAN_MEASURES.items()
        }
        rates: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        for low, high in (*SIZE_BINS_MM3, (50.0, np.inf)):
            for kind, counts_of in (
                ("recall", LesionAgreement.recall_of_size),
                ("precision", LesionAgreement.precision_of_size),
            ):
                pairs = np.array([counts_of(s.agreement, low, high) for s in scans]).reshape(-1, 2)
                hits, counted = (
                    np.bincount(owner, pairs[:, n], len(people)).astype(np.float64) for n in (0, 1)
                )
                rates[f"{kind}_{_bin_name(low, high)}"] = hits, counted
        return cls(people, means, rates)

    def statistics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """Every measure for each weighting of the people; F1 by size from recall and precision."""
        with np.errstate(invalid="ignore", divide="ignore"):
            measured = {name: weighted_mean(weights, mean) for name, mean in self.means.items()}
            for name, (hits, counted) in self.rates.items():
                measured[name] = (weights @ hits) / (weights @ counted)
            for name in self.rates:
                kind, _, size = name.partition("_")
                if kind == "recall":
                    recall, precision = measured[name], measured[f"precision_{size}"]
                    measured[f"f1_{size}"] = _f1(recall, precision)
        return measured


def _f1(recall: NDArray[np.float64], precision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Their harmonic mean; 0 where none of what is there was found, or nothing found is there.

    nan where there was neither.
    """
    nothing_right = np.nan_to_num(recall) + np.nan_to_num(precision) == 0
    nothing_at_all = np.isnan(recall) & np.isnan(precision)
    f1 = np.where(nothing_right, 0.0, 2 * recall * precision / (recall + precision))
    return np.where(nothing_at_all, np.nan, f1)


def mean_by(
    owner: NDArray[np.intp], values: NDArray[np.float64], people: int
) -> NDArray[np.float64]:
    """The mean of each person's defined values; nan where a person has none."""
    defined = ~np.isnan(values)
    sums = np.bincount(owner, np.where(defined, values, 0), people)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = sums / np.bincount(owner, defined, people)
    return mean
