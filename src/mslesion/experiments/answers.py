"""From an arm to its answers on test slices: fits side by side in processes, each kept on the disk.

arm ──► split of each seed ──► a fit for each fold ──► answers ──► one set of predictions a seed
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.split import Fold, Split
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.experiments.bench import Bench
from mslesion.experiments.experiment import CNN, DETECTOR, HEIGHT, Arm
from mslesion.paper.classifiers import CLASSIFIERS
from mslesion.paper.fitting import Job, Task, require_both_classes, run_task, subset_of_slices
from mslesion.paper.questions import draw_slice_split
from mslesion.paper.slices import UNKNOWN, SliceSet
from mslesion.paper.storage import load_model
from mslesion.workers import share
from mslesion.write.atomic import atomic_path

HEIGHT_BINS = 10


@dataclass(frozen=True, eq=False)
class _Drawn:
    """An arm under one seed: the slices it is asked of, with their labels, and their split."""

    arm: Arm
    seed: int
    slices: SliceSet
    split: Split


@dataclass(frozen=True, eq=False)
class _KeptFit:
    """A fit, and the folder where its answers stand once it is done."""

    task: Task
    place: Path

    @property
    def answers(self) -> Path:
        return self.place / "test.npz"

    @property
    def work(self) -> float:
        """How long it takes, in no unit: for starting the longest first."""
        is_network = self.task.job.classifier == CNN
        return float(self.task.slices.pixels.size * (20 if is_network else 1))


def draw(arm: Arm, seed: int, bench: Bench) -> tuple[SliceSet, Split]:
    """The slices an arm is asked of under one seed, and who trains, chooses and tests.

    Raises:
        CohortError: the cohort is too small for the split, or a part has one class.
    """
    slices = bench.slices(arm.cohort, arm.protocol.slices)
    if arm.is_shuffled:
        slices = with_shuffled_people(slices, seed)
    asked = _with_known_labels(slices, arm.question)
    people = [str(person) for person in np.unique(asked.person_id)]
    if len(people) == 2 and arm.tested_on:
        split = split_of_two(people, seed)
    else:
        split = draw_slice_split(
            asked, arm.question, arm.split_unit, seed=seed, folds=arm.folds,
            shares=arm.protocol.decision.split_shares,
        )  # fmt: skip
    require_both_classes(asked, arm.question, split)
    return asked, split


def _with_known_labels(slices: SliceSet, question: Question) -> SliceSet:
    """Those that have a label; the very same arrays where all have, as many arms share them."""
    is_known = slices.labels(question) != UNKNOWN
    return slices if is_known.all() else slices.where(is_known)


def with_shuffled_people(slices: SliceSet, seed: int) -> SliceSet:
    """The same slices with the diagnoses of the people dealt out among them at random."""
    people, owner = np.unique(slices.person_id, return_inverse=True)
    first = np.array([np.flatnonzero(owner == number)[0] for number in range(len(people))])
    dealt = np.random.default_rng([seed, 0x5F]).permutation(slices.is_ms[first])
    return replace(slices, is_ms=dealt[owner].astype(np.int8))


def split_of_two(people: Sequence[str], seed: int) -> Split:
    """Two folds of two people: one trains, the other chooses; nobody of them is tested."""
    first, second = people
    folds = (Fold((first,), (second,), ()), Fold((second,), (first,), ()))
    return Split(SplitUnit.PATIENT, seed, folds)


def answer(arms: Sequence[Arm], bench: Bench) -> dict[str, tuple[Predictions, ...]]:
    """The test predictions of every arm, by label: one set a seed, all folds together."""
    drawn = [_Drawn(arm, seed, *draw(arm, seed, bench)) for arm in arms for seed in arm.seeds]
    _fit_missing([fit for one in drawn for fit in _fits(one, bench)], bench.workers)
    found: dict[str, tuple[Predictions, ...]] = {arm.label: () for arm in arms}
    for one in drawn:
        found[one.arm.label] += (_ANSWERERS.get(one.arm.classifier, _by_fit)(one, bench),)
    return found


def _fits(drawn: _Drawn, bench: Bench) -> Iterator[_KeptFit]:
    """The fits of an arm that is fitted."""
    arm = drawn.arm
    if arm.classifier not in CLASSIFIERS:
        return
    for fold in range(len(drawn.split.folds)):
        job = Job(arm.question, arm.split_unit, arm.classifier, fold)
        place = bench.work / "fits" / f"{arm.cohort}_{job.name}_{_mark(drawn, bench)}"
        task = Task(
            job, CLASSIFIERS[arm.classifier], drawn.slices, drawn.split, arm.protocol,
            seed=100 * drawn.seed + fold,
            checkpoint=place / "checkpoint.safetensors" if arm.classifier == CNN else None,
            model_folder=place / "model" if arm.classifier == CNN else None,
        )  # fmt: skip
        yield _KeptFit(task, place)


def _mark(drawn: _Drawn, bench: Bench) -> str:
    """What tells this arm's fits from all others; who is asked about them later does not."""
    arm = drawn.arm
    said = [
        bench.sha256(arm.cohort), arm.protocol.sha256, drawn.split.sha256, drawn.seed,
        arm.is_shuffled,
    ]  # fmt: skip
    return sha256(json.dumps(said).encode()).hexdigest()[:16]


