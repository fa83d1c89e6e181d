"""Training of the network: Adam, a fixed rate, 20 epochs (section 4.1), resumable at any moment.

Everything random in an epoch comes from a generator seeded with the run's seed and the epoch's
number, and training runs on one thread. So an epoch gives the same weights whether the process
that runs it is old or new, and whatever the number of cores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy

from mslesion.errors import ModelFileError
from mslesion.paper.augmentation import apply, draw
from mslesion.paper.network import build_network
from mslesion.paper.protocol import AugmentationProtocol, NetworkProtocol, TrainingProtocol
from mslesion.paper.result import Epoch
from mslesion.progress import track
from mslesion.threads import one_torch_thread
from mslesion.write.atomic import atomic_path

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """float32 (N, S, S) z-scores and int (N,) classes, 0 or 1."""

    pixels: NDArray[np.float32]
    labels: NDArray[np.integer]

    def as_tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (N, 1, S, S) float32 and classes (N,) int64."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.pixels, np.float32))[:, None]
        return pixels, torch.from_numpy(np.asarray(self.labels, np.int64))


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, beside the images."""

    network: NetworkProtocol
    training: TrainingProtocol
    augmentation: AugmentationProtocol
    seed: int


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """The kept weights, the training curve, and the epoch (from 1) the weights come from."""

    network: nn.Sequential
    curve: tuple[Epoch, ...]
    kept_epoch: int


@dataclass
class _State:
    """Where training stands after some epochs."""

    network: nn.Sequential
    optimiser: torch.optim.Adam
    curve: tuple[Epoch, ...]
    kept: Weights
    kept_epoch: int


def train_network(
    training: LabelledImages,
    validation: LabelledImages | None,
    recipe: Recipe,
    checkpoint: Path | None = None,
) -> TrainedNetwork:
    """Train from scratch, or go on from ``checkpoint`` where it holds a part of this very training.

    The epoch with the lowest validation loss is kept; the last one where there is no validation.
    With ``checkpoint``, the state is written there after each epoch, whole or not at all; the
    file is left in place at the end. A checkpoint of another training is not touched but refused.

    Raises:
        ModelFileError: ``checkpoint`` is damaged, or belongs to other data or settings.
    """
    # More threads gain little on 64x64 images and change the last bits of the weights.
    with one_torch_thread():
        state = _start(training.pixels.shape[-1], recipe)
        fingerprint = _fingerprint(training, validation, recipe)
        if checkpoint is not None and checkpoint.exists():
            _resume(state, checkpoint, fingerprint)
        remaining = range(len(state.curve), recipe.training.epochs)
        for number in track(remaining, "training the network", len(remaining)):
            _run_epoch(state, number, training, validation, recipe)
            if checkpoint is not None:
                _write_checkpoint(state, checkpoint, fingerprint)
    # In the layout a loaded model has, so that a model answers alike before and after saving.
    network = build_network(recipe.network, training.pixels.shape[-1])
    network.load_state_dict(state.kept)
    return TrainedNetwork(network.eval(), state.curve, state.kept_epoch)


