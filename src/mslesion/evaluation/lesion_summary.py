"""Lesion measures of many scans: one row a scan, and means over people with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import FEW_PEOPLE, Weights, cluster_bootstrap
from mslesion.evaluation.lesions import LesionAgreement

SIZE_BINS_MM3 = ((3.0, 10.0), (10.0, 50.0), (50.0, 100.0), (100.0, np.inf))
"""Bins of reference volume in which lesions are counted as found or missed."""

MATCHING_RULE = (
    "26-connected lesions; a reference lesion is found when any of its voxels is marked, a marked "
    "lesion is false when none of its voxels is lesion in the reference"
)
_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class ScoredScan:
    """One scan's agreement with its reference, and whose scan it is.

    ``history`` says what was mended in scan and reference, ``warnings`` what is in doubt.
    """

    person_id: str
    scan_name: str
    agreement: LesionAgreement
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


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
        "dice": round(agreement.dice, 4),
        "lesion_f1": round(agreement.lesion_f1, 4),
        "reference_lesions": int(agreement.is_found.size),
        "reference_lesions_found": int(agreement.is_found.sum()),
        "found_lesions": agreement.found_lesions,
        "false_lesions": agreement.false_lesions,
    }
    for low, high in SIZE_BINS_MM3:
        found, count = agreement.recall_of_size(low, high)
        row[f"found_of_{_bin_name(low, high)}"] = f"{found}/{count}"
    return row | {"history": list(scan.history), "warnings": list(scan.warnings)}


def _bin_name(low: float, high: float) -> str:
    return f"{low:g}_mm3_and_more" if np.isinf(high) else f"{low:g}_to_{high:g}_mm3"


def lesion_summary(scans: Sequence[ScoredScan], seed: int = 0) -> dict[str, Any]:
    """Means over people, and recall by size over lesions, with percentile intervals by person.

    A person with several scans counts once, with their mean. Plain values, null where undefined:
    no scans at all, or no lesion of a size.
    """
    people = sorted({scan.person_id for scan in scans})
    index = {person: number for number, person in enumerate(people)}
    owner = np.array([index[scan.person_id] for scan in scans], np.intp)
    columns = _per_scan(scans)
    means = {name: _by_person(values, owner, len(people)) for name, values in columns.items()}
    counts = _recall_counts(scans, owner, len(people))

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        drawn = weights.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            measured = {name: weights @ values / drawn for name, values in means.items()}
            for name, (found, known) in counts.items():
                measured[name] = (weights @ found) / (weights @ known)
        return measured

    estimates = cluster_bootstrap(len(people), statistics, draws=_DRAWS, seed=seed)
    few = f"fewer than {FEW_PEOPLE} people: intervals are too narrow"
    doubts = [f"{scan.scan_name}: {warning}" for scan in scans for warning in scan.warnings]
    return {
        "people": len(people),
        "scans": len(scans),
        "matching_rule": MATCHING_RULE,
        "interval": "95 %, percentile bootstrap over people",
        "warnings": [*([few] if len(people) < FEW_PEOPLE else []), *doubts],
        "measures": {name: asdict(estimate) for name, estimate in estimates.items()},
    }


def _per_scan(scans: Sequence[ScoredScan]) -> dict[str, NDArray[np.float64]]:
    agreements = [scan.agreement for scan in scans]
    return {
        "dice": np.array([a.dice for a in agreements]),
        "lesion_f1": np.array([a.lesion_f1 for a in agreements]),
        "false_lesions": np.array([float(a.false_lesions) for a in agreements]),
        "volume_difference_ml": np.array(
            [(a.found_total_mm3 - a.reference_total_mm3) / 1000 for a in agreements]
        ),
    }


def _by_person(
    values: NDArray[np.float64], owner: NDArray[np.intp], people: int
) -> NDArray[np.float64]:
    sums = np.bincount(owner, values, minlength=people)
    mean: NDArray[np.float64] = sums / np.bincount(owner, minlength=people)
    return mean


def _recall_counts(
    scans: Sequence[ScoredScan], owner: NDArray[np.intp], people: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Found and known lesions of each person, in each bin and above 50 mm3."""
    counts = {}
    for low, high in (*SIZE_BINS_MM3, (50.0, np.inf)):
        pairs = np.array([scan.agreement.recall_of_size(low, high) for scan in scans])
        pairs = pairs.reshape(-1, 2)
        found, known = (np.bincount(owner, pairs[:, n], people).astype(np.float64) for n in (0, 1))
        counts[f"recall_{_bin_name(low, high)}"] = (found, known)
    return counts
