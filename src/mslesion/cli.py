"""The command line: parses, delegates to the pipeline, prints, and tells the truth on exit.

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from mslesion import __version__
from mslesion.errors import MslesionError, UsageError

EXIT_SOME_REFUSED = 3
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

SIMULATED = "simulated"
_PEOPLE = 60
_LEAST_PEOPLE = 6
"""Of a study: each class needs somebody to train on, to choose with and to test."""

CLASSIFIERS = {"cnn": "CNN", "tree": "decision tree", "svm": "SVM"}


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"see '{self.prog} --help'")


@dataclass(frozen=True)
class Command:
    """One word of the command line."""

    name: str
    summary: str
    description: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Iterable[MslesionError | str]]
    """Does the work, prints its answer, gives an error (or its line) for each scan set aside."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says what happened (docs/reference/exit-codes.md)."""
    wants_traceback = "--debug" in (sys.argv if arguments is None else arguments)
    try:
        return _run(arguments)
    except MslesionError as error:
        if wants_traceback:
            traceback.print_exc()
        for line in (*getattr(error, "__notes__", ()), str(error)):
            _complain(line)
        return error.exit_code
    except KeyboardInterrupt:
        _complain("INTERRUPTED: run the same command again to go on")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left, as 'head' does; nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence names the bug as ours
        if wants_traceback:
            traceback.print_exc()
        _complain(
            f"BUG: {type(error).__name__}: {' '.join(str(error).split())}: "
            "this is our mistake; please report it with the output of --debug"
        )
        return EXIT_BUG


