"""FROC: how many lesions are found at the price of how many false ones, as the detector is set.

What ``mslesion detect --min-peak`` does is followed along all its values: a candidate is a
26-connected set of voxels above the detector's threshold, no smaller than its least lesion, and is
marked where its highest probability, its peak, exceeds ``min_peak``. So scans are labelled once,
and each point of the curve is what the command would give.

Sensitivity is that of all lesions together, and false lesions are counted per scan (Bunch et al.,
Proc. SPIE 127, 1977; the mean over seven rates: Niemeijer et al., IEEE Trans. Med. Imaging 30,
2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.lesions import match_lesions
from mslesion.lesions.components import label_lesions
from mslesion.lesions.operating_point import OperatingPoint, component_peaks
from mslesion.scan import Grid

FALSE_PER_SCAN = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Rates of false lesions at which the sensitivity is read off."""

_MOST_CELLS = 2**22
"""Of a table of draws and thresholds that is held in memory at once."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """What might be marked in one scan.

    Attributes:
        person_id: whose scan it is.
        false_peaks: float64 (F,), the peaks of candidates without a voxel in the reference.
        reference_peaks: float64 (R,), for each reference lesion the highest peak of the candidates
            that share a voxel with it; -inf where none does.
        threshold: how far candidates reach; no peak is below.
    """

    person_id: str
    false_peaks: NDArray[np.float64]
    reference_peaks: NDArray[np.float64]
    threshold: float


def candidates_of(
    person_id: str,
    probability: NDArray[np.float32],
    reference: NDArray[np.bool_],
    grid: Grid,
    point: OperatingPoint,
) -> Candidates:
    """The candidates of a map of probabilities (X, Y, Z) beside a reference mask on its grid."""
    labels, count = label_lesions(probability > point.threshold)
    matches = match_lesions((labels, count), label_lesions(reference), grid.voxel_volume_mm3)
    peaks = component_peaks(probability, labels, count)
    # A candidate that is too small is never marked, whatever its peak.
    all_peaks = OperatingPoint(point.threshold, -np.inf, point.least_mm3)
    is_large = all_peaks.keeps(peaks, matches.found_voxels * matches.voxel_volume_mm3)
    is_false = is_large & (matches.shared_voxels == 0)
    found, known = matches.touching[is_large[matches.touching[:, 0]]].T
    reference_peaks = np.full(matches.reference_voxels.size, -np.inf)
    np.maximum.at(reference_peaks, known, peaks[found])
    return Candidates(
        person_id, peaks[is_false].astype(np.float64), reference_peaks, point.threshold
    )


@dataclass(frozen=True, eq=False)
class Froc:
    """The curve of some scans; without a reference lesion every sensitivity is nan.

    Attributes:
        people: names (P,), sorted.
        min_peaks: float64 (T,), falling; nothing is marked at the first, everything at the last.
        found: float64 (P, T), each person's lesions that are found.
        false: float64 (P, T), each person's false lesions.
        lesions: float64 (P,), each person's reference lesions.
        scans: float64 (P,), each person's scans.
    """

    people: tuple[str, ...]
    min_peaks: NDArray[np.float64]
    found: NDArray[np.float64]
    false: NDArray[np.float64]
    lesions: NDArray[np.float64]
    scans: NDArray[np.float64]

    @classmethod
    def of(cls, scans: Sequence[Candidates]) -> Froc:
        """The curve of one scan or more, several of a person added up."""
        people = tuple(sorted({scan.person_id for scan in scans}))
        parts = [p for scan in scans for p in (scan.false_peaks, scan.reference_peaks)]
        peaks = np.unique(np.concatenate(parts))
        lowest = min(scan.threshold for scan in scans)
        min_peaks = np.append(peaks[peaks > lowest][::-1], lowest)
        found, false = np.zeros((2, len(people), len(min_peaks)))
        lesions, counted = np.zeros((2, len(people)))
        for scan in scans:
            owner = people.index(scan.person_id)
            found[owner] += _count_above(scan.reference_peaks, min_peaks)
            false[owner] += _count_above(scan.false_peaks, min_peaks)
            lesions[owner] += len(scan.reference_peaks)
            counted[owner] += 1
        return cls(people, min_peaks, found, false, lesions, counted)

    @cached_property
    def sensitivity(self) -> NDArray[np.float64]:
        """The share of lesions that are found at each of ``min_peaks`` (T,)."""
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = self.found.sum(axis=0) / self.lesions.sum()
        return share

    @cached_property
    def false_per_scan(self) -> NDArray[np.float64]:
        """False lesions per scan at each of ``min_peaks`` (T,), rising."""
        rate: NDArray[np.float64] = self.false.sum(axis=0) / self.scans.sum()
        return rate

    def min_peak_at(self, rate: float) -> float:
        """The lowest of ``min_peaks`` with at most so many false lesions per scan."""
        return float(self.min_peaks[np.flatnonzero(self.false_per_scan <= rate)[-1]])

    def statistics(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """For each weighting of the people: the sensitivity at each rate, and their mean.

        The sensitivity at a rate is the highest with at most so many false lesions per scan:
        nothing is interpolated, and beyond its end the curve is level.
        """
        rows = max(1, _MOST_CELLS // len(self.min_peaks))
        read = np.concatenate(
            [self._read_off(weights[n : n + rows]) for n in range(0, len(weights), rows)]
        )
        at = {sensitivity_name(r): read[:, n] for n, r in enumerate(FALSE_PER_SCAN)}
        return {**at, "mean_sensitivity": read.mean(axis=1)}

    def _read_off(self, weights: Weights) -> NDArray[np.float64]:
        """The sensitivity at each rate (draws, rates)."""
        weighted = weights.astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            sensitivity = (weighted @ self.found) / (weighted @ self.lesions)[:, None]
            false = (weighted @ self.false) / (weighted @ self.scans)[:, None]
        # Counts are whole, so only the division can make 2 of 8 scans differ from a quarter.
        last = [(false <= rate + 1e-12).sum(axis=1) - 1 for rate in FALSE_PER_SCAN]
        return np.take_along_axis(sensitivity, np.stack(last, axis=1), axis=1)

    def estimates(self, draws: int, seed: int) -> dict[str, Estimate]:
        """The sensitivity at each rate and their mean, with intervals over resampled people."""
        return cluster_bootstrap(len(self.people), self.statistics, draws=draws, seed=seed)


def sensitivity_name(rate: float) -> str:
    """What the sensitivity at a rate of false lesions per scan is called in files."""
    return f"sensitivity_at_{rate:g}_false_per_scan"


def _count_above(peaks: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many peaks exceed each limit."""
    above: NDArray[np.float64] = len(peaks) - np.searchsorted(
        np.sort(peaks), limits, side="right"
    ).astype(np.float64)
    return above
