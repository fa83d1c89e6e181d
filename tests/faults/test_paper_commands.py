"""The paper's classifiers know nothing of contrast: what is no FLAIR is answered, and doubted."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from good_scan import GoodScan, simulated_good_scan

from mslesion.cli import main


def test_an_answer_about_what_is_no_flair_of_a_brain_is_doubted(
    good: GoodScan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A T1w image and noise get an answer with a doubt beside it, a FLAIR image one without."""
    noise = np.random.default_rng(0).rayleigh(20, good.voxels.shape).astype(np.float32)
    for name, content in {
        "01": good.nifti(),
        "02": simulated_good_scan(grey=0.78, csf=0.3, deep_grey=0.88).nifti(),
        "03": good.nifti(noise),
    }.items():
        path = tmp_path / f"in/sub-{name}/anat/sub-{name}_FLAIR.nii"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    model = str(files("mslesion.lesions").joinpath("weights/paper_cnn"))
    out = tmp_path / "out"
    assert main(["predict", model, "--data", str(tmp_path / "in"), "--output", str(out)]) == 0
    told = capsys.readouterr().out
    assert "in doubt: sub-02: looks like a T1w image, not FLAIR" in told
    with (out / "people.csv").open(newline="") as table:
        doubts = [row["doubts"] for row in csv.DictReader(table)]
    assert doubts[0] == ""
    assert "T1w" in doubts[1]
    assert "shows no brain" in doubts[2]
