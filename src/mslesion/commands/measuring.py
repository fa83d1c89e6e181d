"""Masks of any tool against those of an expert, and two tools against each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mslesion.cohort.split import FrozenSplit
from mslesion.commands.shared import Answer, inputs_of, look_log
from mslesion.errors import CohortError
from mslesion.evaluation.looks import (
    look_at_masks,
    warnings_of_looks,
)
from mslesion.read.masks import FileOfScan, MaskFile, MaskPair, find_masks, pair_masks
from mslesion.read.reference import Reference, read_reference
from mslesion.read.tested_masks import of_tested
from mslesion.write.atomic import write_json
from mslesion.write.folder import output_folder


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
    from mslesion.report.evaluation_files import write_detection_calibration
    from mslesion.write.evaluation import write_evaluation

    known = read_reference(reference)
    known.require_columns(by)
    pairs, beside = _mask_pairs(predictions, known, frozen, only_common=only_common)
    with output_folder(output, *inputs_of(predictions, frozen), reference):
        log = look_log(frozen, output)
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
                "mslesion evaluate MASKS REFERENCE",
                frozen.split.sha256,
                {of.name: (of.person_id, found.path) for found, of in pairs},
                measured["measures"],
            )
            measured = _with_look(measured, frozen, log.append(look))
        write_detection_calibration(
            detection_quality(evidence, seed), output, measured.get("split_sha256")
        )
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
    frozen: FrozenSplit | None = None,
) -> Answer:
    """Compare the masks of two tools on the same scans; ``output`` gets ``comparisons.json``.

    Of a ``frozen`` split, the test people alone are compared, and the look at them is logged beside
    it.

    Raises:
        CohortError: there are no masks, masks without a counterpart, or the tools were run on
            different scans.
        ScanError: a mask cannot be used.
    """
    from mslesion.evaluation.mask_comparison import compare_tools
    from mslesion.evaluation.mask_pairs import score_pairs

    masks = read_reference(reference)
    pairs = [
        _mask_pairs(tool, masks, frozen, only_common=only_common)[0] for tool in (first, second)
    ]
    if only_common:
        common = set.intersection(*({known.path for _, known in tool} for tool in pairs))
        pairs = [tuple(pair for pair in tool if pair[1].path in common) for tool in pairs]
        if not common:
            raise CohortError(
                "has masks of no scan that the other tool has a mask of",
                remedy="run both tools on the same scans",
                file=first,
            )
    with output_folder(output, *inputs_of(first, frozen), second, reference):
        log = look_log(frozen, output)
        if frozen is not None:
            log.require_appendable()
        scored = [score_pairs(tool, workers) for tool in pairs]
        compared = compare_tools(scored[0], scored[1], seed)
        if frozen is not None:
            look = look_at_masks(
                "mslesion compare A B",
                frozen.split.sha256,
                {
                    f"{name} {of.name}": (of.person_id, found.path)
                    for name, tool in zip("AB", pairs, strict=True)
                    for found, of in tool
                },
                compared["measures"],
                shown="difference",
            )
            compared = _with_look(compared, frozen, log.append(look))
        write_json(output / "comparisons.json", compared)
        return Answer(compared, ())


def _with_look(measured: dict[str, Any], frozen: FrozenSplit, number: int) -> dict[str, Any]:
    return {
        **measured,
        "split_sha256": frozen.split.sha256,
        "test_look": number,
        "warnings": [*measured["warnings"], *warnings_of_looks(number)],
    }


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
