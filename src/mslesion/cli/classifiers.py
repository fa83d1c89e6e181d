"""``mslesion train`` and ``predict``: one classifier of slices of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from mslesion.cli.command import (
    Command,
    add_data,
    add_model,
    add_output,
    add_split,
    require_study,
    say,
    say_doubts,
)
from mslesion.errors import MslesionError
from mslesion.told import counted

CLASSIFIERS = {"cnn": "CNN", "tree": "decision tree", "svm": "SVM"}


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser, "a cohort's folder")
    add_output(parser, "folder of the model")
    parser.add_argument("--label", choices=("diagnosis", "lesion"), required=True,
                        help="the question to learn")  # fmt: skip
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), default="cnn",
                        help="default: cnn")  # fmt: skip
    add_split(parser, "a split that 'split' froze; without it, one is drawn with --seed")


def _train(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.evaluation.predictions import Question
    from mslesion.pipeline import train
    from mslesion.read.split import read_split

    answer = train(
        Path(options.data),
        options.output,
        Question(options.label),
        CLASSIFIERS[options.classifier],
        options.seed,
        frozen=None if options.split is None else read_split(options.split),
    )
    done = answer.summary
    say(
        f"{CLASSIFIERS[options.classifier]} trained on {done['training_slices']} slices; accuracy "
        f"{done['validation_accuracy']:.1%} on {done['validation_slices']} validation slices"
    )
    say_doubts(answer.doubts)
    say(f"model: {options.output}")
    return answer.set_aside


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser, "one scan, or a cohort's folder")
    add_output(parser, "folder of predictions.csv and people.csv")


def _predict(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.pipeline import predict

    answer = predict(options.model, Path(options.data), options.output)
    for person in answer.summary["people"]:
        say(
            f"{person['person_id']}: {person['question']} {person['answer']} "
            f"({_SCORES[person['rule']]} {person['score']:.2f}, "
            f"{counted(person['slices'], 'slice')})"
        )
    say_doubts(answer.doubts, options.output / "people.csv")
    say(f"every slice: {options.output / 'predictions.csv'}")
    return answer.set_aside


_SCORES = {"mean probability": "mean slice score", "any slice": "highest slice score"}


TRAIN = Command(
    "train",
    "train one classifier and save it",
    "Train one classifier on the training people of a cohort; its test people stay unseen.",
    "  mslesion train --data cohort --label lesion --output model\n"
    "  mslesion train --data cohort --label diagnosis --classifier svm --output model-svm",
    _train_arguments,
    _train,
)


PREDICT = Command(
    "predict",
    "ask a saved model about scans without labels",
    "Ask a saved model about every slice of one or many scans. Research use only: the answer "
    "is no diagnosis.",
    "  mslesion predict model --data scan_FLAIR.nii.gz --output prediction\n"
    "  mslesion predict model --data my-bids-dataset --output predictions",
    _predict_arguments,
    _predict,
)
