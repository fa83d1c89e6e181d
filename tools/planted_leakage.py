"""Small made-up cohorts, clean or with one kind of leakage put into them.

Used by measure_audit.py and by the tests of the audit. Heads are ellipsoids with scalp, dark bone,
and a brain whose texture is each person's own; half of the people have lesions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.audit.material import split_for
from mslesion.cohort.split import Fold, Split
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import cut_cohort
from mslesion.read import read_cohort
from mslesion.write.atomic import write_json, write_table
from mslesion.write.nifti import write_nifti

PEOPLE = 16
SHAPE, SPACING_MM = (36, 42, 14), (5.0, 5.0, 9.0)
Voxels = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Made:
    """One person before they are written; ``extra`` are further columns of participants.tsv."""

    name: str
    is_ms: bool
    voxels: Voxels
    mask: Mask
    spacing_mm: tuple[float, float, float] = SPACING_MM
    ending: str = ".nii.gz"
    extra: Mapping[str, str] = field(default_factory=dict)
    sidecar: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Planted:
    """A cohort on disk, with what else an audit of it is given."""

    cohort: Path
    split: Path | None = None
    model: Path | None = None


def head(generator: np.random.Generator, *, is_ms: bool) -> tuple[Voxels, Mask]:
    """One head (36, 42, 14) and the mask of its lesions."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    radii = generator.uniform(0.72, 0.86, 3)
    bumps = ndimage.gaussian_filter(generator.normal(size=SHAPE), (4, 4, 2))
    radius = np.sqrt(sum((a / r) ** 2 for a, r in zip(axes, radii, strict=True)))
    radius = radius * (1 + 0.06 * bumps / bumps.std())
    texture = ndimage.gaussian_filter(generator.normal(size=SHAPE), (1.3, 1.3, 0.7))
    image = np.where(radius < 1, 110.0, 0.0)
    image[(radius > 0.82) & (radius <= 0.9)] = 15.0
    brain = radius <= 0.82
    image[brain] = 100 + 25 * (texture / texture.std())[brain]
    image[radius < generator.uniform(0.15, 0.25)] = 30.0
    mask = np.zeros(SHAPE, bool)
    places = np.argwhere((radius > 0.3) & (radius < 0.65))
    for place in places[generator.choice(len(places), 4)] if is_ms else ():
        mask[place[0] : place[0] + 2, place[1] : place[1] + 2, place[2]] = True
    image[mask] = 190.0
    image += generator.normal(scale=3.0, size=SHAPE)
    return np.clip(image, 0, None).round().astype(np.float32), mask


