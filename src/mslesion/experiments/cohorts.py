"""The cohorts of the study: simulated ones, the same in thicker slices, and real ones.

simulated at 1 mm ──► slabs of 3, 5, 8 mm averaged ──► a dataset of each thickness
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import Cohort, ScanFile
from mslesion.errors import CohortError
from mslesion.progress import track
from mslesion.read import load, read_cohort, read_people
from mslesion.read.inputs import input_sha256
from mslesion.read.side_files import file_sha256
from mslesion.simulate import CohortRecipe, simulate_cohort
from mslesion.write.nifti import write_nifti

LEAST_FILLED = 0.5
"""A voxel of a thick slice is lesion where lesion fills this share of it, as one would draw it."""


@dataclass(frozen=True)
class StudyCohort:
    """One cohort: whose people it holds, and how it is come by.

    ``recipe`` is that of simulated people; ``folder`` the name of a real dataset. With
    ``slab_slices`` the scans are those of cohort ``source``, so many slices averaged into one.
    With ``every_slice`` all slices of a scan are taken, not the protocol's number. ``slices`` is
    about how many there are, for the plan.
    """

    name: str
    words: str
    slices: int
    recipe: CohortRecipe | None = None
    folder: str = ""
    source: str = ""
    slab_slices: int = 1
    every_slice: bool = False

    @property
    def people_of(self) -> str:
        """The cohort whose people these are: only within one may people be paired by name."""
        return self.source or self.name


def make_cohort(
    name: str, cohorts: Mapping[str, StudyCohort], work: Path, data: Path | None, workers: int
) -> Cohort:
    """Read a cohort of the table, after making it in ``work`` where it is simulated.

    ``data`` is the folder of the real datasets.

    Raises:
        CohortError: a real dataset is not in ``data``.
    """
    asked = cohorts[name]
    if asked.folder:
        if data is None:
            raise CohortError(f"cohort {name} needs real scans", remedy="give --data")
        return read_people(data / asked.folder)
    place = work / name
    if asked.source:
        source = make_cohort(asked.source, cohorts, work, data, workers)
        if not (place / "complete").exists():
            _write_thickened(source, place, asked.slab_slices)
    elif asked.recipe is not None:
        simulate_cohort(asked.recipe, place, workers)
    return read_cohort(place)


def cohort_sha256(cohort: Cohort) -> str:
    """One hash of all scans and masks of a cohort, with their names and diagnoses."""
    digest = sha256()
    for person in cohort.people:
        for scan in person.scans:
            mask = "" if scan.lesion_mask is None else file_sha256(scan.lesion_mask)
            line = f"{person.person_id} {person.diagnosis} {scan.name}"
            digest.update(f"{line} {input_sha256(scan.image)} {mask}\n".encode())
    return digest.hexdigest()


def thicken(volume: NDArray[np.float32], slab_slices: int) -> NDArray[np.float32]:
    """Mean of each ``slab_slices`` neighbouring slices: (X, Y, Z) to (X, Y, Z // slab_slices).

    Slices at the top that fill no slab are left out. Noise falls with the root of the number, as
    it does in a scan of thicker slices.
    """
    slabs = volume.shape[2] // slab_slices
    cut = volume[:, :, : slabs * slab_slices]
    averaged: NDArray[np.float32] = cut.reshape(*cut.shape[:2], slabs, slab_slices).mean(
        axis=3, dtype=np.float32
    )
    return averaged


def thickened_affine(
    affine_vox_to_ras: NDArray[np.float64], slab_slices: int
) -> NDArray[np.float64]:
    """The affine (4, 4) of a thickened volume: slabs lie where the middle of their slices did."""
    affine = affine_vox_to_ras.copy()
    affine[:3, 3] += affine_vox_to_ras[:3, 2] * (slab_slices - 1) / 2
    affine[:3, 2] *= slab_slices
    return affine


def _write_thickened(source: Cohort, place: Path, slab_slices: int) -> None:
    """Write a BIDS dataset of the same people; the file ``complete`` comes last."""
    place.mkdir(parents=True, exist_ok=True)
    for name in ("dataset_description.json", "participants.tsv"):
        shutil.copyfile(source.root / name, place / name)
    scans = [scan for person in source.people for scan in person.scans]
    for scan in track(scans, f"averaging {slab_slices} slices", len(scans)):
        _write_thick_scan(scan, source.root, place, slab_slices)
    (place / "complete").touch()


def _write_thick_scan(scan_file: ScanFile, root: Path, place: Path, slab_slices: int) -> None:
    loaded = load(scan_file)
    affine = thickened_affine(loaded.scan.grid.affine_vox_to_ras, slab_slices)
    thick = thicken(loaded.scan.voxels, slab_slices)
    write_nifti(place / scan_file.image.relative_to(root), thick, affine)
    if loaded.lesion_mask is not None and scan_file.lesion_mask is not None:
        filled = thicken(loaded.lesion_mask.astype(np.float32), slab_slices)
        target = place / scan_file.lesion_mask.relative_to(root)
        write_nifti(target, filled >= LEAST_FILLED, affine)
