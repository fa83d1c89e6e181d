"""What a series or a study is called: by a hash, as ``FOLDER/series-3f2a91bc04de``."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

SERIES, STUDY, PATIENT, DAMAGED = "series", "study", "patient", "file"
_ADDRESS = re.compile(rf"(?:{SERIES}|{STUDY}|{DAMAGED})-[0-9a-f]{{12}}(?:-[0-9]+)?")


def short_name(kind: str, uid: str) -> str:
    """A name of letters and digits alone, the same for the same UID everywhere.

    48 bits of its SHA-256: among a million series, two share a name with a chance of 1 in 500.
    """
    return f"{kind}-{sha256(uid.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def is_address(path: Path) -> bool:
    """Whether a path names a series, a study or a damaged DICOM file in the folder before it."""
    return bool(_ADDRESS.fullmatch(path.name)) and not path.exists() and path.parent.exists()
