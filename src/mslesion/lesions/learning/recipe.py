"""The detector's recipe: cross-validate, calibrate, then train on everybody.

people with masks ──► folds by person ──► a network for each fold ──► answers for the people
it never saw ──► calibration and operating point ──► the network trained on everybody
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from mslesion.errors import CohortError, ModelFileError, UsageError
from mslesion.lesions.known_scans import KnownScan
from mslesion.lesions.learning.calibration import Chosen
from mslesion.lesions.learning.material import (
    Material,
    group,
    in_every_plane,
    other_contrasts,
    real_volume,
)
from mslesion.lesions.learning.simulated import cached_volumes, no_brain
from mslesion.lesions.learning.training import TrainingRecipe, train_network
from mslesion.lesions.model import LesionModel, load_lesion_model, ready
from mslesion.lesions.network import SHAPES, LesionNetwork, NetworkShape
from mslesion.read import load
from mslesion.read.inputs import input_sha256
from mslesion.seeds import require_given_seed
from mslesion.workers import share
from mslesion.write.atomic import atomic_path

_REAL_SHARE = 0.45
_OTHER_CONTRAST_SHARE = 0.06
_NO_BRAIN_SHARE = 0.03
_MOST_OF_ONE_SCAN = 0.15
_NO_BRAINS = 8
_SEEDS_APART = 1_000_000


@dataclass(frozen=True)
class DetectorRecipe:
    """All that decides a detector, beside the data.

    So many ``networks``, trained alike from different seeds, answer together. ``fold_steps`` and
    ``final_steps`` are the lengths of the trainings of a fold and of the last ones; with
    ``folds=0`` nothing is validated, and probabilities stay uncalibrated. So many
    ``validation_people`` are simulated, to have a say in calibration and operating point.
    """

    model: str = "default"
    networks: int = 1
    folds: int = 5
    fold_steps: int = 7000
    final_steps: int = 14000
    simulated_people: int = 168
    learning_rate: float = 4e-3
    validation_people: int = 12
    verdict_people: int = 240
    seed: int = 0

    def __post_init__(self) -> None:
        require_given_seed(self.seed)


RECIPES = {
    "default": DetectorRecipe(),
    "small": DetectorRecipe(model="small", fold_steps=3500, final_steps=7000),
}
"""The recipes of the shipped models, by their names: fewer weights are given fewer steps."""


def deal_folds(scans: Sequence[KnownScan], folds: int, seed: int) -> dict[tuple[str, str], int]:
    """Deal people to folds: those of one dataset with about as much lesion go to different ones.

    They stand in the order of the volume marked in all their scans together, and as many as there
    are folds, one after the other, go to one fold each.

    Raises:
        CohortError: there are fewer people than folds.
    """
    people: dict[tuple[str, str], float] = {}
    for scan in scans:
        loaded = load(scan.scan_file)
        mask = loaded.lesion_mask
        volume = 0.0 if mask is None else mask.sum() * loaded.scan.grid.voxel_volume_mm3
        people[scan.person] = people.get(scan.person, 0.0) + float(volume)
    if len(people) < folds:
        raise CohortError(
            f"{len(people)} people with lesion masks cannot fill {folds} folds",
            remedy=f"give --folds {len(people)} or fewer, or --folds 0 to validate nothing",
        )
    ordered = sorted(people, key=lambda person: (person[0], people[person], person[1]))
    rng = np.random.default_rng([seed, 0xF01D])
    fold_of: dict[tuple[str, str], int] = {}
    for start in range(0, len(ordered), folds):
        block = ordered[start : start + folds]
        fold_of.update(zip(block, rng.permutation(folds)[: len(block)].tolist(), strict=True))
    return fold_of


@dataclass(frozen=True)
class Workshop:
    """Where trainings are done: ``folder`` keeps their states, ``cache`` the simulated people.

    ``device`` is ``cpu`` or ``cuda``; ``start`` is the file of a model whose weights they begin
    with.
    """

    folder: Path
    cache: Path
    device: str = "cpu"
    start: Path | None = None


@dataclass(frozen=True)
class Ensemble:
    """The trainings of one detector: on the same people, alike but for their seeds."""

    name: str
    scans: tuple[KnownScan, ...]
    recipe: DetectorRecipe
    steps: int
    workshop: Workshop

    @property
    def tasks(self) -> tuple[TrainingTask, ...]:
        """One training a network."""
        return tuple(TrainingTask(self, number) for number in range(self.recipe.networks))


@dataclass(frozen=True)
class TrainingTask:
    """The training of one network of an ensemble, from 0, so that another process can do it."""

    ensemble: Ensemble
    number: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.ensemble.name}_network-{self.number + 1}"

    @property
    def weights(self) -> Path:
        """Where the trained network is kept."""
        return self.ensemble.workshop.folder / f"{self.name}.safetensors"

    @property
    def seed(self) -> int:
        """That of the recipe for the first network; of others, far from what anybody gives."""
        return self.ensemble.recipe.seed + self.number * _SEEDS_APART


def run_training(task: TrainingTask) -> Path:
    """Train one network, or find it trained; gives the file of its weights."""
    recipe, workshop = task.ensemble.recipe, task.ensemble.workshop
    shape = SHAPES[recipe.model]
    network = train_network(
        training_material(task.ensemble.scans, recipe, workshop.cache),
        TrainingRecipe(
            shape, task.ensemble.steps, learning_rate=recipe.learning_rate, seed=task.seed
        ),
        checkpoint=workshop.folder / f"{task.name}_checkpoint.safetensors",
        start=None
        if workshop.start is None
        else _weights_to_start_with(workshop.start, shape, task.number),
        device=workshop.device,
    )
    tensors = {k: v.contiguous() for k, v in network.state_dict().items()}
    with atomic_path(task.weights) as temporary:
        save_file(tensors, temporary)
    return task.weights


def _weights_to_start_with(path: Path, shape: NetworkShape, number: int) -> dict[str, torch.Tensor]:
    """Those of the model's network of this number, from 0, or, where it has fewer, of its first."""
    networks = networks_to_start_with(path, shape)
    network = networks[number] if number < len(networks) else networks[0]
    return dict(network.state_dict())


