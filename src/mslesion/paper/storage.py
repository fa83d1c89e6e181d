"""Models as files: no pickle, hashed, and saying what they were trained on.

A model is a folder: ``model.json`` (what it is, its protocol, its training data, the hash of the
other file) and either ``weights.safetensors`` (the network) or ``estimator.skops`` (a baseline).
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import skops.io
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from mslesion import __version__
from mslesion.errors import ModelFileError
from mslesion.evaluation.predictions import Question
from mslesion.paper import protocol as protocols
from mslesion.paper.classifiers import CNNClassifier
from mslesion.paper.network import build_network
from mslesion.paper.protocol import Protocol
from mslesion.read.side_files import read_bytes, read_text
from mslesion.write.atomic import write_bytes, write_json

FORMAT = "mslesion slice classifier, 1"
_SCHEMA = "schema.json"

TRUSTED_TYPES = (
    "mslesion.paper.classifiers.MarginClassifier",
    "mslesion.paper.classifiers.Pixels",
    "sklearn.tree._tree.Tree",
)
"""All that a baseline's file may hold beside what skops trusts by itself.

skops leaves Tree out because compiled code follows the indices in it; we check them on loading.
"""


@dataclass(frozen=True, eq=False)
class SliceModel:
    """A fitted classifier with what is needed to use and to judge it.

    ``trained_on`` says so in plain values: cohort, people, slices, seed, hash of the split.
    ``sha256`` is that of the file of weights, empty where it was not read from one.
    """

    classifier: str
    estimator: Any
    question: Question
    protocol: Protocol
    trained_on: dict[str, Any]
    sha256: str = ""

    def probability(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of the answer yes for images (N, S, S)."""
        chosen: NDArray[np.float64] = self.estimator.predict_proba(pixels)[:, 1]
        return chosen


def save_model(model: SliceModel, folder: Path) -> str:
    """Write a model's folder; the description comes last, so that a half-written one is refused.

    Returns:
        The SHA-256 of its weights, or of its estimator, as it stands in the description.

    Raises:
        OutputError: the folder cannot be written.
    """
    if isinstance(model.estimator, CNNClassifier):
        name, content = "weights.safetensors", save(model.estimator.network_.state_dict())
    else:
        name, content = "estimator.skops", _dump_baseline(model.estimator)
    write_bytes(folder / name, content)
    content_sha256 = sha256(content).hexdigest()
    write_json(
        folder / "model.json",
        {
            "format": FORMAT,
            "version": __version__,
            "classifier": model.classifier,
            "question": model.question.value,
            "trained_on": model.trained_on,
            "protocol": dataclasses.asdict(model.protocol),
            "file": name,
            "sha256": content_sha256,
        },
    )
    return content_sha256


def delete_model(folder: Path) -> None:
    """Remove a model's files, and its folder where nothing else is in it."""
    for path in [folder / "model.json", *folder.glob("weights.safetensors"),
                 *folder.glob("estimator.skops")]:  # fmt: skip
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def load_model(folder: Path) -> SliceModel:
    """Read a model's folder, after checking its hash; nothing in it is executed.

    Raises:
        ModelFileError: a file is missing, damaged, of another format, or holds a type that is
            not one of a slice classifier's.
    """
    description = _read_description(folder)
    path = folder / description.file
    try:
        content = read_bytes(path)
    except OSError as error:
        raise ModelFileError(
            f"cannot be read ({error.strerror})", remedy="copy the whole model folder", file=path
        ) from error
    if sha256(content).hexdigest() != description.sha256:
        raise ModelFileError(
            "is not the file that model.json describes (its SHA-256 differs)",
            remedy="copy the model folder again, or train anew",
            file=path,
        )
    if path.suffix == ".safetensors":
        estimator: Any = _load_network(content, description.protocol, path)
    else:
        estimator = _load_baseline(content, path)
    return SliceModel(
        description.classifier,
        estimator,
        description.question,
        description.protocol,
        description.trained_on,
        description.sha256,
    )


class _Description(NamedTuple):
    """What model.json says."""

    classifier: str
    question: Question
    trained_on: dict[str, Any]
    protocol: Protocol
    file: str
    sha256: str


