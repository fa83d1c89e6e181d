"""The paper's CNN beside the detector: the answers of the study, slice by slice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mslesion.cohort.people import Person, ScanFile
from mslesion.errors import ModelFileError
from mslesion.lesions import model, paper_cnn, released
from mslesion.lesions.paper_cnn import shipped_paper_cnn
from mslesion.paper.slices import cut_scan, scan_fingerprints
from mslesion.paper.training import predict_scores
from mslesion.read import read_scan
from mslesion.write.nifti import write_nifti


@pytest.fixture(params=[12, 41], ids=["few slices", "more than a study cuts"])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A ball with texture and a bright spot, air above and below it."""
    rng = np.random.default_rng(0)
    shape = (60, 64, request.param)
    grid = np.stack(np.meshgrid(*(np.linspace(-1.1, 1.1, n) for n in shape), indexing="ij"))
    voxels = np.where((grid**2).sum(axis=0) < 1, rng.normal(100, 15, shape), 0)
    voxels[30:34, 40:44, shape[2] // 3 : shape[2] // 2] = 220
    path = tmp_path / "a_FLAIR.nii.gz"
    write_nifti(path, voxels.astype(np.float32), np.diag([3.0, 3.0, 150 / shape[2], 1.0]))
    return path


def test_each_slice_has_the_answer_that_predict_gives(image: Path) -> None:
    """To the bit, for every slice that a study cuts; others are answered by the same measure."""
    cnn = shipped_paper_cnn()
    scan_file = ScanFile("a", image)
    cut = cut_scan(Person("a", None, (scan_file,)), scan_file, cnn.protocol.slices).slices
    by_study = predict_scores(cnn.network, cut.pixels)[:, 1]
    answered = cnn.answer(read_scan(image))
    assert len(answered.probabilities) == read_scan(image).grid.shape[2]
    assert [answered.probabilities[index] for index in cut.slice_index] == by_study.tolist()
    assert len(set(by_study.tolist())) > 5
    assert answered.probabilities[0] is None
    assert answered.probabilities[-1] is None


def test_a_scan_that_it_has_learnt_from_is_told(image: Path) -> None:
    """By the fingerprint that a trained model keeps of its scans."""
    cnn = shipped_paper_cnn()
    scan_file = ScanFile("a", image)
    cut = cut_scan(Person("a", None, (scan_file,)), scan_file, cnn.protocol.slices).slices
    scan = read_scan(image)
    assert not cnn.answer(scan).seen_in_training
    knows = replace(cnn, trained_on=frozenset(scan_fingerprints(cut).values()))
    assert knows.answer(scan).seen_in_training


def test_a_scan_without_tissue_has_no_answers() -> None:
    """No slice, no probability, no error."""
    cnn = shipped_paper_cnn()
    image = np.zeros((20, 20, 5), np.float32)
    image[0, 0, 0] = 1
    assert cnn.answer(_scan(image)).probabilities == (None,) * 5


def _scan(voxels: np.ndarray) -> paper_cnn.Scan:
    return paper_cnn.Scan.from_stored(voxels, np.eye(4))


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("default.safetensors", model.shipped_model),
        ("paper_cnn/weights.safetensors", shipped_paper_cnn),
        ("paper_cnn/model.json", shipped_paper_cnn),
    ],
)
def test_weights_of_another_version_are_refused(
    name: str, ask: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole file with another hash than this version was released with is not used."""
    weights = tmp_path / "weights"
    shutil.copytree(released.released_path(""), weights)
    sums = (weights / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    changed = ["0" * 64 + line[64:] if line.endswith(name) else line for line in sums]
    assert changed != sums
    (weights / "SHA256SUMS").write_text("\n".join(changed), encoding="ascii")
    for module in (released, model, paper_cnn):
        monkeypatch.setattr(module, "released_path", lambda file: weights / file)
    with pytest.raises(ModelFileError, match="not the file this version was released with"):
        ask()


@pytest.mark.parametrize("name", ["SHA256SUMS", "default.safetensors", "paper_cnn/model.json"])
@pytest.mark.parametrize("damage", [None, b"", b"no list, no weights"])
def test_a_damaged_installation_says_that_it_is_one(
    name: str, damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the package that is missing, empty or garbled: install again, and no bug."""
    weights = tmp_path / "weights"
    shutil.copytree(released.released_path(""), weights)
    (weights / name).unlink()
    if damage is not None:
        (weights / name).write_bytes(damage)
    for module in (released, model, paper_cnn):
        monkeypatch.setattr(module, "released_path", lambda file: weights / file)
    with pytest.raises(ModelFileError, match="install mslesion again"):
        (shipped_paper_cnn if "paper" in name else model.shipped_model)()
