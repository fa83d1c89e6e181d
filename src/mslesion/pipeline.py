"""The way of the data on one screen: scans in, lesions or a study of classifiers out.

    scan(s) ──► detector ──► lesions, slices, verdict ──► files and report of each scan
                   ▲
    lesion masks ──┴── simulated people, cross-validation, calibration

    cohort ──► slices 64x64 ──► CNN | SVM | decision tree ──► evaluation ──► report
    (real or simulated)          (the paper's system)

Each function is one command of the command line and gives the same files. PyTorch and
scikit-learn, which take seconds to load, are imported by the functions that need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mslesion.errors import CohortError, MslesionError, ScanError
from mslesion.evaluation.claims_audit import ClaimsAudit, ReportedFigures, audit_figures
from mslesion.evaluation.patients import patient_rule, patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.claims import reported_figures
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import (
    NAMELESS,
    choose_questions,
    draw_slice_split,
    require_patient_names,
)
from mslesion.paper.slices import UNKNOWN, SliceSet, cut_cohort, scan_fingerprints
from mslesion.read import read_cohort
from mslesion.read.claims import read_claims
from mslesion.read.detections import DetectionFiles
from mslesion.read.head import read_head
from mslesion.read.masks import MaskFile, find_masks, pair_masks, reference_masks
from mslesion.read.volumes import read_single_file
from mslesion.report import write_report
from mslesion.write.atomic import write_json, write_table
from mslesion.write.folder import output_folder

if TYPE_CHECKING:
    from mslesion.audit.run import AuditReport, AuditRequest
    from mslesion.detection import Detection
    from mslesion.detector import Detector
    from mslesion.lesions.learning.recipe import DetectorRecipe
    from mslesion.paper.result import StudyResult
    from mslesion.paper.storage import SliceModel
    from mslesion.paper.study import StudyRequest
    from mslesion.write.detections import Outcome


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

    ``model`` is ``default`` or ``small``; ``model_path``, a detector of one's own, takes its place.
    ``threshold`` and ``min_peak`` (of the calibrated probability: how far lesions reach, and what
    they must exceed somewhere) and ``min_lesion_mm3`` take the place of those that come with the
    model. ``volume``, from 0, is needed where a file holds several. The detector is loaded once for
    all calls with the same options.

    Raises:
        ScanError: the file cannot be used, or holds no FLAIR image of a brain.
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
    (person,) = read_single_file(Path(path)).people
    return detect_scan(Path(path), detector, person.scans[0].name, volume)


@lru_cache(maxsize=4)
def _loaded_detector(
    model: str, model_path: Path | None, _changed_ns: int, *point: float | None
) -> Detector:
    """A detector for several scans; a file of weights that has changed is loaded again."""
    from mslesion.detector import load_detector

    return load_detector(model, model_path, *point)


def refuse_unreadable(path: Path, output: Path, volume: int | None = None) -> None:
    """Refuse a single file that is no usable scan at once, before PyTorch is loaded.

    What an earlier run found in it is taken away.

    Raises:
        ScanError: the file cannot be used.
        OutputError: the file cannot be used, and ``output`` is another run's at the moment.
    """
    from mslesion.write.detection import remove_detection

    (person,) = read_single_file(path).people
    try:
        read_head(path, volume)
    except ScanError:
        if output.is_dir():
            with output_folder(output):
                remove_detection(DetectionFiles(output, person.scans[0].name))
        raise


def detect_all(
    data: Path,
    output: Path,
    detector: Detector,
    *,
    resume: bool = False,
    volume: int | None = None,
) -> tuple[Outcome, ...]:
    """Find the lesions in one scan, or in all of a folder; ``output`` gets the files of each.

    ``volume``, from 0, is needed where the files hold several. One scan that cannot be used does
    not stop the others; with ``resume``, what is done is not done again. See
    :func:`mslesion.batch.detect_cohort`.
    """
    from mslesion.batch import detect_cohort

    cohort = read_cohort(data).with_volume(volume)
    return detect_cohort(cohort, output, detector, resume=resume)


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
    """
    from mslesion.lesions.known_scans import known_scans
    from mslesion.lesions.learning.build import build_detector

    cohorts = [(read_cohort(folder), False) for folder in data]
    cohorts += [(read_cohort(folder), True) for folder in lesion_free]
    scans = [s for c, is_free in cohorts for s in known_scans(c, is_lesion_free=is_free)]
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

    cohort = read_cohort(data)
    with output_folder(output, data):
        measured, refused = measure_detector(cohort, detector, is_lesion_free=is_lesion_free)
        write_json(output / "metrics.json", measured)
        return Answer(measured, (*cohort.set_aside, *refused))


