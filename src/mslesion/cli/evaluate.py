"""``mslesion evaluate`` and ``compare``: answers of any tool against what an expert drew."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from math import isnan
from typing import Any

from mslesion.cli.command import (
    Command,
    add_output,
    add_split,
    given_path,
    require_study,
    say,
    say_doubts,
)
from mslesion.cli.measures import levels_as_lines, measures_as_lines
from mslesion.errors import MslesionError, UsageError
from mslesion.told import p_value


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "predictions", type=given_path, metavar="PREDICTIONS",
        help="lesion masks of any tool; or the folder that 'detect' wrote; or a model of 'train'",
    )  # fmt: skip
    parser.add_argument(
        "reference", type=given_path, metavar="REFERENCE",
        help="a cohort with lesion masks (or labels, for a model), or a folder of masks",
    )  # fmt: skip
    parser.add_argument(
        "--by", action="append", default=[], metavar="COLUMN",
        help="measure groups of people too, by a column of the reference's participants.tsv, as "
        "site or sex; numbers as ages are cut at their median (may be given several times)",
    )  # fmt: skip
    _add_only_common(parser)
    add_split(
        parser,
        "a split that 'split' froze: its test people alone are measured, and the look at them is "
        "logged beside it",
    )
    add_output(parser, "folder of metrics.json and its tables")


def _add_only_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only-common", action="store_true",
        help="leave out scans without a counterpart, instead of refusing",
    )  # fmt: skip


def _evaluate(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    if (options.predictions / "model.json").is_file():
        return _evaluate_classifier(options)
    from mslesion.pipeline import evaluate_masks
    from mslesion.read.split import read_split

    answer = evaluate_masks(
        options.predictions,
        options.reference,
        options.output,
        by=options.by,
        only_common=options.only_common,
        workers=options.threads,
        seed=options.seed,
        frozen=None if options.split is None else read_split(options.split),
    )
    measured = answer.summary
    say(_counted(measured))
    for line in (*measured["warnings"], *measures_as_lines(measured["measures"])):
        say(line)
    for line in levels_as_lines(measured):
        say(line)
    say(f"measures: {options.output / 'metrics.json'}")
    return answer.set_aside


def _evaluate_classifier(options: argparse.Namespace) -> Iterable[MslesionError]:
    for option, value in (("--only-common", options.only_common), ("--by", options.by)):
        if value:
            raise UsageError(f"{option} is for masks, not for a model", remedy="leave it out")
    from mslesion.pipeline import evaluate_classifier
    from mslesion.read.split import read_split

    answer = evaluate_classifier(
        options.predictions,
        options.reference,
        options.output,
        options.seed,
        frozen=None if options.split is None else read_split(options.split),
    )
    metrics = answer.summary
    test, left_out = metrics["slices"]["test"], metrics["people_left_out_as_seen"]
    say(
        f"{metrics['classifier']}, {metrics['question']}: {test['n_slices']} slices of "
        f"{test['n_people']} people; {left_out} left out, seen in training"
    )
    shown = ("accuracy", "sensitivity", "specificity", "auc")
    lines = measures_as_lines({name: test[name] for name in shown})
    say_doubts(answer.doubts, options.output / "metrics.json")
    for line in (*metrics["warnings"], *lines):
        say(line)
    say(f"measures: {options.output / 'metrics.json'}")
    return answer.set_aside


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=given_path, metavar="A", help="lesion masks of one tool")
    parser.add_argument("second", type=given_path, metavar="B", help="those of another")
    parser.add_argument(
        "--reference", type=given_path, required=True, metavar="R",
        help="a cohort with lesion masks, or a folder of masks",
    )  # fmt: skip
    _add_only_common(parser)
    add_split(
        parser,
        "a split that 'split' froze: its test people alone are compared, and the look at them is "
        "logged beside it",
    )
    add_output(parser, "folder of comparisons.json")


def _compare(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.pipeline import compare
    from mslesion.read.split import read_split

    answer = compare(
        options.first,
        options.second,
        options.reference,
        options.output,
        only_common=options.only_common,
        workers=options.threads,
        seed=options.seed,
        frozen=None if options.split is None else read_split(options.split),
    )
    compared = answer.summary
    say(f"{_counted(compared)}, A minus B")
    for line in (*compared["warnings"], *_differences_as_lines(compared["measures"])):
        say(line)
    say(f"comparison: {options.output / 'comparisons.json'}")
    return answer.set_aside


def _counted(measured: dict[str, Any]) -> str:
    scans, people = measured["scans"], measured["people"]
    return (
        f"{scans} {'scan' if scans == 1 else 'scans'} of "
        f"{people} {'person' if people == 1 else 'people'}"
    )


def _differences_as_lines(measures: dict[str, Any]) -> Iterable[str]:
    for name, found in measures.items():
        if isnan(found["difference"]):
            yield f"  {name:<32} n/a"
            continue
        interval = "" if isnan(found["low"]) else f" ({found['low']:.3f} to {found['high']:.3f})"
        yield (
            f"  {name:<32} {found['first']:.3f} - {found['second']:.3f} = "
            f"{found['difference']:.3f}{interval}, p {p_value(found['p'])}, "
            f"Holm {p_value(found['p_holm'])}"
        )


EVALUATE = Command(
    "evaluate",
    "measure the answers of any tool against a reference",
    "Measure lesion masks of any tool against reference masks: Dice, borders, lesions found and "
    "false ones by size, slices with and without lesions, with intervals over people. Of what "
    "'detect' wrote, its probabilities of slices and of people are measured too, and the FROC. "
    "Masks are matched to references by name. A "
    "model of 'train' is measured on people it has not seen, whatever their files are called now.",
    "  mslesion evaluate detections my-bids-dataset --output evaluation\n"
    "  mslesion evaluate detections my-bids-dataset --by site --by age --output evaluation\n"
    "  mslesion evaluate masks-of-another-tool my-bids-dataset --output evaluation\n"
    "  mslesion evaluate model other-dataset --output evaluation",
    _evaluate_arguments,
    _evaluate,
)

COMPARE = Command(
    "compare",
    "compare the lesion masks of two tools on the same scans",
    "Compare two tools on the same scans: each measure of both, the difference with its paired "
    "interval, and a permutation test over people, corrected for the number of measures.",
    "  mslesion compare detections other-masks --reference my-bids-dataset --output comparison",
    _compare_arguments,
    _compare,
)
