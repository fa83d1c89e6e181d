"""Real scans, each with a detector that never saw the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mslesion.lesions.known_scans import KnownScan, known_scans, unseen_scans
from mslesion.lesions.learning.recipe import RECIPES, deal_folds
from mslesion.lesions.model import LesionModel, load_lesion_model
from mslesion.read import read_people

NETWORKS = Path(__file__).resolve().parents[1] / "docs/results/networks/default"
TABRIZ, LJUBLJANA, LESION_FREE = "tabriz", "ljubljana-mni", "lesion-free"


@dataclass(frozen=True)
class CrossValidation:
    """The scans that the default model learnt from, the fold of each person, and its detector.

    What a fold's detector is calibrated to was chosen on the people of other folds.
    """

    scans: list[KnownScan]
    fold_of: dict[tuple[str, str], int]
    models: list[LesionModel]


def cross_validation(datasets: Path) -> CrossValidation:
    """That of the default model; ``datasets`` is the folder of the three datasets.

    Raises:
        ValueError: a person would be answered for by a network that has seen them, as where
            ``datasets`` holds others than those that the model was trained on.
    """
    scans = [
        scan
        for name in (TABRIZ, LJUBLJANA, LESION_FREE)
        for scan in known_scans(read_people(datasets / name), is_lesion_free=name == LESION_FREE)
    ]
    recipe = RECIPES["default"]
    models = [
        load_lesion_model(NETWORKS / f"fold-{fold}.safetensors") for fold in range(recipe.folds)
    ]
    fold_of = deal_folds(scans, recipe.folds, recipe.seed)
    for scan in scans:
        require_unseen([scan], models[fold_of[scan.person]])
    return CrossValidation(scans, fold_of, models)


def require_unseen(scans: Sequence[KnownScan], model: LesionModel) -> None:
    """See that a detector is not asked about somebody it has learnt from.

    Raises:
        ValueError: it has learnt from one of them.
    """
    unseen = unseen_scans(scans, model.trained_on)
    if seen := {scan.person_id for scan in scans} - {scan.person_id for scan in unseen}:
        raise ValueError(f"the detector has learnt from {', '.join(sorted(seen))}")


def held_out(datasets: Path) -> Iterator[tuple[KnownScan, LesionModel]]:
    """Every scan that the default model learnt from, beside the detector of its person's fold."""
    known = cross_validation(datasets)
    for scan in known.scans:
        yield scan, known.models[known.fold_of[scan.person]]
