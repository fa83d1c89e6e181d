"""The log of every look at a test set: appended to, never changed, and showing where it was.

Whoever looks at test people often enough, and keeps what looked best, has fitted to them. So each
comparison of their labels with answers leaves one line of ``test_looks.jsonl``. A line holds the
SHA-256 of the line before it, so that none can be changed or taken out unseen, and
``test_looks.sha256`` that of the whole file, so that none can be taken off its end. Both taken away
together leave no trace here: keep them where changes are recorded, beside the split.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mslesion import __version__
from mslesion.errors import OutputError
from mslesion.evaluation.looks import Look
from mslesion.read.side_files import read_text
from mslesion.write.atomic import output_error, plain_value, write_text

LOG_NAME = "test_looks.jsonl"
SEAL_NAME = "test_looks.sha256"
_LOCK_NAME = ".test_looks.lock"
_PATIENCE_S = 10
_NO_LINE = "0" * 64
"""What the first line has in place of the hash of the line before."""


@dataclass(frozen=True)
class LookLog:
    """The log in a folder; the files need not be there."""

    folder: Path

    @property
    def file(self) -> Path:
        """One look a line, as JSON."""
        return self.folder / LOG_NAME

    @property
    def seal(self) -> Path:
        """The hash of the log, as ``sha256sum --check`` reads it."""
        return self.folder / SEAL_NAME

    def read(self) -> list[dict[str, Any]]:
        """All looks so far, after checking that none was changed or taken away.

        Raises:
            OutputError: the log cannot be read, or is not as it was written.
        """
        lines = self._lines()
        before = _NO_LINE
        looks = []
        for number, line in enumerate(lines, start=1):
            look = _parsed(line)
            if look.get("previous_sha256") != before:
                self._refuse(f"line {number} does not follow from the line before it")
            before = _hash(line)
            looks.append(look)
        self._require_seal(lines)
        return looks

    def require_appendable(self) -> None:
        """Find out before the work whether its look could be added after it.

        Raises:
            OutputError: the log cannot be written, or is not as it was written.
        """
        with self._alone():
            self.read()

    def append(self, look: Look) -> int:
        """Add a look; returns its number among the different looks at the same test set, from 1.

        The same answers compared with the same labels again are logged, too, under the number they
        had before.

        Raises:
            OutputError: the log cannot be written, or is not as it was written: then nothing is
                added to it.
        """
        with self._alone():
            earlier = self.read()
            of_set = [_identity(e) for e in earlier if e["test_set_sha256"] == look.test_set_sha256]
            different = list(dict.fromkeys([*of_set, look.identity]))
            number = different.index(look.identity) + 1
            lines = self._lines()
            line = json.dumps(
                {
                    "look": number,
                    "is_repeat": look.identity in of_set,
                    "time": datetime.now(UTC).isoformat(timespec="seconds"),
                    "command": look.command,
                    "version": __version__,
                    "test_set_sha256": look.test_set_sha256,
                    "models_sha256": list(look.models_sha256),
                    "answers_sha256": look.answers_sha256,
                    "people": look.people,
                    "measures": plain_value(look.measures),
                    "previous_sha256": _hash(lines[-1]) if lines else _NO_LINE,
                }
            )
            content = "".join(f"{each}\n" for each in (*lines, line))
            write_text(self.file, content)
            write_text(self.seal, f"{_hash(content)}  {LOG_NAME}\n")
        return number

    def _lines(self) -> list[str]:
        try:
            return read_text(self.file).removesuffix("\n").split("\n")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError):
            self._refuse("it cannot be read")
            raise

    def _require_seal(self, lines: list[str]) -> None:
        """See that no line is gone from the end of the log.

        The seal is written after the line, so a run killed between the two leaves a seal that lacks
        the last line.
        """
        try:
            sealed = read_text(self.seal).split()[0]
        except FileNotFoundError:
            if len(lines) > 1:
                self._refuse(f"{SEAL_NAME} is missing")
            return
        except (OSError, UnicodeDecodeError, IndexError):
            self._refuse(f"{SEAL_NAME} cannot be read")
            raise
        stages = (lines, lines[:-1])
        if sealed not in {_hash("".join(f"{line}\n" for line in stage)) for stage in stages}:
            self._refuse(f"lines are missing or changed ({SEAL_NAME} says so)")

    def _refuse(self, reason: str) -> None:
        raise OutputError(
            f"was changed since it was written: {reason}; no look is added to it",
            remedy="restore both files from a copy; or keep them as they are, tell so, and freeze "
            "a new split in a new folder",
            file=self.file,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from appending at the same moment."""
        lock = FileLock(self.folder / _LOCK_NAME)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=_PATIENCE_S)
        except Timeout:
            raise OutputError(
                "another run of mslesion writes there", remedy="wait for it", file=self.file
            ) from None
        except OSError as error:
            raise output_error(error, self.file) from error
        try:
            yield
        finally:
            # Taken away while still locked: whoever opened it meanwhile sees that it is gone.
            with suppress(OSError):
                (self.folder / _LOCK_NAME).unlink()
            lock.release()


def _identity(look: dict[str, Any]) -> tuple[str, str]:
    return look["test_set_sha256"], look["answers_sha256"]


def _parsed(line: str) -> dict[str, Any]:
    """A line's content; nothing where it is no JSON object."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8")).hexdigest()
