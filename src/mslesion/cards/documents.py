"""A card or a checklist: a table of items, each answered by topics that the sources can fill."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mslesion.cards.filling import REFERENCE, fill, names_in
from mslesion.cards.sources import ABOUT, Sources
from mslesion.errors import ResultsError

_CONDITION = re.compile(r"\(where (?P<name>[a-z-]+):(?P<place>[^()]+)\)\n")
ANSWERED, PARTLY = "answered", "answered in part"
NOT_REPORTED, NOT_APPLICABLE = "not reported", "not applicable"
_LEFT_OPEN = {"Not reported:": NOT_REPORTED, "Not applicable:": NOT_APPLICABLE}


@dataclass(frozen=True)
class Item:
    """A row of a checklist, or a section of the card: what is asked, and the topics that answer."""

    number: str
    section: str
    asked: str
    topics: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One file to write: its name, what stands at its head, and its items."""

    file: str
    table: str
    head: str

    @property
    def items(self) -> tuple[Item, ...]:
        """The rows of its table."""
        rows = csv.DictReader(io.StringIO(_packaged(self.table)), delimiter="\t")
        return tuple(
            Item(row["item"], row["section"], row["asked"], tuple(row["topics"].split()))
            for row in rows
        )


DOCUMENTS = (
    Document(
        "MODEL_CARD.md",
        "model-card.tsv",
        "# Model card\n\n**Research use only. No medical device; nothing it answers is a "
        "diagnosis.**",
    ),
    Document(
        "CLAIM.md",
        "claim-2024.tsv",
        "# CLAIM: Checklist for Artificial Intelligence in Medical Imaging, update of `2024`\n\n"
        "Items after Tejani et al., Radiology: Artificial Intelligence `6(4):e240300`, in our "
        "words.",
    ),
    Document(
        "TRIPOD-AI.md",
        "tripod-ai.tsv",
        "# TRIPOD+AI: reporting of prediction models, `2024`\n\n"
        "Items after Collins et al., BMJ `385:e078378`, in our words.",
    ),
)
"""What ``mslesion card`` writes, a row a file."""


def write_documents(sources: Sources) -> tuple[Mapping[str, str], Mapping[str, Mapping[str, int]]]:
    """Every document by its file's name, and how many of its items are in which state.

    Raises:
        ResultsError: a figure has no source, or ``about.json`` speaks of what nobody asks for.
    """
    _refuse_unasked(sources)
    written = {document.file: write_document(document, sources) for document in DOCUMENTS}
    return (
        {file: text for file, (text, _) in written.items()},
        {file: states for file, (_, states) in written.items()},
    )


def _refuse_unasked(sources: Sources) -> None:
    about = sources.values.get(ABOUT, {})
    topics = topics_in_use()
    if not isinstance(about, dict) or not all(isinstance(said, str) for said in about.values()):
        raise ResultsError(
            "is no table of topics and texts", remedy='write {"funding": "...", ...}',
            file=sources.files[ABOUT].path,
        )  # fmt: skip
    for topic in about:
        if topic not in topics:
            raise ResultsError(
                f"speaks of '{topic}', which nothing asks for",
                remedy=f"take one of {', '.join(sorted(topics))}",
                file=sources.files[ABOUT].path,
            )


@dataclass(frozen=True)
class Answer:
    """What can be said to a topic: paragraphs, their sources, and what state that leaves it in."""

    state: str
    text: str
    sources: frozenset[str]


def write_document(document: Document, sources: Sources) -> tuple[str, Mapping[str, int]]:
    """The text of a document, and how many of its items are in which state.

    What is not applicable is left out where something else answers the item.

    Raises:
        ResultsError: a figure has no source.
    """
    states: Counter[str] = Counter()
    lines, section = [], ""
    for item in document.items:
        answers = [answer(topic, sources) for topic in item.topics]
        states[_state_of(answers)] += 1
        if item.section != section:
            section = item.section
            lines.append(f"## {section}")
        if item.asked:
            lines.append(f"**{item.number}. {item.asked}**")
        told = [found for found in answers if found.state != NOT_APPLICABLE] or answers
        lines += [found.text for found in told]
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    head = f"{document.head}\n\nAll figures are read from the files at the end; items: {counted}."
    body = "\n\n".join([head, *lines, "## Files", _table_of_files(sources)])
    return body + "\n", states


def answer(topic: str, sources: Sources) -> Answer:
    """All that the sources can say to a topic, or why nothing can be said."""
    said, used = [], set()
    left_open = ""
    author = next(sources.find(ABOUT, topic), None)
    if author is not None:
        said.append(fill_author(author.value, sources, topic))
        used.add(ABOUT)
    for paragraph in _topics()[topic]:
        if paragraph.startswith(tuple(_LEFT_OPEN)):
            left_open = paragraph
        elif _applies(paragraph, sources):
            said.append(fill(_CONDITION.sub("", paragraph).strip("\n"), sources, topic))
            used |= names_in(paragraph)
    if said:
        files = sorted({sources.files[name].path.name for name in used})
        note = f"*({', '.join(f'`{file}`' for file in files)})*" if files else ""
        return Answer(ANSWERED, "\n\n".join([*said, note]).rstrip(), frozenset(used))
    state = next(state for start, state in _LEFT_OPEN.items() if left_open.startswith(start))
    text = left_open.replace("Not", "*Not", 1).replace(":", ":*", 1)
    if state == NOT_REPORTED:
        text += f" Or say it in `about.json`, under `{topic}`."
    return Answer(state, text, frozenset())


def fill_author(text: object, sources: Sources, topic: str) -> str:
    """What the author says, in which references are filled; their own figures are their own."""
    return REFERENCE.sub(lambda match: fill(match[0], sources, topic), str(text))


def topics_in_use(documents: Sequence[Document] = DOCUMENTS) -> frozenset[str]:
    """Every topic that a document asks for."""
    return frozenset(topic for d in documents for item in d.items for topic in item.topics)


def _state_of(answers: Sequence[Answer]) -> str:
    states = {found.state for found in answers}
    if {ANSWERED, NOT_REPORTED} <= states:
        return PARTLY
    return next(s for s in (ANSWERED, NOT_REPORTED, NOT_APPLICABLE) if s in states)


def _applies(paragraph: str, sources: Sources) -> bool:
    """Whether all its files are there, and what its first line asks for."""
    condition = _CONDITION.match(paragraph)
    if condition is not None and not any(sources.find(condition["name"], condition["place"])):
        return False
    return all(name in sources for name in names_in(paragraph))


@cache
def _topics() -> Mapping[str, tuple[str, ...]]:
    """Paragraphs of ``topics.md`` by topic; a table belongs to the paragraph before it."""
    topics = {}
    for part in re.split(r"^## ", _packaged("topics.md"), flags=re.MULTILINE)[1:]:
        name, _, text = part.partition("\n")
        paragraphs = (p.strip("\n") for p in re.split(r"\n\n(?!\|)", text))
        topics[name.strip()] = tuple(p for p in paragraphs if p)
    return topics


def _packaged(name: str) -> str:
    return resources.files("mslesion.cards").joinpath(name).read_text(encoding="utf-8")


def _table_of_files(sources: Sources) -> str:
    lines = ["| file | SHA-256 | made by |", "|---|---|---|"]
    rows = {(file.path.name, file.sha256, file.command): None for file in sources.files.values()}
    lines += [f"| `{name}` | `{digest}` | `{command}` |" for name, digest, command in rows]
    return "\n".join(lines)