def reproduce(data: Path, output: Path, request: StudyRequest, workers: int = 1) -> StudyResult:
    """The paper's study on one cohort; ``output`` gets the report, its figures and tables."""
    from mslesion.paper.study import forget_checkpoints, run_study

    cohort = read_cohort(data)
    require_patient_names(cohort, request.split_units)
    with output_folder(output, data):
        cut = cut_cohort(cohort, request.protocol.slices)
        with _naming(cut.set_aside):
            result = run_study(cohort, cut, request, output, workers)
        write_report(result, output)
        forget_checkpoints(output)
        return result


@dataclass(frozen=True)
class Answer:
    """What a command did: figures to show, and the scans it had to leave out."""

    summary: dict[str, Any]
    set_aside: tuple[MslesionError, ...]


def train(
    data: Path, output: Path, question: Question, classifier: str = "CNN", seed: int = 0
) -> Answer:
    """Train one classifier on the training people of a cohort; ``output`` becomes its model.

    The test people of the same split (same cohort, same seed) are not touched;
    :func:`evaluate_classifier` finds them by itself.
    """
    from mslesion.paper.classifiers import CLASSIFIERS
    from mslesion.paper.fitting import Job, Task, require_both_classes, run_task

    protocol = Protocol()
    cohort = read_cohort(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    with output_folder(output, data):
        cut = cut_cohort(cohort, protocol.slices)
        with _naming(cut.set_aside):
            choose_questions(cohort, cut.slices, [question])
            slices = cut.slices.where(cut.slices.labels(question) != UNKNOWN)
            split = draw_slice_split(
                slices,
                question,
                SplitUnit.PATIENT,
                seed=seed,
                shares=protocol.decision.split_shares,
            )
            require_both_classes(slices, question, split)
        job = Job(question, SplitUnit.PATIENT, classifier, 0)
        checkpoint = output / "checkpoint.safetensors" if classifier == "CNN" else None
        task = Task(job, CLASSIFIERS[classifier], slices, split, protocol, seed, checkpoint, output)
        predictions, fit = run_task(task)
        if checkpoint is not None:
            checkpoint.unlink(missing_ok=True)
        validation = predictions.of(Subset.VALIDATION)
        right = (validation.probability > protocol.decision.threshold) == (validation.label == 1)
        return Answer(
            {
                "training_slices": len(predictions.of(Subset.TRAINING)),
                "validation_slices": len(validation),
                "validation_accuracy": float(right.mean()),
                "settings": fit.settings,
                "seconds": fit.seconds,
            },
            cut.set_aside,
        )


def evaluate_classifier(model_folder: Path, data: Path, output: Path, seed: int = 0) -> Answer:
    """Question a model about people it has not seen; ``output`` gets measures and predictions.

    Scans that the model saw in training or validation are known by their fingerprint, whatever
    they are called now, and everybody they belong to is left out.

    Raises:
        CohortError: nobody is left, or the cohort cannot answer the model's question.
    """
    from mslesion.paper.storage import load_model

    model = load_model(model_folder)
    cohort = read_cohort(data)
    with output_folder(output, data, model_folder):
        cut = cut_cohort(cohort, model.protocol.slices)
        unseen, seen_people = _unseen_people(model, cut.slices)
        with _naming(
            cut.set_aside, f"{seen_people} people left out: the model was trained on them"
        ):
            if not len(unseen):
                raise CohortError(
                    "the model was trained on everybody in this cohort",
                    remedy="give people that it has not seen",
                    file=cohort.root,
                )
            choose_questions(cohort, unseen, [model.question])
        asked = unseen.where(unseen.labels(model.question) != UNKNOWN)
        predictions = _predict(model, asked)
        measured = metrics_as_json(predictions, model.question, model.protocol.decision, seed)
        if not cohort.has_patient_names:
            measured["warnings"] = [NAMELESS, *measured["warnings"]]
        metrics = {
            "classifier": model.classifier,
            "people_left_out_as_seen": seen_people,
            **measured,
        }
        write_json(output / "metrics.json", metrics)
        _write_predictions(output, predictions)
        return Answer(metrics, cut.set_aside)


def predict(model_folder: Path, data: Path, output: Path) -> Answer:
    """Answer a model's question for scans, slice by slice and person by person, without masks."""
    from mslesion.paper.storage import load_model

    model = load_model(model_folder)
    cohort = read_cohort(data).without_masks()
    with output_folder(output, data, model_folder):
        cut = cut_cohort(cohort, model.protocol.slices)
        predictions = _predict(model, cut.slices)
        verdicts = patient_verdicts(predictions, model.question, model.protocol.decision)
        people = [
            {
                "person_id": str(person),
                "question": model.question.value,
                "rule": patient_rule(model.question, model.protocol.decision),
                "score": float(score),
                "answer": "yes" if verdict else "no",
                "slices": int(count),
            }
            for person, score, verdict, count in zip(
                verdicts.person_id,
                verdicts.score,
                verdicts.verdict,
                verdicts.slice_count,
                strict=True,
            )
        ]
        _write_predictions(output, predictions)
        write_table(output / "people.csv", people, list(people[0]), delimiter=",")
        return Answer({"people": people}, cut.set_aside)


def evaluate_masks(
    predictions: Path, reference: Path, output: Path, *, only_common: bool = False, workers: int = 1
) -> Answer:
    """Measure the masks of any tool against reference masks.

    ``predictions`` and ``reference`` are folders of masks, or single ones; ``reference`` may be a
    cohort. ``output`` gets ``metrics.json`` and ``metrics_lesion.tsv``. See
    :func:`mslesion.read.masks.pair_masks` for ``only_common``.

    Raises:
        CohortError: there are no masks, or masks without a counterpart.
        ScanError: a mask cannot be used.
    """
    from mslesion.evaluation.lesion_summary import lesion_summary, scan_rows
    from mslesion.evaluation.mask_pairs import score_pairs

    pairs = _mask_pairs(predictions, reference, only_common=only_common)
    with output_folder(output, predictions, reference):
        scored = score_pairs(pairs, workers)
        rows = scan_rows(scored)
        metrics = {**lesion_summary(scored), "rows": rows}
        columns = [name for name in rows[0] if name not in ("history", "warnings")]
        table = [{name: row[name] for name in columns} for row in rows]
        write_table(output / "metrics_lesion.tsv", table, columns)
        write_json(output / "metrics.json", metrics)
        return Answer(metrics, ())


def compare(
    first: Path,
    second: Path,
    reference: Path,
    output: Path,
    *,
    only_common: bool = False,
    workers: int = 1,
    seed: int = 0,
) -> Answer:
    """Compare the masks of two tools on the same scans; ``output`` gets ``comparisons.json``.

    Raises:
        CohortError: there are no masks, masks without a counterpart, or the tools were run on
            different scans.
        ScanError: a mask cannot be used.
    """
    from mslesion.evaluation.mask_comparison import compare_tools
    from mslesion.evaluation.mask_pairs import score_pairs

    pairs = [_mask_pairs(folder, reference, only_common=only_common) for folder in (first, second)]
    if only_common:
        common = set.intersection(*({known.path for _, known in tool} for tool in pairs))
        pairs = [tuple(pair for pair in tool if pair[1].path in common) for tool in pairs]
    with output_folder(output, first, second, reference):
        scored = [score_pairs(tool, workers) for tool in pairs]
        compared = compare_tools(scored[0], scored[1], seed)
        write_json(output / "comparisons.json", compared)
        return Answer(compared, ())


def _mask_pairs(
    predictions: Path, reference: Path, *, only_common: bool
) -> tuple[tuple[MaskFile, MaskFile], ...]:
    """Masks of a tool beside those of an expert."""
    return pair_masks(find_masks(predictions), reference_masks(reference), only_common=only_common)


def audit_claims(
    figures: ReportedFigures | None = None, table: Path | None = None, output: Path | None = None
) -> ClaimsAudit:
    """Check whether printed figures can be true: one's own, those of a table, or the paper's.

    ``output``, where it is given, gets ``claims_audit.json``.

    Raises:
        UsageError: the table cannot be read, or a figure is no percentage.
    """
    if table is not None:
        claims = read_claims(table)
    else:
        claims = reported_figures() if figures is None else (figures,)
    audit = ClaimsAudit(tuple(audit_figures(claim) for claim in claims))
    if output is not None:
        with output_folder(output):
            write_json(output / "claims_audit.json", audit.as_json())
    return audit


def audit_cohort(data: Path, output: Path, request: AuditRequest) -> AuditReport:
    """Look for leakage, doubles and shortcuts; ``output`` gets the findings and their page.

    Raises:
        CohortError: no scan can be used, or the wanted question cannot be asked.
        UsageError: the split cannot be read.
        ModelFileError: the model cannot be read.
    """
    from mslesion.audit.page import write_audit
    from mslesion.audit.run import audit

    cohort = read_cohort(data)
    with output_folder(output, data, *([request.model] if request.model else [])):
        report = audit(cohort, request)
        write_audit(report, output)
        return report


@contextmanager
def _naming(set_aside: Iterable[MslesionError], also: str = "") -> Iterator[None]:
    """Where a cohort cannot be used, say too which of its scans were missing."""
    try:
        yield
    except CohortError as error:
        for line in (*map(str, set_aside), also):
            if line and not line.startswith("0 "):
                error.add_note(line)
        raise


def _unseen_people(model: SliceModel, slices: SliceSet) -> tuple[SliceSet, int]:
    """The slices of people of whom the model saw no scan, and how many people that leaves out."""
    known = set(model.trained_on["scans"])
    seen_scans = [name for name, mark in scan_fingerprints(slices).items() if mark in known]
    seen_people = np.unique(slices.person_id[np.isin(slices.scan_name, seen_scans)])
    return slices.where(~np.isin(slices.person_id, seen_people)), len(seen_people)


def _predict(model: SliceModel, slices: SliceSet) -> Predictions:
    """Predictions on slices that all count as test slices; an unknown label stays -1."""
    return Predictions(
        fold=np.zeros(len(slices), np.int16),
        subset=np.full(len(slices), Subset.TEST.value),
        person_id=slices.person_id,
        scan_name=slices.scan_name,
        slice_index=slices.slice_index,
        label=slices.labels(model.question),
        probability=model.probability(slices.pixels),
    )


def _write_predictions(output: Path, predictions: Predictions) -> None:
    rows = [
        {key: row[key] for key in ("person_id", "scan_name", "slice_index", "probability")}
        | {"label": None if row["label"] == UNKNOWN else row["label"]}
        for row in predictions.rows()
    ]
    write_table(output / "predictions.csv", rows, list(rows[0]), delimiter=",")
