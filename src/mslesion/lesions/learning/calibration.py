"""What is chosen on people whom the networks were not trained on: calibration and threshold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mslesion.errors import CohortError
from mslesion.evaluation import logistic
from mslesion.evaluation.lesions import LesionAgreement, match_lesions
from mslesion.evaluation.logistic import logit
from mslesion.lesions.components import label_lesions
from mslesion.lesions.model import Calibration
from mslesion.lesions.operating_point import (
    UNCHOSEN,
    OperatingPoint,
    component_peaks,
    lesion_mask,
)
from mslesion.scan import Grid
from mslesion.told import counted

THRESHOLDS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
PEAKS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LEAST_VOLUMES_MM3 = (3.0, 6.0, 10.0)
"""The operating points tried. A lesion of less than 3 mm3 is smaller than a voxel of many scans."""

LARGE_MM3 = 50.0
LEAST_RECALL = 0.8
"""An operating point finds enough of the lesions of 50 mm3 and more where it finds this share of
them, or as many as :data:`UNCHOSEN`."""

_LOWEST = 0.005
_SMALL_STEP = 1e-8
_ADDED_LESION_MM3 = 100.0


@dataclass(frozen=True, eq=False)
class ValidationScan:
    """One scan's answers by networks that never saw its person; arrays are (X, Y, Z).

    ``person`` is dataset and id, as in :attr:`~mslesion.lesions.known_scans.KnownScan.person`;
    ``history`` says what was mended in scan and reference, ``warnings`` what is in doubt.
    """

    person: tuple[str, str]
    name: str
    probability: NDArray[np.float32]
    reference: NDArray[np.bool_]
    grid: Grid
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return self.grid.voxel_volume_mm3


@dataclass(frozen=True, eq=False)
class Chosen:
    """What validation people decide."""

    voxel_calibration: Calibration
    slice_calibration: Calibration
    operating_point: OperatingPoint


def choose(scans: Sequence[ValidationScan]) -> Chosen:
    """Calibrate, and choose the operating point at calibrated probabilities.

    Raises:
        CohortError: the networks answer no more where there are lesions than elsewhere.
    """
    voxels = fit_voxel_calibration(scans)
    if voxels.slope <= 0:
        people = counted(len({scan.person for scan in scans}), "person", "people")
        raise CohortError(
            f"the networks give the lesions of {people} to calibrate on no higher probability than "
            "other tissue",
            remedy="see that each mask lies on the lesions of its scan, or train for more steps",
        )
    calibrated = [calibrate(scan, voxels) for scan in scans]
    return Chosen(voxels, fit_slice_calibration(calibrated), choose_operating_point(calibrated))


def calibrate(scan: ValidationScan, calibration: Calibration) -> ValidationScan:
    """The same scan with calibrated probabilities, as a detection has them."""
    return replace(scan, probability=calibration.in_steps(scan.probability))


def mask_at(scan: ValidationScan, chosen: Chosen) -> NDArray[np.bool_]:
    """A scan's lesions (X, Y, Z), at what was chosen on others."""
    calibrated = calibrate(scan, chosen.voxel_calibration)
    return lesion_mask(calibrated.probability, scan.voxel_volume_mm3, chosen.operating_point)


def fit_voxel_calibration(scans: Sequence[ValidationScan]) -> Calibration:
    """The logistic curve that suits the voxels of all scans best, each person weighing the same.

    So do the scans of one person among themselves. Voxels below 0.5 % are left out: they are air
    and healthy tissue by the million.
    """
    scans_of = Counter(scan.person for scan in scans)
    logits, truths, weights = [], [], []
    for scan in scans:
        chosen = (scan.probability > _LOWEST) & (scan.probability < 1 - 1e-6)
        logits.append(logit(scan.probability[chosen]))
        truths.append(scan.reference[chosen])
        voxels = int(chosen.sum())
        weights.append(np.full(voxels, 1 / (scans_of[scan.person] * max(voxels, 1))))
    return fit_logistic(np.concatenate(logits), np.concatenate(truths), np.concatenate(weights))


def fit_slice_calibration(scans: Sequence[ValidationScan]) -> Calibration:
    """The same for the highest probability of each axial slice, and whether it holds a lesion.

    Here each slice weighs the same.
    """
    highest = np.concatenate([scan.probability.max(axis=(0, 1)) for scan in scans])
    truth = np.concatenate([scan.reference.any(axis=(0, 1)) for scan in scans])
    chosen = highest > _LOWEST
    return fit_logistic(logit(highest[chosen]), truth[chosen], np.ones(int(chosen.sum())))


def left_to_calibrate(
    answers: Sequence[tuple[int, ValidationScan]], by_fold: Sequence[Chosen]
) -> tuple[Calibration, Calibration]:
    """What is still wrong with the probabilities of voxels and slices, on people unseen.

    The curve that would be right, fitted after the calibration that the people of other folds
    chose: slope 1 and intercept 0 where nothing is wrong, a slope below 1 where probabilities are
    too extreme (Cox, Biometrika 45, 1958). ``answers`` are scans with their fold.
    """
    voxels = [calibrate(scan, by_fold[fold].voxel_calibration) for fold, scan in answers]
    slices = [
        replace(scan, probability=by_fold[fold].slice_calibration(scan.probability))
        for (fold, _), scan in zip(answers, voxels, strict=True)
    ]
    return fit_voxel_calibration(voxels), fit_slice_calibration(slices)


