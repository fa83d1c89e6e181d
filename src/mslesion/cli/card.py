"""``mslesion card``: model card and reporting checklists from result files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mslesion.cli.command import Command, add_output, given_path, say
from mslesion.errors import MslesionError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "results", type=given_path, metavar="RESULTS",
        help="output folder of reproduce, train-detector, evaluate or evaluate-detector",
    )  # fmt: skip
    parser.add_argument(
        "--about", type=given_path, metavar="JSON",
        help="what no computation can know, by topic (default: about.json in RESULTS, if any)",
    )  # fmt: skip
    add_output(parser, "folder of the card and the checklists")


def _card(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import write_cards

    answer = write_cards(options.results, options.output, options.about)
    for file, states in answer.summary.items():
        counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        say(f"{options.output / file}: {counted}")
    return ()


CARD = Command(
    "card",
    "write a model card and the CLAIM and TRIPOD+AI checklists",
    "Write a model card and the reporting checklists CLAIM (2024) and TRIPOD+AI from the result "
    "files of a folder. Each figure is read from a file; what no file holds is said to be not "
    "reported, with what would tell it. What no computation can know, as funding, is taken from "
    "about.json.",
    "  mslesion card study --output card\n"
    "  mslesion card my-detector --about about.json --output card",
    _arguments,
    _card,
)