def predict_scores(network: nn.Sequential, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Softmax probabilities (N, 2) of images (N, S, S); (0, 2) for no image.

    Images go through in batches of one fixed size, the last one filled up with zeros, so that an
    image's probability does not depend on how many others come with it.
    """
    batch_size = 64
    with one_torch_thread(), torch.inference_mode():
        parts = []
        for start in range(0, len(pixels), batch_size):
            part = torch.tensor(pixels[start : start + batch_size])
            filled = torch.zeros(batch_size, 1, *pixels.shape[1:])
            filled[: len(part), 0] = part
            scores = network.eval()(filled.contiguous(memory_format=torch.channels_last))
            parts.append(torch.softmax(scores[: len(part)].double(), dim=1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 2))


def _start(size_pixels: int, recipe: Recipe) -> _State:
    with _seeded(recipe.seed, 0):
        network = build_network(recipe.network, size_pixels)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.training.learning_rate, fused=True)
    return _State(network, optimiser, (), _copy_weights(network), 0)


@contextmanager
def _seeded(seed: int, epoch: int) -> Iterator[None]:
    """Draw from torch's generator as this epoch of this run does; leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
        yield


def _copy_weights(network: nn.Sequential) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _run_epoch(
    state: _State,
    number: int,
    training: LabelledImages,
    validation: LabelledImages | None,
    recipe: Recipe,
) -> None:
    pixels, labels = training.as_tensors()
    augmented_at = number if recipe.augmentation.redraw_each_epoch else 0
    draws = draw(
        len(pixels), recipe.augmentation, np.random.default_rng([recipe.seed, augmented_at, 1])
    )
    images = apply(pixels, draws)
    targets = labels[torch.from_numpy(draws.source)]
    order = np.random.default_rng([recipe.seed, number, 2]).permutation(len(images))
    loss_sum, correct = 0.0, 0
    state.network.train()
    with _seeded(recipe.seed, number + 1):
        for start in range(0, len(order), recipe.training.batch_size):
            chosen = torch.from_numpy(order[start : start + recipe.training.batch_size])
            batch = images[chosen].contiguous(memory_format=torch.channels_last)
            scores = state.network(batch)
            loss = cross_entropy(scores, targets[chosen])
            state.optimiser.zero_grad()
            loss.backward()
            state.optimiser.step()
            loss_sum += loss.item() * len(chosen)
            correct += int((scores.argmax(dim=1) == targets[chosen]).sum())
    validation_loss, validation_accuracy = _validate(state.network, validation)
    state.curve += (
        Epoch(
            number + 1, loss_sum / len(order), correct / len(order),
            validation_loss, validation_accuracy,
        ),
    )  # fmt: skip
    best = min((e.validation_loss for e in state.curve), default=np.nan)
    if validation is None or validation_loss == best:
        state.kept, state.kept_epoch = _copy_weights(state.network), number + 1


def _validate(network: nn.Sequential, validation: LabelledImages | None) -> tuple[float, float]:
    """Mean cross-entropy and accuracy; NaN without validation images."""
    if validation is None:
        return float("nan"), float("nan")
    probability = predict_scores(network, validation.pixels)
    labels = np.asarray(validation.labels, np.int64)
    of_truth = probability[np.arange(len(labels)), labels]
    loss = -np.log(np.maximum(of_truth, np.finfo(float).tiny)).mean()
    return float(loss), float((probability.argmax(axis=1) == labels).mean())


def _fingerprint(
    training: LabelledImages, validation: LabelledImages | None, recipe: Recipe
) -> str:
    digest = sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for images in (training, validation):
        if images is not None:
            digest.update(np.ascontiguousarray(images.pixels, np.float32).tobytes())
            digest.update(np.asarray(images.labels, np.int64).tobytes())
        digest.update(b"|")
    return digest.hexdigest()


def _write_checkpoint(state: _State, checkpoint: Path, fingerprint: str) -> None:
    tensors: Weights = {}
    for name, parameter in state.network.named_parameters():
        tensors[f"network.{name}"] = parameter.detach()
        tensors[f"kept.{name}"] = state.kept[name]
        for key, value in state.optimiser.state[parameter].items():
            tensors[f"adam.{key}.{name}"] = value
    metadata = {
        "fingerprint": fingerprint,
        "kept_epoch": str(state.kept_epoch),
        "curve": json.dumps([asdict(epoch) for epoch in state.curve]),
    }
    with atomic_path(checkpoint) as temporary:
        save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, metadata)


def _resume(state: _State, checkpoint: Path, fingerprint: str) -> None:
    try:
        with safe_open(checkpoint, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        fingerprint_found = (metadata or {}).get("fingerprint")
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            f"the checkpoint is damaged ({error})", remedy="delete it to start anew",
            file=checkpoint,
        ) from error  # fmt: skip
    if fingerprint_found != fingerprint:
        raise ModelFileError(
            "the checkpoint belongs to other data or settings",
            remedy="delete it to start anew, or give another output folder",
            file=checkpoint,
        )
    state.curve = tuple(Epoch(**epoch) for epoch in json.loads(metadata["curve"]))
    state.kept_epoch = int(metadata["kept_epoch"])
    with torch.no_grad():
        for name, parameter in state.network.named_parameters():
            parameter.copy_(tensors[f"network.{name}"])
            state.kept[name] = tensors[f"kept.{name}"]
            state.optimiser.state[parameter] = {
                # Laid out as the parameter is: another layout could round differently.
                "step": tensors[f"adam.step.{name}"],
                "exp_avg": torch.empty_like(parameter).copy_(tensors[f"adam.exp_avg.{name}"]),
                "exp_avg_sq": torch.empty_like(parameter).copy_(tensors[f"adam.exp_avg_sq.{name}"]),
            }
