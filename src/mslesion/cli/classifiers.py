"""``mslesion train``, ``evaluate``, ``predict``: one classifier of slices of its own."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mslesion.cli.command import Command, add_data, add_model, add_output, require_study, say
from mslesion.errors import MslesionError

CLASSIFIERS = {"cnn": "CNN", "tree": "decision tree", "svm": "SVM"}


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    add_data(parser, "a cohort's folder")
    add_output(parser, "folder of the model")
    parser.add_argument("--label", choices=("diagnosis", "lesion"), required=True,
                        help="the question to learn")  # fmt: skip
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), default="cnn",
                        help="default: cnn")  # fmt: skip


def _train(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.evaluation.predictions import Question
    from mslesion.pipeline import train

    answer = train(
        Path(options.data),
        options.output,
        Question(options.label),
        CLASSIFIERS[options.classifier],
        options.seed,
    )
    done = answer.summary
    say(
        f"{CLASSIFIERS[options.classifier]} trained on {done['training_slices']} slices; accuracy "
        f"{done['validation_accuracy']:.1%} on {done['validation_slices']} validation slices"
    )
    say(f"model: {options.output}")
    return answer.set_aside


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_data(parser, "a cohort's folder, with labels or masks")
    add_output(parser, "folder of metrics.json and predictions.csv")


def _evaluate(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.pipeline import evaluate

    answer = evaluate(options.model, Path(options.data), options.output, options.seed)
    for line in _measures_as_lines(answer.summary):
        say(line)
    say(f"measures: {options.output / 'metrics.json'}")
    return answer.set_aside


def _measures_as_lines(metrics: dict[str, Any]) -> Iterable[str]:
    test = metrics["slices"]["test"]
    seen = metrics["people_left_out_as_seen"]
    yield (
        f"{metrics['classifier']}, {metrics['question']}: {test['n_slices']} slices of "
        f"{test['n_people']} people; {seen} left out, seen in training"
    )
    yield from metrics["warnings"]
    for name in ("accuracy", "sensitivity", "specificity", "auc"):
        estimate = test[name]
        if estimate["value"] is None:
            yield f"  {name:<12} n/a"
        elif estimate["low"] is None:
            yield f"  {name:<12} {estimate['value']:.3f}"
        else:
            yield (
                f"  {name:<12} {estimate['value']:.3f}  "
                f"(95 % interval {estimate['low']:.3f} to {estimate['high']:.3f})"
            )


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
            f"({_SCORES[person['rule']]} {person['score']:.2f}, {person['slices']} slices)"
        )
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


EVALUATE = Command(
    "evaluate",
    "measure a saved model on people it has not seen",
    "Measure a saved model. People whose scans it was trained on are left out, whatever "
    "their files are called now.",
    "  mslesion evaluate model --data cohort --output evaluation",
    _evaluate_arguments,
    _evaluate,
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
