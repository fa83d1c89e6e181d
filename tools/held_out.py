"""Real scans, each with a model whose network never saw the person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mslesion.lesions.known_scans import KnownScan, known_scans
from mslesion.lesions.learning.recipe import RECIPES, deal_folds, load_network
from mslesion.lesions.model import LesionModel, shipped_model
from mslesion.read import read_people

TABRIZ, LJUBLJANA, LESION_FREE = "tabriz", "ljubljana-mni", "lesion-free"


def held_out(datasets: Path, training: Path) -> Iterator[tuple[KnownScan, LesionModel]]:
    """Every scan that the default model learnt from, beside the network of its person's fold.

    ``datasets`` is the folder of the three datasets; ``training`` the folder
    ``default/everything/training`` of 'make detector'. Calibration and operating point are the
    shipped ones, which were chosen on the answers of these networks about these people.
    """
    scans = [
        scan
        for name in (TABRIZ, LJUBLJANA, LESION_FREE)
        for scan in known_scans(read_people(datasets / name), is_lesion_free=name == LESION_FREE)
    ]
    recipe = RECIPES["default"]
    fold_of = deal_folds(scans, recipe.folds, recipe.seed)
    models = [
        replace(
            shipped_model(),
            networks=(load_network(training / f"fold-{fold}.safetensors", recipe.model),),
        )
        for fold in range(recipe.folds)
    ]
    for scan in scans:
        yield scan, models[fold_of[scan.person]]
