"""The page of the Python reference: which functions and values it shows, in which order.

Their texts are the docstrings, which mkdocstrings reads when the site is built.
"""

from __future__ import annotations

import mslesion
from mslesion import pipeline

VALUES = (
    "mslesion.Detection",
    "mslesion.lesions.findings.Lesion",
    "mslesion.lesions.findings.SliceFinding",
    "mslesion.verdict.Verdict",
    "mslesion.lesions.quality.ScanQuality",
    "mslesion.scan.Scan",
    "mslesion.scan.Grid",
)
READING = ("mslesion.read.read_cohort", "mslesion.read.load", "mslesion.read.read_scan")

_OPENING = """# Python

```python
import mslesion

detection = mslesion.detect("scan_FLAIR.nii.gz")
print(detection.lesion_count, detection.lesion_volume_ml)
print(detection.verdict.wording)
detection.save("OUT")
```

`mslesion.detect` and `mslesion.Detection` are what most need. Commands are functions of
`mslesion.pipeline`, with the same files as their result; `simulate` is
`mslesion.simulate.simulate_cohort`. The [tutorial](../tutorial.md) uses both. Nothing prints, and
importing `mslesion` loads nothing heavy.

Arrays are (X, Y, Z) in RAS+ order: right, anterior, superior. Names carry unit and space:
`volume_mm3`, `spacing_mm`, `affine_vox_to_ras`.
"""


def python_page() -> str:
    """The page, with the marks that mkdocstrings replaces."""
    commands = [f"mslesion.pipeline.{name}" for name in pipeline.__all__ if name != "detect"]
    parts = (
        ("Detect", ["mslesion.detect"]),
        ("What is found", VALUES),
        ("Commands as functions", commands),
        ("Reading scans and cohorts", READING),
        ("Errors", ["mslesion.errors"]),
    )
    assert set(mslesion.__all__) == {"Detection", "__version__", "detect"}  # noqa: S101
    lines = [_OPENING]
    for title, names in parts:
        lines += [f"## {title}", ""]
        lines += [f"::: {name}\n" for name in names]
    return "\n".join(lines)
