"""Result files as sources: a name for each, and the value at a place inside."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from mslesion.errors import ResultsError
from mslesion.read.side_files import read_bytes

ABOUT = "about"
"""The source that the author writes: what no computation can know."""


@dataclass(frozen=True)
class ResultFile:
    """One kind of result file: the name that texts use, the file's, and the command it is from.

    ``mark`` is the key by which kinds that share a file name are told apart.
    """

    name: str
    file: str
    command: str
    mark: str = ""


RESULT_FILES = (
    ResultFile(ABOUT, "about.json", "written by its authors"),
    ResultFile("study", "metrics.json", "mslesion reproduce", "questions"),
    ResultFile("classifier", "metrics.json", "mslesion evaluate MODEL", "classifier"),
    ResultFile("lesions", "metrics.json", "mslesion evaluate, evaluate-detector", "measures"),
    ResultFile("cross-validation", "cross-validation.json", "mslesion train-detector"),
    ResultFile("verdict", "verdict.json", "mslesion train-detector"),
    ResultFile("detector", "model.safetensors", "mslesion train-detector"),
    ResultFile("timings", "timings.json", "mslesion reproduce"),
    ResultFile("split", "split.json", "mslesion reproduce"),
    ResultFile("seeds", "seeds.tsv", "mslesion reproduce"),
    ResultFile("looks", "test_looks.jsonl", "mslesion reproduce, evaluate, compare"),
    ResultFile("slices", "metrics_slice.json", "mslesion reproduce, evaluate"),
    ResultFile("patients", "metrics_patient.json", "mslesion reproduce, evaluate"),
    ResultFile("comparisons", "comparisons.json", "mslesion reproduce, compare"),
    ResultFile("calibration", "calibration.json", "mslesion reproduce, evaluate"),
    ResultFile("lesion-table", "metrics_lesion.tsv", "mslesion evaluate"),
    ResultFile("froc", "froc.json", "mslesion evaluate"),
    ResultFile("manifest", "dataset_manifest.tsv", "mslesion reproduce, split, audit"),
    ResultFile("leakage", "leakage_audit.json", "mslesion audit"),
    ResultFile("leakage-gap", "leakage_gap.json", "mslesion audit", "outcome"),
    ResultFile("random-labels", "random_label_control.json", "mslesion audit"),
    ResultFile("shortcuts", "shortcut_audit.json", "mslesion audit"),
    ResultFile("explanations", "explanation_checks.json", "mslesion explain"),
)
"""Every file that a card can draw from, the first fitting row for each name of a file."""


@dataclass(frozen=True)
class SourceFile:
    """Where a source came from."""

    path: Path
    sha256: str
    command: str


@dataclass(frozen=True)
class Found:
    """A value, and the keys of the steps on the way to it that stand for several."""

    value: Any
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sources:
    """Result files by name: what they hold, and where they lie."""

    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, SourceFile] = field(default_factory=dict)

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def with_file(self, name: str, path: Path, command: str, *steps: str) -> Sources:
        """The same and one more: a file's content, or the part of it that ``steps`` lead to.

        Raises:
            ResultsError: the file cannot be read, or has no such part.
        """
        content, digest = read_result_file(path)
        for step in steps:
            content = self._one(_step(content, step, ()), path, ".".join(steps)).value
        return Sources(
            {**self.values, name: content},
            {**self.files, name: SourceFile(path, digest, command)},
        )

    def with_protocol(self) -> Sources:
        """The same and ``protocol``, where the study's hash says that it is this version's."""
        from mslesion.paper.protocol import Protocol

        protocol = Protocol()
        stated = next(self.find("study", "protocol_sha256"), None)
        if stated is None or stated.value != protocol.sha256:
            return self
        return Sources(
            {**self.values, "protocol": asdict(protocol)},
            {**self.files, "protocol": self.files["study"]},
        )

    def find(self, name: str, place: str, bound: Sequence[str] = ()) -> Iterator[Found]:
        """All that a place stands for; nothing where the file or the place is not there.

        ``place`` is steps divided by points: a key; a number in a list; ``~part``, the one key that
        holds this part, in upper or lower case; ``*``, each of several; ``column=value``, each row
        of a table where that is so. The first steps of the last two kinds stand for the keys
        ``bound``. ``#sha256``, ``#file`` and ``#entries`` tell of the file itself.
        """
        if name not in self.values:
            return
        if place.startswith("#"):
            file, entries = self.files[name], len(self.values[name])
            yield Found(
                {"#sha256": file.sha256, "#file": file.path.name, "#entries": entries}[place], ()
            )
            return
        yield from _walk(self.values[name], place.split("."), tuple(bound), ())

    def _one(self, found: Iterator[Found], path: Path, place: str) -> Found:
        first = next(found, None)
        if first is None:
            raise ResultsError(f"holds nothing at {place}", remedy="make the file again", file=path)
        return first


def read_sources(folder: Path, about: Path | None = None) -> Sources:
    """The result files of a folder; ``about`` takes the place of the folder's ``about.json``.

    Raises:
        ResultsError: a file cannot be read, or there is none but ``about.json``.
    """
    sources = Sources()
    for kind in RESULT_FILES:
        path = about if about is not None and kind.name == ABOUT else folder / kind.file
        is_taken = any(file.path == path for file in sources.files.values())
        if is_taken or not (path.is_file() or path is about):
            continue
        read = sources.with_file(kind.name, path, kind.command)
        if not kind.mark or kind.mark in read.values[kind.name]:
            sources = read
    sources = sources.with_protocol()
    if not set(sources.values) - {ABOUT}:
        raise ResultsError(
            "holds no result file",
            remedy="give the --output folder of reproduce, train-detector or evaluate",
            file=folder,
        )
    return sources


def read_result_file(path: Path) -> tuple[Any, str]:
    """What a file holds, and its SHA-256.

    Raises:
        ResultsError: the file is missing or damaged.
    """
    try:
        content = read_bytes(path)
        return READERS[path.suffix](content), sha256(content).hexdigest()
    except (OSError, ValueError, KeyError, RecursionError) as error:
        why = getattr(error, "strerror", None) or "damaged, or no result file"
        raise ResultsError(
            f"cannot be read ({why})", remedy="make the file again, or take it away", file=path
        ) from error


def _read_table(content: bytes) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter="\t")
    return [{key: _number_or_text(value) for key, value in row.items()} for row in rows]


def _number_or_text(text: str | None) -> float | str | None:
    if text is None or text == "n/a":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _read_weights(content: bytes) -> Any:
    """What a safetensors file says of itself; its header is 8 bytes of length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["mslesion"])


