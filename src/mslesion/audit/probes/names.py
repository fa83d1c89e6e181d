"""The name of the file, and where it stands in the order of the cohort."""

from __future__ import annotations

import re

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut
from mslesion.read.names import without_ending


def facts(seen: Seen) -> Facts:
    """Its place in the order, odd or even, its length, and the words that it is made of."""
    name = without_ending(seen.scan_file.image.name)
    words = re.findall(r"[a-z]+", name.lower())
    return {
        "place": float(seen.place),
        "odd place": float(seen.place % 2),
        "length": float(len(name)),
        **{f"word {word}": 1.0 for word in words},
    }


SHORTCUT = Shortcut(
    "file names",
    "the names of the files and their order",
    facts,
    "rename the files so that neither name nor order follows the class, and never give either to "
    "a classifier nor divide people by them",
)
