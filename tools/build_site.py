"""Build the site: pages of ``docs``, of other folders, and references made from the code.

    python tools/build_site.py            # into site/, or fails where a link leads nowhere

All pages are first put together in ``build/site``, with links that hold there; the generator reads
nothing else, and so can be changed for another one. What it built is looked through for anything
that a browser would fetch from outside.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from command_reference import command_pages
from python_reference import python_page

ROOT = Path(__file__).resolve().parents[1]
STAGE = ROOT / "build/site"
SITE = ROOT / "site"
NOT_SHOWN = ("assets/README.md",)
"""Pages of ``docs`` that are for those who work on it."""

FROM_ELSEWHERE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "src/mslesion/lesions/weights/MODEL_CARD.md": "model-card.md",
}
"""Pages of the repository outside ``docs``, and where they stand in the site."""
SAME_AS = {"README.md": "index.md"}
"""Pages for which the site has another."""

NAVIGATION: Mapping[str, tuple[str, ...]] = {
    "Start": ("index.md",),
    "Tutorial": ("tutorial.md",),
    "How to": (
        "how-to/own-cohort.md", "how-to/fine-tune.md", "how-to/cluster.md",
        "how-to/dicom-node.md", "how-to/*.md",
    ),
    "Reference": (
        "reference/commands/index.md", "reference/commands/*.md", "reference/files.md",
        "reference/layouts.md", "reference/detection-files.md", "reference/evaluation.md",
        "reference/detector-files.md", "reference/study-files.md", "reference/frozen-split.md",
        "reference/audit.md", "reference/claims.md", "reference/cards.md",
        "reference/exit-codes.md", "reference/*.md", "reference/python.md",
    ),
    "FAQ": ("faq.md",),
    "How far to trust it": (
        "results.md", "model-card.md", "reliability.md", "study.md", "simulated-cohort.md",
        "checklists/CLAIM.md", "checklists/TRIPOD-AI.md", "checklists/*.md", "results/README.md",
        "results/*.md", "results/*/*.md",
    ),
    "Decisions": ("decisions/README.md", "decisions/*.md"),
    "Project": ("project/changelog.md", "project/contributing.md", "project/security.md", "*.md"),
}  # fmt: skip
"""The chapters, and which pages stand in each: the first pattern that fits has a page. What is not
there is passed over, and a page that no other chapter has stands in the last."""
TITLES = {
    "reference/commands/index.md": "All commands",
    "reference/files.md": "Every file",
    "reference/python.md": "Python",
    "reference/evaluation.md": "Evaluation and comparison",
    "reference/frozen-split.md": "Frozen splits and looks",
    "reference/study-files.md": "Files of a study and a model",
    "reference/audit.md": "Audit",
    "reference/cards.md": "Cards and checklists",
    "reference/claims.md": "Claims of a paper",
    "reference/exit-codes.md": "Exit codes",
    "reliability.md": "Reliability",
    "model-card.md": "Model card",
    "checklists/CLAIM.md": "CLAIM checklist",
    "checklists/TRIPOD-AI.md": "TRIPOD+AI checklist",
    "results/README.md": "Result files",
    "decisions/README.md": "All decisions",
    "project/changelog.md": "Changelog",
    "project/contributing.md": "Contributing",
    "project/security.md": "Security",
}
"""Short names for the navigation; without one, a page's heading is taken."""


def generated_pages() -> dict[str, str]:
    """The pages that no file of ``docs`` holds, by their place in the site."""
    pages = {f"reference/commands/{name}.md": text for name, text in command_pages().items()}
    pages["reference/python.md"] = python_page()
    for source, place in FROM_ELSEWHERE.items():
        pages[place] = (ROOT / source).read_text(encoding="utf-8")
    return pages


