"""An output folder to view."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mslesion.read.detections import DetectionFiles
from viewed_output import write_output, write_scan


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written once: results/out of two scans, and scans/ with the file of the first."""
    folder = tmp_path_factory.mktemp("viewed")
    (folder / "scans").mkdir()
    write_output(folder / "results" / "out", "sub-1", write_scan(folder / "scans"))
    write_output(folder / "results" / "out", "sub-2")
    return folder


@pytest.fixture
def output(written: Path, tmp_path: Path) -> Path:
    """A copy: two scans with results; the file of the first lies elsewhere, the other's is gone."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path / "results" / "out"


@pytest.fixture
def scans(output: Path) -> Path:
    """Where the file of the first scan lies."""
    return output.parents[1] / "scans"


@pytest.fixture
def files(output: Path) -> DetectionFiles:
    """The files of the first scan."""
    return DetectionFiles(output, "sub-1")
