"""``mslesion split``: who trains, validates and tests, frozen before anything is fitted."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mslesion.cli.command import Command, add_output, given_path, positive, say
from mslesion.errors import MslesionError


def _split_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=given_path, metavar="COHORT", help="a cohort's folder")
    add_output(parser, "new folder of split.json, and of the log of looks at its test people")
    parser.add_argument(
        "--folds", type=positive, default=1,
        help="1: 60 %% training, 20 %% validation, 20 %% test; more: cross-validation, in which "
        "everybody is tested once (default: 1)",
    )  # fmt: skip


def _split(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import freeze_split

    answer = freeze_split(options.data, options.output, folds=options.folds, seed=options.seed)
    for number, (training, validation, test) in enumerate(answer.summary["people"]):
        say(f"fold {number}: {training} people train, {validation} validate, {test} are tested")
    say(f"SHA-256 of the split: {answer.summary['sha256']}")
    say(f"SHA-256 of the data set: {answer.summary['dataset_sha256']}")
    say(f"split: {options.output / 'split.json'}")
    return answer.set_aside


SPLIT = Command(
    "split",
    "freeze who trains, validates and is tested",
    "Divide the people of a cohort, by diagnosis, site (column 'site' of participants.tsv) and "
    "lesion load, before anything is fitted. Give the file to 'reproduce', 'train', 'evaluate' and "
    "'compare' with --split; beside it they log every look at the test people.",
    "  mslesion split my-bids-dataset --output frozen\n"
    "  mslesion split my-bids-dataset --folds 5 --output frozen-5-folds\n"
    "  mslesion train --data my-bids-dataset --label lesion --split frozen/split.json "
    "--output model",
    _split_arguments,
    _split,
)
