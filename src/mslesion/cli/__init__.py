"""The command line: parses, delegates to the pipeline, prints, and tells the truth on exit.

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from mslesion import __version__
from mslesion.cli.audit import AUDIT
from mslesion.cli.bids_app import BIDS_APP, is_bids_app_call
from mslesion.cli.card import CARD
from mslesion.cli.claims import CLAIMS
from mslesion.cli.classifiers import PREDICT, TRAIN
from mslesion.cli.command import heard_or_not, positive, seed
from mslesion.cli.detect import DETECT
from mslesion.cli.detectors import EVALUATE_DETECTOR, TRAIN_DETECTOR
from mslesion.cli.evaluate import COMPARE, EVALUATE
from mslesion.cli.explain import EXPLAIN
from mslesion.cli.reproduce import REPRODUCE
from mslesion.cli.simulate import SIMULATE
from mslesion.cli.split import SPLIT
from mslesion.cli.study import STUDY
from mslesion.cli.view import VIEW
from mslesion.errors import MslesionError, UnforeseenError, UnreadableFileError, UsageError

EXIT_SOME_REFUSED = 3
EXIT_INTERRUPTED = 130

COMMANDS = (
    DETECT, VIEW, EVALUATE, COMPARE, TRAIN_DETECTOR, EVALUATE_DETECTOR, SIMULATE, SPLIT, REPRODUCE,
    TRAIN, PREDICT, EXPLAIN, AUDIT, CLAIMS, STUDY, CARD,
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line like all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, remedy=f"see '{self.prog} --help'")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code says what happened (docs/reference/exit-codes.md)."""
    wants_traceback = "--debug" in (sys.argv if arguments is None else arguments)
    with heard_or_not():
        return _run_and_tell(arguments, wants_traceback=wants_traceback)


def _run_and_tell(arguments: Sequence[str] | None, *, wants_traceback: bool) -> int:
    try:
        return _run(arguments)
    except MslesionError as error:
        if wants_traceback:
            traceback.print_exc()
        for line in (*getattr(error, "__notes__", ()), str(error)):
            _complain(line)
        return error.exit_code
    except KeyboardInterrupt:
        again = "run the same command again to go on ('detect', 'participant': with --resume)"
        _complain(f"INTERRUPTED: {again}")
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence names the bug as ours
        if wants_traceback:
            traceback.print_exc()
        told = _forbidden(error) or UnforeseenError.of(error)
        _complain(str(told))
        return told.exit_code


def _forbidden(error: Exception) -> MslesionError | None:
    """What a path that the system does not let us use comes to; None for any other error."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    if error.errno not in {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP}:
        return None
    return UnreadableFileError(
        f"cannot be used ({error.strerror})",
        remedy="check the path, and ask for the right to it",
        file=error.filename,
    )


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    is_bids_app = is_bids_app_call(words, [command.name for command in COMMANDS])
    parser = build_bids_app_parser() if is_bids_app else build_parser()
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    _limit_threads(options.threads)
    from mslesion.display import progress_on_stderr

    with progress_on_stderr(each=options.verbose > 0):
        set_aside = list(options.command.run(options))
    for error in set_aside:
        if (options.debug or options.verbose > 1) and isinstance(error, MslesionError):
            sys.stderr.write(error.traceback_text or "".join(traceback.format_exception(error)))
        _complain(str(error))
    return EXIT_SOME_REFUSED if set_aside else 0


def _complain(line: str) -> None:
    sys.stderr.write(line + "\n")


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
        "  mslesion detect scan_FLAIR.nii.gz --output OUT\n"
        "  mslesion reproduce --data simulated --output study\n"
        "  mslesion simulate cohort --people 60 --seed 0\n\n"
        "as a BIDS-App:\n"
        "  mslesion BIDS_DIR OUT_DIR participant --participant-label 01 02\n"
        "  mslesion BIDS_DIR OUT_DIR group\n"
        "'mslesion participant --help' shows the options of these.\n\n"
        "'mslesion COMMAND --help' shows the options and examples of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=None, verbose=0)
    _add_version(parser)
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
            "--seed", type=seed, default=0, metavar="N",
            help="start of all random numbers; the same seed gives the same files (default: 0)",
        )  # fmt: skip
        word.add_argument(
            "--threads", type=positive, default=_usable_cores(), metavar="N",
            help="how many cores may share the work of detection, training and simulation; "
            "results do not depend on it (default: all)",
        )  # fmt: skip
        _add_debug(word)
        word.set_defaults(command=command)
    return parser


def build_bids_app_parser() -> argparse.ArgumentParser:
    """The command line of the BIDS-App."""
    parser = _Parser(
        prog="mslesion",
        description=BIDS_APP.description,
        epilog="examples:\n" + BIDS_APP.examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_version(parser)
    BIDS_APP.add_arguments(parser)
    _add_debug(parser)
    parser.set_defaults(command=BIDS_APP, threads=_usable_cores())
    return parser


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", action="version", version=f"mslesion {__version__}")


def _add_debug(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show a traceback on errors")


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
