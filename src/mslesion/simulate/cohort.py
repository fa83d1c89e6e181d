"""A simulated cohort on disk: a BIDS dataset that is the same, byte for byte, for one recipe."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mslesion import __version__
from mslesion.errors import OutputError, UsageError
from mslesion.read.side_files import read_text
from mslesion.seeds import require_given_seed
from mslesion.simulate.acquisition import slice_thickness_mm
from mslesion.simulate.anatomy import load_anatomy
from mslesion.simulate.person import (
    CohortRecipe,
    SimulatedPerson,
    draw_person,
    person_id,
    replay,
)
from mslesion.workers import share
from mslesion.write.atomic import write_json, write_table, write_text
from mslesion.write.folder import LOCK_NAMES, output_folder
from mslesion.write.nifti import write_nifti

BIDS_VERSION = "1.10.0"
MASKS_FOLDER = Path("derivatives") / "simulated"
_PARTICIPANTS = {
    "age": {"Description": "Age at the scan", "Units": "year"},
    "sex": {"Description": "Sex", "Levels": {"F": "female", "M": "male"}},
    "group": {
        "Description": "Diagnosis the person was simulated with",
        "Levels": {"MS": "multiple sclerosis", "control": "no multiple sclerosis"},
    },
}
_README = """\
Simulated FLAIR brain scans of people with and without multiple sclerosis. No person stands behind
any of them: each is a random deformation of the MNI152 average with simulated contrast, lesions,
bias field and noise. derivatives/simulated holds the lesion masks; those of controls are empty.
The normal periventricular caps and bands, and the small foci of age, belong to no mask.
"""


def simulate_cohort(recipe: CohortRecipe, output: Path, workers: int = 1) -> tuple[str, ...]:
    """Write the cohort of ``recipe`` to ``output``; return the ids of the people in it.

    An output folder that a run of the same recipe left unfinished is completed: people whose
    files are all there stay as they are. The bytes do not depend on ``workers``.

    Raises:
        OutputError: ``output`` holds something else, or cannot be written.
        UsageError: ``workers`` is less than 1, or the seed is one of the package's own.
        MissingExtraError: nilearn, whose tissue maps are the anatomy, is not installed.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers cannot work", remedy="choose 1 or more")
    require_given_seed(recipe.seed)
    with output_folder(output):
        _claim(output, recipe)
        missing = [index for index in range(recipe.people) if not _is_complete(output, index)]
        if missing:
            _write_people(recipe, output, missing, workers)
        _write_descriptions(recipe, output)
    return tuple(person_id(index) for index in range(recipe.people))


def _description(recipe: CohortRecipe) -> dict[str, Any]:
    return {
        # Participants of one name are one head where the seed is one, and else different people.
        "Name": f"Simulated MS cohort, seed {recipe.seed}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [
            {
                "Name": "mslesion",
                "Version": __version__,
                "Description": "simulated from the recipe",
                "Recipe": asdict(recipe),
            }
        ],
    }


def _claim(output: Path, recipe: CohortRecipe) -> None:
    """Write the dataset description first: it says whose folder this is."""
    place = output / "dataset_description.json"
    description = _description(recipe)
    if any(path.name not in LOCK_NAMES for path in output.iterdir()):
        try:
            found = json.loads(read_text(place))
        except (OSError, ValueError):
            found = None
        if found != description:
            raise OutputError(
                "the folder is not empty and holds no cohort of this recipe",
                remedy="delete it, or choose a new folder, or the recipe it was made with",
                file=output,
            )
        return
    write_json(place, description)


def _image_path(output: Path, index: int) -> Path:
    name = person_id(index)
    return output / name / "anat" / f"{name}_FLAIR.nii.gz"


def _mask_path(output: Path, index: int) -> Path:
    name = person_id(index)
    return output / MASKS_FOLDER / name / "anat" / f"{name}_label-L_mask.nii.gz"


def _sidecar_path(output: Path, index: int) -> Path:
    return _image_path(output, index).with_name(f"{person_id(index)}_FLAIR.json")


def _is_complete(output: Path, index: int) -> bool:
    # The image comes last, and every file is whole or absent.
    return all(path(output, index).is_file() for path in (_mask_path, _sidecar_path, _image_path))


def _write_people(recipe: CohortRecipe, output: Path, missing: list[int], workers: int) -> None:
    load_anatomy()  # so that missing maps are one error here, not one in each worker
    calls = [(recipe, output, index) for index in missing]
    for _ in share(_write_person, calls, min(workers, len(missing)), "simulating people"):
        pass


def _write_person(recipe: CohortRecipe, output: Path, index: int) -> None:
    person = replay(draw_person(recipe, index))
    affine = person.scan.grid.affine_vox_to_ras
    write_nifti(_mask_path(output, index), person.lesion_mask, affine)
    write_json(_sidecar_path(output, index), _sidecar(person))
    write_nifti(_image_path(output, index), person.scan.voxels.astype(np.int16), affine)


def _sidecar(person: SimulatedPerson) -> dict[str, Any]:
    return {
        "Modality": "MR",
        "ScanningSequence": "simulated",
        "MRAcquisitionType": "2D" if person.draw.scan.protocol == "axial2d" else "3D",
        "SliceThickness": slice_thickness_mm(person.draw.scan),
        "SpacingBetweenSlices": person.draw.scan.slice_spacing_mm,
        "SkullStripped": not person.draw.has_skull,
        "Simulation": person.record,
    }


def _write_descriptions(recipe: CohortRecipe, output: Path) -> None:
    rows = []
    for index in range(recipe.people):
        draw = draw_person(recipe, index)
        rows.append(
            {
                "participant_id": draw.person_id,
                "age": draw.age_years,
                "sex": draw.sex,
                "group": draw.diagnosis,
            }
        )
    write_table(output / "participants.tsv", rows, ("participant_id", "age", "sex", "group"))
    write_json(output / "participants.json", _PARTICIPANTS)
    write_text(output / "README", _README)
    write_json(
        output / MASKS_FOLDER / "dataset_description.json",
        {
            **_description(recipe),
            "Name": "Lesion masks of the simulated MS cohort",
            "DatasetType": "derivative",
        },
    )
