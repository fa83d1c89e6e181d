"""Layouts of public datasets that are not BIDS: Mendeley, Kaggle, open_ms_data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mslesion.cohort.people import Cohort, Diagnosis, Person, ScanFile
from mslesion.errors import ScanError
from mslesion.read.names import entries, is_volume, plain, without_ending

_MENDELEY_PATIENT = re.compile(r"patient-([0-9]+)", re.IGNORECASE)
_OPEN_MS_PATIENT = re.compile(r"patient[0-9]+", re.IGNORECASE)

_KAGGLE_FOLDERS = {
    "controlaxial": Diagnosis.CONTROL,
    "controlaxialcrop": Diagnosis.CONTROL,
    "msaxial": Diagnosis.MS,
    "msaxialcrop": Diagnosis.MS,
}
"""Folder names in small letters without spaces and dashes. Sagittal slices are not read: the
paper's slices are axial, and a slice of the other plane shows other anatomy."""

_OPEN_MS_FOLDERS = ("cross_sectional/raw", "raw", ".", "cross_sectional/coregistered",
                    "coregistered", "longitudinal/raw", "longitudinal/coregistered")  # fmt: skip
"""Where patients may lie under the folder that was given; the first that has any is read."""


def is_mendeley(folder: Path) -> bool:
    """Whether a folder has ``Patient-N`` folders with ``N-Flair.nii`` in any of them."""
    return any(_mendeley_file(patient, "flair") for patient in _mendeley_patients(folder))


def read_mendeley(folder: Path) -> Cohort:
    """Read Mendeley Data 8bctsm8jz7 (Muslim et al. 2022): every person has MS.

    A patient without a FLAIR image is set aside.
    """
    people: list[Person] = []
    set_aside: list[ScanError] = []
    for patient in _mendeley_patients(folder):
        image = _mendeley_file(patient, "flair")
        if image is None:
            set_aside.append(
                ScanError("has no file N-Flair.nii", remedy="unpack it again", file=patient)
            )
            continue
        name = plain(patient.name)
        scan = ScanFile(name, image, _mendeley_file(patient, "lesionseg-flair"))
        people.append(Person(name, Diagnosis.MS, (scan,)))
    return Cohort(
        folder.resolve().name, folder, "Mendeley", tuple(people), set_aside=tuple(set_aside)
    )


def _mendeley_patients(folder: Path) -> Iterator[Path]:
    return (p for p in entries(folder) if _MENDELEY_PATIENT.fullmatch(p.name) and p.is_dir())


def _mendeley_file(patient: Path, contrast: str) -> Path | None:
    number = patient.name.partition("-")[2]
    wanted = f"{number}-{contrast}"
    for path in entries(patient):
        if is_volume(path) and without_ending(path.name).lower() == wanted:
            return path
    return None


def is_kaggle(folder: Path) -> bool:
    """Whether a folder has one of the axial folders of the Kaggle dataset with a PNG in it."""
    return any(_kaggle_slices(folder))


def read_kaggle(folder: Path) -> Cohort:
    """Read Kaggle 'multiple-sclerosis' (Macin et al. 2022), axial slices only.

    The file names hold no patient: each slice stands as a person of its own, and
    ``has_patient_names`` is False.
    """
    people = tuple(
        Person(name, diagnosis, (ScanFile(name, path),))
        for path, diagnosis in _kaggle_slices(folder)
        for name in (plain(path.stem),)
    )
    return Cohort(folder.resolve().name, folder, "Kaggle", people, has_patient_names=False)


def _kaggle_slices(folder: Path) -> Iterator[tuple[Path, Diagnosis]]:
    for parent in (folder, folder / "MS"):
        for group in entries(parent):
            diagnosis = _KAGGLE_FOLDERS.get(re.sub(r"[^a-z]", "", group.name.lower()))
            if diagnosis is not None:
                for path in entries(group):
                    if path.suffix.lower() == ".png":
                        yield path, diagnosis


def is_open_ms_data(folder: Path) -> bool:
    """Whether a folder, or the folders of open_ms_data in it, has ``patientNN`` with FLAIR."""
    return any(_open_ms_people(folder))


def read_open_ms_data(folder: Path) -> Cohort:
    """Read open_ms_data (Ljubljana): every person has MS.

    ``folder`` is the repository, ``cross_sectional``, ``longitudinal``, or their ``raw`` or
    ``coregistered``. One of them is read: cross-sectional before longitudinal (which has no
    lesion mask), raw before coregistered (the slices as they were acquired). Longitudinal people
    have two scans; their ``gt`` marks change between the visits and is no lesion mask.
    """
    people = tuple(_open_ms_people(folder))
    return Cohort(folder.resolve().name, folder, "open_ms_data", people)


def _open_ms_people(folder: Path) -> Iterator[Person]:
    for place in _OPEN_MS_FOLDERS:
        people = [
            Person(plain(patient.name), Diagnosis.MS, scans)
            for patient in entries(folder / place)
            if _OPEN_MS_PATIENT.fullmatch(patient.name)
            for scans in (_open_ms_scans(patient),)
            if scans
        ]
        if people:
            yield from people
            return


def _open_ms_scans(patient: Path) -> tuple[ScanFile, ...]:
    files = {without_ending(path.name): path for path in entries(patient) if is_volume(path)}
    person_id = plain(patient.name)
    if "FLAIR" in files:
        return (ScanFile(person_id, files["FLAIR"], files.get("consensus_gt")),)
    return tuple(
        ScanFile(f"{person_id}_{study}", files[f"{study}_FLAIR"])
        for study in ("study1", "study2")
        if f"{study}_FLAIR" in files
    )