def networks_to_start_with(path: Path, shape: NetworkShape) -> tuple[LesionNetwork, ...]:
    """The networks of the model that a training begins with.

    Raises:
        ModelFileError: the file is missing or damaged, or its networks have another size.
    """
    networks = load_lesion_model(path).networks
    if any(network.shape != shape for network in networks):
        raise ModelFileError(
            "holds a network of another size than the one to train",
            remedy="give --model the name of the model to start from",
            file=path,
        )
    return networks


def training_material(scans: Sequence[KnownScan], recipe: DetectorRecipe, cache: Path) -> Material:
    """Real scans, their other contrasts, things that are no brain, and simulated people.

    Datasets weigh by the square root of their number of scans, and no scan more than 15 %; what
    they leave goes to simulated people.
    """
    by_dataset: dict[str, list[KnownScan]] = {}
    for scan in scans:
        by_dataset.setdefault(scan.dataset, []).append(scan)
    roots = {name: len(known) ** 0.5 for name, known in by_dataset.items()}
    material = group(_NO_BRAIN_SHARE, [no_brain(recipe.seed, i) for i in range(_NO_BRAINS)])
    for name, known in by_dataset.items():
        share = min(_REAL_SHARE * roots[name] / sum(roots.values()), _MOST_OF_ONE_SCAN * len(known))
        volumes = [real_volume(k.scan_file, is_lesion_free=k.is_lesion_free) for k in known]
        material += in_every_plane(share, volumes)
    others = [volume for scan in scans for volume in other_contrasts(scan.scan_file)]
    material += group(_OTHER_CONTRAST_SHARE, others)
    rest = 1 - sum(share for share, _ in material.groups)
    people = range(recipe.simulated_people)
    return material + in_every_plane(rest, cached_volumes(cache, recipe.seed, people))