def navigation(places: list[str]) -> list[dict[str, Any]]:
    """The chapters with the pages that are there; a chapter of one page is that page."""
    left = list(places)
    chapters: list[dict[str, Any]] = []
    for title, patterns in NAVIGATION.items():
        held = []
        for pattern in patterns:
            matching = [place for place in left if _fits(place, pattern)]
            held += matching
            left = [place for place in left if place not in matching]
        if len(patterns) == 1:
            chapters += [{title: place} for place in held]
        elif held:
            chapters.append({title: [_entry(place) for place in held]})
    return chapters


def _fits(place: str, pattern: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), place) is not None


def _entry(place: str) -> dict[str, str] | str:
    if place.startswith("reference/commands/") and place not in TITLES:
        return {posixpath.basename(place).removesuffix(".md"): place}
    return {TITLES[place]: place} if place in TITLES else place


def linked(text: str, place: str, source: str, places: set[str]) -> str:
    """A page's text with links that hold in the site.

    ``source`` is where the page lies in the repository, ``place`` where in the site. A link to a
    folder becomes one to its README; one to a file that the site does not have becomes its name.
    """
    in_site = {f"docs/{each}": each for each in places} | FROM_ELSEWHERE | SAME_AS

    def mended(match: re.Match[str]) -> str:
        label, target, anchor = match["label"], match["target"], match["anchor"] or ""
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        found = in_site.get(path) or in_site.get(f"{path}/README.md")
        if found is not None:
            return f"[{label}]({posixpath.relpath(found, posixpath.dirname(place) or '.')}{anchor})"
        if path.startswith("docs/") or not (ROOT / path).exists():
            return match[0]  # pictures and data of docs; the strict build complains of the rest
        return label if label.startswith("`") else f"{label} (`{path}`)"

    return _LINK.sub(mended, text)


_LINK = re.compile(r"(?<!!)\[(?P<label>[^\[\]]+)\]\((?P<target>[^()\s#]+)(?P<anchor>#[^()\s]*)?\)")


# --- building ------------------------------------------------------------------------------------


def stage(folder: Path) -> None:
    """Write all that the generator reads: pages, what they show, and the configuration."""
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("*.md")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=ignored)
    written = {
        path.relative_to(ROOT / "docs").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "docs").rglob("*.md"))
    }
    pages = {k: v for k, v in written.items() if k not in NOT_SHOWN} | generated_pages()
    sources = {place: source for source, place in FROM_ELSEWHERE.items()}
    for place, text in pages.items():
        path = folder / "docs" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        source = sources.get(place, f"docs/{place}")
        path.write_text(linked(text, place, source, set(pages)), encoding="utf-8")
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = json.dumps(navigation(list(pages)))  # which is YAML too
    (folder / "mkdocs.yml").write_text(f"{settings}nav: {nav}\n", encoding="utf-8")


def generate(folder: Path) -> None:
    """Let the generator make HTML of the staged pages; a link that leads nowhere is an error."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(
        command, cwd=folder, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode:
        told = re.sub(r"\x1b\[[\d;]*m", "", done.stdout.partition("Traceback")[0])
        sys.exit(f"{told}the site was not built")


def finish(html: str) -> str:
    """A page with names in docstrings as code alone: the marks around them are Sphinx's."""
    return re.sub(r":(?:func|data|class|meth|mod|attr):(?=<code>)", "", html)


def fetched_from_outside(html: str) -> list[str]:
    """What a browser would fetch from another host to show a page."""
    tags = re.findall(r"<(?:script|link|img|iframe|source|video)\b[^>]*>", html)
    found = [re.search(r"""(?:src|href|srcset)=["']?((?:https?:)?//[^"'\s>]+)""", t) for t in tags]
    return [match[1] for match in found if match is not None]


def main() -> int:
    """Stage, generate, and look through what came out."""
    stage(STAGE)
    generate(STAGE)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.move(STAGE / "site", SITE)
    outside = set()
    for path in sorted(SITE.rglob("*.html")):
        text = finish(path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        outside |= {f"{path.relative_to(SITE)}: {url}" for url in fetched_from_outside(text)}
    print("\n".join(sorted(outside)) or f"open {os.path.relpath(SITE)}/index.html")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
