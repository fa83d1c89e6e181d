"""Nothing that is fitted knows the test data: they are changed, and all is fitted again.

Voxels of the people on test are distorted in the files themselves, and their labels turned round;
slices are cut and classifiers fitted again from there. If any normalisation, choice of features or
settings, weight, threshold or calibration had been taken from test data, a byte would change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from mslesion.audit.checks.controls import random_person_labels
from mslesion.audit.finding import Finding, failed, not_applicable, passed
from mslesion.audit.fits import FITS
from mslesion.audit.material import Material, divided, named
from mslesion.cohort.people import Cohort, ScanFile
from mslesion.cohort.split import Split
from mslesion.errors import CohortError
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.fitting import Job, Task, run_task
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import SliceSet, cut_cohort
from mslesion.read import read_scan
from mslesion.write.nifti import write_nifti

Pieces = Mapping[str, bytes]
"""Everything fitted, by name: what must not depend on test data."""

FitEverything = Callable[[SliceSet, Split], Pieces]
"""From labelled slices of all parts and their split to all that was fitted."""


def fit_isolation(material: Material) -> Finding:
    """Ours: slices, and each classifier of the paper, the network for one epoch."""
    check = "fit isolation"
    if material.split is None:
        return not_applicable(check, material.why_no_split)
    if material.split.unit is SplitUnit.SLICE:
        return not_applicable(check, "slices of one scan stand on both sides")
    on_test = material.split.folds[0].test
    kept, _ = divided(material.slices, material.split)
    if set(kept.person_id.tolist()) <= set(on_test):
        return not_applicable(check, "nobody is trained on")
    changed_slices = _cut_distorted(material, frozenset(on_test))
    fits = {name: _fit_with(name, material.protocol, material.seed) for name in FITS}
    changed, pieces = [], 0
    for name, fit in fits.items():
        try:
            different, count = changed_pieces(
                fit, material.slices, changed_slices, material.split, material.seed
            )
        except CohortError as error:
            return not_applicable(check, error.told_reason)
        changed += [f"{name}: {piece}" for piece in different]
        pieces += count
    if changed:
        return failed(
            check,
            f"{len(changed)} of {pieces} fitted pieces depend on test data: {named(changed)}",
            "fit normalisation, features, settings, threshold and calibration on training and "
            "validation people alone",
        )
    return passed(
        check,
        f"voxels and labels of {len(on_test)} people on test were changed, and all was fitted "
        f"again: slices, settings and models of {', '.join(fits)} stay the same to the byte",
    )


def changed_pieces(
    fit: FitEverything, slices: SliceSet, changed: SliceSet, split: Split, seed: int
) -> tuple[tuple[str, ...], int]:
    """Which fitted pieces change with the test data, and how many pieces there are.

    ``slices`` and ``changed`` are the same cohort before and after its test people were changed.
    Labels are drawn at random, one a person, and turned round on test for the second fit: so the
    check can be made in any cohort. ``fit`` may be any pipeline of one's own.
    """
    first, second = (divided(s, split) for s in (slices, changed))
    generator = np.random.default_rng([seed, 0x150])
    labels = random_person_labels(*first, generator)
    label_of = dict(zip(first[0].person_id.tolist(), labels.tolist(), strict=True))
    turned = np.array([label_of.get(str(p), 0) for p in second[0].person_id], np.int8)
    turned = np.where(second[1] == Subset.TEST, 1 - turned, turned).astype(np.int8)
    before = fit(replace(first[0], is_ms=labels), split)
    after = fit(replace(second[0], is_ms=turned), split)
    names = sorted(before.keys() | after.keys())
    return tuple(n for n in names if before.get(n) != after.get(n)), len(names)


def _fit_with(name: str, protocol: Protocol, seed: int) -> FitEverything:
    """All that a classifier of this package fits, the network in one epoch."""
    short = replace(protocol, training=replace(protocol.training, epochs=1))

    def fit(slices: SliceSet, split: Split) -> Pieces:
        with TemporaryDirectory(prefix="mslesion-audit-") as folder:
            place = Path(folder) / "model"
            job = Job(Question.DIAGNOSIS, SplitUnit.PATIENT, name, 0)
            task = Task(job, FITS[name], slices, split, short, seed, model_folder=place)
            predictions, how = run_task(task)
            files = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
        learnt = predictions.subset != Subset.TEST
        return {
            "slices": sha256(slices.pixels[learnt].tobytes()).digest(),
            "settings": json.dumps(how.settings, sort_keys=True).encode(),
            **files,
        }

    return fit


def _cut_distorted(material: Material, on_test: frozenset[str]) -> SliceSet:
    """The slices of the cohort when the scans of these people hold other voxels."""
    with TemporaryDirectory(prefix="mslesion-audit-") as folder:
        cohort = _with_distorted(material, on_test, Path(folder))
        cut = cut_cohort(cohort, material.protocol.slices)
    return cut.slices.where(np.isin(cut.slices.scan_name, np.unique(material.slices.scan_name)))


def _with_distorted(material: Material, on_test: frozenset[str], folder: Path) -> Cohort:
    """The cohort with other voxels in the scans of these people, those apart that are set aside."""
    usable = {scan.image for scan in material.survey.scans}
    people = []
    for place, person in enumerate(material.cohort.people):
        scans = person.scans
        if person.person_id in on_test:
            scans = tuple(
                _distorted(
                    scan, folder / f"{place}-{number}.nii.gz", [material.seed, place, number]
                )
                if scan.image in usable
                else scan
                for number, scan in enumerate(scans)
            )
        people.append(replace(person, scans=scans))
    return replace(material.cohort, people=tuple(people))


def _distorted(scan_file: ScanFile, path: Path, seed: list[int]) -> ScanFile:
    """The same scan, its contrast bent and each voxel times a random factor, without its mask."""
    scan = read_scan(scan_file.image, scan_file.volume)
    generator = np.random.default_rng(seed)
    write_nifti(path, _bent(scan.voxels, generator), scan.grid.affine_vox_to_ras)
    return replace(scan_file, image=path, lesion_mask=None, volume=None)


def _bent(voxels: NDArray[np.float32], generator: np.random.Generator) -> NDArray[np.float32]:
    top = float(voxels.max()) or 1.0
    bent = np.sqrt(np.maximum(voxels, 0) / top) * top
    noisy = bent * generator.lognormal(0, 0.2, voxels.shape)
    return np.asarray(noisy, np.float32)