def _read_description(folder: Path) -> _Description:
    path = folder / "model.json"
    try:
        value = json.loads(read_text(path))
        if value["format"] != FORMAT:
            raise ModelFileError(
                f"format '{value['format']}' is not '{FORMAT}'",
                remedy="use the version of mslesion that wrote it",
                file=path,
            )
        description = _Description(
            str(value["classifier"]),
            Question(value["question"]),
            dict(value["trained_on"]),
            _protocol_from(value["protocol"]),
            Path(value["file"]).name,
            str(value["sha256"]),
        )
        _ = set(description.trained_on["scans"])
    except FileNotFoundError as error:
        raise ModelFileError(
            "no model here (model.json is missing)",
            remedy="give a folder that 'mslesion train' wrote",
            file=folder,
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(
            "model.json cannot be understood",
            remedy="copy the model folder again, or use the version of mslesion that wrote it",
            file=path,
        ) from error
    return description


def _load_network(content: bytes, protocol: Protocol, path: Path) -> CNNClassifier:
    estimator = CNNClassifier(protocol.network, protocol.training, protocol.augmentation)
    network = build_network(protocol.network, protocol.slices.size_pixels)
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        raise ModelFileError(
            "the weights do not fit the network of model.json",
            remedy="copy the model folder again",
            file=path,
        ) from error
    estimator.network_ = network.eval()
    estimator.classes_ = np.array([0, 1])
    estimator.size_pixels_ = protocol.slices.size_pixels
    return estimator


def _dump_baseline(estimator: Any) -> bytes:
    """The skops file of a baseline, the same bytes for the same baseline.

    skops names objects and arrays by their place in memory and dates the files it packs; here they
    are numbered in the order they are met, and undated. The nodes of a tree are records with
    unused bytes between them, which hold whatever was in memory; here they hold 0.
    """
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    schema = json.loads(files.pop(_SCHEMA))
    numbers: dict[str, str] = {}
    _number(schema, numbers)
    files = {numbers[name]: _without_gaps(content) for name, content in files.items()}
    files[_SCHEMA] = json.dumps(schema, indent=2).encode("utf-8")
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as packed:
        for name, content in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return result.getvalue()


def _without_gaps(content: bytes) -> bytes:
    """An array's file with every byte that belongs to no field of a record set to 0."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    written = io.BytesIO()
    np.save(written, clean, allow_pickle=False)
    return written.getvalue()


def _number(node: Any, numbers: dict[str, str]) -> None:
    """Replace places in memory by numbers, throughout a skops schema.

    Plain values and types that are equal share one number: whether two equal numbers are one
    object is chance.
    """
    if isinstance(node, list):
        for item in node:
            _number(item, numbers)
    if not isinstance(node, dict):
        return
    if "__id__" in node:
        place = str(node.pop("__id__"))
        if node.get("__loader__") in {"JsonNode", "TypeNode"}:
            place = json.dumps(node, sort_keys=True)
        node["__id__"] = int(numbers.setdefault(place, str(len(numbers) + 1)))
    if isinstance(node.get("file"), str):
        ending = Path(node["file"]).suffix
        node["file"] = numbers.setdefault(node["file"], f"{len(numbers) + 1}{ending}")
    for item in list(node.values()):
        _number(item, numbers)


def _load_baseline(content: bytes, path: Path) -> Any:
    foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
    if foreign:
        raise ModelFileError(
            f"holds types that no slice classifier has: {', '.join(foreign)}",
            remedy="do not use this file",
            file=path,
        )
    estimator = skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    last_step = estimator[-1] if isinstance(estimator, Pipeline) else None
    if isinstance(last_step, DecisionTreeClassifier) and not _is_sound(last_step):
        raise ModelFileError(
            "holds a decision tree whose branches lead nowhere",
            remedy="do not use this file",
            file=path,
        )
    return estimator


def _is_sound(tree: DecisionTreeClassifier) -> bool:
    """Whether every branch leads to a later node and asks for a pixel that exists."""
    nodes = tree.tree_
    indices = np.arange(nodes.node_count)
    left, right = nodes.children_left, nodes.children_right
    is_leaf = (left == -1) & (right == -1)
    leads_on = (left > indices) & (right > indices)
    stays_inside = (left < nodes.node_count) & (right < nodes.node_count)
    asks_well = (nodes.feature >= 0) & (nodes.feature < nodes.n_features)
    return bool(np.all(is_leaf | (leads_on & stays_inside & asks_well)))


def _protocol_from(values: Mapping[str, Mapping[str, Any]]) -> Protocol:
    """The inverse of ``dataclasses.asdict`` through JSON, which knows no tuples."""
    parts = {}
    for part in dataclasses.fields(Protocol):
        kind = getattr(protocols, str(part.type))
        parts[part.name] = kind(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values[part.name].items()
            }
        )
    return Protocol(**parts)
