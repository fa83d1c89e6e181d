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

from mslesion.cohort.split import FrozenSplit
from mslesion.errors import CohortError, MslesionError, ScanError
from mslesion.evaluation.claims_audit import ClaimsAudit, ReportedFigures, audit_figures
from mslesion.evaluation.looks import (
    look_at_masks,
    look_at_slices,
    names_sha256,
    warnings_of_looks,
)
from mslesion.evaluation.patients import patient_rule, patient_verdicts
from mslesion.evaluation.predictions import Predictions, Question, SplitUnit, Subset
from mslesion.evaluation.summary import metrics_as_json
from mslesion.paper.claims import reported_figures
from mslesion.paper.protocol import Protocol, SliceProtocol
from mslesion.paper.questions import (
    NAMELESS,
    choose_questions,
    draw_slice_split,
    require_patient_names,
)
from mslesion.paper.slices import UNKNOWN, CutCohort, SliceSet, cut_cohort, scan_fingerprints
from mslesion.read import read_cohort
from mslesion.read.claims import read_claims
from mslesion.read.detections import DetectionFiles
from mslesion.read.head import read_head
from mslesion.read.manifest import ManifestRow, dataset_manifest
from mslesion.read.masks import FileOfScan, MaskFile, MaskPair, find_masks, pair_masks
from mslesion.read.reference import Reference, read_reference
from mslesion.read.tested_masks import of_tested
from mslesion.read.volumes import read_single_file
from mslesion.report import write_report
from mslesion.report.evaluation_files import write_detection_calibration, write_model_calibration
from mslesion.write.atomic import write_json, write_table, write_text
from mslesion.write.folder import output_folder
from mslesion.write.look_log import LookLog

if TYPE_CHECKING:
    from mslesion.audit.run import AuditReport, AuditRequest
    from mslesion.cohort.people import Cohort
    from mslesion.detection import Detection
    from mslesion.detector import Detector
    from mslesion.experiments.study import StudyOrder
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


