"""Where a detection comes from, how to have it again, and how to cite it."""

from __future__ import annotations

import shlex

from mslesion import __version__
from mslesion.detection import Detection
from mslesion.lesions.released import released_sha256
from mslesion.report.detection_wording import MM3, SPACE, reach
from mslesion.report.document import (
    Aside,
    Block,
    Cell,
    Column,
    Row,
    RowGroup,
    Table,
    Text,
    Verbatim,
)

HOW_TO_CITE = (
    f"The mslesion developers. mslesion, version {__version__} [software]. Apache-2.0. Give the "
    "SHA-256 of the detector's weights too (above): it says which detector marked the lesions."
)
OF_THE_PAPER = (
    "Where the paper's CNN is used, cite the paper as well: Rajabzadeh M, Hashemi Kamangar M, "
    "Jalalzadeh AH. Detection of Multiple Sclerosis Lesions in MR Images Based on Convolutional "
    "Neural Networks. Future Research on AI and IoT 1(1), 10\N{EN DASH}17, 2025. "
    "doi:10.22080/frai.2025.29274.1015"
)
BIBTEX = f"""@software{{mslesion,
  author  = {{{{The mslesion developers}}}},
  title   = {{mslesion}},
  version = {{{__version__}}},
  license = {{Apache-2.0}}
}}

@article{{rajabzadeh2025detection,
  author  = {{Rajabzadeh, Marzieh and Hashemi Kamangar, Mehrdad and Jalalzadeh, Amir Hossein}},
  title   = {{Detection of Multiple Sclerosis Lesions in {{MR}} Images Based on
             Convolutional Neural Networks}},
  journal = {{Future Research on AI and IoT}},
  volume  = {{1}},
  number  = {{1}},
  pages   = {{10--17}},
  year    = {{2025}},
  doi     = {{10.22080/frai.2025.29274.1015}}
}}"""


def citation() -> tuple[Block, ...]:
    """How to cite, with BibTeX that opens on demand."""
    return (Text(HOW_TO_CITE), Text(OF_THE_PAPER), Aside("BibTeX", (Verbatim(BIBTEX),)))


def command_again(detection: Detection) -> str:
    """The command that gives the same files of the same scan with the same version."""
    detector, scan = detection.detector, detection.scan
    file = "SCAN" if scan.source is None else scan.source.name
    words = ["mslesion", "detect", file, "--output", "OUT"]
    if detection.input_volume is not None:
        words += ["--volume", str(detection.input_volume)]
    if detector.weights_sha256 not in released_sha256().values():
        words += ["--model-path", "model.safetensors"]
    elif detector.name != "default":
        words += ["--model", detector.name]
    words += ["--threshold", _exactly(detector.threshold), "--min-peak", _exactly(detector.peak)]
    return shlex.join([*words, "--min-lesion-mm3", _exactly(detector.least_mm3)])


def _exactly(number: float) -> str:
    """A number in the fewest digits that are read as the same one."""
    return repr(float(number)).removesuffix(".0")


def origin_table(detection: Detection) -> Table:
    """From which file, by which detector, under which rules."""
    scan, detector = detection.scan, detection.detector
    file = "none: the voxels came from memory" if scan.source is None else scan.source.name
    times = f"{SPACE}\N{MULTIPLICATION SIGN}{SPACE}"
    stored = scan.stored_grid
    scan_rows = [
        ("input file", file),
        ("its SHA-256", detection.input_sha256),
        *([("volume of the file", str(v))] if (v := detection.input_volume) is not None else []),
        ("voxels as stored", times.join(map(str, stored.shape))),
        ("voxel spacing as stored", f"{times.join(f'{mm:.3g}' for mm in stored.spacing_mm)} mm"),
        ("axes as stored run towards", stored.axis_codes if scan.sides_known else "not known"),
        *([("head", detection.quality.head)] if detection.quality.head else []),
        *(("on reading", note) for note in scan.history),
    ]
    detector_rows = [
        ("detector", detector.name),
        ("SHA-256 of its weights", detector.weights_sha256),
        ("learnt from this very scan", "yes" if detection.seen_in_training else "no"),
        (
            "lesions reach as far as",
            reach(detector.threshold, is_calibrated=detector.is_calibrated),
        ),
        ("and are counted if it is", f"somewhere above {detector.peak:g}"),
        ("least lesion", f"{detector.least_mm3:g}{MM3}"),
        ("lesions are", "26-connected: voxels that share a face, an edge or a corner"),
        ("software", f"mslesion {__version__}"),
        ("the same again", command_again(detection)),
    ]
    return Table(
        "Where this comes from",
        (Column("what"), Column("value")),
        (RowGroup("The scan", _pairs(scan_rows)), RowGroup("The detector", _pairs(detector_rows))),
        ("No date and no computer is told: scan, version and detector alone make this page.",),
    )


def _pairs(rows: list[tuple[str, str]]) -> tuple[Row, ...]:
    return tuple(Row((Cell(what), Cell(value))) for what, value in rows)