def _run(arguments: Sequence[str] | None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    _limit_threads(options.threads)
    from mslesion.display import progress_on_stderr

    with progress_on_stderr():
        set_aside = list(options.command.run(options))
    for error in set_aside:
        _complain(str(error))
    return EXIT_SOME_REFUSED if set_aside else 0


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _limit_threads(count: int) -> None:
    """Libraries read these when they are loaded, which has not happened yet."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(count)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="mslesion",
        description="Find multiple sclerosis lesions in brain MR images. Research use only.",
        epilog="examples:\n"
        "  mslesion reproduce --data simulated --output study\n"
        "  mslesion simulate cohort --people 60 --seed 0\n\n"
        "'mslesion COMMAND --help' shows the options and examples of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=None)
    parser.add_argument("--version", action="version", version=f"mslesion {__version__}")
    words = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    for command in COMMANDS:
        word = words.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog="examples:\n" + command.examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(word)
        word.add_argument(
            "--seed", type=_natural, default=0, metavar="N",
            help="start of all random numbers; the same seed gives the same files (default: 0)",
        )  # fmt: skip
        word.add_argument(
            "--threads", type=_positive, default=_usable_cores(), metavar="N",
            help="how many cores may share the work of 'simulate' and 'reproduce'; results do not "
            "depend on it (default: all)",
        )  # fmt: skip
        word.add_argument("--debug", action="store_true", help="show a traceback on errors")
        word.set_defaults(command=command)
    return parser


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _natural(text: str) -> int:
    return _integer(text, at_least=0)


def _positive(text: str) -> int:
    return _integer(text, at_least=1)


def _integer(text: str, at_least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None
    if value < at_least:
        raise argparse.ArgumentTypeError(f"{value} is below {at_least}")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


# --- simulate ------------------------------------------------------------------------------------


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, metavar="OUT", help="folder of the new BIDS dataset")
    parser.add_argument("--people", type=_positive, default=_PEOPLE, help=f"default: {_PEOPLE}")
    parser.add_argument("--ms-share", type=_share, default=0.5, help="default: 0.5")
    parser.add_argument(
        "--acquisition", choices=("axial2d", "volume3d", "mixed"), default="axial2d",
        help="23 thick axial slices, 1 mm volumes, or either at random (default: axial2d)",
    )  # fmt: skip
    parser.add_argument(
        "--skull", choices=("with", "without", "mixed"), default="with",
        help="whether skull and scalp are there; 'mixed' is at random (default: with)",
    )  # fmt: skip


def _simulate(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.extras import require

    require("nilearn")
    from mslesion.simulate import CohortRecipe, simulate_cohort

    recipe = CohortRecipe(
        people=options.people,
        ms_share=options.ms_share,
        seed=options.seed,
        acquisition=options.acquisition,
        skull=options.skull,
    )
    people = simulate_cohort(recipe, options.output, options.threads)
    _say(f"{len(people)} people in {options.output}")
    return ()


# --- reproduce -----------------------------------------------------------------------------------


def _reproduce_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser, f"a cohort's folder, or '{SIMULATED}' for one made here")
    _add_output(parser, "folder of the report")
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
        "--folds", type=_positive, default=1,
        help="1: one split into 60 %% training, 20 %% validation, 20 %% test, as in the paper; "
        "more: cross-validation (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--people", type=_positive,
        help=f"size of the simulated cohort, with --data {SIMULATED} (default: {_PEOPLE})",
    )  # fmt: skip


def _reproduce(options: argparse.Namespace) -> Iterable[str]:
    _require_study()
    from mslesion.evaluation.predictions import Question, SplitUnit
    from mslesion.paper.study import StudyRequest
    from mslesion.pipeline import reproduce

    data = Path(options.data)
    if options.people is not None and options.data != SIMULATED:
        raise UsageError("--people is for the simulated cohort", remedy="leave it out")
    if options.data == SIMULATED:
        options.people = options.people or _PEOPLE
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
    _say(f"report: {options.output / 'report.html'}")
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
    from mslesion.write.folder import claim_output_folder

    if options.people < _LEAST_PEOPLE:
        raise UsageError(
            f"{options.people} people are too few for a study",
            remedy=f"give --people {_LEAST_PEOPLE} or more",
        )
    claim_output_folder(options.output)
    recipe = CohortRecipe(people=options.people, seed=options.seed)
    simulate_cohort(recipe, folder, options.threads)


# --- train, evaluate, predict --------------------------------------------------------------------


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    _add_data(parser, "a cohort's folder")
    _add_output(parser, "folder of the model")
    parser.add_argument("--label", choices=("diagnosis", "lesion"), required=True,
                        help="the question to learn")  # fmt: skip
    parser.add_argument("--classifier", choices=tuple(CLASSIFIERS), default="cnn",
                        help="default: cnn")  # fmt: skip


def _train(options: argparse.Namespace) -> Iterable[MslesionError]:
    _require_study()
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
    _say(
        f"{CLASSIFIERS[options.classifier]} trained on {done['training_slices']} slices; accuracy "
        f"{done['validation_accuracy']:.1%} on {done['validation_slices']} validation slices"
    )
    _say(f"model: {options.output}")
    return answer.set_aside


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    _add_data(parser, "a cohort's folder, with labels or masks")
    _add_output(parser, "folder of metrics.json and predictions.csv")


def _evaluate(options: argparse.Namespace) -> Iterable[MslesionError]:
    _require_study()
    from mslesion.pipeline import evaluate

    answer = evaluate(options.model, Path(options.data), options.output, options.seed)
    for line in _measures_as_lines(answer.summary):
        _say(line)
    _say(f"measures: {options.output / 'metrics.json'}")
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
    _add_model(parser)
    _add_data(parser, "one scan, or a cohort's folder")
    _add_output(parser, "folder of predictions.csv and people.csv")


def _predict(options: argparse.Namespace) -> Iterable[MslesionError]:
    _require_study()
    from mslesion.pipeline import predict

    answer = predict(options.model, Path(options.data), options.output)
    for person in answer.summary["people"]:
        _say(
            f"{person['person_id']}: {person['question']} {person['answer']} "
            f"({_SCORES[person['rule']]} {person['score']:.2f}, {person['slices']} slices)"
        )
    _say(f"every slice: {options.output / 'predictions.csv'}")
    return answer.set_aside


_SCORES = {"mean probability": "mean slice score", "any slice": "highest slice score"}


def _require_study() -> None:
    from mslesion.extras import require

    require("torch", "sklearn", "skops", "safetensors", "matplotlib")


def _add_data(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--data", required=True, metavar="DATA", help=what)


def _add_output(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--output", type=Path, required=True, metavar="OUT", help=what)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder that 'train' wrote")


COMMANDS = (
    Command(
        "simulate",
        "make a cohort of simulated FLAIR scans with lesion masks",
        "Write a BIDS dataset of simulated FLAIR scans: people with MS with their lesion masks, "
        "and controls.",
        "  mslesion simulate cohort --people 60 --seed 0\n"
        "  mslesion simulate cohort-1mm --people 10 --acquisition volume3d --skull without",
        _simulate_arguments,
        _simulate,
    ),
    Command(
        "reproduce",
        "run the paper's study: three classifiers, tables, figures, report",
        "Run the whole study of the paper on a cohort and hold the results against the paper's. "
        "Reads BIDS, the Mendeley and Kaggle MS datasets, open_ms_data, and folders of NIfTI.",
        "  mslesion reproduce --data simulated --output study\n"
        "  mslesion reproduce --data my-bids-dataset --label lesion --folds 5 --output study\n"
        "  mslesion reproduce --data kaggle-ms --split slice --output leakage-demonstration",
        _reproduce_arguments,
        _reproduce,
    ),
    Command(
        "train",
        "train one classifier and save it",
        "Train one classifier on the training people of a cohort; its test people stay unseen.",
        "  mslesion train --data cohort --label lesion --output model\n"
        "  mslesion train --data cohort --label diagnosis --classifier svm --output model-svm",
        _train_arguments,
        _train,
    ),
    Command(
        "evaluate",
        "measure a saved model on people it has not seen",
        "Measure a saved model. People whose scans it was trained on are left out, whatever "
        "their files are called now.",
        "  mslesion evaluate model --data cohort --output evaluation",
        _evaluate_arguments,
        _evaluate,
    ),
    Command(
        "predict",
        "ask a saved model about scans without labels",
        "Ask a saved model about every slice of one or many scans. Research use only: the answer "
        "is no diagnosis.",
        "  mslesion predict model --data scan_FLAIR.nii.gz --output prediction\n"
        "  mslesion predict model --data my-bids-dataset --output predictions",
        _predict_arguments,
        _predict,
    ),
)
