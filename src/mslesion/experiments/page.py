"""Writes the study's page from result files alone: findings, pictures, tables, sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import nan
from pathlib import Path
from typing import Any

from mslesion.evaluation.intervals import FEW_PEOPLE, Estimate
from mslesion.evaluation.metrics import MEASURES
from mslesion.experiments.figures import draw
from mslesion.experiments.results import Source, StudyResults, read_results
from mslesion.experiments.sections import Section, sections
from mslesion.experiments.sentences import told, told_difference
from mslesion.report.wording import MEASURE_NAMES
from mslesion.write.atomic import write_bytes, write_text

PAGE = "study.md"

_READING = """\
How to read it: every value stands with its 95 % interval over people, 2,000 draws (bootstrap,
BCa), as other people would give other values. Differences are paired where the same people
were tested on both sides. A difference is called one where its interval leaves out zero; "no
difference is shown" does not say that there is none. The intervals are not corrected for how many
comparisons this page holds: about one in twenty would leave out zero by chance. Over few people
intervals are too narrow; each section says where that is so. An AUC of 0.5 is guessing, 1 is
faultless.
"""


def write_page(folder: Path) -> Path:
    """Write ``study.md`` and its pictures into ``folder`` from the results that lie there.

    Nothing is written where a number has no source.

    Raises:
        UsageError: a result file is missing, or lacks a number that the page needs.
    """
    results = read_results(folder)
    made = list(sections(results))
    pictures = {
        f"study-{name}.png": draw(drawing)
        for section in made
        for name, drawing in section.drawings.items()
    }
    for name, picture in pictures.items():
        write_bytes(folder / "images" / name, picture)
    write_text(folder / PAGE, page_text(folder))
    return folder / PAGE


def page_text(folder: Path) -> str:
    """What ``study.md`` says, from the results in ``folder``.

    Raises:
        UsageError: a result file is missing, or lacks a number that the page needs.
    """
    results = read_results(folder)
    return "\n".join(_lines(results, list(sections(results)))) + "\n"


def _lines(results: StudyResults, made: list[Section]) -> Iterator[str]:
    yield "# What the paper's choices bring: a study"
    yield ""
    yield "This page is written from result files by one command, its sentences included:"
    yield ""
    yield f"```\n{results.plan.at('command')}\n```"
    yield ""
    yield (
        "What has a result is not run again, and an interrupted run goes on with the same command; "
        "`--plan` says how long it takes."
    )
    yield ""
    if results.is_rehearsal:
        yield "**This is a rehearsal: its figures mean nothing.**"
        yield ""
    yield _READING
    left_out = results.plan.at("cohorts_left_out")
    if left_out:
        yield f"Left out, as their scans were not at hand: {', '.join(left_out)}."
        yield ""
    yield "## In short"
    yield ""
    for section in made:
        yield f"- [{section.title}](#{_anchor(section.title)}) {section.findings[0]}"
    yield ""
    for section in made:
        yield from _section_lines(section)


def _anchor(title: str) -> str:
    """Where a heading of this title is found in its page, as GitHub and MkDocs name it."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def _section_lines(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield ""
    yield section.explained
    yield ""
    for name, drawing in section.drawings.items():
        yield f"![{drawing.question}](images/study-{name}.png)"
        yield ""
    for finding in section.findings:
        yield f"- {finding}"
    yield ""
    for source in section.sources:
        if "arms" in source.content:
            yield from _warning(source)
            yield from _table(source)
        else:
            yield from _told_warnings(source)
    files = ", ".join(f"[{s.place.name}]({s.place.as_posix()})" for s in section.sources)
    yield f"Source: {files}."
    yield ""


def _warning(source: Source) -> Iterator[str]:
    """Over how few people some intervals of a source are; nothing where none are."""
    people = [arm["n_people"] for arm in source.arms().values()]
    few = [count for count in people if count < FEW_PEOPLE]
    if few:
        span = f"{min(few)}" if min(few) == max(few) else f"{min(few)} to {max(few)}"
        where = "" if len(few) == len(people) else f", in {len(few)} of {len(people)} arms"
        yield f"*Fewer than {FEW_PEOPLE} people ({span}{where}): these intervals are too narrow.*"
        yield ""


def _told_warnings(source: Source) -> Iterator[str]:
    """What a source without arms says of each of its parts, once."""
    told = {w: None for part in source.content.values() for w in _warnings_in(part)}
    for warning in told:
        yield f"*{warning[0].upper()}{warning[1:]}.*"
        yield ""


def _warnings_in(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "warnings" and isinstance(value, list):
                yield from value
            else:
                yield from _warnings_in(value)


def _table(source: Source) -> Iterator[str]:
    yield f"<details><summary>All measures: {source.at('question')}</summary>"
    yield ""
    names = [MEASURE_NAMES[name] for name in MEASURES]
    yield f"| arm | people | slices | {' | '.join(names)} |"
    yield "|---" * (3 + len(names)) + "|"
    for label, arm in source.arms().items():
        values = " | ".join(told(name, source.measure(label, name)) for name in MEASURES)
        yield f"| {label} | {arm['n_people']} | {arm['n_slices']} | {values} |"
    yield ""
    if source.at("differences"):
        yield f"| difference | {' | '.join(names)} |"
        yield "|---" * (1 + len(names)) + "|"
        for found in source.at("differences"):
            values = " | ".join(told_difference(name, _estimate(found[name])) for name in MEASURES)
            yield f"| {found['of']} minus {found['from']} | {values} |"
        yield ""
    yield "</details>"
    yield ""


def _estimate(found: Mapping[str, Any]) -> Estimate:
    return Estimate(*(nan if found[n] is None else found[n] for n in ("value", "low", "high")))
