"""Libraries that only some commands need, asked for where they are used."""

from __future__ import annotations

from importlib.util import find_spec

from mslesion.errors import MissingExtraError

_EXTRA_OF = {
    "highdicom": "dicom",
    "joblib": "study",
    "matplotlib": "study",
    "nilearn": "simulate",
    "pydicom": "dicom",
    "sklearn": "study",
    "skops": "study",
}


def require(*modules: str) -> None:
    """Raise an error that names the extra to install when a library is absent.

    Raises:
        MissingExtraError: one of ``modules`` is not installed.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(
                f"the library {module} is not installed",
                remedy=f"pip install 'mslesion[{_EXTRA_OF[module]}]'",
            )
