"""Pipes, devices and folders under the names of tables, descriptions, splits, results and models.

Images among them stand in ``test_catalogue.py``. Nothing may be waited for: an alarm ends the test.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mslesion.cli import main
from mslesion.read.side_files import MOST_BYTES, file_sha256, read_bytes, read_json

PATIENCE_S = 20


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    """Ends a test that waits for a pipe."""

    def ring(*_: object) -> None:
        raise TimeoutError("waited for a pipe or a device")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.fixture
def cohort(tmp_path: Path, make_bids_cohort) -> Path:
    """Two people with MS and two controls."""
    folder = make_bids_cohort(tmp_path / "cohort")
    (folder / "dataset_description.json").write_text(json.dumps({"Name": "c", "BIDSVersion": "1"}))
    return folder


CASES: list[tuple[str, str, list[str], int]] = [
    ("a detector", "model.safetensors",
     ["detect", "COHORT", "--model-path", "FILE", "--output", "OUT"], 6),
    ("a classifier's description", "model/model.json",
     ["predict", "FOLDER", "--data", "COHORT", "--output", "OUT"], 6),
    ("the table of participants", "cohort/participants.tsv",
     ["split", "COHORT", "--output", "OUT"], 4),
    ("a frozen split", "split.json",
     ["train", "--data", "COHORT", "--label", "lesion", "--split", "FILE", "--output", "OUT"], 4),
    ("the split of an audit", "split.json",
     ["audit", "COHORT", "--split", "FILE", "--output", "OUT"], 2),
    ("a result file", "results/metrics.json", ["card", "FOLDER", "--output", "OUT"], 4),
    ("a table of claims", "claims.csv", ["claims", "--table", "FILE", "--output", "OUT"], 2),
]  # fmt: skip


@pytest.mark.parametrize("put", [_pipe, _device, _folder])
@pytest.mark.parametrize(("what", "name", "command", "code"), CASES, ids=[c[0] for c in CASES])
def test_what_is_no_file_is_refused_at_once(
    put: Callable[[Path], None], what: str, name: str, command: list[str], code: int,
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One line that names it, the exit code of its kind, and nothing in the output."""
    del what
    place, out = tmp_path / name, tmp_path / "out"
    place.parent.mkdir(exist_ok=True)
    put(place)
    words = {"COHORT": cohort, "FILE": place, "FOLDER": place.parent, "OUT": out}
    assert main([str(words.get(word, word)) for word in command]) == code
    lines = capsys.readouterr().err.splitlines()
    (line,) = (line for line in lines if line.partition(":")[0].isupper())  # no progress
    assert place.name in line or place.parent.name in line
    assert "cannot be" in line or "is a pipe or a device" in line or "no result file" in line
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize("put", [_pipe, _device, _folder])
def test_a_description_that_is_no_file_is_as_good_as_none(
    put: Callable[[Path], None], cohort: Path, tmp_path: Path
) -> None:
    """A dataset's description and a scan's JSON are not needed to divide its people."""
    shutil.rmtree(cohort / "sub-04")
    for name in ("dataset_description.json", "sub-01/anat/sub-01_FLAIR.json"):
        put(cohort / name)
    assert main(["split", str(cohort), "--output", str(tmp_path / "out")]) in {0, 4}


def test_a_side_file_has_a_largest_size(tmp_path: Path) -> None:
    """One byte more than allowed is an error; as much as allowed is read whole."""
    file = tmp_path / "table.tsv"
    file.write_bytes(b"12345")
    assert read_bytes(file, 5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        read_bytes(file, 4)
    with file.open("ab") as sparse:
        sparse.truncate(MOST_BYTES + 1)
    with pytest.raises(OSError, match="larger than 256 MB"):
        read_bytes(file)
    assert len(file_sha256(file)) == 64


def test_numbers_too_large_for_any_machine_are_unknown(tmp_path: Path) -> None:
    """1e999 is infinite for Python, and no JSON: it is read as nothing, like NaN."""
    path = tmp_path / "a.json"
    path.write_text('{"a": 1e999, "b": [-1e400, NaN], "c": 1.5}')
    assert read_json(path) == {"a": None, "b": [None, None], "c": 1.5}
