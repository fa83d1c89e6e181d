"""The study as a table: each row a question, the arms that answer it, and the pairs compared.

:func:`experiments` is the whole study at a scale: in full, or as a rehearsal of minutes.
"""

from __future__ import annotations

from dataclasses import replace

from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.experiments.cohorts import StudyCohort
from mslesion.experiments.experiment import (
    CNN,
    DETECTOR,
    HEIGHT,
    SVM,
    TREE,
    Arm,
    Experiment,
    Scale,
    Thickening,
)
from mslesion.paper.protocol import AugmentationProtocol, Protocol
from mslesion.simulate import CohortRecipe

SIMULATED, TABRIZ, LJUBLJANA = "simulated", "tabriz", "ljubljana"
THIN = "simulated-1mm"
THICKNESSES_MM = (1, 3, 5, 8)
_NO_BREAK = "\N{NO-BREAK SPACE}"

# Whom detectors learn from has seeds beyond OWN_SEEDS: they have met none of these heads.
THICK_SEED, THIN_SEED = 40_000, 45_000


def study_cohorts(scale: Scale) -> dict[str, StudyCohort]:
    """Every cohort of the study, by name."""
    kept = 22  # of 23 slices, about so many hold enough tissue
    thin = CohortRecipe(people=scale.thin_people, seed=THIN_SEED, acquisition="volume3d")
    listed = [
        StudyCohort(
            SIMULATED, f"simulated, 2D, 6{_NO_BREAK}mm", kept * scale.people,
            recipe=CohortRecipe(people=scale.people, seed=THICK_SEED),
        ),
        StudyCohort(THIN, f"simulated, 3D, 1{_NO_BREAK}mm", kept * scale.thin_people, recipe=thin),
        *(
            StudyCohort(
                thin_cohort(mm), f"the same, averaged to {mm}{_NO_BREAK}mm",
                kept * scale.thin_people,
                source=THIN, slab_slices=mm,
            )
            for mm in THICKNESSES_MM[1:]
        ),
        StudyCohort(TABRIZ, "Tabriz (real)", 197, folder="tabriz"),
        StudyCohort(
            LJUBLJANA, "Ljubljana (real)", 211, folder="ljubljana-mni", every_slice=True
        ),
    ]  # fmt: skip
    return {cohort.name: cohort for cohort in listed}


def thin_cohort(thickness_mm: int) -> str:
    """The name of the thin cohort in slices of this thickness."""
    return f"simulated-{thickness_mm}mm"


def experiments(scale: Scale) -> tuple[Experiment | Thickening, ...]:
    """Every experiment, in the order of the page."""
    paper = Protocol()
    standard = replace(
        paper,
        training=replace(paper.training, epochs=scale.epochs),
        decision=replace(paper.decision, bootstrap_draws=scale.bootstrap_draws),
    )
    return (
        *_classifiers(standard, scale),
        _random_labels(standard, scale),
        _input_size(standard, scale),
        _slice_thickness(standard, scale),
        Thickening(
            "detector-thickness",
            "How many true lesions does the detector lose as slices grow thicker?",
            THICKNESSES_MM, scale.detected_people,
        ),
        _pooling(standard, scale),
        _augmentation(standard, scale),
        _transfer(standard, scale),
    )  # fmt: skip


def _once(protocol: Protocol) -> Protocol:
    """Each training slice once an epoch, changed at random: a fifth of the work."""
    return replace(
        protocol,
        augmentation=replace(protocol.augmentation, copies=1, keep_one_original=False),
    )


def _classifiers(standard: Protocol, scale: Scale) -> tuple[Experiment, ...]:
    rows = (
        ("diagnosis-simulated", "Can the classifiers tell who has MS?", Question.DIAGNOSIS,
         SIMULATED, (CNN, SVM, TREE)),
        ("lesion-simulated", "Can they tell which slice holds a lesion?", Question.LESION,
         SIMULATED, (CNN, SVM, TREE, DETECTOR, HEIGHT)),
        ("lesion-tabriz", "The same in real scans?", Question.LESION, TABRIZ,
         (CNN, SVM, TREE, HEIGHT)),
    )  # fmt: skip
    found = []
    for name, words, question, cohort, classifiers in rows:
        patient = tuple(
            Arm(c, question, cohort, standard, c, folds=scale.folds) for c in classifiers
        )
        leaking = tuple(
            replace(arm, label=leaking_label(arm.label), split_unit=SplitUnit.SLICE)
            for arm in patient
            if arm.classifier in (CNN, SVM, TREE)
        )
        gaps = tuple((leaking_label(arm.classifier), arm.classifier) for arm in patient[:3])
        others = tuple((CNN, other) for other in classifiers[1:])
        found.append(Experiment(name, words, patient + leaking, gaps + others))
    return tuple(found)


def leaking_label(label: str) -> str:
    """The label of an arm under the slice split."""
    return f"{label}, slice split"


