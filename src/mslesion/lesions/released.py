"""The files of weights inside the package, and the hashes that this version was released with."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from mslesion.errors import ModelFileError


def released_path(name: str) -> Path:
    """Where a file of weights lies, as in ``default.safetensors``."""
    return Path(str(resources.files("mslesion.lesions").joinpath("weights", name)))


def released_sha256() -> dict[str, str]:
    """The SHA-256 of each file of weights, by its name, as this version was released.

    Raises:
        ModelFileError: the list of them is missing or damaged.
    """
    path = released_path("SHA256SUMS")
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return {file: digest for digest, file in (line.split(maxsplit=1) for line in lines)}
    except (OSError, ValueError) as error:
        raise not_as_released(path) from error


def not_as_released(path: Path) -> ModelFileError:
    """What is said of a file of the package that is missing, damaged or another."""
    return ModelFileError(
        "is missing, damaged, or not the file this version was released with",
        remedy="install mslesion again",
        file=path,
    )


def require_as_released(name: str, sha256: str) -> None:
    """See that a file of weights with this hash is the one that belongs to this version.

    Raises:
        ModelFileError: it is not.
    """
    if released_sha256().get(name) != sha256:
        raise not_as_released(released_path(name))