READERS: Mapping[str, Callable[[bytes], Any]] = {
    ".json": json.loads,
    ".jsonl": lambda content: [json.loads(line) for line in content.splitlines() if line.strip()],
    ".tsv": _read_table,
    ".safetensors": _read_weights,
}


def is_many(step: str) -> bool:
    """Whether a step of a place can stand for several things."""
    return step == "*" or "=" in step


def _walk(
    value: Any, steps: Sequence[str], bound: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Found]:
    if not steps:
        yield Found(value, names)
        return
    step, *rest = steps
    is_bound = is_many(step) and len(names) < len(bound)
    for found in _step(value, step, (bound[len(names)],) if is_bound else ()):
        yield from _walk(found.value, rest, bound, names + found.names)


def _step(value: Any, step: str, only: tuple[str, ...]) -> Iterator[Found]:
    """What one step leads to; one that stands for several, to what ``only`` names or to all."""
    if isinstance(value, list):
        entries = {str(number): entry for number, entry in enumerate(value)}
    elif isinstance(value, dict):
        entries = {str(key): entry for key, entry in value.items()}
    else:
        return
    if step == "*":
        yield from (Found(v, (k,)) for k, v in entries.items() if not only or k in only)
    elif step in entries:
        yield Found(entries[step], ())
    elif step.startswith("~"):
        part = step[1:].lower()
        chosen = [entry for key, entry in entries.items() if part in key.lower()]
        yield from (Found(entry, ()) for entry in chosen if len(chosen) == 1)
    elif "=" in step:
        column, wanted = step.split("=", 1)
        rows = {k: row for k, row in entries.items() if isinstance(row, dict)}
        chosen_rows = {k: row for k, row in rows.items() if str(row.get(column)) == wanted}
        yield from (Found(row, (k,)) for k, row in chosen_rows.items() if not only or k in only)
