"""Finding lesions: in one scan, in many, and the training and measuring of detectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.cohort.people import Person
from mslesion.commands.shared import Answer
from mslesion.errors import CohortError, OutputError, ScanError
from mslesion.read import read_cohort, read_people
from mslesion.read.detections import DetectionFiles
from mslesion.read.dicom.address import is_address
from mslesion.read.head import read_head
from mslesion.read.inputs import input_sha256
from mslesion.read.layouts import passed_over
from mslesion.read.names import is_folder
from mslesion.read.volumes import read_single_file
from mslesion.write.atomic import take_away, write_json
from mslesion.write.dicom.identity import DicomIdentity, asked_identity
from mslesion.write.dicom.source import require_dicom
from mslesion.write.earlier import (
    remove_detection,
    remove_unfinished,
    require_apart,
    require_no_dataset_of_others,
)
from mslesion.write.folder import output_folder
from mslesion.write.run import Outcome, RunOrigin, add_outcome, require_our_run

if TYPE_CHECKING:
    from mslesion.detection import Detection
    from mslesion.detector import Detector
    from mslesion.lesions.learning.recipe import DetectorRecipe


def detect(
    path: Path | str,
    *,
    model: str = "default",
    model_path: Path | str | None = None,
    threshold: float | None = None,
    min_peak: float | None = None,
    min_lesion_mm3: float | None = None,
    volume: int | None = None,
) -> Detection:
    """Find the lesions in one FLAIR scan; the result's ``save`` writes the files of the command.

    ``path`` is a file, a folder that holds one scan (DICOM, or any layout), or the address of a
    DICOM series, ``FOLDER/series-HASH``.

    ``model`` is ``default`` or ``small``; ``model_path``, a detector of one's own, takes its place.
    ``threshold`` and ``min_peak`` (of the calibrated probability: how far lesions reach, and what
    they must exceed somewhere) and ``min_lesion_mm3`` take the place of those that come with the
    model. ``volume``, from 0, is needed where a file holds several. The detector is loaded once for
    all calls with the same options.

    Raises:
        ScanError: the file cannot be used, or holds no FLAIR image of a brain.
        CohortError: the folder holds no scan, or several.
        UsageError: an option makes no sense.
        ModelFileError: a file of weights is missing or damaged.
    """
    from mslesion.detector import detect_scan

    own = None if model_path is None else Path(model_path)
    changed_ns = own.stat().st_mtime_ns if own is not None and own.exists() else 0
    # As floats, so that 20 and 20.0 give the same bytes.
    given = (threshold, min_peak, min_lesion_mm3)
    point = (None if value is None else float(value) for value in given)
    detector = _loaded_detector(model, own, changed_ns, *point)
    (scan,) = _only_person(Path(path)).scans
    return detect_scan(scan.image, detector, scan.name, volume)


def _only_person(path: Path) -> Person:
    """Whose scan a file or a folder holds, if it is one alone."""
    cohort = read_cohort(path) if is_folder(path) or is_address(path) else read_single_file(path)
    scans = [(person, scan) for person in cohort.people for scan in person.scans]
    if len(scans) != 1:
        raise CohortError(
            f"holds {len(scans)} scans: {', '.join(scan.name for _, scan in scans[:10])}",
            remedy="give one of them, or use 'mslesion detect' for all",
            file=path,
        )
    return scans[0][0]


@lru_cache(maxsize=4)
def _loaded_detector(
    model: str, model_path: Path | None, _changed_ns: int, *point: float | None
) -> Detector:
    """A detector for several scans; a file of weights that has changed is loaded again."""
    from mslesion.detector import load_detector

    return load_detector(model, model_path, *point)


def refuse_unreadable(path: Path, output: Path, volume: int | None = None) -> None:
    """Refuse a file or series that is no usable scan at once, before PyTorch is loaded.

    ``run.json`` in ``output`` tells it, and what an earlier run found in the scan is taken away.

    Raises:
        ScanError: the file cannot be used.
        OutputError: the file cannot be used, which a note on the error says, and neither can
            ``output``.
    """
    person = _only_person(path)
    (scan,) = person.scans
    try:
        read_head(scan.image, volume)
    except ScanError as refusal:
        refused = Outcome(person.person_id, DetectionFiles(output, scan.name), refusal)
        try:
            _record_refusal(refused, scan.image, output)
        except OutputError as error:
            error.add_note(str(refusal))
            raise
        raise


def _record_refusal(refused: Outcome, image: Path, output: Path) -> None:
    require_no_dataset_of_others(output)
    require_apart(output, image, output)
    with output_folder(output):
        require_our_run(output)
        remove_unfinished(refused.files)
        remove_detection(refused.files)
        add_outcome(refused, output, RunOrigin())


def doubts_beforehand(data: Path, output: Path) -> tuple[str, ...]:
    """What somebody who wants ``data`` detected may not have meant, a sentence each.

    Images of a plain folder are passed over, or another image's results replaced, as where two
    patients' scans have one name.
    """
    if is_folder(data):
        names = ", ".join(path.name for path in passed_over(data))
        return (f"passed over, as others have FLAIR in their names: {names}",) if names else ()
    (scan,) = _only_person(data).scans
    before = DetectionFiles(output, scan.name).read_summary().get("input_sha256")
    if before is None or before == input_sha256(scan.image):
        return ()
    return (f"{scan.name}: what was found in another image of this name is replaced",)


def detect_all(
    data: Path,
    output: Path,
    detector: Detector,
    *,
    resume: bool = False,
    volume: int | None = None,
    dicom_seg: bool = False,
    keep_patient: bool = False,
) -> tuple[Outcome, ...]:
    """Find the lesions in one scan, or in all of a folder; ``output`` gets the files of each.

    ``volume``, from 0, is needed where the files hold several. One scan that cannot be used does
    not stop the others; with ``resume``, what is done is not done again. With ``dicom_seg``, DICOM
    input also gives DICOM objects, which name the patient where ``keep_patient`` says so. See
    :func:`mslesion.batch.detect_cohort`.

    Raises:
        UsageError: ``dicom_seg`` for other input than DICOM.
    """
    from mslesion.batch import detect_cohort

    dicom = asked_dicom(data, dicom_seg=dicom_seg, keep_patient=keep_patient)
    cohort = read_cohort(data).with_volume(volume)
    return detect_cohort(cohort, output, detector, resume=resume, dicom=dicom)


def asked_dicom(data: Path, *, dicom_seg: bool, keep_patient: bool) -> DicomIdentity | None:
    """What DICOM objects are to say of the patient; None where none are wanted.

    Raises:
        UsageError: They are wanted of scans that did not come as DICOM.
    """
    dicom = asked_identity(dicom_seg=dicom_seg, keep_patient=keep_patient)
    if dicom is not None:
        for scan in (scan for person in read_cohort(data).people for scan in person.scans):
            require_dicom(scan.image)
    return dicom


def train_detector(
    data: Sequence[Path],
    output: Path,
    recipe: DetectorRecipe,
    *,
    lesion_free: Sequence[Path] = (),
    start: Path | None = None,
    cache: Path | None = None,
    workers: int = 1,
    device: str = "auto",
) -> Answer:
    """Train a detector on people whose lesions are known; ``output`` becomes its folder.

    ``lesion_free`` are scans in which there is nothing to draw; ``start`` is a detector whose
    weights the training begins with; ``cache`` a folder for the simulated people, which several
    trainings may share; ``device`` is ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.

    Raises:
        CohortError: people of two datasets of one name could be taken for each other.
    """
    from mslesion.lesions.known_scans import known_scans, require_different_people
    from mslesion.lesions.learning.build import build_detector

    cohorts = [(read_people(folder), False) for folder in data]
    cohorts += [(read_people(folder), True) for folder in lesion_free]
    known = [(c.root, known_scans(c, is_lesion_free=is_free)) for c, is_free in cohorts]
    require_different_people(known)
    scans = [scan for _, of_cohort in known for scan in of_cohort]
    with output_folder(output, *data, *lesion_free):
        built = build_detector(
            scans, output, recipe, workers=workers, start=start, cache=cache, device=device
        )
        set_aside = tuple(error for cohort, _ in cohorts for error in cohort.set_aside)
        return Answer({"scans": len(scans), **asdict(built)}, set_aside)


def evaluate_detector(
    data: Path, output: Path, detector: Detector, *, is_lesion_free: bool = False
) -> Answer:
    """Measure a detector on people it has not seen; ``output`` gets ``metrics.json``.

    Raises:
        CohortError: no scan has a lesion mask, or the detector was trained on all of them.
    """
    from mslesion.lesions.measure import measure_detector

    cohort = read_people(data)
    with output_folder(output, data):
        take_away(output / "metrics.json")
        measured, refused = measure_detector(cohort, detector, is_lesion_free=is_lesion_free)
        write_json(output / "metrics.json", measured)
        return Answer(measured, (*cohort.set_aside, *refused))
