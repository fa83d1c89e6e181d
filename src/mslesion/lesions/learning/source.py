"""Which code made something, as a hash: what other code has begun, this does not go on with."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[2]

OF_SIMULATION = ("simulate", "lesions/learning/simulated.py")
OF_TRAINING = (
    *OF_SIMULATION,
    "lesions/network.py",
    *(f"lesions/learning/{name}.py" for name in ("loss", "material", "samples", "training")),
)
"""Modules, and folders of them, below the package: those that decide the weights of a network.

What the data becomes before, and the settings, a training sees for itself.
"""


@cache
def source_sha256(parts: tuple[str, ...]) -> str:
    """The hash of the source of modules, each file with its place, in the order of these."""
    digest = sha256()
    files = {file for part in parts for file in _modules(_PACKAGE / part)}
    for file in sorted(files):
        digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def _modules(part: Path) -> list[Path]:
    return [part] if part.is_file() else list(part.rglob("*.py"))
