"""``mslesion view``: look at the lesions that were found, and accept or reject them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from mslesion.cli.command import Command, given_path, natural, say
from mslesion.errors import MslesionError


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=given_path, metavar="OUT", help="folder that 'detect' wrote")
    parser.add_argument(
        "--scans", type=given_path, action="append", default=[], metavar="FOLDER",
        help="where the scans lie, for results that do not tell; looked through with all folders "
        "below, and shown is only the very file that was detected in; may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port to listen on (default: a free one)"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )


def _port(text: str) -> int:
    port = natural(text)
    if port > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{port} is above {_LAST_PORT}")
    return port


_LAST_PORT = 2**16 - 1


def _view(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import view

    # Ctrl-C is how a viewer is ended, so it is no failure, from its first line on.
    with (
        view(options.output, scans=options.scans, port=options.port) as viewer,
        _ended_by_signals(),
        suppress(KeyboardInterrupt),
    ):
        aside = f", {viewer.set_aside_count} set aside" if viewer.set_aside_count else ""
        plural = "" if viewer.scan_count == 1 else "s"
        say(f"{viewer.scan_count} scan{plural} with results{aside}")
        say(f"viewer: {viewer.url}")
        say("end it with Ctrl-C; research use only, no diagnosis")
        if not options.no_browser and not _opened(viewer.launch_url()):
            say("no browser was found: open the address above")
        viewer.serve()
    say("viewer closed")
    return ()


def _opened(url: str) -> bool:
    """Open a page in the browser of the desktop; False where there is none.

    Without a desktop, webbrowser would have a text browser take over the terminal.
    """
    is_bare = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return not is_bare and webbrowser.open(url)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have Ctrl-C and a request to end do the same, also in the background of a script.

    There, a shell starts its children deaf to Ctrl-C.
    """

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    earlier = [signal.signal(number, interrupt) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, earlier, strict=True):
            signal.signal(number, handler)


VIEW = Command(
    "view",
    "look at the lesions that were found, and accept or reject them",
    "Open a page on this computer with the scans of an output folder: each scan with its mask and "
    "probability in three planes and 3D, and the table of its lesions, each to be accepted or "
    "rejected. What was reviewed is written beside the automatic files, which stay as they are. "
    "Nothing is sent anywhere.",
    "  mslesion view OUT\n"
    "  mslesion view OUT --scans folder-of-scans\n"
    "  mslesion view OUT --port 8765 --no-browser",
    _arguments,
    _view,
)
