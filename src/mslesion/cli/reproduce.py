"""``mslesion reproduce``: the paper's study on a cohort."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from mslesion.cohort.split import FrozenSplit
    from mslesion.evaluation.predictions import SplitUnit
    from mslesion.paper.protocol import Protocol

SIMULATED = "simulated"
_DRAWN_SPLITS = {"patient": ("patient", "slice"), "slice": ("slice",)}
"""What ``--split`` may be beside a file, and the units that are divided then."""
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
        "--split", default="patient", metavar="patient|slice|FILE",
        help="'patient' keeps each person's slices together, with the leaking slice split beside "
        "it for comparison; 'slice' runs that demonstration alone; a file that 'split' wrote runs "
        "the patient split alone as it was frozen there (default: patient)",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=positive,
        help="1: one split into 60 %% training, 20 %% validation, 20 %% test, as in the paper; "
        "more: cross-validation (default: 1, or those of the frozen split)",
    )  # fmt: skip
    parser.add_argument(
        "--inner-folds", type=positive, default=1, metavar="M",
        help="1: the validation people choose settings and epoch; more: nested cross-validation, "
        "in which inner folds of all who are not tested choose them (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=positive, default=1, metavar="K",
        help="fit everything K times on the same split, with seeds from --seed on (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--people", type=positive,
        help=f"size of the simulated cohort, with --data {SIMULATED} (default: {PEOPLE})",
    )  # fmt: skip


def _reproduce(options: argparse.Namespace) -> Iterable[str]:
    require_study()
    from mslesion.evaluation.predictions import Question
    from mslesion.paper.study import StudyRequest
    from mslesion.pipeline import reproduce

    units, frozen = _split_asked_for(options)
    data = Path(options.data)
    if options.people is not None and options.data != SIMULATED:
        raise UsageError("--people is for the simulated cohort", remedy="leave it out")
    if options.data == SIMULATED:
        options.people = options.people or PEOPLE
        data = options.output / "cohort"
        _simulate_for_study(options, data)
    request = StudyRequest(
        questions=(Question(options.label),) if options.label else (),
        split_units=units,
        folds=options.folds or 1,
        seed=options.seed,
        protocol=_protocol(options.inner_folds),
        frozen=frozen,
        seeds=options.seeds,
        command=_command_of_study(options),
    )
    result = reproduce(data, options.output, request, options.threads)
    say_doubts(result.doubts, options.output / "report.html")
    say(f"report: {options.output / 'report.html'}")
    return result.set_aside


def _split_asked_for(
    options: argparse.Namespace,
) -> tuple[tuple[SplitUnit, ...], FrozenSplit | None]:
    """What is divided, and the frozen split where one was named."""
    from mslesion.evaluation.predictions import SplitUnit
    from mslesion.read.split import read_split

    if options.split in _DRAWN_SPLITS:
        return tuple(SplitUnit(unit) for unit in _DRAWN_SPLITS[options.split]), None
    file = Path(options.split)
    if not file.is_file():
        raise UsageError(
            f"--split {options.split} is no file, and neither 'patient' nor 'slice'",
            remedy="give one of these, or the file that 'mslesion split' wrote",
        )
    frozen = read_split(file)
    if options.folds not in (None, len(frozen.split.folds)):
        raise UsageError(
            f"--folds {options.folds}, but the frozen split has {len(frozen.split.folds)}",
            remedy="leave out --folds",
            file=file,
        )
    # Its test people stay out of every training, and so out of a slice split.
    return (SplitUnit.PATIENT,), frozen


def _protocol(inner_folds: int) -> Protocol:
    from mslesion.paper.protocol import Protocol

    chosen = Protocol()
    return replace(chosen, decision=replace(chosen.decision, inner_folds=inner_folds))


def _command_of_study(options: argparse.Namespace) -> str:
    """What gives the same study again, without the names of folders."""
    is_simulated = options.data == SIMULATED
    words = ["mslesion reproduce", f"--data {SIMULATED if is_simulated else 'DATA'}"]
    words += [f"--people {options.people}"] if is_simulated else []
    words += [f"--label {options.label}"] if options.label else []
    words += [f"--split {options.split if options.split in _DRAWN_SPLITS else 'FILE'}"]
    words += [f"--folds {options.folds}"] if options.folds else []
    words += [f"--inner-folds {options.inner_folds}"] if options.inner_folds > 1 else []
    words += [f"--seeds {options.seeds}"] if options.seeds > 1 else []
    words += [f"--seed {options.seed}"]
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
    "  mslesion reproduce --data my-bids-dataset --split frozen/split.json --inner-folds 3 "
    "--seeds 5 --output study\n"
    "  mslesion reproduce --data kaggle-ms --split slice --output leakage-demonstration",
    _reproduce_arguments,
    _reproduce,
)