def chosen_device(wanted: str) -> str:
    """``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UsageError: ``cuda`` is wanted where PyTorch sees no such GPU.
    """
    has_gpu = torch.cuda.is_available()
    if wanted == "cuda" and not has_gpu:
        raise UsageError(
            "PyTorch finds no GPU for --device cuda",
            remedy="install the PyTorch build for your GPU, or leave --device out",
        )
    return "cuda" if has_gpu and wanted != "cpu" else "cpu"


def plan_trainings(
    scans: Sequence[KnownScan], recipe: DetectorRecipe, workshop: Workshop
) -> tuple[dict[tuple[str, str], int], list[Ensemble]]:
    """The fold of each person, and all that is trained: for each fold, then for the detector."""
    fold_of = deal_folds(scans, recipe.folds, recipe.seed) if recipe.folds else {}
    ensembles = [
        Ensemble(
            f"fold-{fold}",
            tuple(scan for scan in scans if fold_of[scan.person] != fold),
            recipe,
            recipe.fold_steps,
            workshop,
        )
        for fold in range(recipe.folds)
    ]
    ensembles.append(Ensemble("final", tuple(scans), recipe, recipe.final_steps, workshop))
    return fold_of, ensembles


def run_trainings(ensembles: Sequence[Ensemble], workers: int) -> None:
    """Run every training, several at a time; the longest first."""
    recipe, cache = ensembles[0].recipe, ensembles[0].workshop.cache
    makers = [range(n, recipe.simulated_people, workers) for n in range(workers)]
    makings = [(cache, recipe.seed, part) for part in makers]
    for _ in share(cached_volumes, makings, workers, "simulating people"):
        pass
    ordered = sorted(ensembles, key=lambda ensemble: -ensemble.steps)
    calls = [(task,) for ensemble in ordered for task in ensemble.tasks]
    for _ in share(run_training, calls, workers, "training networks"):
        pass


def trained_networks(ensemble: Ensemble) -> tuple[LesionNetwork, ...]:
    """The networks of an ensemble, from the files that :func:`run_training` wrote."""
    shape = SHAPES[ensemble.recipe.model]
    return tuple(ready(LesionNetwork(shape), load_file(task.weights)) for task in ensemble.tasks)


def assemble(ensemble: Ensemble, chosen: Chosen) -> LesionModel:
    """A detector: the networks of an ensemble, with what validation people decided."""
    return LesionModel(
        name=ensemble.recipe.model,
        networks=trained_networks(ensemble),
        voxel_calibration=chosen.voxel_calibration,
        slice_calibration=chosen.slice_calibration,
        operating_point=chosen.operating_point,
        trained_on=_trained_on(ensemble),
    )


def _trained_on(ensemble: Ensemble) -> dict[str, Any]:
    """Whom the networks have learnt from, those of the model that they began with among them."""
    begun_with = ensemble.workshop.start
    start = None if begun_with is None else load_lesion_model(begun_with)
    before = {} if start is None else start.trained_on
    people = {name: set(known) for name, known in before.get("datasets", {}).items()}
    for scan in ensemble.scans:
        people.setdefault(scan.dataset, set()).add(scan.person_id)
    hashes = {input_sha256(scan.scan_file.image) for scan in ensemble.scans}
    begun = {} if start is None else {"started_from": {"name": start.name, "sha256": start.sha256}}
    return {
        "datasets": {name: sorted(people[name]) for name in sorted(people)},
        "scans_sha256": sorted(hashes | set(before.get("scans_sha256", ()))),
        "recipe": asdict(ensemble.recipe),
        "device": ensemble.workshop.device,
        **begun,
    }
