"""``mslesion explain``: what a classifier's answers rest on, checked against the lesions."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from mslesion.cli.command import (
    Command,
    add_data,
    add_model,
    add_output,
    require_study,
    say,
    say_doubts,
)
from mslesion.cli.measures import measures_as_lines
from mslesion.errors import MslesionError


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser, "a cohort with lesion masks")
    add_output(parser, "folder of explanation_checks.json, explanations.csv and explanations.png")


def _explain(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.pipeline import explain

    answer = explain(options.model, Path(options.data), options.output, options.seed)
    checks = answer.summary
    say(
        f"{checks['classifier']}, {checks['question']}: {checks['slices']} slices with lesions of "
        f"{checks['people']} people; {checks['people_left_out_as_seen']} left out, seen in training"
    )
    for line in (*checks["warnings"], *measures_as_lines(checks["measures"])):
        say(line)
    say_doubts(answer.doubts)
    say(f"maps: {options.output / 'explanations.png'}")
    return answer.set_aside


EXPLAIN = Command(
    "explain",
    "map what a model's answers rest on, and check the maps",
    "Blur every patch of each slice that holds lesions, in people the model has not seen, and see "
    "how its answer changes. The maps are checked: how much of them lies in the lesions, how fast "
    "the answer falls when their highest pixels go first, and whether a network of random weights "
    "gives another map.",
    "  mslesion explain model --data other-dataset --output explanation",
    _arguments,
    _explain,
)