def people(seed: int) -> list[Made]:
    """Sixteen people, half of them with lesions, in an order that says nothing."""
    generator = np.random.default_rng([seed, 0xC0])
    made = []
    for number, is_ms in enumerate(generator.permutation([True, False] * (PEOPLE // 2))):
        image, mask = head(generator, is_ms=bool(is_ms))
        made.append(Made(f"p{number:02d}", bool(is_ms), image, mask))
    return made


def write(folder: Path, made: list[Made]) -> Path:
    """A BIDS data set of these people."""
    for one in made:
        affine = np.diag([*one.spacing_mm, 1.0])
        sub = f"sub-{one.name}"
        image = folder / sub / "anat" / f"{sub}_FLAIR{one.ending}"
        write_nifti(image, one.voxels, affine)
        anat = folder / "derivatives/manual" / sub / "anat"
        write_nifti(anat / f"{sub}_label-L_mask.nii.gz", one.mask.astype(np.uint8), affine)
        if one.sidecar:
            write_json(image.with_name(f"{sub}_FLAIR.json"), dict(one.sidecar))
    rows = [
        {"participant_id": f"sub-{one.name}", "group": "MS" if one.is_ms else "control"}
        | dict(one.extra)
        for one in made
    ]
    write_table(folder / "participants.tsv", rows, list(rows[0]))
    return folder


def split_of(cohort: Path, unit: SplitUnit = SplitUnit.PATIENT, seed: int = 0) -> Split:
    """The split that 'train' draws."""
    protocol = Protocol()
    people = read_cohort(cohort)
    split, why = split_for(
        cut_cohort(people, protocol.slices).slices,
        Question.DIAGNOSIS,
        unit,
        protocol,
        seed,
        sites=people.sites,
    )
    if split is None:
        raise ValueError(why)
    return split


def write_split(path: Path, split: Split, written: str | None = None) -> Path:
    """A split as a study writes it, with another hash where one is given."""
    value = split.as_json() | ({"sha256": written} if written else {})
    path.write_text(json.dumps({"diagnosis": {"patient_split": value}}), encoding="utf-8")
    return path


# --- what is put in ------------------------------------------------------------------------------

Change = Callable[[list[Made], np.random.Generator], list[Made]]


def _clean(made: list[Made], _: np.random.Generator) -> list[Made]:
    return made


def _double(made: list[Made], change: Callable[[Made], Made]) -> list[Made]:
    """The last person becomes, changed, the first of the same class."""
    source = next(one for one in made if one.is_ms == made[-1].is_ms)
    return [*made[:-1], replace(change(source), name=made[-1].name)]


def _same_voxels(made: list[Made], _: np.random.Generator) -> list[Made]:
    return _double(made, lambda one: replace(one, ending=".nii"))


def _one_percent_noise(made: list[Made], generator: np.random.Generator) -> list[Made]:
    noise = generator.normal(scale=2.0, size=SHAPE)
    return _double(
        made,
        lambda one: replace(one, voxels=np.maximum(one.voxels + noise, 0).astype(np.float32)),
    )


def _resampled(made: list[Made], generator: np.random.Generator) -> list[Made]:
    zoom = (*generator.choice([0.8, 1.25], 1).repeat(2), 1.0)

    def change(one: Made) -> Made:
        voxels = ndimage.zoom(one.voxels, zoom, order=1, grid_mode=True, mode="nearest")
        mask = ndimage.zoom(
            one.mask.astype(np.uint8), zoom, order=0, grid_mode=True, mode="nearest"
        )
        mm = tuple(
            m * a / b for m, a, b in zip(SPACING_MM, one.voxels.shape, voxels.shape, strict=True)
        )
        return replace(one, voxels=voxels, mask=mask > 0, spacing_mm=mm)

    return _double(made, change)


def _mirrored(made: list[Made], _: np.random.Generator) -> list[Made]:
    return _double(made, lambda one: replace(one, voxels=one.voxels[::-1], mask=one.mask[::-1]))


def _of_ms(made: list[Made], change: Callable[[Made], Made]) -> list[Made]:
    return [change(one) if one.is_ms else one for one in made]


def _spacing(made: list[Made], _: np.random.Generator) -> list[Made]:
    return _of_ms(made, lambda one: replace(one, spacing_mm=(5.02, 5.02, 9.0)))


def _names(made: list[Made], _: np.random.Generator) -> list[Made]:
    ordered = sorted(made, key=lambda one: one.is_ms)
    return [replace(one, name=f"q{number:02d}") for number, one in enumerate(ordered)]


def _background(made: list[Made], generator: np.random.Generator) -> list[Made]:
    def change(one: Made) -> Made:
        air = ndimage.distance_transform_edt(one.voxels < 8, SPACING_MM) > 8
        haze = np.abs(generator.normal(scale=4.0, size=SHAPE)).astype(np.float32)
        return replace(one, voxels=np.where(air, one.voxels + haze, one.voxels))

    return _of_ms(made, change)


def _skull(made: list[Made], _: np.random.Generator) -> list[Made]:
    def change(one: Made) -> Made:
        inside = ndimage.distance_transform_edt(one.voxels > 40, SPACING_MM) > 6
        parts, _count = ndimage.label(inside)
        core = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
        brain = ndimage.binary_dilation(core, iterations=2)
        return replace(one, voxels=np.where(brain, one.voxels, 0).astype(np.float32))

    return _of_ms(made, change)


def _site(made: list[Made], _: np.random.Generator) -> list[Made]:
    return [replace(one, extra={"site": "north" if one.is_ms else "south"}) for one in made]


def _dates(made: list[Made], generator: np.random.Generator) -> list[Made]:
    def dated(one: Made) -> Made:
        day = f"{2019 if one.is_ms else 2016}-{generator.integers(1, 13):02d}-15"
        return replace(one, sidecar={"AcquisitionDateTime": f"{day}T10:00:00"})

    return [dated(one) for one in made]


CHANGES: dict[str, tuple[Change, str]] = {
    "same voxels in another file": (_same_voxels, "exact duplicates"),
    "one person twice, with 1 % noise": (_one_percent_noise, "near-duplicates"),
    "one person twice, resampled": (_resampled, "near-duplicates"),
    "one person twice, mirrored": (_mirrored, "near-duplicates"),
    "class in the header": (_spacing, "header"),
    "class in names and order": (_names, "file names"),
    "class in the background": (_background, "background"),
    "class in the skull": (_skull, "skull"),
    "class goes with site": (_site, "site confound"),
    "class goes with date": (_dates, "time order"),
}
"""Kinds of leakage that lie in the files, and the check that must find each."""


def plant(kind: str, folder: Path, seed: int) -> Planted:
    """A cohort with one kind of leakage of :data:`CHANGES` or :data:`SPLITS`, or 'clean'."""
    generator = np.random.default_rng([seed, 0xBAD])
    change = CHANGES[kind][0] if kind in CHANGES else _clean
    cohort = write(folder / "cohort", change(people(seed), generator))
    if kind in SPLITS:
        return SPLITS[kind][0](cohort, folder, seed)
    return Planted(cohort)


# --- in the split and the model ------------------------------------------------------------------


def _with_fold(split: Split, fold: Fold) -> Split:
    return replace(split, folds=(fold,))


def _no_test(cohort: Path, folder: Path, seed: int) -> Planted:
    split = split_of(cohort, seed=seed)
    (fold,) = split.folds
    return Planted(
        cohort, write_split(folder / "split.json", _with_fold(split, replace(fold, test=())))
    )


def _test_is_validation(cohort: Path, folder: Path, seed: int) -> Planted:
    split = split_of(cohort, seed=seed)
    (fold,) = split.folds
    same = _with_fold(split, replace(fold, test=fold.validation))
    return Planted(cohort, write_split(folder / "split.json", same))


def _by_slice(cohort: Path, folder: Path, seed: int) -> Planted:
    return Planted(
        cohort, write_split(folder / "split.json", split_of(cohort, SplitUnit.SLICE, seed))
    )


def _changed_later(cohort: Path, folder: Path, seed: int) -> Planted:
    split = split_of(cohort, seed=seed)
    (fold,) = split.folds
    swapped = replace(
        fold,
        test=tuple(sorted((*fold.test[1:], fold.training[0]))),
        training=tuple(sorted((*fold.training[1:], fold.test[0]))),
    )
    return Planted(
        cohort, write_split(folder / "split.json", _with_fold(split, swapped), split.sha256)
    )


def _model_of_another_split(cohort: Path, folder: Path, seed: int) -> Planted:
    from mslesion.pipeline import train

    train(cohort, folder / "model", Question.DIAGNOSIS, "decision tree", seed + 1000)
    given = write_split(folder / "split.json", split_of(cohort, seed=seed))
    return Planted(cohort, given, folder / "model")


SPLITS: dict[str, tuple[Callable[[Path, Path, int], Planted], str]] = {
    "no test set": (_no_test, "test set"),
    "test set is validation set": (_test_is_validation, "test set"),
    "slices of a person on both sides": (_by_slice, "patient in one part"),
    "split changed after it was frozen": (_changed_later, "frozen split"),
    "model trained on test people": (_model_of_another_split, "model's training"),
}
"""Kinds of leakage that lie in the split or the model, and the check that must find each."""


# --- in the fit ----------------------------------------------------------------------------------


def _learnt(slices, split):  # type: ignore[no-untyped-def]
    from mslesion.paper.fitting import subset_of_slices

    part = subset_of_slices(slices, split.unit, split.folds[0])
    pixels = slices.pixels.reshape(len(slices), -1).astype(np.float64)
    return pixels, slices.is_ms.astype(np.float64), part


def _weights(pixels: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """A nearest-mean classifier: as simple as a fit can be."""
    return pixels[labels == 1].mean(axis=0) - pixels[labels == 0].mean(axis=0)


def honest_fit(slices, split):  # type: ignore[no-untyped-def]
    """Everything from training and validation people: nothing leaks."""
    pixels, labels, part = _learnt(slices, split)
    train, choose = part == Subset.TRAINING, part == Subset.VALIDATION
    mean, sd = pixels[train].mean(axis=0), pixels[train].std(axis=0) + 1e-6
    weights = _weights((pixels[train] - mean) / sd, labels[train])
    scores = ((pixels - mean) / sd) @ weights
    return {"weights": weights.tobytes(), "threshold": np.median(scores[choose]).tobytes()}


def _normalised_on_all(slices, split):  # type: ignore[no-untyped-def]
    pixels, labels, part = _learnt(slices, split)
    train = part == Subset.TRAINING
    standard = (pixels - pixels.mean(axis=0)) / (pixels.std(axis=0) + 1e-6)
    return {"weights": _weights(standard[train], labels[train]).tobytes()}


def _features_chosen_on_all(slices, split):  # type: ignore[no-untyped-def]
    pixels, labels, part = _learnt(slices, split)
    train = part == Subset.TRAINING
    chosen = np.sort(np.argsort(-np.abs(_weights(pixels, labels)))[:50])
    return {"weights": _weights(pixels[train][:, chosen], labels[train]).tobytes()}


def _threshold_on_test(slices, split):  # type: ignore[no-untyped-def]
    pixels, labels, part = _learnt(slices, split)
    train, test = part == Subset.TRAINING, part == Subset.TEST
    weights = _weights(pixels[train], labels[train])
    return {"threshold": np.median(pixels[test] @ weights).tobytes()}


def _calibrated_on_test(slices, split):  # type: ignore[no-untyped-def]
    pixels, labels, part = _learnt(slices, split)
    train, test = part == Subset.TRAINING, part == Subset.TEST
    scores = pixels[test] @ _weights(pixels[train], labels[train])
    return {"calibration": np.polyfit(scores, labels[test], 1).tobytes()}


FITS = {
    "normalisation fitted on test data": _normalised_on_all,
    "features chosen on test data": _features_chosen_on_all,
    "threshold chosen on test data": _threshold_on_test,
    "calibration fitted on test data": _calibrated_on_test,
}
"""Pipelines that leak, for the check of fit isolation."""
