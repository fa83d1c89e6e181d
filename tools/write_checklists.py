"""Write docs/checklists from the result files: CLAIM and TRIPOD+AI for this project itself.

    python tools/write_checklists.py

What no result file holds is in docs/checklists/about.json, by topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mslesion.cards.documents import write_documents
from mslesion.cards.sources import ABOUT, Sources
from mslesion.write.atomic import write_text

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/checklists"
WRITTEN = ("CLAIM.md", "TRIPOD-AI.md")
_DETECTOR, _REPRODUCE = "make detector", "make results"
SOURCES = (
    (ABOUT, "docs/checklists/about.json", "written by the authors", ()),
    ("study", "docs/results/simulated-5-folds.json", _REPRODUCE, ()),
    ("tabriz", "docs/results/tabriz.json", _REPRODUCE, ()),
    ("detector", "src/mslesion/lesions/weights/default.safetensors", _DETECTOR, ()),
    ("cross-validation", "docs/results/detector-default.json", _DETECTOR, ("everything",)),
    ("verdict", "docs/results/detector-default.json", _DETECTOR, ("verdict",)),
    ("ljubljana-unseen", "docs/results/detector-default.json", _DETECTOR, ("ljubljana_unseen",)),
    ("tabriz-unseen", "docs/results/detector-default.json", _DETECTOR, ("tabriz_unseen",)),
    ("explanations", "docs/results/explanation.json", _REPRODUCE, ()),
    ("reliability", "docs/results/reliability.json", "python tools/measure_reliability.py", ()),
)
"""Name in the texts, file, command, and the part of the file that is meant."""


def checklists() -> Mapping[str, str]:
    """The text of each checklist by its path in the repository."""
    sources = Sources()
    for name, file, command, steps in SOURCES:
        sources = sources.with_file(name, ROOT / file, command, *steps)
    texts, _ = write_documents(sources.with_protocol())
    return {f"docs/checklists/{name}": texts[name] for name in WRITTEN}


if __name__ == "__main__":
    for path, text in checklists().items():
        write_text(ROOT / path, text)
