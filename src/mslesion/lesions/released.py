"""The files of weights inside the package, and the hashes that this version was released with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mslesion.errors import ModelFileError


def released_path(name: str) -> Path:
    """Where a file of weights lies, as in ``default.safetensors``."""
    return Path(str(resources.files("mslesion.lesions").joinpath("weights", name)))


def released_sha256() -> dict[str, str]:
    """The SHA-256 of each file of weights, by its name, as this version was released."""
    lines = released_path("SHA256SUMS").read_text(encoding="ascii").splitlines()
    return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}


def require_as_released(name: str, sha256: str) -> None:
    """See that a file of weights with this hash is the one that belongs to this version.

    Raises:
        ModelFileError: it is not.
    """
    if released_sha256().get(name) != sha256:
        raise ModelFileError(
            "is not the file this version was released with (its SHA-256 differs)",
            remedy="install mslesion again",
            file=released_path(name),
        )
