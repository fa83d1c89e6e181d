"""How often the quick look before the paper's commands doubts real scans, and other contrasts.

    python tools/measure_glance.py DATASETS

DATASETS is a folder of BIDS datasets. Results go to docs/results/glance.json. The shipped detector
was trained on most of these people: what it says of new ones is in docs/results/gates.json.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from mslesion.lesions.glance import contrast_doubts
from mslesion.read import read_cohort, read_scan
from mslesion.write.atomic import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/results/glance.json"


def main(datasets: Path) -> None:
    """Look at every FLAIR scan, and at the T1w and T2w images beside it."""
    images: set[tuple[str, Path]] = set()
    for folder in sorted(path for path in datasets.iterdir() if path.is_dir()):
        for person in read_cohort(folder).people:
            for scan in person.scans:
                images.add(("FLAIR", scan.image))
                others = scan.image.parent.glob("*_T[12]w.nii.gz")
                images |= {(path.name[-10:-7], path) for path in others}
    looked, doubted = Counter[str](), Counter[str]()
    for kind, path in sorted(images):
        looked[kind] += 1
        doubted[kind] += bool(contrast_doubts(read_scan(path)))
    record = {kind: {"scans": looked[kind], "doubted": doubted[kind]} for kind in sorted(looked)}
    write_json(RECORD, record)
    print(json.dumps(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
