"""``mslesion study``: what each choice of the paper brings, measured one at a time."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mslesion.cli.command import Command, add_output, given_path, require_study, say


def _study_arguments(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "folder of study.md, its images, and results/study")
    parser.add_argument(
        "--data", type=given_path, metavar="DATA",
        help="folder of the datasets 'tabriz' and 'ljubljana-mni'; without them, or without it, "
        "what needs them is left out",
    )  # fmt: skip
    parser.add_argument(
        "--detector-results", type=given_path, metavar="FILE",
        help="detector-default.json of 'make detector', for the detector on real scans",
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--plan", action="store_true", help="say what would be run, and how long it takes"
    )
    what.add_argument(
        "--page-only", action="store_true",
        help="write the page again from the results in OUT; refused where a number has no source",
    )  # fmt: skip
    parser.add_argument(
        "--rehearsal", action="store_true",
        help="the same way with few people, seeds and epochs: minutes, and figures without meaning",
    )  # fmt: skip


def _study(options: argparse.Namespace) -> Iterable[str]:
    require_study()
    from mslesion.experiments.experiment import FULL, REHEARSAL
    from mslesion.experiments.plan import estimated_minutes
    from mslesion.experiments.study import StudyOrder, make_bench, planned
    from mslesion.pipeline import study

    order = StudyOrder(
        output=options.output,
        data=options.data,
        scale=REHEARSAL if options.rehearsal else FULL,
        detector_results=options.detector_results,
        workers=options.threads,
        command=_command_of_study(options),
    )
    if not options.page_only:
        bench = make_bench(order)
        minutes = list(estimated_minutes(planned(order, bench), bench))
        for name, each in minutes:
            say(f"  {name:<24} {each:5.1f} core minutes")
        total = sum(each for _, each in minutes)
        say(f"about {total:.0f} core minutes of fits and detections, cohorts not counted")
    if options.plan:
        return ()
    say(f"page: {study(order, page_only=options.page_only)}")
    return ()


def _command_of_study(options: argparse.Namespace) -> str:
    """What gives the same study again, without the names of folders."""
    words = ["mslesion study"]
    words += ["--data DATA"] if options.data is not None else []
    words += ["--detector-results FILE"] if options.detector_results is not None else []
    words += ["--rehearsal"] if options.rehearsal else []
    return " ".join([*words, "--output OUT"])


STUDY = Command(
    "study",
    "measure what each choice of the paper brings, and write the page of it",
    "Run the study of docs/study.md: classifiers, split, random labels, input size, slice "
    "thickness, pooling, augmentation, other scanners. What has a result is not run again; an "
    "interrupted run goes on when the same command is given.",
    "  mslesion study --plan --data datasets --output study\n"
    "  mslesion study --data datasets --detector-results detector-default.json --output study\n"
    "  mslesion study --page-only --output study",
    _study_arguments,
    _study,
)
