"""The simulated cohort on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mslesion.errors import OutputError, UsageError
from mslesion.simulate import CohortRecipe, simulate_cohort

RECIPE = CohortRecipe(people=2, seed=7)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort of one person with MS and one without."""
    folder = tmp_path_factory.mktemp("simulated") / "cohort"
    simulate_cohort(RECIPE, folder)
    return folder


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_workers_write_the_same_bytes_as_one(cohort: Path, tmp_path: Path) -> None:
    """One recipe gives one cohort, to the last byte, however many processes write it."""
    simulate_cohort(RECIPE, tmp_path / "parallel", workers=2)
    assert _bytes(tmp_path / "parallel") == _bytes(cohort)


def test_a_script_of_a_few_lines_may_ask_for_workers(cohort: Path, tmp_path: Path) -> None:
    """Nobody has to know of ``if __name__ == "__main__"`` to simulate in several processes."""
    script = tmp_path / "script.py"
    script.write_text(
        "from mslesion.simulate import CohortRecipe, simulate_cohort\n"
        "from pathlib import Path\n"
        "simulate_cohort(CohortRecipe(people=2, seed=7), Path('made'), workers=2)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert _bytes(tmp_path / "made") == _bytes(cohort)


def test_workers_of_an_earlier_folder_write_where_the_caller_is_now(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that wait for work were started elsewhere; a relative folder is the caller's."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        simulate_cohort(RECIPE, Path("made"), workers=2)
        assert _bytes(tmp_path / name / "made") == _bytes(cohort)


def test_an_unfinished_cohort_is_completed(cohort: Path, tmp_path: Path) -> None:
    """A run that was cut off goes on where it stopped, and ends with the same files."""
    again = tmp_path / "again"
    for name, content in _bytes(cohort).items():
        if "sim002_FLAIR.nii" not in name and name != "participants.tsv":
            (again / name).parent.mkdir(parents=True, exist_ok=True)
            (again / name).write_bytes(content)
    simulate_cohort(RECIPE, again)
    assert _bytes(again) == _bytes(cohort)


def test_a_folder_with_something_else_is_refused(cohort: Path, tmp_path: Path) -> None:
    """Nobody's files are mixed with a simulated cohort: neither others' nor another recipe's."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError):
        simulate_cohort(RECIPE, tmp_path)
    with pytest.raises(OutputError):
        simulate_cohort(CohortRecipe(people=2, seed=8), cohort)


def test_the_dataset_is_bids(cohort: Path) -> None:
    """Scan, sidecar, mask, participants and descriptions stand where BIDS wants them."""
    rows = (cohort / "participants.tsv").read_text().splitlines()
    assert rows[0] == "participant_id\tage\tsex\tgroup"
    assert sorted(row.split("\t")[3] for row in rows[1:]) == ["MS", "control"]
    for row in rows[1:]:
        name, _, _, group = row.split("\t")
        scan = nib.load(cohort / name / "anat" / f"{name}_FLAIR.nii.gz")
        folder = cohort / "derivatives" / "simulated" / name / "anat"
        mask = nib.load(folder / f"{name}_label-L_mask.nii.gz")
        assert scan.get_data_dtype() == np.int16
        assert mask.get_data_dtype() == np.uint8
        assert scan.shape == mask.shape == (256, 256, 23)
        assert np.array_equal(scan.affine, mask.affine)
        assert int(scan.header["sform_code"]) == int(scan.header["qform_code"]) == 1
        assert np.asanyarray(mask.dataobj).any() == (group == "MS")
        sidecar = json.loads((cohort / name / "anat" / f"{name}_FLAIR.json").read_text())
        assert sidecar["SpacingBetweenSlices"] == pytest.approx(scan.header.get_zooms()[2])
    description = json.loads((cohort / "dataset_description.json").read_text())
    assert description["DatasetType"] == "raw"
    assert description["GeneratedBy"][0]["Recipe"]["seed"] == RECIPE.seed


def test_no_workers_is_no_request(tmp_path: Path) -> None:
    """Zero workers is refused before anything is written."""
    with pytest.raises(UsageError):
        simulate_cohort(RECIPE, tmp_path / "none", workers=0)
    assert not (tmp_path / "none").exists()