def _fit_missing(wanted: Sequence[_KeptFit], workers: int) -> None:
    missing = {fit.place: fit for fit in wanted if not fit.answers.exists()}
    # The longest first, so that no core is idle at the end.
    queue = sorted(missing.values(), key=lambda fit: -fit.work)
    for _ in share(_fit, [(fit,) for fit in queue], workers, "fitting classifiers"):
        pass


def _fit(fit: _KeptFit) -> None:
    predictions, _ = run_task(fit.task)
    _write(predictions.of(Subset.TEST), fit.answers)
    if fit.task.checkpoint is not None:
        fit.task.checkpoint.unlink(missing_ok=True)


def _write(predictions: Predictions, path: Path) -> None:
    with atomic_path(path) as partial:
        np.savez(partial, **{c.name: getattr(predictions, c.name) for c in fields(predictions)})


def _read(path: Path) -> Predictions:
    with np.load(path, allow_pickle=False) as columns:
        return Predictions(**columns)


def _by_fit(drawn: _Drawn, bench: Bench) -> Predictions:
    """The kept answers on the own test people, or those of the kept models on another cohort."""
    fits = list(_fits(drawn, bench))
    if not drawn.arm.tested_on:
        return Predictions.join(_read(fit.answers) for fit in fits)
    arm = drawn.arm
    others = _with_known_labels(bench.slices(arm.tested_on, arm.protocol.slices), arm.question)
    return Predictions.join(
        _test_predictions(
            others, arm, number, load_model(fit.place / "model").probability(others.pixels)
        )
        for number, fit in enumerate(fits)
    )


def _test_predictions(
    slices: SliceSet, arm: Arm, fold: int, probability: NDArray[np.float64]
) -> Predictions:
    return Predictions(
        fold=np.full(len(slices), fold, np.int16),
        subset=np.full(len(slices), Subset.TEST.value),
        person_id=slices.person_id,
        scan_name=slices.scan_name,
        slice_index=slices.slice_index,
        label=slices.labels(arm.question),
        probability=probability,
    )


def _by_detector(drawn: _Drawn, bench: Bench) -> Predictions:
    """What the shipped detector says of the same test slices; it was trained on none of them."""
    of_scan = bench.detected_slices(drawn.arm.cohort)
    parts = []
    for number, fold in enumerate(drawn.split.folds):
        test = _tested(drawn, fold)
        pairs = zip(test.scan_name, test.slice_index, strict=True)
        probability = np.array([of_scan[str(scan)][index] for scan, index in pairs])
        parts.append(_test_predictions(test, drawn.arm, number, probability))
    return Predictions.join(parts)


def _by_height(drawn: _Drawn, _bench: Bench) -> Predictions:
    """How often slices at this height hold a lesion in training people; no pixel is looked at."""
    parts = []
    for number, fold in enumerate(drawn.split.folds):
        subset = subset_of_slices(drawn.slices, drawn.split.unit, fold)
        training = drawn.slices.where(subset == Subset.TRAINING)
        test = _tested(drawn, fold)
        labels = training.labels(drawn.arm.question)
        heights = height_bins(training)
        share = np.array(
            [labels[heights == b].mean() if (heights == b).any() else labels.mean()
             for b in range(HEIGHT_BINS)]
        )  # fmt: skip
        parts.append(_test_predictions(test, drawn.arm, number, share[height_bins(test)]))
    return Predictions.join(parts)


def _tested(drawn: _Drawn, fold: Fold) -> SliceSet:
    subset = subset_of_slices(drawn.slices, drawn.split.unit, fold)
    return drawn.slices.where(subset == Subset.TEST)


def height_bins(slices: SliceSet) -> NDArray[np.intp]:
    """In which tenth of its scan each slice lies, from 0 at the lowest: (N,)."""
    scans, owner = np.unique(slices.scan_name, return_inverse=True)
    top = np.array([slices.slice_index[owner == n].max() for n in range(len(scans))])
    tenth = slices.slice_index / np.maximum(top[owner], 1) * HEIGHT_BINS
    bins: NDArray[np.intp] = np.minimum(tenth.astype(np.intp), HEIGHT_BINS - 1)
    return bins


_ANSWERERS: Mapping[str, Callable[[_Drawn, Bench], Predictions]] = {
    DETECTOR: _by_detector,
    HEIGHT: _by_height,
}
"""Those that are not fitted by the paper's protocol."""
