"""Everything mslesion refuses, as one small tree of errors.

Each error reads as one line, ``CODE: file: what is wrong: what to do``, and carries the exit
code the command line ends with.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar, Self


class MslesionError(Exception):
    """What is wrong, in which file, and what to do next.

    ``what`` and ``remedy`` are short sentences without a full stop; ``file`` is named when one
    file (or folder) is to blame.
    """

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 4

    def __init__(self, what: str, *, remedy: str, file: Path | str | None = None) -> None:
        super().__init__(what, remedy, file)
        self.what = what
        self.remedy = remedy
        self.file = None if file is None else str(file)
        self.traceback_text = ""

    @property
    def told_reason(self) -> str:
        """What is wrong, fit for files that are passed on: without a path."""
        return " ".join(self.what.split())

    def without_frames(self) -> Self:
        """The same error without its traceback, which keeps every array of its frames in memory.

        What the traceback says is kept as text, for --debug.
        """
        self.traceback_text = "".join(traceback.format_exception(self))
        self.__cause__ = self.__context__ = None
        return self.with_traceback(None)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return _rebuild, (type(self), self.what, self.remedy, self.file)

    def __str__(self) -> str:
        """One line, whatever the file is called: line breaks in names are escaped."""
        parts = [self.code, self.file, self.what, self.remedy]
        return ": ".join(one_line(part) for part in parts if part is not None)


def one_line(text: str) -> str:
    """Text for one line of a terminal: what is not printable is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _rebuild(kind: type[MslesionError], what: str, remedy: str, file: str | None) -> MslesionError:
    return kind(what, remedy=remedy, file=file)


class UsageError(MslesionError):
    """The request itself cannot be met: an option's value, or options that exclude each other."""

    code = "USAGE"
    exit_code = 2


class MissingExtraError(MslesionError):
    """A library of an optional extra is not installed."""

    code = "MISSING_LIBRARY"
    exit_code = 2


class ScanError(MslesionError):
    """One scan cannot be used; in a cohort or batch, the others go on."""

    code = "SCAN"


class UnreadableFileError(ScanError):
    """The file is not what its name says, is damaged, or ends too early."""

    code = "UNREADABLE"


class GeometryError(ScanError):
    """The header's dimensions, spacing or affine cannot describe a scan."""

    code = "GEOMETRY"


class VoxelError(ScanError):
    """The voxels cannot be those of an image: all NaN, constant, complex, colour."""

    code = "VOXELS"


class MaskError(ScanError):
    """A lesion mask does not fit its scan, or is no mask."""

    code = "MASK"


class ContrastError(ScanError):
    """The image is not FLAIR but another contrast."""

    code = "CONTRAST"


class NoBrainError(ScanError):
    """The image shows no brain."""

    code = "NO_BRAIN"


class NoResultError(ScanError):
    """Nobody has looked for lesions in a scan yet, or not to the end."""

    code = "NO_RESULT"


class CohortError(MslesionError):
    """A set of people that no study can be made from."""

    code = "COHORT"


class OutputError(MslesionError):
    """The output cannot be written where it was asked for."""

    code = "OUTPUT"
    exit_code = 5


class ResultsError(MslesionError):
    """Result files that cannot be read, or that hold no value for a figure."""

    code = "RESULTS"


class ModelFileError(MslesionError):
    """A model file is damaged, incomplete, or not one of ours."""

    code = "MODEL"
    exit_code = 6


class AuditFailure(MslesionError):  # noqa: N818 - what was audited failed, not the program
    """An audit was made, and at least one of its checks failed."""

    code = "AUDIT"
    exit_code = 7


class UnforeseenError(MslesionError):
    """A mistake of this package."""

    code = "BUG"
    exit_code = 70

    @property
    def told_reason(self) -> str:
        """The kind of error alone: what it says may hold a path."""
        return self.what.partition(":")[0]

    @classmethod
    def of(cls, error: Exception, file: Path | None = None) -> UnforeseenError:
        """The same as an error of ours, in one line, with the original as its cause."""
        ours = cls(
            f"{type(error).__name__}: {' '.join(str(error).split())}",
            remedy="this is our mistake; please report it with the output of --debug",
            file=file,
        )
        ours.__cause__ = error
        return ours


_KINDS: tuple[type[MslesionError], ...] = (
    ScanError,
    *ScanError.__subclasses__(),
    UnforeseenError,
)
_OF_ONE_SCAN = {kind.code: kind for kind in _KINDS}


def recorded_error(code: str, what: str, remedy: str, file: Path) -> MslesionError:
    """An error of one scan, from what was recorded of it; of an unknown code it is ``SCAN``."""
    return _OF_ONE_SCAN.get(code, ScanError)(what, remedy=remedy, file=file)
