"""The detector as a file: networks, calibration and operating point, hashed, without pickle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from mslesion.errors import ModelFileError
from mslesion.lesions.network import LesionNetwork, NetworkShape
from mslesion.lesions.operating_point import OperatingPoint
from mslesion.lesions.released import not_as_released, released_path, require_as_released
from mslesion.read.side_files import read_bytes
from mslesion.verdict import VerdictModel
from mslesion.write.atomic import write_bytes

_STEPS = 2**12
"""Probabilities are told in steps of 1/4096: files shrink to a fifth, and the last bits, which
differ between processors, are gone."""

FORMAT = "mslesion lesion detector, 2"
SHIPPED = ("default", "small")
"""The models inside the package, by their name on the command line."""


@dataclass(frozen=True)
class Calibration:
    """A logistic curve over the logit of a probability (Platt, 1999).

    Calibrated logit = ``slope`` x logit + ``intercept``, fitted on people whom the networks were
    not trained on. In a detector ``slope`` is above 0.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32, of the same shape; 0 stays 0 and 1 stays 1."""
        p = probability.astype(np.float32, copy=False)
        with np.errstate(divide="ignore", over="ignore"):
            odds = (p / (1 - p)) ** np.float32(self.slope) * np.float32(np.exp(self.intercept))
            calibrated: NDArray[np.float32] = (1 - 1 / (1 + odds)).astype(np.float32)
        return calibrated

    def in_steps(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same in the steps in which detections tell them, and hold them against thresholds."""
        rounded: NDArray[np.float32] = np.rint(self(probability) * np.float32(_STEPS))
        return rounded / np.float32(_STEPS)


@dataclass(frozen=True, eq=False)
class LesionModel:
    """A detector ready for use.

    ``verdict`` is what was fitted on its findings in simulated people, or None; ``trained_on``
    says so in plain values; ``sha256`` is that of the file it came from.
    """

    name: str
    networks: tuple[LesionNetwork, ...]
    voxel_calibration: Calibration
    slice_calibration: Calibration
    operating_point: OperatingPoint
    trained_on: dict[str, Any]
    verdict: VerdictModel | None = None
    sha256: str = ""

    @property
    def is_calibrated(self) -> bool:
        """Whether probabilities were fitted to people whom the networks had not seen."""
        return self.voxel_calibration != Calibration()


def save_lesion_model(model: LesionModel, path: Path) -> str:
    """Write a model as one safetensors file; gives its SHA-256.

    Raises:
        OutputError: the file cannot be written.
    """
    tensors = {
        f"{number}.{name}": tensor.contiguous()
        for number, network in enumerate(model.networks)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    about = {
        "format": FORMAT,
        "name": model.name,
        "channels": [list(network.shape.channels) for network in model.networks],
        "voxel_calibration": asdict(model.voxel_calibration),
        "slice_calibration": asdict(model.slice_calibration),
        "operating_point": asdict(model.operating_point),
        "trained_on": model.trained_on,
        "verdict": None if model.verdict is None else asdict(model.verdict),
    }
    about["sha256"] = _hash_of(tensors, about)
    content = save(tensors, {"mslesion": json.dumps(about, sort_keys=True)})
    write_bytes(path, content)
    return sha256(content).hexdigest()


def shipped_path(name: str) -> Path:
    """Where the file of a model of :data:`SHIPPED` lies."""
    return released_path(f"{name}.safetensors")


def shipped_model(name: str = "default") -> LesionModel:
    """One of the models inside the package, after checking its hash.

    Raises:
        ModelFileError: the file is missing, damaged, or not the one this version was released with.
    """
    path = shipped_path(name)
    try:
        model = load_lesion_model(path)
    except ModelFileError as error:
        raise not_as_released(path) from error
    require_as_released(path.name, model.sha256)
    return model


def load_lesion_model(path: Path) -> LesionModel:
    """Read a model's file, after checking the hash of all that it says; nothing in it is executed.

    Raises:
        ModelFileError: the file is missing, damaged, or not a detector of ours.
    """
    try:
        content = read_bytes(path)
        metadata = _metadata(content)
        tensors = load(content)
    except (OSError, SafetensorError, ValueError, AttributeError, TypeError) as error:
        why = getattr(error, "strerror", None) or "damaged, or not a safetensors file"
        raise ModelFileError(
            f"cannot be read ({why})",
            remedy="give a file made by 'mslesion train-detector'",
            file=path,
        ) from error
    about = _description(metadata, path)
    if about.pop("sha256", None) != _hash_of(tensors, about):
        raise ModelFileError(
            "is damaged (the SHA-256 of its content differs)", remedy="copy it again", file=path
        )
    try:
        networks = tuple(
            _network(NetworkShape(tuple(channels)), number, tensors)
            for number, channels in enumerate(about["channels"])
        )
        return LesionModel(
            name=str(about["name"]),
            networks=networks,
            voxel_calibration=Calibration(**about["voxel_calibration"]),
            slice_calibration=Calibration(**about["slice_calibration"]),
            operating_point=OperatingPoint(**about["operating_point"]),
            trained_on=dict(about["trained_on"]),
            verdict=about["verdict"] and VerdictModel.from_record(about["verdict"]),
            sha256=sha256(content).hexdigest(),
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(
            "describes a network that does not fit its weights",
            remedy="give a file made by 'mslesion train-detector'",
            file=path,
        ) from error


def _metadata(content: bytes) -> dict[str, str]:
    """What the header of a safetensors file says beside the tensors: length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    return dict(header.get("__metadata__") or {})


def _description(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    try:
        about = json.loads(metadata["mslesion"])
        if about["format"] == FORMAT:
            return dict(about)
    except (KeyError, TypeError, ValueError):
        pass
    raise ModelFileError(
        f"is not a model of the format '{FORMAT}'",
        remedy="give a file made by this version's 'mslesion train-detector'",
        file=path,
    )


def _hash_of(tensors: dict[str, torch.Tensor], about: dict[str, Any]) -> str:
    """Of the weights, their names, types and shapes, and of all else that the file says."""
    digest = sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        values = tensors[name].contiguous().numpy()
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _network(shape: NetworkShape, number: int, tensors: dict[str, torch.Tensor]) -> LesionNetwork:
    prefix = f"{number}."
    own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    return ready(LesionNetwork(shape), own)


def ready(network: LesionNetwork, weights: dict[str, torch.Tensor]) -> LesionNetwork:
    """The network with these weights, in the state and memory layout for answering."""
    missing, unexpected = network.load_state_dict(weights, strict=False)
    lacking = [name for name in missing if not name.endswith("num_batches_tracked")]
    if lacking or unexpected:
        raise ValueError(f"weights lack {lacking} and have {unexpected} beyond")
    prepared: LesionNetwork = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return prepared


def parameter_count(networks: Sequence[LesionNetwork]) -> int:
    """How many numbers were learnt."""
    return sum(p.numel() for network in networks for p in network.parameters())
