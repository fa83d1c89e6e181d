"""What 'mslesion detect' wrote is taken neither for scans nor for an expert's masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mslesion.errors import CohortError
from mslesion.read import read_cohort
from mslesion.read.detections import MADE_BY, holds_detections
from mslesion.simulate import CohortRecipe
from mslesion.simulate import cohort as simulating

IMAGE = "sub-1/anat/sub-1_FLAIR.nii"
MASK = "sub-1/anat/sub-1_label-L_mask.nii.gz"


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _describe(folder: Path, description: object) -> None:
    (folder / "dataset_description.json").write_text(json.dumps(description))


def _masks(dataset: Path) -> list[str]:
    scans = [scan for person in read_cohort(dataset).people for scan in person.scans]
    masks = [scan.lesion_mask for scan in scans if scan.lesion_mask is not None]
    return [mask.relative_to(dataset).as_posix() for mask in masks]


def test_what_was_detected_is_no_reference(tmp_path: Path) -> None:
    """Our own masks in derivatives are passed over, whatever their folder is called."""
    _touch(tmp_path, IMAGE, f"derivatives/aaa/{MASK}")
    assert _masks(tmp_path) == [f"derivatives/aaa/{MASK}"]
    _describe(tmp_path / "derivatives/aaa", {"GeneratedBy": [{**MADE_BY, "Version": "0.1.0"}]})
    assert _masks(tmp_path) == []
    _touch(tmp_path, f"derivatives/zzz/{MASK}")
    assert _masks(tmp_path) == [f"derivatives/zzz/{MASK}"]


@pytest.mark.parametrize(
    "description",
    [
        {"GeneratedBy": [{"Name": "LST"}, {"Name": "mslesion", "Description": "something else"}]},
        {"GeneratedBy": {"Name": "mslesion"}},
        {"GeneratedBy": None},
        {"GeneratedBy": ["mslesion detect"]},
        {"Name": "mslesion detect"},
        ["mslesion"],
    ],
)
def test_the_masks_of_others_stay_references(description: object, tmp_path: Path) -> None:
    """Other programs, and descriptions of any odd shape, do not cost a dataset its masks."""
    _touch(tmp_path, IMAGE, f"derivatives/m/{MASK}")
    _describe(tmp_path / "derivatives/m", description)
    assert _masks(tmp_path) == [f"derivatives/m/{MASK}"]


def test_the_masks_of_the_simulation_stay_references(tmp_path: Path) -> None:
    """Simulated people's masks are by this package too, and are the truth about them."""
    _touch(tmp_path, IMAGE, f"{simulating.MASKS_FOLDER}/{MASK}")
    simulating._write_descriptions(CohortRecipe(people=2), tmp_path)
    assert (
        "mslesion" in (tmp_path / simulating.MASKS_FOLDER / "dataset_description.json").read_text()
    )
    assert _masks(tmp_path) == [f"derivatives/simulated/{MASK}"]


def _of_bids(folder: Path) -> None:
    _touch(folder, MASK, "lesions.tsv")
    _describe(folder, {"GeneratedBy": [MADE_BY]})


def _of_volumes(folder: Path) -> None:
    _touch(folder, "a_label-L_mask.nii.gz", "a_label-L_probseg.nii.gz", "a_summary.json")


@pytest.mark.parametrize("make", [_of_bids, _of_volumes])
def test_results_given_for_scans_are_refused(make: Callable[[Path], None], tmp_path: Path) -> None:
    """The output folder of a detection is named as what it is, also from the folder above."""
    results = tmp_path / "results"
    results.mkdir()
    make(results)
    assert holds_detections(results)
    for given in (results, tmp_path):
        with pytest.raises(CohortError, match="holds what 'mslesion detect' found, and no scans"):
            read_cohort(given)


def test_a_summary_of_something_else_is_no_detection(tmp_path: Path) -> None:
    """A file that happens to be called summary does not make a folder one of results."""
    _touch(tmp_path, "clinic_summary.json", "clinic_label-L_mask.nii.gz")
    assert not holds_detections(tmp_path)
