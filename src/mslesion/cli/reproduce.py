"""``mslesion reproduce``: the paper's study on a cohort."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable
from pathlib import Path

from mslesion.cli.command import (
    Command,
    add_data,
    add_output,
    positive,
    require_study,
    say,
    say_doubts,
)
from mslesion.cli.simulate import PEOPLE
from mslesion.errors import UsageError

SIMULATED = "simulated"
_LEAST_PEOPLE = 6
"""Of a study: each class needs somebody to train on, to choose with and to test."""


def _reproduce_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser, f"a cohort's folder, or '{SIMULATED}' for one made here")
    add_output(parser, "folder of the report")
    parser.add_argument(
        "--label", choices=("diagnosis", "lesion"),
        help="ask of each slice: is its person labelled MS, or does it hold a lesion? "
        "(default: both, where the data answer them)",
    )  # fmt: skip
    parser.add_argument(
        "--split", choices=("patient", "slice"), default="patient",
        help="'patient' keeps each person's slices together, with the leaking slice split beside "
        "it for comparison; 'slice' runs that demonstration alone (default: patient)",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=positive, default=1,
        help="1: one split into 60 %% training, 20 %% validation, 20 %% test, as in the paper; "
        "more: cross-validation (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--people", type=positive,
        help=f"size of the simulated cohort, with --data {SIMULATED} (default: {PEOPLE})",
    )  # fmt: skip


def _reproduce(options: argparse.Namespace) -> Iterable[str]:
    require_study()
    from mslesion.evaluation.predictions import Question, SplitUnit
    from mslesion.paper.study import StudyRequest
    from mslesion.pipeline import reproduce

    data = Path(options.data)
    if options.people is not None and options.data != SIMULATED:
        raise UsageError("--people is for the simulated cohort", remedy="leave it out")
    if options.data == SIMULATED:
        options.people = options.people or PEOPLE
        data = options.output / "cohort"
        _simulate_for_study(options, data)
    units = {
        "patient": (SplitUnit.PATIENT, SplitUnit.SLICE),
        "slice": (SplitUnit.SLICE,),
    }[options.split]
    request = StudyRequest(
        questions=(Question(options.label),) if options.label else (),
        split_units=units,
        folds=options.folds,
        seed=options.seed,
        command=_command_of_study(options),
    )
    result = reproduce(data, options.output, request, options.threads)
    say_doubts(result.doubts, options.output / "report.html")
    say(f"report: {options.output / 'report.html'}")
    return result.set_aside


def _command_of_study(options: argparse.Namespace) -> str:
    """What gives the same study again; of paths, only the last part is told."""
    is_simulated = options.data == SIMULATED
    words = ["mslesion reproduce", f"--data {shlex.quote(Path(options.data).name)}"]
    words += [f"--people {options.people}"] if is_simulated else []
    words += [f"--label {options.label}"] if options.label else []
    words += [f"--split {options.split}", f"--folds {options.folds}", f"--seed {options.seed}"]
    return " ".join([*words, "--output OUT"])


def _simulate_for_study(options: argparse.Namespace, folder: Path) -> None:
    from mslesion.extras import require

    require("nilearn")
    from mslesion.simulate import CohortRecipe, simulate_cohort
    from mslesion.write.folder import output_folder

    if options.people < _LEAST_PEOPLE:
        raise UsageError(
            f"{options.people} people are too few for a study",
            remedy=f"give --people {_LEAST_PEOPLE} or more",
        )
    recipe = CohortRecipe(people=options.people, seed=options.seed)
    with output_folder(options.output):
        simulate_cohort(recipe, folder, options.threads)


REPRODUCE = Command(
    "reproduce",
    "run the paper's study: three classifiers, tables, figures, report",
    "Run the whole study of the paper on a cohort and hold the results against the paper's. "
    "Reads BIDS, the Mendeley and Kaggle MS datasets, open_ms_data, and folders of NIfTI.",
    "  mslesion reproduce --data simulated --output study\n"
    "  mslesion reproduce --data my-bids-dataset --label lesion --folds 5 --output study\n"
    "  mslesion reproduce --data kaggle-ms --split slice --output leakage-demonstration",
    _reproduce_arguments,
    _reproduce,
)
