"""``mslesion train-detector`` and ``evaluate-detector``: a lesion detector of one's own."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from mslesion.cli.command import Command, add_output, given_path, natural, positive, say
from mslesion.cli.detect import add_detector_options, chosen_detector
from mslesion.cli.measures import measures_as_lines
from mslesion.errors import MslesionError
from mslesion.extras import require
from mslesion.told import counted

_FINE_TUNING_STEPS = 600
_FINE_TUNING_RATE = 5e-4


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=given_path, action="append", required=True, metavar="DATA",
        help="a cohort with lesion masks; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--lesion-free", type=given_path, action="append", default=[], metavar="DATA",
        help="scans in which there is no lesion to draw; may be given several times",
    )  # fmt: skip
    add_output(parser, "folder of the detector; the same command goes on where it stopped")
    parser.add_argument(
        "--model", choices=("default", "small"), default="default",
        help="networks of 150 or of 30 thousand weights (default: default)",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="start", metavar="MODEL",
        help="fine-tune: begin with the weights of 'default', 'small', or a file",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=natural, default=5,
        help="folds of the cross-validation that calibrates; 0 for none (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--networks", type=positive, metavar="N",
        help="how many answer together, trained alike from different seeds; each takes the time "
        "of one (default: 1)",
    )  # fmt: skip
    parser.add_argument("--fold-steps", type=positive, help="training steps of a fold")
    parser.add_argument("--steps", type=positive, help="training steps of the detector itself")
    parser.add_argument(
        "--simulated-people", type=positive, default=None, metavar="N",
        help="how many simulated people to learn from",
    )  # fmt: skip
    parser.add_argument(
        "--verdict-people", type=natural, default=None, metavar="N",
        help="how many simulated people the verdict is fitted on; 0 for no verdict",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=given_path, metavar="FOLDER",
        help="where simulated people are kept, 5 GB of them; several trainings may share it "
        "(default: in OUT)",
    )  # fmt: skip
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto",
        help="where to train (default: auto, a GPU where there is one; the shipped weights were "
        "trained on a CPU)",
    )  # fmt: skip


def _train(options: argparse.Namespace) -> Iterable[MslesionError]:
    require("sklearn", "nilearn")
    from dataclasses import replace

    from mslesion.lesions.learning.recipe import RECIPES
    from mslesion.pipeline import train_detector

    recipe = replace(RECIPES[options.model], folds=options.folds, seed=options.seed)
    if options.start is not None:
        recipe = replace(
            recipe,
            fold_steps=_FINE_TUNING_STEPS,
            final_steps=_FINE_TUNING_STEPS,
            learning_rate=_FINE_TUNING_RATE,
        )
    chosen = {
        "networks": options.networks,
        "fold_steps": options.fold_steps,
        "final_steps": options.steps,
        "simulated_people": options.simulated_people,
        "verdict_people": options.verdict_people,
    }
    recipe = replace(recipe, **{k: v for k, v in chosen.items() if v is not None})
    answer = train_detector(
        options.data,
        options.output,
        recipe,
        lesion_free=options.lesion_free,
        start=_start(options.start),
        cache=options.cache,
        workers=options.threads,
        device=options.device,
    )
    validation = answer.summary["validation"]
    for dataset, summary in (validation or {"datasets": {}})["datasets"].items():
        people = counted(summary["people"], "person", "people")
        say(f"{dataset}, {people}, each by networks that never saw them:")
        for line in measures_as_lines(summary["measures"]):
            say(line)
    say(f"detector: {answer.summary['path']}")
    return answer.set_aside


def _start(name: str | None) -> Path | None:
    from mslesion.lesions.model import SHIPPED, shipped_path

    if name is None:
        return None
    return shipped_path(name) if name in SHIPPED else Path(name)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=given_path, metavar="DATA", help="a cohort with lesion masks")
    add_output(parser, "folder of metrics.json")
    add_detector_options(parser)
    parser.add_argument(
        "--lesion-free", action="store_true",
        help="the scans have no masks, for there is no lesion in them",
    )  # fmt: skip


def _evaluate(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import evaluate_detector

    detector = chosen_detector(options)
    answer = evaluate_detector(
        options.data, options.output, detector, is_lesion_free=options.lesion_free
    )
    measured = answer.summary
    left_out = measured["people_left_out_as_seen"]
    scans, people = counted(measured["scans"], "scan"), measured["people"]
    say(f"{scans} of {counted(people, 'person', 'people')}; {left_out} seen in training")
    for line in (*measured["warnings"], *measures_as_lines(measured["measures"])):
        say(line)
    say(f"measures: {options.output / 'metrics.json'}")
    return answer.set_aside


TRAIN_DETECTOR = Command(
    "train-detector",
    "train a lesion detector on scans with lesion masks",
    "Train a lesion detector on scans with lesion masks and on simulated people, calibrate it by "
    "cross-validation, and fit its verdict. It takes hours; interrupted, the same command goes on.",
    "  mslesion train-detector --data my-bids-dataset --output my-detector\n"
    "  mslesion train-detector --data my-bids-dataset --from default --output my-detector\n"
    "  mslesion detect scan_FLAIR.nii.gz --model-path my-detector/model.safetensors --output OUT",
    _train_arguments,
    _train,
)

EVALUATE_DETECTOR = Command(
    "evaluate-detector",
    "measure a lesion detector against lesion masks",
    "Measure a lesion detector on people it was not trained on: Dice, lesion-wise F1, recall by "
    "size, false lesions, with intervals.",
    "  mslesion evaluate-detector my-bids-dataset --output evaluation\n"
    "  mslesion evaluate-detector controls --lesion-free --output false-lesions",
    _evaluate_arguments,
    _evaluate,
)
