"""``mslesion BIDS_DIR OUT_DIR participant|group``: the call that all BIDS-Apps share."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.cli.command import Command, given_path, positive, say
from mslesion.cli.detect import add_detector_options, caution, chosen_detector, scan_lines
from mslesion.errors import MslesionError

if TYPE_CHECKING:
    from mslesion.cohort.people import Cohort

LEVELS = ("participant", "group")


def is_bids_app_call(words: Sequence[str], commands: Collection[str]) -> bool:
    """Whether a command line is a BIDS-App's: it begins with no command, and names a level.

    One that begins with a folder and names no level is taken for it too, so that the complaint is
    of the level that is missing. A dataset that is named as a command is written ``./detect``.
    """
    if not words or words[0] in commands:
        return False
    if any(level in words for level in LEVELS):
        return True
    if words[0].startswith("-"):
        return False
    from mslesion.read.names import is_folder

    return is_folder(Path(words[0]))


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bids_dir", type=given_path, metavar="BIDS_DIR", help="the BIDS dataset")
    parser.add_argument(
        "output_dir", type=given_path, metavar="OUT_DIR",
        help="folder of the results, customarily BIDS_DIR/derivatives/mslesion",
    )  # fmt: skip
    parser.add_argument(
        "analysis_level", choices=LEVELS,
        help="'participant' finds the lesions in each scan; 'group' makes one table and one "
        "report of what was found",
    )  # fmt: skip
    parser.add_argument(
        "--participant-label", "--participant_label", nargs="+", default=[], metavar="LABEL",
        help="only these participants, with or without 'sub-' (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--session-label", "--session_label", nargs="+", default=[], metavar="LABEL",
        help="only these sessions, with or without 'ses-' (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-bids-validation", "--skip_bids_validation", action="store_true",
        help="take a dataset without, or with a damaged, dataset_description.json",
    )  # fmt: skip
    parser.add_argument(
        "--resume", action="store_true",
        help="leave scans alone that are done: same scan, same options, same version",
    )  # fmt: skip
    parser.add_argument(
        "--stop-on-first-crash", "--stop_on_first_crash", action="store_true",
        help="end with the first scan that cannot be used, instead of setting it aside",
    )  # fmt: skip
    parser.add_argument(
        "-w", "--work-dir", "--work_dir", type=given_path, metavar="DIR",
        help="where temporary files go; mslesion itself needs none",
    )  # fmt: skip
    parser.add_argument(
        "--nthreads", "--n-threads", "--n_cpus", "--n-cpus", "--threads", dest="threads",
        type=positive, metavar="N",
        help="how many cores a detection may use; results do not depend on it (default: all)",
    )  # fmt: skip
    parser.add_argument(
        "--mem-mb", "--mem_mb", type=positive, metavar="N",
        help="set scans aside that may need more memory than this (default: no limit)",
    )  # fmt: skip
    parser.add_argument(
        "-v", "--verbose", action="count", default=0,
        help="a line on standard error for each participant as it begins; -vv: tracebacks too",
    )  # fmt: skip
    add_detector_options(parser)


def _run(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.commands.bids_app import chosen_scans, use_work_dir

    if options.work_dir is not None:
        use_work_dir(options.work_dir)
    # What is wrong with the request is told before PyTorch is loaded.
    cohort = chosen_scans(
        options.bids_dir,
        options.output_dir,
        participants=options.participant_label,
        sessions=options.session_label,
        is_checked=not options.skip_bids_validation,
    )
    level = _participants if options.analysis_level == LEVELS[0] else _group
    return level(cohort, options)


def _participants(cohort: Cohort, options: argparse.Namespace) -> list[MslesionError]:
    from mslesion.pipeline import detect_level

    detector = chosen_detector(options)
    outcomes = detect_level(
        cohort,
        options.output_dir,
        detector,
        resume=options.resume,
        stop_at_first=options.stop_on_first_crash,
        most_memory_mb=options.mem_mb,
    )
    for line in scan_lines(outcome.files for outcome in outcomes if outcome.error is None):
        say(line)
    say(f"results: {options.output_dir}; level 'group' makes a table and a report of them all")
    say(caution(detector.verdict))
    return [outcome.error for outcome in outcomes if outcome.error is not None]


def _group(cohort: Cohort, options: argparse.Namespace) -> list[MslesionError]:
    from mslesion.pipeline import group_level
    from mslesion.write.run import COHORT, LESIONS, REPORT

    output = options.output_dir
    outcomes = group_level(cohort, output)
    missing = [outcome.error for outcome in outcomes if outcome.error is not None]
    say(f"{len(outcomes) - len(missing)} of {len(outcomes)} scans have a result")
    say(f"all scans: {output / COHORT}, {output / LESIONS}")
    say(f"report: {output / REPORT}")
    say("research use only, no diagnosis")
    return missing


BIDS_APP = Command(
    "BIDS_DIR OUT_DIR {participant,group}",
    "the same as a BIDS-App",
    "Find the lesions in the FLAIR images of a BIDS dataset, as a BIDS-App. Jobs for different "
    "participants may run at the same time into one OUT_DIR; 'group' follows when they are done. "
    "Research use only: the answer is no diagnosis.",
    "  mslesion dataset dataset/derivatives/mslesion participant\n"
    "  mslesion dataset dataset/derivatives/mslesion participant --participant-label 01 02\n"
    "  mslesion dataset dataset/derivatives/mslesion group",
    _arguments,
    _run,
)
