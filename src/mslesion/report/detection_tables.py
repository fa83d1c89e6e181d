"""The tables of a detection's report."""

from __future__ import annotations

import math

from mslesion import __version__
from mslesion.detection import Detection
from mslesion.lesions.findings import Lesion
from mslesion.report.detection_views import MOST_NAMED
from mslesion.report.detection_wording import MM3, SPACE, percent, signed, volume
from mslesion.report.document import Cell, Column, Row, RowGroup, Table
from mslesion.report.wording import NOTHING, TO, UNDEFINED

SIZE_BINS_MM3 = ((0.0, 10.0), (10.0, 50.0), (50.0, 100.0), (100.0, math.inf))
"""Lesion sizes counted together: from the first volume, below the second."""

_COLUMNS_EXPLAINED = (
    "Centres are centres of mass: in the scanner's millimetres ({axes}), and in voxels of the "
    "file, counted from 0. Slices are axial, counted from 0 at the lowest. Distances from a "
    "lateral ventricle are those of a lesion's nearest voxel."
)
_AXES = "x to the patient's right, y to the front, z up"
_AXES_UNKNOWN = "along the axes of the file, for its header does not say where sides are"


def lesion_table(detection: Detection) -> Table:
    """The largest lesions, one a row, with all that is known of each."""
    listed = detection.lesions[:MOST_NAMED]
    count = detection.lesion_count
    title = "The lesions" if count <= MOST_NAMED else f"The {MOST_NAMED} largest of {count} lesions"
    return Table(
        title,
        (
            Column("lesion"),
            Column("volume", "mm\N{SUPERSCRIPT THREE}", is_number=True),
            Column("centre", "x, y, z in mm", is_number=True),
            Column("centre", "voxel i, j, k", is_number=True),
            Column("slices", "first to last", is_number=True),
            Column("probability", "mean, highest", is_number=True),
            Column("from ventricle", "mm", is_number=True),
        ),
        (RowGroup("", tuple(_lesion_row(lesion) for lesion in listed)),),
        (
            _COLUMNS_EXPLAINED.format(axes=_AXES if detection.scan.sides_known else _AXES_UNKNOWN),
            f"All lesions, with more digits, are in {detection.name}_lesions.tsv.",
        ),
    )


def _lesion_row(lesion: Lesion) -> Row:
    centre = (lesion.centroid_x_mm, lesion.centroid_y_mm, lesion.centroid_z_mm)
    voxel = (lesion.centroid_i_voxel, lesion.centroid_j_voxel, lesion.centroid_k_voxel)
    distance_mm = lesion.ventricle_distance_mm
    slices = (
        f"{lesion.first_slice}{SPACE}to{SPACE}{lesion.last_slice}"
        if lesion.slice_count > 1
        else str(lesion.first_slice)
    )
    texts = (
        str(lesion.lesion_id),
        volume(lesion.volume_mm3),
        f",{SPACE}".join(map(signed, centre)),
        f",{SPACE}".join(f"{index:.0f}" for index in voxel),
        slices,
        f"{lesion.mean_probability:.2f},{SPACE}{lesion.max_probability:.2f}",
        NOTHING if distance_mm is None else f"{distance_mm:.1f}",
    )
    return Row(tuple(Cell(text) for text in texts))


def size_table(detection: Detection) -> Table:
    """How many lesions there are of each size, and how much they make up."""
    volumes = [lesion.volume_mm3 for lesion in detection.lesions]
    return Table(
        "Lesions by size",
        (
            Column("size of a lesion"),
            Column("lesions", is_number=True),
            Column("volume together", "mm\N{SUPERSCRIPT THREE}", is_number=True),
            Column("share of all volume", is_number=True),
        ),
        (
            RowGroup(
                "",
                tuple(
                    _size_row(low, high, [v for v in volumes if low <= v < high], sum(volumes))
                    for low, high in SIZE_BINS_MM3
                ),
            ),
        ),
    )


def _size_row(low: float, high: float, volumes: list[float], total: float) -> Row:
    name = (
        f"{low:g}{MM3} and more"
        if math.isinf(high)
        else f"{low:g}{TO}{high:g}{MM3}"
        if low
        else f"below {high:g}{MM3}"
    )
    share = percent(sum(volumes) / total) if total else UNDEFINED
    texts = (name, f"{len(volumes):,}", volume(sum(volumes)), share)
    return Row(tuple(Cell(text) for text in texts))


def origin_table(detection: Detection) -> Table:
    """From which file, by which detector, under which rules."""
    scan, detector = detection.scan, detection.detector
    file = "none: the voxels came from memory" if scan.source is None else scan.source.name
    times = f"{SPACE}\N{MULTIPLICATION SIGN}{SPACE}"
    stored = scan.stored_grid
    scan_rows = [
        ("input file", file),
        ("its SHA-256", detection.input_sha256),
        ("voxels as stored", times.join(map(str, stored.shape))),
        ("voxel spacing as stored", f"{times.join(f'{mm:.3g}' for mm in stored.spacing_mm)} mm"),
        ("axes as stored run towards", stored.axis_codes if scan.sides_known else "not known"),
        *([("head", detection.quality.head)] if detection.quality.head else []),
        *(("on reading", note) for note in scan.history),
    ]
    detector_rows = [
        ("detector", detector.name),
        ("SHA-256 of its weights", detector.weights_sha256),
        ("lesions reach as far as", f"calibrated probability above {detector.threshold:g}"),
        ("and are counted if it is", f"somewhere above {detector.peak:g}"),
        ("least lesion", f"{detector.least_mm3:g}{MM3}"),
        ("lesions are", "26-connected: voxels that share a face, an edge or a corner"),
        ("software", f"mslesion {__version__}"),
    ]
    return Table(
        "Where this comes from",
        (Column("what"), Column("value")),
        (RowGroup("The scan", _pairs(scan_rows)), RowGroup("The detector", _pairs(detector_rows))),
    )


def _pairs(rows: list[tuple[str, str]]) -> tuple[Row, ...]:
    return tuple(Row((Cell(what), Cell(value))) for what, value in rows)