def fit_logistic(
    logits: NDArray[np.float64], truth: NDArray[np.bool_], weights: NDArray[np.float64]
) -> Calibration:
    """Slope and intercept of the greatest weighted likelihood.

    A weak pull towards slope 1 and intercept 0 keeps separable cases finite.
    """
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    identity = np.array([1.0, 0.0])
    (beta,) = logistic.fit_logistic(design, truth, weights[None], start=identity, pull=1e-4)
    return Calibration(slope=round(float(beta[0]), 5), intercept=round(float(beta[1]), 5))


def choose_operating_point(scans: Sequence[ValidationScan]) -> OperatingPoint:
    """The point nearest to :data:`UNCHOSEN` that is not clearly worse than the best one.

    Points that lose too many large lesions are left out: those which, over the lesions of all
    scans, find less of them than :data:`LEAST_RECALL` and less than :data:`UNCHOSEN` does. Of the
    others, the best has the highest mean of :func:`score` over the people, each with the mean of
    their scans, whose ``probability`` is calibrated. Clearly worse is worse by more than one
    standard error of the difference, person by person: the rule of one standard error (Breiman et
    al., Classification and Regression Trees, 1984), so that few people seldom decide. One person
    alone changes nothing. Points are as far from each other as their steps in the tables; of
    equally near ones the better is taken, and of equally good ones the first.
    """
    points = [
        OperatingPoint(threshold, peak, least_mm3)
        for least_mm3 in LEAST_VOLUMES_MM3
        for peak in PEAKS
        for threshold in THRESHOLDS
        if threshold <= peak
    ]
    people = Counter(scan.person for scan in scans)
    if len(people) < 2:
        return UNCHOSEN
    judged = [_judge(scan, points) for scan in scans]
    found = np.sum([scan.large_found for scan in judged], axis=0)
    wanted = LEAST_RECALL * sum(scan.large for scan in judged)
    finds_enough = found >= min(wanted, found[points.index(UNCHOSEN)]) - _SMALL_STEP
    points = [point for point, enough in zip(points, finds_enough, strict=True) if enough]
    scores = np.zeros((len(people), len(points)))
    places = {person: place for place, person in enumerate(people)}
    for scan, of_scan in zip(scans, judged, strict=True):
        scores[places[scan.person]] += of_scan.scores[finds_enough] / people[scan.person]
    means = scores.mean(axis=0).round(6)
    lost = scores[:, [int(means.argmax())]] - scores
    standard_errors = lost.std(axis=0, ddof=1) / np.sqrt(len(people))
    good = np.flatnonzero(lost.mean(axis=0) <= standard_errors + _SMALL_STEP)
    nearest = min(good, key=lambda index: (_steps_from_unchosen(points[index]), -means[index]))
    return points[nearest]


def _steps_from_unchosen(point: OperatingPoint) -> int:
    """How many steps in the tables a point lies from :data:`UNCHOSEN`."""
    return sum(
        abs(table.index(value) - table.index(home))
        for table, value, home in (
            (THRESHOLDS, point.threshold, UNCHOSEN.threshold),
            (PEAKS, point.peak, UNCHOSEN.peak),
            (LEAST_VOLUMES_MM3, point.least_mm3, UNCHOSEN.least_mm3),
        )
    )


@dataclass(frozen=True, eq=False)
class _Judged:
    """One scan at each point (points,): its score, and how many of its large lesions are found."""

    scores: NDArray[np.float64]
    large_found: NDArray[np.int64]
    large: int


def _judge(scan: ValidationScan, points: Sequence[OperatingPoint]) -> _Judged:
    """Judge a scan at each point; each threshold is labelled once."""
    scores = np.zeros(len(points))
    large_found = np.zeros(len(points), np.int64)
    reference = label_lesions(scan.reference)
    large = 0
    for threshold in {point.threshold for point in points}:
        labels, count = label_lesions(scan.probability > threshold)
        matches = match_lesions((labels, count), reference, scan.voxel_volume_mm3)
        peaks = component_peaks(scan.probability, labels, count)
        volumes_mm3 = matches.found_voxels * scan.voxel_volume_mm3
        for index, point in enumerate(points):
            if point.threshold == threshold:
                agreement = matches.agreement(point.keeps(peaks, volumes_mm3))
                scores[index] = score(agreement)
                large_found[index], large = agreement.recall_of_size(LARGE_MM3, np.inf)
    return _Judged(scores, large_found, large)


def score(agreement: LesionAgreement) -> float:
    """Mean of Dice and lesion F1; in a scan without lesions, as if one of 0.1 ml had been found.

    Both measures are 1 there with nothing found and 0 with anything, be it a speck or a litre: a
    scan that tells such points apart by all or nothing outvotes several with lesions. With the
    added lesion, which is found and drawn as it is, each false one costs something, and a large
    one more.
    """
    if agreement.reference_voxels.size:
        return (agreement.dice + agreement.lesion_f1) / 2
    dice = 2 * _ADDED_LESION_MM3 / (2 * _ADDED_LESION_MM3 + agreement.found_total_mm3)
    lesion_f1 = 2 / (2 + agreement.false_lesions)
    return (dice + lesion_f1) / 2
