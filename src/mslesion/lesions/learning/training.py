"""Training of a lesion network: resumable at any moment, the same on any number of cores.

Everything random in a step comes from a generator seeded with the run's seed and the step's
number. On a CPU the network is trained on one thread, and a second one prepares the next batch.
On a GPU the same batches give weights that differ in their last digits, and soon in more.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn.utils import clip_grad_norm_

from mslesion.errors import ModelFileError
from mslesion.lesions.learning.loss import training_loss
from mslesion.lesions.learning.material import Material
from mslesion.lesions.learning.samples import Batch, make_batch
from mslesion.lesions.learning.source import OF_TRAINING, source_sha256
from mslesion.lesions.network import LesionNetwork, NetworkShape
from mslesion.progress import track
from mslesion.threads import one_torch_thread
from mslesion.write.atomic import atomic_path

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class TrainingRecipe:
    """All that decides the weights, beside the material.

    AdamW (Loshchilov and Hutter, ICLR 2019); the rate rises over ``rise_steps`` and falls to
    nothing by half a cosine. The kept weights are a running mean of those of every step.
    """

    shape: NetworkShape
    steps: int
    batch_size: int = 16
    learning_rate: float = 3e-3
    rise_steps: int = 100
    weight_decay: float = 1e-2
    averaging: float = 0.998
    largest_gradient: float = 5.0
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        rise = min(1.0, (step + 1) / self.rise_steps)
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass
class _State:
    network: LesionNetwork
    optimiser: torch.optim.AdamW
    mean: Weights
    device: torch.device
    step: int = 0


_SAVE_EVERY = 250
_BATCHES_AHEAD = {"cpu": 1, "cuda": 4}
"""How many batches are made, by as many threads, while one is used."""


def train_network(
    material: Material,
    recipe: TrainingRecipe,
    checkpoint: Path | None = None,
    start: Weights | None = None,
    device: str = "cpu",
) -> LesionNetwork:
    """Train from scratch or from ``start``, or go on where ``checkpoint`` holds this training.

    With ``checkpoint``, the state is written there every 250 steps, whole or not at all, and at
    the end: a training that is done returns at once. ``device`` is ``cpu`` or ``cuda``; the
    network comes back to the CPU.

    Raises:
        ModelFileError: ``checkpoint`` is damaged, or belongs to other data or settings, to other
            code, or to the other kind of device.
    """
    # More threads would change the last bits of the weights.
    with one_torch_thread():
        state = _begin(recipe, start, torch.device(device))
        fingerprint = _fingerprint(material, recipe, start, device)
        if checkpoint is not None and checkpoint.exists():
            _resume(state, checkpoint, fingerprint)
        steps = range(state.step, recipe.steps)
        for step, batch in track(
            _batches(material, recipe, steps, _BATCHES_AHEAD[device]), "training", len(steps)
        ):
            _run_step(state, batch.to(state.device), recipe, step)
            is_due = state.step % _SAVE_EVERY == 0 or state.step == recipe.steps
            if checkpoint is not None and is_due:
                _write_checkpoint(state, checkpoint, fingerprint)
    state.network.load_state_dict(state.mean)
    return state.network.cpu().eval()


def _begin(recipe: TrainingRecipe, start: Weights | None, device: torch.device) -> _State:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = LesionNetwork(recipe.shape)
    if start is not None:
        network.load_state_dict(start)
    network = network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    # Decay is for the weights of convolutions; scales and shifts keep their size.
    groups: list[dict[str, Any]] = [
        {"params": [p for p in network.parameters() if p.ndim > 1]},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    mean = {k: v.clone() for k, v in network.state_dict().items()}
    return _State(network, optimiser, mean, device)


def _batches(
    material: Material, recipe: TrainingRecipe, steps: range, count_ahead: int
) -> Iterator[tuple[int, Batch]]:
    """The batch of each step, made while those before are used."""

    def make(step: int) -> Batch:
        return make_batch(material, recipe.batch_size, recipe.seed, step)

    with ThreadPoolExecutor(count_ahead) as makers:
        ahead = deque(makers.submit(make, step) for step in steps[:count_ahead])
        for step in steps:
            batch = ahead.popleft().result()
            if step + count_ahead < steps.stop:
                ahead.append(makers.submit(make, step + count_ahead))
            yield step, batch


def _run_step(state: _State, batch: Batch, recipe: TrainingRecipe, step: int) -> None:
    for parameters in state.optimiser.param_groups:
        parameters["lr"] = recipe.rate_at(step)
    regions, contrast = state.network.regions_and_contrast(batch.images)
    loss = training_loss(regions, contrast, batch)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    clip_grad_norm_(state.network.parameters(), recipe.largest_gradient)
    state.optimiser.step()
    state.step = step + 1
    # Early weights are soon forgotten.
    keeps = min(recipe.averaging, state.step / (state.step + 20))
    with torch.no_grad():
        for name, value in state.network.state_dict().items():
            if value.dtype.is_floating_point:
                state.mean[name].lerp_(value, 1 - keeps)
            else:
                state.mean[name].copy_(value)


def _fingerprint(
    material: Material, recipe: TrainingRecipe, start: Weights | None, device: str
) -> str:
    """A hash of what decides the weights: recipe, code, kind of device, material, start.

    Images and regions of real volumes count whole; of ideal ones, which follow from their seed, a
    slice stands for all of their gigabytes.
    """
    digest = sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    digest.update(f"{source_sha256(OF_TRAINING)} {device}".encode())
    for volume, weight in zip(material.volumes, material.weights, strict=True):
        digest.update(f"{volume.name} {weight:.9f} {volume.image.shape}".encode())
        for array in (volume.image, *volume.regions):
            if array is None:
                digest.update(b"not known")
            else:
                part = array[array.shape[0] // 2] if volume.is_ideal else array
                digest.update(part.tobytes())
    for name, value in sorted((start or {}).items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def _write_checkpoint(state: _State, checkpoint: Path, fingerprint: str) -> None:
    tensors = {f"network.{k}": v for k, v in state.network.state_dict().items()}
    tensors |= {f"mean.{k}": v for k, v in state.mean.items()}
    for name, parameter in state.network.named_parameters():
        for key, value in state.optimiser.state[parameter].items():
            tensors[f"adam.{key}.{name}"] = value
    about = {"fingerprint": fingerprint, "step": str(state.step)}
    with atomic_path(checkpoint) as temporary:
        save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, about)


def _resume(state: _State, checkpoint: Path, fingerprint: str) -> None:
    try:
        with safe_open(checkpoint, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            f"the checkpoint is damaged ({error})", remedy="delete it to start anew",
            file=checkpoint,
        ) from error  # fmt: skip
    if about.get("fingerprint") != fingerprint:
        raise ModelFileError(
            "the checkpoint belongs to other data or settings, another version, or another device",
            remedy="delete it to start anew, or give another output folder",
            file=checkpoint,
        )
    state.step = int(about["step"])
    state.network.load_state_dict(_under("network", tensors))
    state.mean = {k: v.to(state.device) for k, v in _under("mean", tensors).items()}
    for name, parameter in state.network.named_parameters():
        state.optimiser.state[parameter] = {
            # Laid out as the parameter is: another layout could round differently.
            "step": tensors[f"adam.step.{name}"].to(state.device),
            **{
                key: torch.empty_like(parameter).copy_(tensors[f"adam.{key}.{name}"]).detach()
                for key in ("exp_avg", "exp_avg_sq")
            },
        }


def _under(prefix: str, tensors: Weights) -> Weights:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
