"""The paper's study, a split frozen before it, and what each choice of the paper brings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.commands.shared import Answer, cut_and_look, inputs_of, look_log, naming_missing
from mslesion.evaluation.looks import (
    warnings_of_looks,
)
from mslesion.evaluation.predictions import Question, SplitUnit, Subset
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import (
    draw_slice_split,
    require_patient_names,
)
from mslesion.paper.slices import cut_cohort
from mslesion.read import read_people
from mslesion.read.manifest import dataset_manifest
from mslesion.write.folder import output_folder
from mslesion.write.manifest import write_manifest

if TYPE_CHECKING:
    from mslesion.experiments.study import StudyOrder
    from mslesion.paper.result import StudyResult
    from mslesion.paper.study import StudyRequest


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
    cohort = read_people(data)
    require_patient_names(cohort, [SplitUnit.PATIENT])
    with output_folder(output, data):
        cut = cut_cohort(cohort, protocol.slices)
        with naming_missing(cut.set_aside):
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
    from mslesion.report import write_report

    cohort = read_people(data)
    require_patient_names(cohort, request.split_units)
    frozen = request.frozen
    with output_folder(output, *inputs_of(data, frozen)):
        log = look_log(frozen, output)
        log.require_appendable()
        cut = cut_and_look(cohort, request.protocol.slices)
        with naming_missing(cut.set_aside):
            result = run_study(cohort, cut, request, output, workers)
        manifest = dataset_manifest(cohort)
        number = log.append(look_at_study(result, request))
        result = result.told(
            {"dataset_sha256": manifest.sha256, "test_look": number},
            *warnings_of_looks(number),
            *([] if frozen is None else frozen.doubts(manifest.sha256)),
        )
        write_report(result, output)
        write_manifest(manifest, output)
        forget_checkpoints(output)
        return result


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
