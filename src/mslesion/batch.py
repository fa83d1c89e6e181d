"""The detector over many scans: where each result goes, what is done already, what is refused.

scans ──► done already? ──► detector ──► files of each scan ──► tables over all
                              └──► refused: named, and the others go on

:func:`detect_cohort` does the whole. On a cluster, :func:`detect_participants` does the part of one
job, and :func:`gather_participants` gathers what all jobs left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mslesion import __version__
from mslesion.cohort.people import Cohort, ScanFile
from mslesion.detection import DetectorIdentity
from mslesion.detector import Detector, detect_scan
from mslesion.environment import computing_environment
from mslesion.errors import (
    CohortError,
    MslesionError,
    NoResultError,
    OutputError,
    ScanError,
    UnforeseenError,
    UnreadableFileError,
    recorded_error,
)
from mslesion.lesions.memory import require_memory
from mslesion.progress import track
from mslesion.read.bids import place_in_dataset
from mslesion.read.detections import DetectionFiles, is_detections_dataset
from mslesion.read.inputs import input_sha256
from mslesion.write.atomic import write_text
from mslesion.write.detection import write_detection, write_refusal
from mslesion.write.detections import source_uri, write_derivative_description, write_tables
from mslesion.write.dicom.identity import DicomIdentity
from mslesion.write.earlier import (
    remove_detection,
    remove_refusal,
    remove_unfinished,
    require_apart,
    require_no_dataset_of_others,
    require_ours,
)
from mslesion.write.folder import output_folder, participant_folder
from mslesion.write.run import (
    REPORT,
    Outcome,
    RunOrigin,
    add_outcome,
    forget_outcome,
    remove_tables,
    require_our_run,
    require_our_tables,
    write_run,
)


@dataclass(frozen=True)
class _Task:
    """One scan and where its results go; ``source_uri`` is None outside BIDS.

    ``dicom`` is what DICOM objects say of the patient, None where none are wanted.
    """

    person_id: str
    scan_file: ScanFile
    files: DetectionFiles
    source_uri: str | None
    dicom: DicomIdentity | None

    @property
    def outputs(self) -> tuple[Path, ...]:
        files = self.files.always if self.source_uri is None else self.files.with_sidecars
        return files if self.dicom is None else (*self.files.dicom, *files)


def detect_cohort(
    cohort: Cohort,
    output: Path,
    detector: Detector,
    *,
    resume: bool = False,
    dicom: DicomIdentity | None = None,
) -> tuple[Outcome, ...]:
    """Find the lesions in every scan of a cohort and write the files of each.

    The results of a BIDS dataset lie in folders like its own, all others straight in ``output``.
    With ``resume``, a scan is passed over whose files are all there, made by this version from
    the same input with the same detector. A scan that cannot be used is set aside, as is one on
    which this package fails; what an earlier run found in it is taken away. A folder also gets
    the tables over all its scans, a single file does not; ``run.json`` tells of either. With
    ``dicom``, scans from DICOM get objects too, that tell of the patient or not.

    Raises:
        OutputError: ``output`` cannot be written, or what is there is not ours to replace.
        CohortError: not a single scan could be used; a note on the error says why of each.
        ScanError: the only scan cannot be used.
    """
    tasks = _plan(cohort, output, dicom)
    _require_place_of_its_own(tasks, output)
    with output_folder(output, cohort.root) as killed:
        _remove_unfinished(tasks)
        _require_ours(tasks, output, cohort, was_killed=output in killed)
        _forget(tasks, output, cohort)
        _describe(cohort, output)
        outcomes = [
            _work_on(task, detector, resume=resume)
            for task in track(tasks, "finding lesions", len(tasks))
        ]
        outcomes += _without_scan(cohort, output)
        _require_verified(outcomes)
        origin = RunOrigin(detector.identity, computing_environment())
        if cohort.root.is_dir():
            _write_over_all(outcomes, output, origin)
        else:
            for outcome in outcomes:
                add_outcome(outcome, output, origin)
    _require_any_done(outcomes, cohort)
    return tuple(outcomes)


def detect_participants(
    cohort: Cohort,
    output: Path,
    detector: Detector,
    *,
    resume: bool = False,
    stop_at_first: bool = False,
    most_memory_mb: int | None = None,
) -> tuple[Outcome, ...]:
    """Find the lesions in a BIDS dataset one participant after the other, each under a lock.

    The files of each scan are those of :func:`detect_cohort`, to the byte. Tables over all scans
    are taken away and not written, so that other jobs may work on other participants in the same
    ``output``. With ``stop_at_first``, the first scan that cannot be used ends it. A scan for which
    ``most_memory_mb`` would not do is set aside.

    Raises:
        OutputError: as :func:`detect_cohort`; somebody else is at work on one of the participants.
        CohortError: not a single scan could be used.
        ScanError: the only scan cannot be used; with ``stop_at_first``, the first.
    """
    tasks = _plan(cohort, output, None)
    _require_place_of_its_own(tasks, output)
    without_scan = list(_without_scan(cohort, output))
    people = [task.person_id for task in tasks] + [one.person_id for one in without_scan]

    def prepare() -> None:
        require_our_tables(output)
        remove_tables(output)
        _describe(cohort, output)

    outcomes: list[Outcome] = []
    for person_id in track(dict.fromkeys(people), "participants", len(set(people))):
        own = [task for task in tasks if task.person_id == person_id]
        missing = [one for one in without_scan if one.person_id == person_id]
        with participant_folder(output, person_id, cohort.root, prepare=prepare):
            _remove_unfinished(own)
            _forget_missing(own, output, cohort)
            for files in (*(task.files for task in own), *(one.files for one in missing)):
                require_ours(files)
            found = (
                _work_on(task, detector, resume=resume, most_memory_mb=most_memory_mb)
                for task in own
            )
            before = len(outcomes)
            for outcome in chain(found, map(_recorded, missing)):
                outcomes.append(outcome)
                if stop_at_first and outcome.error is not None:
                    raise outcome.error
            _require_verified(outcomes[before:])
    _require_any_done(outcomes, cohort)
    return tuple(outcomes)


def gather_participants(cohort: Cohort, output: Path) -> tuple[Outcome, ...]:
    """Write tables and report over all scans of a BIDS dataset, from what jobs left of each.

    A scan that was refused is told with its reason, one on which nobody was at work yet as such.

    Raises:
        OutputError: ``output`` cannot be written, or a participant's job is at work there.
        CohortError: nothing is there, not a single scan was done, or several detectors did them.
    """
    from mslesion.report.cohort import cohort_report

    if not is_detections_dataset(output):
        raise CohortError(
            "holds no results of single participants",
            remedy="run the level 'participant' into this folder first",
            file=output,
        )
    tasks = _plan(cohort, output, None)
    with output_folder(output, cohort.root, leaves_parts=True):
        outcomes = [*map(_left_of, tasks), *_without_scan(cohort, output)]
        remove_tables(output)
        _require_any_done(outcomes, cohort)
        detector = _only_detector(outcomes)
        write_tables(outcomes, output)
        write_text(output / REPORT, cohort_report(outcomes, cohort.name, output))
        write_run(outcomes, output, RunOrigin(detector))
    return tuple(outcomes)


def _left_of(task: _Task) -> Outcome:
    """What there is of a scan: its files, why it was refused, or that neither is there."""
    files = task.files
    if files.summary.is_file():
        is_whole = files.are_as_written()
        if is_whole and "is_calibrated" in files.read_summary():
            return Outcome(task.person_id, files, is_earlier=True)
        error: MslesionError = UnreadableFileError(
            "was written by an older version"
            if is_whole
            else "is not of the files that lie beside it",
            remedy="run the level 'participant' on this participant again",
            file=files.summary,
        )
    elif refusal := files.read_refusal():
        error = recorded_error(
            refusal["code"], refusal["reason"], refusal["remedy"], task.scan_file.image
        )
    else:
        error = NoResultError(
            "has no result yet",
            remedy="run the level 'participant' on this participant",
            file=task.scan_file.image,
        )
    return Outcome(task.person_id, files, error)


def _only_detector(outcomes: Sequence[Outcome]) -> DetectorIdentity:
    """The detector that all results are of.

    Raises:
        CohortError: they are of several, or at several operating points.
    """
    done = [outcome.files for outcome in outcomes if outcome.error is None]
    for files in done:
        if files.detector != done[0].detector:
            raise CohortError(
                f"names another detector, or other thresholds, than {done[0].summary.name}",
                remedy="run the level 'participant' on all participants with the same options",
                file=files.summary,
            )
    summary = done[0].read_summary()
    keys = ("model", "weights_sha256", "threshold", "min_peak", "min_lesion_mm3", "is_calibrated")
    return DetectorIdentity(*(summary[key] for key in keys))


def _remove_unfinished(tasks: Sequence[_Task]) -> None:
    """Take away what runs left half done that were killed."""
    for task in tasks:
        remove_unfinished(task.files)


def _plan(cohort: Cohort, output: Path, dicom: DicomIdentity | None) -> list[_Task]:
    is_bids = cohort.layout == "BIDS"
    tasks = []
    for person in cohort.people:
        for scan in person.scans:
            inside = scan.image.parent.relative_to(cohort.root) if is_bids else Path()
            files = DetectionFiles(output / inside, scan.name)
            uri = source_uri(scan.image, cohort.root) if is_bids else None
            tasks.append(_Task(person.person_id, scan, files, uri, dicom))
    return tasks


def _forget(tasks: Sequence[_Task], output: Path, cohort: Cohort) -> None:
    """What an earlier run told of these scans, and of all scans together, is not true any more."""
    _forget_missing(tasks, output, cohort)
    if cohort.root.is_dir():
        remove_tables(output)
    else:
        for task in tasks:
            forget_outcome(task.files.name, output)


def _forget_missing(tasks: Sequence[_Task], output: Path, cohort: Cohort) -> None:
    """Take away word of participants and sessions without a scan that have one by now."""
    if cohort.layout == "BIDS":
        have = {place_in_dataset(task.scan_file.image, cohort.root) for task in tasks}
        for place in have | {whole[:1] for whole in have}:
            remove_refusal(_files_without_scan(place, output))


def _describe(cohort: Cohort, output: Path) -> None:
    """Say whose folder it is."""
    if cohort.layout == "BIDS":
        write_derivative_description(cohort.root, cohort.name, output)


def _require_place_of_its_own(tasks: Sequence[_Task], output: Path) -> None:
    """Refuse a place where something of others could be lost."""
    require_no_dataset_of_others(output)
    inputs = {
        os.path.realpath(path)  # which also takes links that lead in a circle
        for task in tasks
        for path in (task.scan_file.image, task.scan_file.lesion_mask)
        if path is not None
    }
    for task in tasks:
        require_apart(task.files.folder, task.scan_file.image, output)
        for path in task.outputs:
            if os.path.realpath(path) in inputs:
                raise OutputError(
                    f"would have {path.name} replaced, which is an input",
                    remedy="choose a new folder",
                    file=output,
                )


def _require_ours(
    tasks: Sequence[_Task], output: Path, cohort: Cohort, *, was_killed: bool
) -> None:
    """See that nothing would be replaced but what an earlier run wrote."""
    for task in tasks:
        require_ours(task.files)
    if not cohort.root.is_dir():
        require_our_run(output)
    elif not was_killed:
        require_our_tables(output)


def _work_on(
    task: _Task, detector: Detector, *, resume: bool, most_memory_mb: int | None = None
) -> Outcome:
    if resume and _is_done(task, detector):
        return Outcome(task.person_id, task.files, is_earlier=True)
    image = task.scan_file.image
    problem: MslesionError
    try:
        if most_memory_mb is not None:
            require_memory(image, most_memory_mb)
        detection = detect_scan(image, detector, task.files.name, task.scan_file.volume)
        write_detection(detection, task.files.folder, task.source_uri, task.dicom)
        return Outcome(task.person_id, task.files)
    except ScanError as error:
        problem = error
    except MslesionError:
        raise  # the disk or the detector, which would fail on the next scan too
    except Exception as error:  # noqa: BLE001 - one scan must not cost the others their results
        problem = UnforeseenError.of(error, image)
    remove_detection(task.files)
    outcome = Outcome(task.person_id, task.files, problem.without_frames())
    return outcome if task.source_uri is None else _recorded(outcome)


def _recorded(outcome: Outcome) -> Outcome:
    """A refusal, told beside the results of a BIDS dataset for whoever gathers them later."""
    if outcome.error is not None:
        write_refusal(outcome.files, outcome.error)
    return outcome


def _is_done(task: _Task, detector: Detector) -> bool:
    """Whether doing it again would give the files that are there."""
    if not all(path.is_file() for path in task.outputs) or not task.files.are_as_written():
        return False
    try:
        scan_sha256 = input_sha256(task.scan_file.image)
    except (OSError, ScanError):
        return False  # working on it will tell what is wrong with the file
    identity = detector.identity
    wanted = {
        "version": __version__,
        "input_sha256": scan_sha256,
        "input_volume": task.scan_file.volume,
        "weights_sha256": identity.weights_sha256,
        "threshold": identity.threshold,
        "min_peak": identity.peak,
        "min_lesion_mm3": identity.least_mm3,
        "is_calibrated": identity.is_calibrated,
        "patient_in_dicom": None if task.dicom is None else task.dicom.value,
    }
    summary = task.files.read_summary()
    return {name: summary.get(name) for name in wanted} == wanted


def _require_verified(outcomes: Sequence[Outcome]) -> None:
    """Read all results back once more, for a run that says it is done must be."""
    for outcome in outcomes:
        if outcome.error is None and not outcome.files.are_as_written():
            raise OutputError(
                "is not what was written there",
                remedy="check the disk, and who else writes there; then run again with --resume",
                file=outcome.files.summary,
            )


def _without_scan(cohort: Cohort, output: Path) -> Iterator[Outcome]:
    """Those of whom the reader of the cohort found no scan, and the sessions without one."""
    for error in cohort.set_aside:
        found = Path(error.file or cohort.name)
        if cohort.layout == "BIDS":
            place = place_in_dataset(found, cohort.root) or (found.name,)
            yield Outcome(place[0], _files_without_scan(place, output), error)
        else:
            yield Outcome(found.name, DetectionFiles(output, found.name), error)


def _files_without_scan(place: tuple[str, ...], output: Path) -> DetectionFiles:
    """Where word is left that a participant, or one of their sessions, has no scan."""
    return DetectionFiles(output.joinpath(*place), "_".join(place))


def _write_over_all(outcomes: Sequence[Outcome], output: Path, origin: RunOrigin) -> None:
    try:
        write_tables(outcomes, output)
        write_run(outcomes, output, origin)
    except BaseException:  # without run.json nobody would know whose the tables are
        remove_tables(output)
        raise


def _require_any_done(outcomes: Sequence[Outcome], cohort: Cohort) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if len(errors) < len(outcomes):
        return
    if len(errors) == 1:
        raise errors[0]
    error = CohortError(
        f"none of {len(errors)} scans can be used",
        remedy="mend the scans, or give another folder",
        file=cohort.root,
    )
    for one in errors:
        error.add_note(str(one))
    raise error
