"""A study result without a study: people, splits and answers drawn at random, but lifelike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mslesion.cohort.split import Split, Unit, draw_split
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.paper.protocol import Protocol
from mslesion.paper.result import (
    CohortSummary,
    Epoch,
    ExampleSlice,
    Fit,
    Layer,
    Run,
    StudyResult,
)

SKILLS = {
    # classifier: how far the classes lie apart (in logits) by patient split, slice split, training
    "CNN": (1.0, 3.8, 4.5),
    "decision tree": (0.5, 1.8, 5.0),
    "SVM": (0.9, 3.0, 5.0),
    "CNN, max pooling": (0.9, 3.6, 4.5),
}

LAYERS = (
    Layer("input", (1, 64, 64), 0),
    Layer("convolution 1", (8, 64, 64), 80),
    Layer("ReLU 1", (8, 64, 64), 0),
    Layer("average pooling 1", (8, 32, 32), 0),
    Layer("convolution 2", (16, 32, 32), 1168),
    Layer("ReLU 2", (16, 32, 32), 0),
    Layer("average pooling 2", (16, 16, 16), 0),
    Layer("convolution 3", (32, 16, 16), 4640),
    Layer("ReLU 3", (32, 16, 16), 0),
    Layer("average pooling 3", (32, 8, 8), 0),
    Layer("flatten", (2048,), 0),
    Layer("fully connected 1", (64,), 131136),
    Layer("sigmoid", (64,), 0),
    Layer("dropout", (64,), 0),
    Layer("fully connected 2", (2,), 130),
    Layer("softmax", (2,), 0),
)


def make_study(
    *,
    people: int = 60,
    slices_each: int = 21,
    folds: int = 5,
    seed: int = 4,
    questions: Sequence[Question] = tuple(Question),
    splits: Sequence[SplitUnit] = tuple(SplitUnit),
    classifiers: Sequence[str] = tuple(SKILLS),
    all_ms: bool = False,
    name: str = "made-up cohort",
    draws: int = 2000,
) -> StudyResult:
    """A whole result; half the people have MS (all, with ``all_ms``)."""
    generator = np.random.default_rng(seed)
    names = [f"sub-{number:02d}" for number in range(1, people + 1)]
    is_ms = {n: all_ms or i % 2 == 0 for i, n in enumerate(names)}
    owner = np.repeat(names, slices_each)
    place = np.tile(np.arange(slices_each), people)
    middle = np.abs(place - slices_each / 2) < slices_each / 4
    ms = np.array([is_ms[n] for n in owner])
    lesion = ms & middle & (generator.random(len(owner)) < 0.85)
    labels = {Question.DIAGNOSIS: ms, Question.LESION: lesion}

    drawn: dict[tuple[Question, SplitUnit], Split] = {}
    runs = []
    for question in questions:
        for unit in splits:
            units = (
                [Unit(n, "MS" if is_ms[n] else "control") for n in names]
                if unit is SplitUnit.PATIENT
                else [
                    Unit(f"{o}_slice-{p:03d}", str(yes))
                    for o, p, yes in zip(owner, place, labels[question], strict=True)
                ]
            )
            split = draw_split(units, unit=unit, seed=seed, folds=folds)
            drawn[question, unit] = split
            for classifier in classifiers:
                predictions = _predict(
                    split,
                    classifier,
                    owner=owner,
                    place=place,
                    label=labels[question],
                    generator=generator,
                )
                fits = tuple(_fit(f, classifier, unit, generator) for f in range(folds))
                runs.append(Run(question, unit, classifier, predictions, fits))
    protocol = Protocol()
    decision = dataclasses.replace(protocol.decision, bootstrap_draws=draws)
    return StudyResult(
        protocol=dataclasses.replace(protocol, decision=decision),
        cohort=CohortSummary(
            name=name,
            layout="BIDS",
            is_simulated=True,
            people_by_diagnosis={
                "MS": sum(is_ms.values()),
                "control": people - sum(is_ms.values()),
            },
            scan_count=people,
            slice_count=len(owner),
            slices_left_out=2 * people,
            slices_by_label={
                q.value: {"yes": int(labels[q].sum()), "no": int((~labels[q]).sum())}
                for q in questions
            },
        ),
        splits=drawn,
        runs=tuple(runs),
        layers=LAYERS,
        examples=tuple(_example(number) for number in range(4)),
        seed=seed,
        provenance={
            "version": "0.1.0",
            "command": "mslesion reproduce cohort --out results",
            "threads": 2,
            "libraries": {"numpy": "2.4.6", "torch": "2.9.0"},
        },
        set_aside=("UNREADABLE: sub-61_FLAIR.nii.gz: ends too early: copy it again",),
        notes=("Made up for a test.",),
    )


def _predict(
    split: Split,
    classifier: str,
    *,
    owner: np.ndarray,
    place: np.ndarray,
    label: np.ndarray,
    generator: np.random.Generator,
) -> Predictions:
    by_patient, by_slice, in_training = SKILLS[classifier]
    person_effect = {n: generator.normal(scale=0.9) for n in dict.fromkeys(owner.tolist())}
    effect = np.array([person_effect[n] for n in owner])
    unseen = by_patient if split.unit is SplitUnit.PATIENT else by_slice
    parts = []
    for number, fold in enumerate(split.folds):
        subset_of = fold.subset_of()
        names = (
            owner
            if split.unit is SplitUnit.PATIENT
            else [f"{o}_slice-{p:03d}" for o, p in zip(owner, place, strict=True)]
        )
        subset = np.array([subset_of[n].value for n in names])
        skill = np.where(subset == Subset.TRAINING.value, in_training, unseen)
        logit = skill * (label - 0.5) + 0.6 * effect + generator.normal(size=len(label))
        parts.append(
            Predictions(
                fold=np.full(len(label), number, np.int16),
                subset=subset,
                person_id=owner,
                scan_name=np.array([f"{o}_FLAIR" for o in owner]),
                slice_index=place.astype(np.int16),
                label=label.astype(np.int8),
                probability=1 / (1 + np.exp(-logit)),
            )
        )
    return Predictions.join(parts)


def _fit(fold: int, classifier: str, unit: SplitUnit, generator: np.random.Generator) -> Fit:
    if not classifier.startswith("CNN"):
        return Fit(fold, 1.5, {"depth": 5})
    end = 0.68 if unit is SplitUnit.PATIENT else 0.92
    curve = []
    for number in range(1, 21):
        rise = 1 - np.exp(-number / 6)
        noise = generator.normal(scale=0.012, size=2)
        training, validation = 0.5 + 0.48 * rise, 0.5 + (end - 0.5) * rise
        curve.append(
            Epoch(
                number,
                0.7 - 0.6 * rise + abs(noise[0]),
                float(min(1, training + noise[0])),
                0.72 - (end - 0.5) * rise + 0.004 * number + noise[1],
                float(validation + noise[1]),
            )
        )
    kept = min(curve, key=lambda epoch: epoch.validation_loss).number
    return Fit(fold, 60.0, {"learning_rate": 1e-4}, tuple(curve), kept)


def _example(number: int) -> ExampleSlice:
    generator = np.random.default_rng(number)
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    head = (x / 0.75) ** 2 + (y / 0.92) ** 2
    pixels = np.where(head < 1, 1.0, -2.0) - 1.5 * ((x / 0.15) ** 2 + (y / 0.3) ** 2 < 1)
    mask = np.zeros((64, 64), bool)
    for _ in range(2 + number):
        cx, cy = generator.uniform(-0.4, 0.4, 2)
        mask |= (x - cx) ** 2 + (y - cy) ** 2 < generator.uniform(0.003, 0.012)
    pixels = pixels + 1.4 * mask + generator.normal(scale=0.12, size=mask.shape)
    return ExampleSlice(
        f"sub-{number + 1:02d}, slice {9 + number}", pixels.astype(np.float32), mask
    )
