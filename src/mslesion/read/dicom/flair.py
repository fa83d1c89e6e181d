"""Which series of a study is the FLAIR: a rule that can be read, and that refuses to guess.

The rule and why: docs/decisions/0023-how-the-flair-is-picked.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from mslesion.errors import ScanError
from mslesion.read.dicom.header import Kind
from mslesion.read.dicom.series import Stack, Study
from mslesion.read.stored import NO_REMARKS, Remarks, doubtful, mended
from mslesion.read.volume import MIN_SLICES

FLAIR_INVERSION_MS = (1400.0, 3500.0)
FLAIR_LEAST_ECHO_MS = 60.0
FLAIR_LEAST_REPETITION_MS = 3500.0
"""Fluid is nulled after 1.5 s (3D, short repetition) to 3 s; a T1-weighted FLAIR has a short echo
and an inversion below 1.3 s, a STIR one below 0.3 s."""

_NEVER_FLAIR = ("T1", "DIR", "diffusion", "localizer", "projection")
_MOST_LISTED = 20


class Answer(Enum):
    """Whether a series is a FLAIR."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Judgement(NamedTuple):
    """The answer, and by what."""

    answer: Answer
    reason: str


def judge_kind(kind: Kind) -> Judgement:
    """Whether images of a kind are FLAIR, by the words in their names and by their times."""
    if "MOSAIC" in kind.image_type:
        return Judgement(Answer.NO, "a mosaic of slices in one picture")
    for word in _NEVER_FLAIR:
        if word in kind.words:
            also = "FLAIR " if word == "T1" and "FLAIR" in kind.words else ""
            return Judgement(Answer.NO, f"{word} {also}by its name")
    contradiction = _against_flair(kind)
    if contradiction:
        return Judgement(Answer.NO, contradiction)
    if "FLAIR" in kind.words:
        return Judgement(Answer.YES, "FLAIR by its name")
    if None not in (kind.echo_ms, kind.repetition_ms, kind.inversion_ms):
        return Judgement(Answer.YES, "FLAIR by its times")
    return Judgement(Answer.UNKNOWN, "nothing says what it is")


def _against_flair(kind: Kind) -> str:
    """Which of the times no FLAIR has; empty where those that are known may be of one."""
    least_ms, most_ms = FLAIR_INVERSION_MS
    if kind.inversion_ms is not None and not least_ms <= kind.inversion_ms <= most_ms:
        return f"no FLAIR with an inversion time of {kind.inversion_ms:g} ms"
    if kind.echo_ms is not None and kind.echo_ms < FLAIR_LEAST_ECHO_MS:
        return f"no FLAIR with an echo time of {kind.echo_ms:g} ms"
    if kind.repetition_ms is not None and kind.repetition_ms < FLAIR_LEAST_REPETITION_MS:
        return f"no FLAIR with a repetition time of {kind.repetition_ms:g} ms"
    if kind.inversion_ms is None and "T2" in kind.words and "FLAIR" not in kind.words:
        return "T2 by its name, without an inversion time"
    return ""


def choose_flair(study: Study, root: Path) -> tuple[Stack, Remarks]:
    """The one stack of a study that is its FLAIR, and what a reader of the result should know.

    Raises:
        ScanError: None is, or several are; the message lists all series of the study.
    """
    whole = [stack for stack in study.stacks if not _is_aside(stack, study)]
    judged = [(stack, judge_kind(stack.kind)) for stack in whole]
    flairs = [stack for stack, judged_as in judged if judged_as.answer is Answer.YES]
    best = _preferred(flairs)
    if len(best) == 1:
        return best[0], _told(best[0], study)
    if not flairs and len(whole) == 1 and judged[0][1].answer is Answer.UNKNOWN:
        doubt = "nothing in the DICOM header says that this is a FLAIR: it is the only series"
        return whole[0], doubtful(doubt) + _told(whole[0], study)
    what = f"holds {len(best)} FLAIR series" if best else "holds no series that is a FLAIR"
    raise ScanError(
        f"{what} among {_listed(study)}",
        remedy=f"give the one to use as FOLDER/{study.stacks[0].name}, and so on",
        file=root / study.name,
    )


def stack_of_series(study: Study, name: str, root: Path) -> tuple[Stack, Remarks]:
    """The stack that was asked for by name.

    Raises:
        ScanError: It is a mosaic, or one of several directions of about as many slices.
    """
    stack = next(stack for stack in study.stacks if stack.name == name)
    if "MOSAIC" in stack.kind.image_type:
        raise ScanError(
            "is a mosaic of slices in one picture, as of diffusion and functional imaging",
            remedy="give the FLAIR series",
            file=root / name,
        )
    return stack, _told(stack, study)


def _is_aside(stack: Stack, study: Study) -> bool:
    """Whether a stack is but a localizer within a series of another direction, or a few pictures.

    Where a series holds two directions with about as many slices each, neither is aside.
    """
    base = stack.name.split("-")[:2]
    rest = [s for s in study.stacks if s is not stack and s.name.split("-")[:2] == base]
    most = max((len(other.slices) for other in rest), default=0)
    return 2 * len(stack.slices) <= most


def _preferred(flairs: Sequence[Stack]) -> Sequence[Stack]:
    """Original images before derived ones, and those without contrast agent before those with."""
    for is_better in (
        lambda stack: "DERIVED" not in stack.kind.image_type,
        lambda stack: len(stack.slices) >= MIN_SLICES,
        lambda stack: not stack.kind.has_contrast_agent,
    ):
        better = [stack for stack in flairs if is_better(stack)]
        flairs = better or flairs
    return flairs


def _told(stack: Stack, study: Study) -> Remarks:
    """Which other series there were, and which slices of the same one were left out."""
    remarks = NO_REMARKS
    others = [other for other in study.stacks if other is not stack]
    same = [o for o in others if o.name.split("-")[:2] == stack.name.split("-")[:2]]
    for other in same:
        remarks += mended(
            f"{len(other.slices)} slices of another direction under the same series set aside"
        )
    if len(others) > len(same):
        remarks += mended(f"chosen among {_listed(study)}")
    if "DERIVED" in stack.kind.image_type:
        remarks += doubtful("the images are derived, not as they were acquired (ImageType)")
    if stack.kind.has_contrast_agent:
        remarks += doubtful("contrast agent was given: bright vessels and meninges may mislead")
    return remarks


def _listed(study: Study) -> str:
    """All series of a study, told by numbers and words of our own alone."""
    told = [_described(stack) for stack in study.stacks[:_MOST_LISTED]]
    more = len(study.stacks) - len(told)
    count = f"{len(study.stacks)} series" if len(study.stacks) > 1 else "1 series"
    return f"{count} of its study: " + "; ".join(told) + (f"; {more} more" if more else "")


def _described(stack: Stack) -> str:
    kind = stack.kind
    times = ", ".join(
        f"{name} {value:g}"
        for name, value in (
            ("TR", kind.repetition_ms), ("TE", kind.echo_ms), ("TI", kind.inversion_ms),
        )
        if value is not None
    )  # fmt: skip
    facts = [f"{len(stack.slices)} slices", times, judge_kind(kind).reason]
    if "DERIVED" in kind.image_type:
        facts.append("derived")
    if kind.has_contrast_agent:
        facts.append("contrast agent")
    return f"{stack.name} ({', '.join(fact for fact in facts if fact)})"
