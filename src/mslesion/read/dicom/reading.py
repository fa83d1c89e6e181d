"""DICOM as the rest of the package meets it: a cohort from a folder, a volume from an address."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mslesion.cohort.people import Cohort, Person, ScanFile
from mslesion.errors import CohortError, MissingExtraError, ScanError, UnreadableFileError
from mslesion.extras import require
from mslesion.read.content import Content
from mslesion.read.dicom.address import DAMAGED, PATIENT, short_name
from mslesion.read.dicom.flair import choose_flair, stack_of_series
from mslesion.read.dicom.header import DamagedFile
from mslesion.read.dicom.layout import ALWAYS_LOSSY
from mslesion.read.dicom.pixels import files_sha256, read_voxels
from mslesion.read.dicom.series import DicomFolder, Stack, Study, read_folder
from mslesion.read.dicom.stack import OrderedStack, order_stack
from mslesion.read.stored import Remarks, StoredVolume, doubtful, mended

LAYOUT = "DICOM"


def read_dicom(root: Path) -> Cohort:
    """The FLAIR of each study in a folder (or in one file), without reading voxels.

    A person is a patient, known by PatientID within the folder; a study whose FLAIR cannot be
    told has a place of its own, and reading it says why.

    Raises:
        CohortError: There is no MR image.
        MissingExtraError: The extra ``dicom`` is not installed.
    """
    require("pydicom")
    folder = read_folder(root)
    people: dict[str, list[Study]] = {}
    for study in folder.studies:
        people.setdefault(study.patient_key or study.uid, []).append(study)
    persons = [
        Person(
            short_name(PATIENT, min(study.uid for study in studies)),
            None,
            tuple(_scan_file(study, root) for study in studies),
        )
        for studies in people.values()
    ]
    persons += [
        Person(name, None, (ScanFile(name, root / name),)) for name in _damaged_by_name(folder)
    ]
    if not persons:
        raise CohortError(
            f"holds {folder.other_objects} DICOM files, but no MR image",
            remedy="export the FLAIR series with its images",
            file=root,
        )
    return Cohort(LAYOUT, root, LAYOUT, tuple(persons))


def _scan_file(study: Study, root: Path) -> ScanFile:
    try:
        stack, _ = choose_flair(study, root)
        name = stack.name
    except ScanError:  # which reading this address raises again
        name = study.name
    return ScanFile(name, root / name)


def _damaged_by_name(folder: DicomFolder) -> dict[str, DamagedFile]:
    """Damaged files that lie beside no study, by names that are the beginning of their SHA-256."""
    return {f"{DAMAGED}-{file.sha256[:12]}": file for file in folder.damaged}


def read_address(address: Path) -> Cohort:
    """A cohort of the one series, or study, that ``FOLDER/series-HASH`` names.

    Raises:
        CohortError: There is no such series.
    """
    require("pydicom")
    folder = read_folder(address.parent)
    for study in folder.studies:
        if address.name in (study.name, *(stack.name for stack in study.stacks)):
            person = Person(
                short_name(PATIENT, study.uid), None, (ScanFile(address.name, address),)
            )
            return Cohort(LAYOUT, address, LAYOUT, (person,))
    raise CohortError(
        "is no series or study in that folder", remedy="give the folder itself", file=address
    )


class FoundSeries(NamedTuple):
    """A series in order, the study it is of, and what was said when it was chosen."""

    study: Study
    stack: Stack
    ordered: OrderedStack
    remarks: Remarks


def find_series(address: Path) -> FoundSeries:
    """The series at an address: chosen, ordered, not yet read.

    Raises:
        ScanError: One of its kinds: it cannot be used, or chosen.
    """
    require("pydicom")
    folder = read_folder(address.parent)
    damaged = _damaged_by_name(folder).get(address.name)
    if damaged is not None:
        problem = damaged.problem
        raise type(problem)(problem.what, remedy=problem.remedy, file=address)
    for study in folder.studies:
        if address.name == study.name:
            stack, remarks = choose_flair(study, address.parent)
        elif address.name in {stack.name for stack in study.stacks}:
            stack, remarks = _asked_or_chosen(study, address)
        else:
            continue
        _require_none_damaged(study, address)
        ordered = order_stack(stack, address)
        return FoundSeries(study, stack, ordered, remarks)
    raise UnreadableFileError("is not there any more", remedy="check the folder", file=address)


def _asked_or_chosen(study: Study, address: Path) -> tuple[Stack, Remarks]:
    """A series by its name, with all that choosing it says where the rule would choose it too."""
    try:
        stack, remarks = choose_flair(study, address.parent)
        if stack.name == address.name:
            return stack, remarks
    except ScanError:  # the rule cannot tell: whoever gave the address did
        pass
    return stack_of_series(study, address.name, address.parent)


def _require_none_damaged(study: Study, address: Path) -> None:
    damaged = study.damaged_beside
    if not damaged:
        return
    hashes = ", ".join(file.sha256[:12] for file in damaged[:5])
    files = "a DICOM file" if len(damaged) == 1 else f"{len(damaged)} DICOM files"
    raise UnreadableFileError(
        f"lies beside {files} that cannot be read and may hold some of its slices; "
        f"SHA-256 begins with {hashes}{', ...' if len(damaged) > 5 else ''}",
        remedy="export the series again, or take away what is damaged",
        file=address,
    )


def read_series(address: Path) -> StoredVolume:
    """The volume of a series: voxels (columns, rows, slices, 1), with the scaling still to be done.

    Raises:
        ScanError: One of its kinds.
    """
    found = find_series(address)
    voxels, slope, intercept = read_voxels(found.ordered.slices, address)
    remarks = found.remarks + found.ordered.remarks
    layouts = [one.image.pixels for one in found.ordered.slices]
    if any(layout is not None and layout.is_inverted for layout in layouts):
        remarks += mended("stored as MONOCHROME1: bright and dark turned over")
    if any(one.image.kind.has_burned_in_text for one in found.ordered.slices):
        remarks += Remarks(
            warnings=("text may be burned into the images (BurnedInAnnotation): no picture shown",),
            may_be_shown=False,
        )
    if any(
        one.image.kind.was_compressed_with_loss
        or (one.image.pixels and one.image.pixels.transfer_syntax in ALWAYS_LOSSY)
        for one in found.ordered.slices
    ):
        remarks += doubtful("the images were compressed with loss: small lesions may have changed")
    affine = found.ordered.affine_vox_to_ras
    return StoredVolume(voxels[..., None], affine, slope, intercept, remarks)


def series_sha256(address: Path) -> str:
    """One hash of all files of a series, in whatever order and under whatever names they lie."""
    return files_sha256(find_series(address).ordered.slices)


def decode_dicom(content: Content) -> StoredVolume:
    """Read one DICOM file that holds a whole volume: an enhanced multi-frame image.

    Raises:
        GeometryError: It holds a single slice.
        ScanError: One of its kinds; also where it is no MR image, or the extra ``dicom`` is not
            installed: beside other scans, this one alone cannot be used.
    """
    try:
        (person,) = read_dicom(content.path).people
    except (CohortError, MissingExtraError) as error:
        raise UnreadableFileError(error.what, remedy=error.remedy, file=content.path) from error
    return read_series(person.scans[0].image)
