"""Models as files: the same answers after loading, and refused when one bit differs."""

from __future__ import annotations

import json
import pickle  # noqa: TID251 - as an attacker would
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from small_images import two_kinds

from mslesion.errors import ModelFileError
from mslesion.evaluation.predictions import Question
from mslesion.paper.classifiers import ABLATIONS, CLASSIFIERS, FitRequest
from mslesion.paper.protocol import Protocol, SliceProtocol
from mslesion.paper.storage import SliceModel, load_model, save_model
from mslesion.paper.training import LabelledImages


@pytest.fixture(scope="module")
def models(
    training_images: LabelledImages, validation_images: LabelledImages, quick_protocol: Protocol
) -> dict[str, SliceModel]:
    """Each classifier, fitted on images of 16 pixels."""
    protocol = Protocol(
        slices=SliceProtocol(size_pixels=16),
        training=quick_protocol.training,
        baselines=quick_protocol.baselines,
    )
    request = FitRequest(training_images, validation_images, protocol, seed=0)
    fitted = {name: fit(request) for name, fit in {**CLASSIFIERS, **ABLATIONS}.items()}
    return {
        name: SliceModel(
            name, fit.estimator, Question.LESION, fit.protocol, {"people": 5, "scans": []}
        )
        for name, fit in fitted.items()
    }


@pytest.mark.parametrize("name", [*CLASSIFIERS, *ABLATIONS])
def test_a_model_answers_alike_before_and_after_saving(
    name: str, models: dict[str, SliceModel], tmp_path: Path
) -> None:
    """Every probability is the same to the bit, and the model says what it is."""
    unseen = two_kinds(30, seed=9).pixels
    save_model(models[name], tmp_path)
    loaded = load_model(tmp_path)
    np.testing.assert_array_equal(loaded.probability(unseen), models[name].probability(unseen))
    assert loaded.classifier == name
    assert loaded.question is Question.LESION
    assert loaded.protocol == models[name].protocol
    assert loaded.trained_on == {"people": 5, "scans": []}


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_no_pickle_is_in_a_model(name: str, models: dict[str, SliceModel], tmp_path: Path) -> None:
    """A model's files are JSON, safetensors and skops, whose schema is JSON, too."""
    save_model(models[name], tmp_path)
    endings = {path.suffix for path in tmp_path.iterdir()}
    assert endings in ({".json", ".safetensors"}, {".json", ".skops"})
    for path in tmp_path.iterdir():
        with pytest.raises((pickle.UnpicklingError, ValueError, KeyError, EOFError)):
            pickle.loads(path.read_bytes())  # noqa: S301 - our own file, and it must fail


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_a_flipped_bit_is_found(name: str, models: dict[str, SliceModel], tmp_path: Path) -> None:
    """One bit in the middle of the weights, and the model is refused."""
    save_model(models[name], tmp_path)
    path = next(p for p in tmp_path.iterdir() if p.suffix != ".json")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_a_model_has_the_same_bytes_each_time_it_is_saved(
    name: str, models: dict[str, SliceModel], tmp_path: Path
) -> None:
    """Saved, loaded and saved again, a model's files are the same."""
    save_model(models[name], tmp_path / "a")
    save_model(load_model(tmp_path / "a"), tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_foreign_type_is_refused_even_with_a_fitting_hash(
    models: dict[str, SliceModel], tmp_path: Path
) -> None:
    """A file that holds another program's type is not loaded."""
    save_model(models["decision tree"], tmp_path)

    forest = RandomForestClassifier(2).fit(np.eye(4), [0, 1, 0, 1])
    forest.helper = Path("anything")
    content = skops.io.dumps(forest)
    (tmp_path / "estimator.skops").write_bytes(content)
    description = json.loads((tmp_path / "model.json").read_text())
    description["sha256"] = sha256(content).hexdigest()
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelFileError, match="holds types that no slice classifier has"):
        load_model(tmp_path)


def test_a_tree_whose_branches_lead_nowhere_is_refused(
    models: dict[str, SliceModel], tmp_path: Path
) -> None:
    """Compiled code follows a tree's indices: one beyond its end is found on loading."""
    sound = deepcopy(models["decision tree"])
    state = sound.estimator[-1].tree_.__getstate__()
    state["nodes"]["left_child"][0] = 10_000
    sound.estimator[-1].tree_.__setstate__(state)
    save_model(sound, tmp_path)
    with pytest.raises(ModelFileError, match="branches lead nowhere"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        (None, "no model here"),
        ("{not json", "cannot be understood"),
        ('{"format": "another, 3", "file": "x"}', "format 'another, 3' is not"),
        ('["a list"]', "cannot be understood"),
        ('{"format": "mslesion slice classifier, 1"}', "cannot be understood"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: str | None, phrase: str) -> None:
    """A folder without model.json, or with another, is named with what to do."""
    if content is not None:
        (tmp_path / "model.json").write_text(content)
    with pytest.raises(ModelFileError, match=phrase) as caught:
        load_model(tmp_path)
    assert caught.value.exit_code == 6


def test_a_description_cannot_point_outside_its_folder(
    models: dict[str, SliceModel], tmp_path: Path
) -> None:
    """A model.json that names ../secret is refused."""
    save_model(models["CNN"], tmp_path / "model")
    path = tmp_path / "model/model.json"
    description = json.loads(path.read_text()) | {"file": "../secret"}
    path.write_text(json.dumps(description))
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "model")
