"""Answers about people whom the answering networks never saw: real ones, and simulated ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.inference import region_probabilities
from mslesion.lesions.known_scans import KnownScan
from mslesion.lesions.learning.calibration import ValidationScan
from mslesion.lesions.network import LesionNetwork
from mslesion.progress import track
from mslesion.read import load, mask_doubts
from mslesion.scan import Scan
from mslesion.seeds import OWN_SEEDS
from mslesion.simulate import CohortRecipe, simulate_person

Networks = Sequence[LesionNetwork]
"""Those that answer together."""

SIMULATED = "simulated"
"""What stands for the dataset of simulated people."""

SIMULATED_SEED = 2 * OWN_SEEDS
"""Beyond the seeds of the people whom networks learn from (:data:`OWN_SEEDS` and ``--seed``)."""


def answer_unseen(
    scans: Sequence[KnownScan],
    fold_of: dict[tuple[str, str], int],
    networks_of_fold: Sequence[Networks],
) -> Iterator[tuple[int, ValidationScan]]:
    """For each scan its fold, and the answers of the networks that never saw its person."""
    for known in track(scans, "validating", len(scans)):
        fold = fold_of[known.person]
        loaded = load(known.scan_file)
        mask = loaded.lesion_mask
        reference = np.zeros(loaded.scan.grid.shape, np.bool_) if mask is None else mask
        doubts = mask_doubts(mask, known.diagnosis)
        name = known.scan_file.name
        answer = _validation_scan(
            known.person, name, loaded.scan, reference, networks_of_fold[fold], doubts=doubts
        )
        yield fold, answer


def answer_simulated(
    people: int, networks_of_fold: Sequence[Networks]
) -> Iterator[tuple[int, ValidationScan]]:
    """The same for simulated people of every kind of scan, whom no network was trained on.

    They are dealt to the folds in turn.
    """
    recipe = CohortRecipe(people=people, seed=SIMULATED_SEED, acquisition="mixed", skull="mixed")
    for index in track(range(people), "validating on simulated people", people):
        fold = index % len(networks_of_fold)
        person = simulate_person(recipe, index)
        name = person.person_id
        answer = _validation_scan(
            (SIMULATED, name), name, person.scan, person.lesion_mask, networks_of_fold[fold]
        )
        yield fold, answer


def _validation_scan(
    person: tuple[str, str],
    name: str,
    scan: Scan,
    reference: NDArray[np.bool_],
    networks: Networks,
    *,
    doubts: Sequence[str] = (),
) -> ValidationScan:
    """A scan's uncalibrated answers beside its reference mask."""
    regions = region_probabilities(networks, scan)
    return ValidationScan(
        person=person,
        name=name,
        probability=regions.lesion * (regions.brain > 0.5),
        reference=reference,
        grid=scan.grid,
        history=scan.history,
        warnings=(*scan.warnings, *doubts),
    )
