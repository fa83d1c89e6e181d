"""What guessing gives under this split, and what dividing slices instead of people would add."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mslesion.audit.finding import Finding, Outcome, Significance, failed, not_applicable, passed
from mslesion.audit.fits import FITS
from mslesion.audit.material import Material, divided, split_for
from mslesion.cohort.split import Split
from mslesion.errors import CohortError
from mslesion.evaluation.comparison import leakage_gap
from mslesion.evaluation.intervals import Estimate
from mslesion.evaluation.metrics import auc
from mslesion.evaluation.predictions import Predictions, SplitUnit, Subset
from mslesion.evaluation.summary import difference_as_json
from mslesion.paper.choosing import FitRequest
from mslesion.paper.fitting import Job, Task, require_both_classes, require_test_slices, run_task
from mslesion.paper.slices import SliceSet
from mslesion.paper.training import LabelledImages
from mslesion.progress import track

SHUFFLES = 20
_MOST_TRIES = 1000
_LEAST_PEOPLE = 2
"""In training and in test: one of each label."""


def random_labels(material: Material) -> Finding:
    """People get labels at random: under a split that leaks nothing, no classifier can learn them.

    Each part of the split gets as many of one label as of the other, so that on test every order of
    the slices is as likely as any other.
    """
    check = "random labels"
    if material.split is None:
        return not_applicable(check, material.why_no_split)
    slices, part = divided(material.slices, material.split)
    if any(
        len(np.unique(slices.person_id[part == subset])) < _LEAST_PEOPLE
        for subset in (Subset.TRAINING, Subset.TEST)
    ):
        return not_applicable(check, "training and test need two people each")
    areas = _areas_at_random(material, slices, part, "random labels")
    beside = _slice_part(material)
    leaking = None if beside is None else _areas_at_random(material, *beside, "and by slice")
    mean, error = float(areas.mean()), float(areas.std(ddof=1) / np.sqrt(len(areas)))
    p = _p_of_more_than_guessing(areas)
    told = "" if leaking is None else f"; under a slice split it would be {leaking.mean():.2f}"
    return Finding(
        check,
        Outcome.FAIL,
        f"mean AUC {mean:.2f}, SE {error:.2f}, of {SHUFFLES} shuffles ({material.classifier})"
        f"{told}",
        "test data reach the training: find the shared people (see the other lines), and do not "
        "use any result under this split",
        Significance(p),
        figures={
            "split_unit": material.split.unit.value,
            "classifier": material.classifier,
            "mean_auc": mean,
            "standard_error": error,
            "within_two_standard_errors": abs(mean - 0.5) <= 2 * error,
            "auc": areas.tolist(),
            "slice_split_auc": None if leaking is None else leaking.tolist(),
        },
    )


def _p_of_more_than_guessing(areas: NDArray[np.float64]) -> float:
    """Of a t test over shuffles; where all are the same, 0 above one half and 1 otherwise."""
    if np.ptp(areas) == 0:
        return 0.0 if areas[0] > 0.5 else 1.0
    return float(stats.ttest_1samp(areas, 0.5, alternative="greater").pvalue)


def _slice_part(material: Material) -> tuple[SliceSet, NDArray[np.str_]] | None:
    """The slice split of the same slices; None where it is the one that is audited."""
    if material.split is None or material.split.unit is SplitUnit.SLICE:
        return None
    split, _ = _drawn(material, SplitUnit.SLICE)
    return None if split is None else divided(material.slices, split)


def _areas_at_random(
    material: Material, slices: SliceSet, part: NDArray[np.str_], label: str
) -> NDArray[np.float64]:
    """AUC on test slices for each shuffle."""
    generator = np.random.default_rng([material.seed, 0x5FF1E])
    areas = []
    for _ in track(range(SHUFFLES), label, SHUFFLES):
        labels = _labels_of_both_classes(slices, part, generator)
        images = {
            subset: LabelledImages(slices.pixels[part == subset], labels[part == subset])
            for subset in Subset
        }
        fitted = FITS[material.classifier](
            FitRequest(
                images[Subset.TRAINING],
                images[Subset.VALIDATION],
                material.protocol,
                material.seed,
            )
        )
        test = images[Subset.TEST]
        areas.append(auc(test.labels.astype(np.int8), fitted.probability(test.pixels)))
    return np.array(areas)


def _labels_of_both_classes(
    slices: SliceSet, part: NDArray[np.str_], generator: np.random.Generator
) -> NDArray[np.int8]:
    """Random labels of people, drawn anew where all test people happen to have the same one.

    Under a slice split they have those that they had in training.
    """
    labels = random_person_labels(slices, part, generator)
    for _ in range(_MOST_TRIES):
        if len(np.unique(labels[part == Subset.TEST])) > 1:
            break
        labels = random_person_labels(slices, part, generator)
    return labels


def random_person_labels(
    slices: SliceSet, part: NDArray[np.str_], generator: np.random.Generator
) -> NDArray[np.int8]:
    """A label for each slice, one a person, as many of each as can be among a part's people.

    Where a person stands in several parts, the first (of training, validation, test) decides.
    """
    label_of: dict[str, int] = {}
    for subset in Subset:
        here = [
            str(p) for p in np.unique(slices.person_id[part == subset]) if str(p) not in label_of
        ]
        start = int(generator.integers(2))
        drawn = generator.permutation((np.arange(len(here)) + start) % 2)
        label_of.update(zip(here, drawn.tolist(), strict=True))
    return np.array([label_of[str(person)] for person in slices.person_id], np.int8)


def gap(material: Material) -> Finding:
    """What the same classifier seems to be worth when slices are divided instead of people."""
    check = "leakage gap"
    if material.question is None:
        return not_applicable(check, "the cohort has no labels of two classes")
    if not material.cohort.has_patient_names:
        return not_applicable(check, "no split by patient can be made")
    runs = {}
    for unit in SplitUnit:
        split, why = _split_of(material, unit)
        if split is None:
            return not_applicable(check, why)
        try:
            runs[unit] = _run(material, split, unit)
        except CohortError as error:
            return not_applicable(check, error.told_reason)
    decision = material.protocol.decision
    found = leakage_gap(
        runs[SplitUnit.PATIENT],
        runs[SplitUnit.SLICE],
        decision.threshold,
        decision.bootstrap_draws,
        material.seed,
    )
    area = found.measures["auc"]
    interval = f" (95 % interval {area.low:.2f} to {area.high:.2f})" if area.has_interval else ""
    told = f"dividing slices adds {area.value:.2f}{interval} to the AUC of '{material.question}'"
    shown = {
        "question": material.question.value,
        "classifier": material.classifier,
        "slice_minus_patient_split": difference_as_json(found),
    }
    is_audited = material.split is not None and material.split.unit is SplitUnit.SLICE
    return _told_gap(area, told, shown, is_audited=is_audited)


def _told_gap(area: Estimate, told: str, shown: Mapping[str, Any], *, is_audited: bool) -> Finding:
    """What the gap says; ``is_audited`` where the split that is audited divides slices."""
    check = "leakage gap"
    if np.isnan(area.value):
        return not_applicable(check, "the test people are of one class, so there is no AUC")
    if not (area.has_interval and area.low > 0):
        return passed(check, f"{told}; no gap is shown", **shown)
    if is_audited:
        return failed(
            check, f"{told}, and this is a slice split", "divide people, not slices", **shown
        )
    return passed(check, f"{told}; a slice split would have pretended it", **shown)


def _split_of(material: Material, unit: SplitUnit) -> tuple[Split | None, str]:
    if material.split is not None and material.split.unit is unit:
        return material.split, ""
    return _drawn(material, unit)


def _drawn(material: Material, unit: SplitUnit) -> tuple[Split | None, str]:
    return split_for(
        material.slices,
        material.question,
        unit,
        material.protocol,
        material.seed,
        sites=material.cohort.sites,
    )


def _run(material: Material, split: Split, unit: SplitUnit) -> Predictions:
    """One fit on the first fold."""
    assert material.question is not None  # noqa: S101 - asked by the caller
    slices, _ = divided(material.slices, split)
    one = Split(split.unit, split.seed, split.folds[:1])
    require_both_classes(slices, material.question, one)
    require_test_slices(slices, material.question, one)
    job = Job(material.question, unit, material.classifier, 0)
    fit = FITS[material.classifier]
    return run_task(Task(job, fit, slices, one, material.protocol, material.seed))[0]
