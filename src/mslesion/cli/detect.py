"""``mslesion detect``: the lesions in one scan or in many."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mslesion.cli.command import (
    Command,
    add_output,
    given_path,
    natural,
    number,
    say,
    say_doubts,
    share,
)
from mslesion.errors import MslesionError
from mslesion.told import probability

if TYPE_CHECKING:
    from mslesion.detector import Detector
    from mslesion.read.detections import DetectionFiles
    from mslesion.verdict import VerdictModel

MODELS = ("default", "small")
"""Those of :data:`mslesion.lesions.model.SHIPPED`, which takes PyTorch to import."""


def _detect_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data", type=given_path, metavar="SCAN|FOLDER|BIDS|DICOM",
        help="one FLAIR scan, a folder of them, a BIDS dataset, or a folder of DICOM files",
    )  # fmt: skip
    add_output(parser, "folder of the results")
    parser.add_argument(
        "--resume", action="store_true",
        help="leave scans alone that are done: same scan, same options, same version",
    )  # fmt: skip
    parser.add_argument(
        "--volume", type=natural, metavar="N",
        help="which volume to take, from 0, where a file holds several",
    )  # fmt: skip
    parser.add_argument(
        "--dicom-seg", action="store_true",
        help="of DICOM input: also write the lesions as DICOM segmentations (mask and "
        "probability) and a structured report, which belong to the study of the source",
    )  # fmt: skip
    parser.add_argument(
        "--keep-patient", action="store_true",
        help="let the objects of --dicom-seg name the patient, as an archive needs it to file "
        "them (default: name, number, dates and the like are left empty)",
    )  # fmt: skip
    add_detector_options(parser)


def add_detector_options(parser: argparse.ArgumentParser) -> None:
    """Which detector, and at which operating point."""
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        "--model", choices=MODELS, default="default",
        help="'small' is the smaller network (default: default)",
    )  # fmt: skip
    weights.add_argument(
        "--model-path", type=given_path, metavar="FILE",
        help="a detector of your own, that 'mslesion train-detector' wrote",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=share, metavar="T",
        help="lesions reach as far as the calibrated probability is above T (default: the model's "
        "own, chosen on validation people)",
    )  # fmt: skip
    parser.add_argument(
        "--min-peak", type=share, metavar="P",
        help="leave out lesions whose probability is nowhere above P (default: the model's own)",
    )  # fmt: skip
    parser.add_argument(
        "--min-lesion-mm3", type=number, metavar="V",
        help="leave out lesions smaller than V (default: the model's own)",
    )  # fmt: skip


def chosen_detector(options: argparse.Namespace) -> Detector:
    """The detector that the options of :func:`add_detector_options` ask for."""
    from mslesion.detector import load_detector

    return load_detector(
        options.model,
        options.model_path,
        options.threshold,
        options.min_peak,
        options.min_lesion_mm3,
    )


def _detect(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import asked_dicom, detect_all, doubts_beforehand, refuse_unreadable
    from mslesion.read.names import is_folder

    asked_dicom(options.data, dicom_seg=options.dicom_seg, keep_patient=options.keep_patient)
    if not is_folder(options.data):
        refuse_unreadable(options.data, options.output, options.volume)
    say_doubts(doubts_beforehand(options.data, options.output))
    detector = chosen_detector(options)
    outcomes = detect_all(
        options.data,
        options.output,
        detector,
        resume=options.resume,
        volume=options.volume,
        dicom_seg=options.dicom_seg,
        keep_patient=options.keep_patient,
    )
    done = [outcome.files for outcome in outcomes if outcome.error is None]
    for line in _on_many(done, options.output) if is_folder(options.data) else _on_one(*done):
        say(line)
    say(caution(detector.verdict))
    return [outcome.error for outcome in outcomes if outcome.error is not None]


def _on_one(files: DetectionFiles) -> Iterator[str]:
    summary = files.read_summary()
    yield from (_found(summary), _verdict(summary), *_warnings(summary))
    yield f"report: {files.report}"
    if "patient_in_dicom" in summary:
        yield f"DICOM objects: {', '.join(path.name for path in files.dicom)}"


def _on_many(done: Iterable[DetectionFiles], output: Path) -> Iterator[str]:
    from mslesion.write.run import COHORT, LESIONS

    yield from scan_lines(done)
    yield f"all scans: {output / COHORT}, {output / LESIONS}"


def scan_lines(done: Iterable[DetectionFiles]) -> Iterator[str]:
    """What was found in each scan, in a line."""
    for files in done:
        summary = files.read_summary()
        yield "; ".join((_found(summary), _verdict(summary), *_warnings(summary)))


def _found(summary: dict[str, Any]) -> str:
    count = summary["lesion_count"]
    lesions = f"{count or 'no'} lesion{'' if count == 1 else 's'}"
    return f"{summary['name']}: {lesions}, {summary['lesion_volume_ml']:.2f} ml"


def _verdict(summary: dict[str, Any]) -> str:
    if summary["abstained"]:
        return f"{summary['verdict']}: {summary['abstained_reason']}"
    return f"{summary['verdict']} (probability {probability(summary['ms_probability'])})"


def _warnings(summary: dict[str, Any]) -> Iterator[str]:
    """Those that are not the reason of a missing verdict, which is told already."""
    for warning in summary["warnings"]:
        if warning not in (summary["abstained_reason"] or ""):
            yield f"warning: {warning}"


def caution(verdict: VerdictModel | None) -> str:
    """What nobody may overlook, and how often a verdict errs where that was measured."""
    if verdict is None:
        return "research use only, no diagnosis"
    rate, low, high = verdict.control_false_positive_rate
    return (
        f"research use only, no diagnosis; of simulated controls {rate:.1%} are called MS "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )


DETECT = Command(
    "detect",
    "find the lesions in one FLAIR scan or in many",
    "Find the lesions in FLAIR scans of any scanner, with or without skull, and write masks, "
    "tables and a report of each. Research use only: the answer is no diagnosis.",
    "  mslesion detect scan_FLAIR.nii.gz --output OUT\n"
    "  mslesion detect my-bids-dataset --output my-bids-dataset/derivatives/mslesion --resume\n"
    "  mslesion detect folder-of-scans --model small --output OUT\n"
    "  mslesion detect dicom-folder --dicom-seg --output OUT",
    _detect_arguments,
    _detect,
)
