"""Hold every measured figure of the pages against the result file that it comes from.

    python tools/check_numbers.py           # what is wrong, a line each; exit code 1 if anything is
    python tools/check_numbers.py --list    # every figure with its file, place and command

Generated parts must be what their writer makes of the result files today. In the rest, a paragraph,
an entry of a list or a table with figures is followed by comments that say where they are from; see
docs/decisions/0017-figures-have-sources.md.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import measure_gates
import measure_reliability
import write_checklists
import write_detector_results
import write_results
from figures import Figure, figures, is_printed_as
from pages import Block, blocks, part

from mslesion.cards.formats import ends
from mslesion.cards.sources import Sources
from mslesion.errors import MslesionError
from mslesion.experiments.page import page_text

ROOT = Path(__file__).resolve().parents[1]
CARD = "src/mslesion/lesions/weights/MODEL_CARD.md"
TUTORIAL = "docs/tutorial.md"
"""What its commands print is held against the page by ``tests/docs``: only its prose is read."""
PAGES = (
    "README.md", "docs/results.md", "docs/reliability.md", "docs/simulated-cohort.md", CARD,
    "docs/decisions/*.md", "docs/index.md", "docs/faq.md", "docs/how-to/*.md", TUTORIAL,
)  # fmt: skip
WITHOUT_FILE = ("docs/decisions/", "docs/simulated-cohort.md")
"""Pages that tell of trials on the way, whose result files were not kept."""


# --- generated parts -----------------------------------------------------------------------------


def _detectors() -> dict[str, Any]:
    files = {name: ROOT / f"docs/results/detector-{name}.json" for name in ("default", "small")}
    return {name: _json(file) for name, file in files.items() if file.exists()}


def _gates() -> list[str]:
    cases = _json(ROOT / "docs/results/gates.json")
    return measure_gates.table([measure_gates.Judged(**case) for case in cases])


GENERATED: Mapping[tuple[str, str], Callable[[], Sequence[str]]] = {
    ("README.md", "glance"): lambda: write_detector_results.readme_lines(_detectors()),
    ("docs/results.md", "detector"): lambda: write_detector_results.page_lines(_detectors()),
    ("docs/results.md", "gates"): _gates,
    ("docs/results.md", "studies"): write_results.page_lines,
    ("docs/reliability.md", "measured"): lambda: measure_reliability.table(
        _json(ROOT / "docs/results/reliability.json")
    ),
    (CARD, "measured"): lambda: write_detector_results.card_lines(_detectors()),
}
"""Who writes which part of which page."""
WHOLE_PAGES: Mapping[str, Callable[[], Mapping[str, str]]] = {
    "python tools/write_checklists.py": write_checklists.checklists,
    "mslesion study --page-only --output docs": lambda: {"docs/study.md": page_text(ROOT / "docs")},
}
"""The command that writes pages as a whole, and their texts by path."""


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


# --- where they are from -------------------------------------------------------------------------


def _numbers(values: Sequence[Any]) -> list[float]:
    """Every number of values: those of estimates with both ends, of 'a/b' the parts."""
    found: list[float] = []
    for value in values:
        if isinstance(value, str) and re.fullmatch(r"\d+/\d+", value):
            found += map(float, value.split("/"))
        else:
            found += [number for number in ends(value) if number is not None]
    return found


def _share(values: Sequence[Any]) -> float:
    """Of several 'a/b': all a over all b."""
    parts = [tuple(map(int, str(value).split("/"))) for value in values]
    return sum(a for a, _ in parts) / sum(b for _, b in parts)


def _only(values: Sequence[Any]) -> float:
    (value,) = values
    return float(value)


REDUCTIONS: Mapping[str, Callable[[Sequence[Any]], float]] = {
    "only": _only,
    "mean": statistics.fmean,
    "median": statistics.median,
    "largest": max,
    "smallest": min,
    "sum": sum,
    "number": len,
    "share": _share,
}
"""What may stand after the bar in ``place | reduction``; places are added by ' + ' and divided by
' / '."""


def traced(block: Block, results: Path) -> Iterator[tuple[str, str]]:
    """Each figure of a block beside its source, or beside nothing ("").

    Raises:
        ValueError: a comment names a file or place without a number, or one that no figure is of.
    """
    sources: dict[str, list[float]] = {}
    given: list[str] = []
    for comment in block.comments:
        kind, _, rest = comment.partition(":")
        if kind.startswith("from "):
            file = kind.removeprefix("from ").strip()
            for place in filter(None, (p.strip() for p in rest.split(";"))):
                sources[f"{file}: {place}"] = _values(results / file, place)
        else:
            given.append(f"{kind}: {rest.strip()}")
    unused = set(sources)
    for figure in figures(block.text):
        by = [s for s, values in sources.items() if any(is_printed_as(v, figure) for v in values)]
        unused -= set(by)
        by += [g for g in given if g.startswith("no file") or _is_named(figure, g)]
        yield figure.printed, by[0] if by else ""
    if unused:
        raise ValueError(f"no figure is of {'; '.join(sorted(unused))}")


def _is_named(figure: Figure, comment: str) -> bool:
    number = re.escape(figure.printed.split()[0])
    return re.search(rf"(?<![\w.,]){number}(?!\w|[.,]\d)", comment) is not None


def _values(file: Path, place: str) -> list[float]:
    """The numbers at a place, or the one that its reductions, sums and ratio make of them."""
    try:
        source = Sources().with_file("result", file, "")
        over, _, under = place.partition(" / ")
        if not (under or " + " in place or "|" in place):
            return _required(_numbers([entry.value for entry in source.find("result", place)]))
        value = _sum(source, over)
        return [value / _sum(source, under) if under else value]
    except (MslesionError, KeyError, TypeError, ValueError, statistics.StatisticsError) as error:
        raise ValueError(f"{file.name} has no figure at {place}: {error}") from error


def _sum(source: Sources, places: str) -> float:
    total = 0.0
    for term in places.split(" + "):
        place, _, reduction = (part.strip() for part in term.partition("|"))
        values = [entry.value for entry in source.find("result", place)]
        if len(values) == 1 and isinstance(values[0], list):
            (values,) = values
        total += REDUCTIONS[reduction or "only"](_required(values))
    return total


def _required(values: list[Any]) -> list[Any]:
    if not values:
        raise ValueError("nothing is there")
    return values


# --- pages ---------------------------------------------------------------------------------------


def hand_written(page: str, text: str) -> str:
    """A page without its generated parts, with as many lines."""
    for place, name in GENERATED:
        if place == page:
            before, inside, after = part(text, name)
            text = before + "\n" * inside.count("\n") + after
    return text


def commands(results: Path) -> dict[str, str]:
    """The command that makes each result file, from the table of docs/results/README.md."""
    text = (results / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|", text, re.MULTILINE))


def faults(root: Path = ROOT) -> Iterator[str]:
    """What is wrong, a line each."""
    for (page, name), lines in GENERATED.items():
        inside = part((root / page).read_text(encoding="utf-8"), name)[1]
        if inside != "\n".join(lines()) + "\n":
            yield f"{page}: the part '{name}' is not what the result files give: write it again"
    for command, pages_of in WHOLE_PAGES.items():
        for page, text in pages_of().items():
            if (root / page).read_text(encoding="utf-8") != text:
                yield f"{page}: is not what the result files give: {command}"
    known = commands(root / "docs/results")
    for file in sorted((root / "docs/results").rglob("*.json")):
        name = str(file.relative_to(root / "docs/results"))
        if name not in known and f"{Path(name).parent}/" not in known:
            yield f"docs/results/README.md: no command for {name}: add its row"
    for page in pages(root):
        yield from page_faults(page, (root / page).read_text(encoding="utf-8"), root)


def pages(root: Path = ROOT) -> list[str]:
    """Every page that is checked."""
    return [str(path.relative_to(root)) for name in PAGES for path in sorted(root.glob(name))]


def page_faults(page: str, text: str, root: Path = ROOT) -> Iterator[str]:
    """What is wrong with the hand-written parts of a page."""
    found = list(blocks(hand_written(page, text)))
    if page == TUTORIAL:
        found = [block for block in found if not block.text.startswith("```")]
    lacking = [b for b in found if any(c.startswith("no file") for c in b.comments)]
    if lacking and not page.startswith(WITHOUT_FILE):
        yield f"{page}:{lacking[-1].line}: figures without a result file have no place here"
    for block in found:
        place = f"{page}:{block.line}"
        try:
            untraced = [printed for printed, by in traced(block, root / "docs/results") if not by]
        except ValueError as error:
            yield f"{place}: {error}"
            continue
        if untraced:
            yield (
                f"{place}: no source for {', '.join(untraced)}: add <!-- from FILE: PLACE -->, or "
                "<!-- given: ... --> where it was not measured"
            )


def listing(root: Path = ROOT) -> Iterator[str]:
    """Every hand-written figure that has a source, with its command."""
    known = commands(root / "docs/results")
    for page in pages(root):
        for block in blocks(hand_written(page, (root / page).read_text(encoding="utf-8"))):
            for printed, by in traced(block, root / "docs/results"):
                command = known.get(by.partition(":")[0], "")
                yield "\t".join((f"{page}:{block.line}", printed, by, command))


def main(arguments: Sequence[str]) -> int:
    """Print what is wrong, or with --list where everything is from."""
    if arguments == ["--list"]:
        print("\n".join(listing()))
        return 0
    found = list(faults())
    print("\n".join(found) or "every figure has its source")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