def freeze_split(data: Path, output: Path, *, folds: int = 1, seed: int = 0) -> Answer:
    """Divide the people of a cohort before anything is fitted; ``output`` gets ``split.json``.

    It also gets ``dataset_manifest.tsv``, the files that the split is of. Divided are all people
    with a usable scan, by diagnosis, site and lesion load.

    Raises:
        CohortError: there are too few people, or their names are not known.
        OutputError: ``output`` holds another split already.
    """
    from mslesion.write.split import write_frozen_split

    protocol = Protocol()
    cohort = read_cohort(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    with output_folder(output, data):
        cut = cut_cohort(cohort, protocol.slices)
        with _naming(cut.set_aside):
            split = draw_slice_split(
                cut.slices,
                Question.LESION,
                SplitUnit.PATIENT,
                seed=seed,
                folds=folds,
                shares=protocol.decision.split_shares,
                sites=cohort.sites,
            )
        manifest = dataset_manifest(cohort)
        write_frozen_split(split, manifest, output)
        people = [[len(getattr(fold, part.value)) for part in Subset] for fold in split.folds]
        return Answer(
            {"people": people, "sha256": split.sha256, "dataset_sha256": manifest.sha256},
            cut.set_aside,
        )


def reproduce(data: Path, output: Path, request: StudyRequest, workers: int = 1) -> StudyResult:
    """The paper's study on one cohort; ``output`` gets the report, its figures and tables.

    The look that this takes at the test people is logged beside a frozen split, or else in
    ``output``.
    """
    from mslesion.paper.study import forget_checkpoints, look_at_study, run_study

    cohort = read_cohort(data)
    require_patient_names(cohort, request.split_units)
    frozen = request.frozen
    with output_folder(output, *_inputs(data, frozen)):
        log = _look_log(frozen, output)
        log.require_appendable()
        cut = _cut(cohort, request.protocol.slices)
        with _naming(cut.set_aside):
            result = run_study(cohort, cut, request, output, workers)
        manifest = dataset_manifest(cohort)
        number = log.append(look_at_study(result, request))
        result = result.told(
            {"dataset_sha256": manifest.sha256, "test_look": number},
            *warnings_of_looks(number),
            *([] if frozen is None else frozen.doubts(manifest.sha256)),
        )
        write_report(result, output)
        write_table(output / "dataset_manifest.tsv", manifest.as_rows(), list(ManifestRow._fields))
        forget_checkpoints(output)
        return result


@dataclass(frozen=True)
class Answer:
    """What a command did: figures to show, the scans it had to leave out, and doubts on others."""

    summary: dict[str, Any]
    set_aside: tuple[MslesionError, ...]
    doubts: tuple[str, ...] = ()


def train(
    data: Path,
    output: Path,
    question: Question,
    classifier: str = "CNN",
    seed: int = 0,
    *,
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Train one classifier on the training people of a cohort; ``output`` becomes its model.

    The split is ``frozen``, or drawn with ``seed``. Its test people are not touched;
    :func:`evaluate_classifier` finds them by itself.

    Raises:
        CohortError: the cohort cannot answer the question or be divided, or is not that of the
            frozen split; or the latter has several folds, each of which would take a model.
    """
    from mslesion.paper.classifiers import CLASSIFIERS
    from mslesion.paper.fitting import Job, Task, run_task
    from mslesion.paper.study import StudyRequest, split_of

    request = StudyRequest(seed=seed, frozen=frozen)
    protocol = request.protocol
    cohort = read_cohort(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    if frozen is not None:
        frozen.require_one_fold()
    with output_folder(output, *_inputs(data, frozen)):
        cut = _cut(cohort, protocol.slices)
        with _naming(cut.set_aside):
            choose_questions(cohort, cut.slices, [question])
            slices = cut.slices.where(cut.slices.labels(question) != UNKNOWN)
            if frozen is not None:
                frozen.require_people(cut.slices.person_id)
            split = split_of(slices, question, SplitUnit.PATIENT, request, cohort.sites)
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
            cut.doubts,
        )


def evaluate_classifier(
    model_folder: Path,
    data: Path,
    output: Path,
    seed: int = 0,
    *,
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Question a model about people it has not seen; ``output`` gets measures and predictions.

    Scans that the model saw in training or validation are known by their fingerprint, whatever
    they are called now, and everybody they belong to is left out. Of a ``frozen`` split, the test
    people are asked for. The look is logged beside that split, or else in ``output``.

    Raises:
        CohortError: nobody is left, or the cohort cannot answer the model's question; or it is not
            that of the frozen split, or the model was trained on a test person of its only fold.
    """
    from mslesion.paper.storage import load_model

    model = load_model(model_folder)
    cohort = read_cohort(data)
    with output_folder(output, *_inputs(data, frozen), model_folder):
        log = _look_log(frozen, output)
        log.require_appendable()
        cut = _cut(cohort, model.protocol.slices)
        with _naming(cut.set_aside):
            tested = cut.slices if frozen is None else _tested_people(cut.slices, frozen)
        unseen, seen_people = _unseen_people(model, tested)
        if frozen is not None:
            frozen.require_unseen(seen_people)
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
        test_set = names_sha256(asked.person_id) if frozen is None else frozen.split.sha256
        number = log.append(
            look_at_slices(
                f"mslesion evaluate {model_folder.name} {data.name}",
                test_set,
                [model.sha256],
                {f"{model.question}, {model.classifier}": predictions},
                model.protocol.decision.threshold,
            )
        )
        manifest = dataset_manifest(cohort)
        measured["warnings"] += warnings_of_looks(number)
        measured["warnings"] += [] if frozen is None else frozen.doubts(manifest.sha256)
        metrics = {
            "classifier": model.classifier,
            "model_sha256": model.sha256,
            "trained_on_split_sha256": model.trained_on.get("split_sha256"),
            "split_sha256": None if frozen is None else frozen.split.sha256,
            "dataset_sha256": manifest.sha256,
            "test_look": number,
            "people_left_out_as_seen": seen_people,
            **measured,
            "doubts": list(cut.doubts),
        }
        write_json(output / "metrics.json", metrics)
        write_model_calibration(predictions, model, output, seed)
        _write_predictions(output, predictions)
        return Answer(metrics, cut.set_aside, cut.doubts)


def predict(model_folder: Path, data: Path, output: Path) -> Answer:
    """Answer a model's question for scans, slice by slice and person by person, without masks."""
    from mslesion.paper.storage import load_model

    model = load_model(model_folder)
    cohort = read_cohort(data).without_masks()
    with output_folder(output, data, model_folder):
        cut = _cut(cohort, model.protocol.slices)
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
                "doubts": "; ".join(_doubts_of(str(person), predictions, cut)),
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
        return Answer({"people": people}, cut.set_aside, cut.doubts)


def evaluate_masks(
    predictions: Path,
    reference: Path,
    output: Path,
    *,
    by: Sequence[str] = (),
    only_common: bool = False,
    workers: int = 1,
    seed: int = 0,
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Measure the masks of any tool, or what ``detect`` wrote, against reference masks.

    ``predictions`` and ``reference`` are folders of masks, or single ones; ``reference`` may be a
    cohort. ``by`` are columns of its ``participants.tsv`` by which people are measured in groups
    too. ``output`` gets the files of docs/reference/evaluation.md. See
    :func:`mslesion.read.masks.pair_masks` for ``only_common``. Of a ``frozen`` split, the test
    people alone are measured, and the look at them is logged beside it.

    Raises:
        CohortError: there are no masks, or masks without a counterpart, or the detections are not
            all by one detector.
        ScanError: a file cannot be used.
        UsageError: there is no such column.
    """
    from mslesion.evaluation.detection_quality import detection_quality
    from mslesion.evaluation.evidence import gather, measure_evidence
    from mslesion.evaluation.lesion_summary import scan_rows
    from mslesion.evaluation.subgroups import column_groups, load_groups
    from mslesion.write.evaluation import write_evaluation

    known = read_reference(reference)
    known.require_columns(by)
    pairs, beside = _mask_pairs(predictions, known, frozen, only_common=only_common)
    with output_folder(output, *_inputs(predictions, frozen), reference):
        log = _look_log(frozen, output)
        if frozen is not None:
            log.require_appendable()
        evidence = gather(pairs, beside, workers)
        groups = list(load_groups(evidence.scans))
        for column in by:
            groups += column_groups(column, evidence.people, known.participants)
        measured = measure_evidence(evidence, groups, seed)
        measured = {**measured, "rows": scan_rows(evidence.scans)}
        if frozen is not None:
            look = look_at_masks(
                f"mslesion evaluate {predictions.name} {reference.name}",
                frozen.split.sha256,
                {of.name: (of.person_id, found.path) for found, of in pairs},
                measured["measures"],
            )
            number = log.append(look)
            measured |= {"split_sha256": frozen.split.sha256, "test_look": number}
            measured["warnings"] = [*measured["warnings"], *warnings_of_looks(number)]
        write_detection_calibration(detection_quality(evidence, seed), output)
        write_evaluation(output, measured)
        return Answer(measured, ())


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

    masks = read_reference(reference)
    pairs = [_mask_pairs(tool, masks, None, only_common=only_common)[0] for tool in (first, second)]
    if only_common:
        common = set.intersection(*({known.path for _, known in tool} for tool in pairs))
        pairs = [tuple(pair for pair in tool if pair[1].path in common) for tool in pairs]
    with output_folder(output, first, second, reference):
        scored = [score_pairs(tool, workers) for tool in pairs]
        compared = compare_tools(scored[0], scored[1], seed)
        write_json(output / "comparisons.json", compared)
        return Answer(compared, ())


def _mask_pairs(
    predictions: Path, reference: Reference, frozen: FrozenSplit | None, *, only_common: bool
) -> tuple[tuple[MaskPair, ...], tuple[tuple[MaskFile, FileOfScan], ...]]:
    """Masks of a tool beside those of an expert, and those of scans where no expert drew any.

    Of a frozen split, those of test people alone.
    """
    found = find_masks(predictions)
    if frozen is not None:
        found, reference = of_tested(found, reference, frozen)
    found, beside = reference.divide(found)
    return pair_masks(found, reference.masks, only_common=only_common), beside


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


def write_cards(results: Path, output: Path, about: Path | None = None) -> Answer:
    """Model card and reporting checklists from the result files of a folder.

    ``about`` is a JSON file with what its authors have to say, by topic; without it,
    ``about.json`` of ``results``, where there is one.

    Raises:
        ResultsError: there is no result file, or a figure has no source in them.
    """
    from mslesion.cards.documents import write_documents
    from mslesion.cards.sources import read_sources

    texts, states = write_documents(read_sources(results, about))
    with output_folder(output, results):
        for file, text in texts.items():
            write_text(output / file, text)
    return Answer(dict(states), ())


def _inputs(data: Path, frozen: FrozenSplit | None) -> list[Path]:
    """Folders that no output may be written to: a frozen split lies in one of them."""
    return [data] if frozen is None else [data, frozen.file.parent]


def _look_log(frozen: FrozenSplit | None, output: Path) -> LookLog:
    """Beside a frozen split, so that it outlives every output; else in the output."""
    return LookLog(output if frozen is None else frozen.file.parent)


def _tested_people(slices: SliceSet, frozen: FrozenSplit) -> SliceSet:
    frozen.require_people(slices.person_id)
    return slices.where(np.isin(slices.person_id, list(frozen.tested)))


def study(order: StudyOrder, *, page_only: bool = False) -> Path:
    """What each choice of the paper brings; gives the page, written beside its results.

    With ``page_only`` nothing is run: the page is written again from the results that are there.

    Raises:
        UsageError: the page needs a number that no result file holds.
    """
    from mslesion.experiments.page import write_page
    from mslesion.experiments.study import run_experiments

    with output_folder(order.output, *([order.data] if order.data is not None else [])):
        if not page_only:
            run_experiments(order)
        return write_page(order.output)


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


def _cut(cohort: Cohort, protocol: SliceProtocol) -> CutCohort:
    """The slices of a cohort; a scan that looks like no FLAIR image of a brain is doubted.

    Simulated people are what they are.
    """
    from mslesion.lesions.glance import contrast_doubts

    return cut_cohort(cohort, protocol, None if cohort.is_simulated else contrast_doubts)


def _doubts_of(person: str, predictions: Predictions, cut: CutCohort) -> list[str]:
    names = set(predictions.scan_name[predictions.person_id == person].tolist())
    return [doubt for doubt in cut.doubts if doubt.partition(": ")[0] in names]


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
