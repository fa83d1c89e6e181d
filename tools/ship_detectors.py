"""Put the detectors of 'make detector' into the package, with their hashes.

    python tools/ship_detectors.py out/detector

What else has to be done with new weights stands in CONTRIBUTING.md.
"""

from __future__ import annotations

import shutil
import sys
from hashlib import sha256
from pathlib import Path

WEIGHTS = Path(__file__).resolve().parents[1] / "src/mslesion/lesions/weights"
FILES = {
    "default.safetensors": "default/everything/model.safetensors",
    "small.safetensors": "small/everything/model.safetensors",
    "paper_cnn/model.json": "paper_cnn/model.json",
    "paper_cnn/weights.safetensors": "paper_cnn/weights.safetensors",
}
"""The files of weights in the package, and where 'make detector' leaves them."""


def main(made: Path) -> None:
    """Copy each file, and write the list of hashes that are checked on each load.

    Raises:
        FileNotFoundError: one is missing; nothing is copied then.
    """
    missing = [str(made / path) for path in FILES.values() if not (made / path).is_file()]
    if missing:
        raise FileNotFoundError(f"not made yet: {', '.join(missing)}")
    for name, path in FILES.items():
        shutil.copy(made / path, WEIGHTS / name)
    lines = [f"{sha256((WEIGHTS / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES]
    (WEIGHTS / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
