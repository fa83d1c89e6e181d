"""How much memory is asked for, against what was measured."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from mslesion.errors import ScanError
from mslesion.lesions.memory import needed_memory_mb, require_memory
from mslesion.write.nifti import write_nifti

MEASURED = Path(__file__).parents[3] / "docs" / "results" / "detection-speed.json"


def test_what_is_asked_for_is_enough_and_not_much_more() -> None:
    """At each size in the results, at least the highest peak and at most a third above it."""
    for size in json.loads(MEASURED.read_text())["commands"]:
        peak_mb = max(size["peak_mb"])
        asked_mb = needed_memory_mb(round(size["megavoxels"] * 1e6))
        assert peak_mb <= asked_mb <= 1.33 * peak_mb, size["name"]


def test_a_scan_is_refused_from_its_header(tmp_path: Path) -> None:
    """Just below what is asked for; of several volumes one counts; what is no scan passes."""
    path = tmp_path / "a.nii.gz"
    write_nifti(path, np.zeros((100, 100, 20), np.float32), np.eye(4))
    needed_mb = needed_memory_mb(200_000)
    require_memory(path, needed_mb)
    with pytest.raises(ScanError, match="allowed: allow more with --mem-mb"):
        require_memory(path, needed_mb - 1)
    for named in (tmp_path / "packed.nii", tmp_path / "plain.nii.gz"):
        packed = path.read_bytes()
        named.write_bytes(packed if named.suffix == ".nii" else gzip.decompress(packed))
        with pytest.raises(ScanError, match="allowed"):
            require_memory(named, needed_mb - 1)
    (tmp_path / "b.nii").write_text("no scan")
    require_memory(tmp_path / "b.nii", 1)