def _random_labels(standard: Protocol, scale: Scale) -> Experiment:
    # One candidate each: with random labels there is nothing to choose by, and time to save.
    quick = replace(
        standard,
        baselines=replace(
            standard.baselines, tree_depths=(8,), tree_leaf_sizes=(1,), svm_costs=(10.0,),
            svm_gammas=(1.0,),
        ),
    )  # fmt: skip
    patient = tuple(
        Arm(
            classifier, Question.DIAGNOSIS, SIMULATED, quick, classifier,
            folds=scale.folds, seeds=tuple(range(scale.shuffles)), is_shuffled=True,
        )
        for classifier in (SVM, TREE)
    )  # fmt: skip
    leaking = tuple(
        replace(arm, label=leaking_label(arm.label), split_unit=SplitUnit.SLICE) for arm in patient
    )
    return Experiment(
        "random-labels",
        "What do the classifiers score where there is nothing to learn?",
        patient + leaking,
        tuple((leaking_label(arm.label), arm.label) for arm in patient),
    )


def _input_size(standard: Protocol, scale: Scale) -> Experiment:
    arms = []
    for cohort, protocol in ((SIMULATED, _once(standard)), (TABRIZ, standard)):
        for size in scale.sizes:
            sized = replace(protocol, slices=replace(protocol.slices, size_pixels=size))
            arms.append(
                Arm(
                    f"{size} pixels, {cohort}", Question.LESION, cohort,
                    protocol=sized, folds=scale.folds,
                )
            )  # fmt: skip
    pairs = tuple(
        (f"{size} pixels, {cohort}", f"{scale.sizes[0]} pixels, {cohort}")
        for cohort in (SIMULATED, TABRIZ)
        for size in scale.sizes[1:]
    )
    return Experiment("input-size", "What does the 64x64 input cost?", tuple(arms), pairs)


def _slice_thickness(standard: Protocol, scale: Scale) -> Experiment:
    arms = tuple(
        Arm(
            f"{mm} mm", Question.LESION, thin_cohort(mm), protocol=standard, folds=scale.folds
        )
        for mm in THICKNESSES_MM
    )  # fmt: skip
    pairs = tuple((arm.label, arms[0].label) for arm in arms[1:])
    return Experiment("cnn-thickness", "What does slice thickness cost the CNN?", arms, pairs)


def _pooling(standard: Protocol, scale: Scale) -> Experiment:
    arms, pairs = [], []
    for cohort, protocol in ((SIMULATED, _once(standard)), (TABRIZ, standard)):
        for pooling in ("average", "max"):
            network = replace(protocol.network, pooling=pooling)
            arms.append(
                Arm(
                    f"{pooling}, {cohort}", Question.LESION, cohort,
                    protocol=replace(protocol, network=network), folds=scale.folds,
                    seeds=tuple(range(scale.seeds)),
                )
            )  # fmt: skip
        pairs.append((f"average, {cohort}", f"max, {cohort}"))
    question = "Is average pooling better than max pooling, as the paper says?"
    return Experiment("pooling", question, tuple(arms), tuple(pairs))


AUGMENTATIONS: dict[str, dict[str, float]] = {
    "rotation": {"rotation_degrees": 0.0},
    "flip": {"flip_probability": 0.0},
    "brightness": {"intensity_scale": 0.0},
}
"""What takes each kind of change away."""
ALL, NONE = "all three", "none"


def _augmentation(standard: Protocol, scale: Scale) -> Experiment:
    """All, none, each left out, each alone; with as many images, so that all train equally long."""

    def without(*kinds: str) -> AugmentationProtocol:
        changes: dict[str, float] = {}
        for kind in kinds:
            changes |= AUGMENTATIONS[kind]
        return replace(standard.augmentation, **changes)  # type: ignore[arg-type]

    variants = {ALL: without(), NONE: without(*AUGMENTATIONS)}
    for kind in AUGMENTATIONS:
        variants[f"{kind} left out"] = without(kind)
    for kind in AUGMENTATIONS:
        variants[f"{kind} alone"] = without(*(other for other in AUGMENTATIONS if other != kind))
    arms = tuple(
        Arm(
            label, Question.LESION, TABRIZ, folds=scale.folds, seeds=tuple(range(scale.seeds)),
            protocol=replace(standard, augmentation=augmentation),
        )
        for label, augmentation in variants.items()
    )  # fmt: skip
    pairs = tuple(
        (label, NONE if label.endswith("alone") else ALL) for label in variants if label != ALL
    )
    return Experiment("augmentation", "What does each augmentation bring?", arms, pairs)


def _transfer(standard: Protocol, scale: Scale) -> Experiment:
    """Every cohort's CNN on every cohort."""
    cohorts = (SIMULATED, THIN, TABRIZ, LJUBLJANA)
    arms, pairs = [], []
    for trained in cohorts:
        for tested in cohorts:
            label = transfer_label(trained, tested)
            if trained == tested == LJUBLJANA:
                continue  # its two people train and choose: nobody is left to test
            arms.append(
                Arm(
                    label, Question.LESION, trained, protocol=standard, folds=scale.folds,
                    tested_on=tested if tested != trained else "",
                )
            )  # fmt: skip
            if trained not in (tested, LJUBLJANA):
                pairs.append((label, transfer_label(trained, trained)))
    question = "How far does accuracy fall from the own scanner to another?"
    return Experiment("transfer", question, tuple(arms), tuple(pairs))


def transfer_label(trained: str, tested: str) -> str:
    """The label of the arm that is trained on one cohort and tested on another."""
    return f"{trained} on {tested}"
