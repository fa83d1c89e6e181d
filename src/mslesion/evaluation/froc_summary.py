"""The FROC of some scans as plain values: the curve, what is read off it, and where masks stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.froc import FALSE_PER_SCAN, Candidates, Froc, sensitivity_name
from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.lesion_summary import MATCHING_RULE, ScoredScan

_RULE = (
    "a candidate is a 26-connected set of voxels above the detector's threshold, no smaller than "
    "its least lesion, and marked where its highest probability exceeds min_peak"
)


def _masks(scans: Sequence[ScoredScan], draws: int, seed: int) -> dict[str, Estimate]:
    """Sensitivity and false lesions per scan of the found masks, counted as along the curve."""
    people = sorted({scan.person_id for scan in scans})
    counts = np.zeros((len(people), 4))
    for scan in scans:
        found = scan.agreement
        counts[people.index(scan.person_id)] += (
            found.is_found.sum(), found.is_found.size, found.false_lesions, 1,
        )  # fmt: skip

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        hits, lesions, false, scanned = (weights @ counts).T
        with np.errstate(invalid="ignore"):
            return {"sensitivity": hits / lesions, "false_per_scan": false / scanned}

    return cluster_bootstrap(len(people), statistics, draws=draws, seed=seed)


def froc_as_json(
    candidates: Sequence[Candidates], scans: Sequence[ScoredScan], draws: int, seed: int
) -> dict[str, Any] | None:
    """The FROC with its intervals over people; None without candidates or reference lesions.

    ``at`` has a row for each rate of false lesions, ``curve`` one for each step of the curve;
    ``masks`` is where the found masks themselves lie.
    """
    lesions = sum(scan.agreement.is_found.size for scan in scans)
    if not candidates or not lesions:
        return None
    froc = Froc.of(candidates)
    estimates = froc.estimates(draws, seed)
    return {
        "people": len(froc.people),
        "scans": len(candidates),
        "lesions": lesions,
        "candidates": _RULE,
        "matching_rule": MATCHING_RULE,
        "sensitivity": "of the lesions of all people together",
        "mean_sensitivity": asdict(estimates["mean_sensitivity"]),
        "at": [
            {
                "false_per_scan": rate,
                "min_peak": froc.min_peak_at(rate),
                "sensitivity": asdict(estimates[sensitivity_name(rate)]),
            }
            for rate in FALSE_PER_SCAN
        ],
        "masks": {name: asdict(found) for name, found in _masks(scans, draws, seed).items()},
        "curve": [
            {
                "min_peak": float(froc.min_peaks[n]),
                "sensitivity": float(froc.sensitivity[n]),
                "false_per_scan": float(froc.false_per_scan[n]),
            }
            for n in range(len(froc.min_peaks))
        ],
    }
