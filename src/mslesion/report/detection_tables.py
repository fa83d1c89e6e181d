"""The tables of a detection's report."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mslesion.detection import Detection
from mslesion.lesions.findings import Lesion
from mslesion.lesions.quality import MOST_BIAS, MOST_GHOST, MOST_NOISE
from mslesion.report.detection_views import MOST_NAMED
from mslesion.report.detection_wording import (
    MM3,
    QUALITY_EXPLAINED,
    SPACE,
    percent,
    signed,
    volume,
)
from mslesion.report.document import Cell, Column, Row, RowGroup, Table
from mslesion.report.wording import NOTHING, TO, UNDEFINED

MOST_SPACING_MM = 10.0
"""With slices further apart the detector abstains from a verdict."""

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


@dataclass(frozen=True)
class _Flag:
    """A measure of quality: what it is, how it is told, and the most that good scans have."""

    measure: str
    title: str
    detail: str
    most: float


_FLAGS = (
    _Flag("noise_share", "noise", "share of the tissue's signal", MOST_NOISE),
    _Flag("bias_ratio", "unevenness", "brightest tissue over darkest", MOST_BIAS),
    _Flag("ghost_share", "ghosts of motion", "beside the head, share of tissue", MOST_GHOST),
)


def quality_table(detection: Detection) -> Table:
    """Each measure of the scan's quality beside the limit of good scans, and what is in doubt."""
    spacing_mm = detection.scan.spacing_mm
    thick = max(spacing_mm)
    rows = [_flag_row(flag, getattr(detection.quality, flag.measure)) for flag in _FLAGS]
    rows += [
        _judged(
            "largest side of a voxel",
            "mm",
            f"{thick:.1f}",
            f"{MOST_SPACING_MM:g}",
            thick > MOST_SPACING_MM,
        ),
        _judged(
            "sides",
            "left and right",
            *(
                ("known", "known", False)
                if detection.scan.sides_known
                else ("not known", "known", True)
            ),
        ),
        _judged(
            "seen in training",
            "the detector learnt from this scan",
            *(("yes", "no", True) if detection.seen_in_training else ("no", "no", False)),
        ),
        _judged(
            "warnings",
            "told at the top of this page",
            str(len(detection.warnings)),
            "0",
            bool(detection.warnings),
        ),
    ]
    return Table(
        "Quality flags",
        (
            Column("what"),
            Column("this scan", is_number=True),
            Column("good scans", "at most", is_number=True),
            Column("flag"),
        ),
        (RowGroup("", tuple(rows)),),
        (QUALITY_EXPLAINED,),
    )


def _flag_row(flag: _Flag, value: float | None) -> Row:
    if value is None:
        cells = (NOTHING, f"{flag.most:g}", "not measured")
        return Row((Cell(flag.title, flag.detail), *map(Cell, cells)))
    return _judged(flag.title, flag.detail, f"{value:.3f}", f"{flag.most:g}", value > flag.most)


def _judged(title: str, detail: str, value: str, most: str, is_raised: bool) -> Row:
    flag = (
        "\N{WARNING SIGN}\N{VARIATION SELECTOR-15} take care"
        if is_raised
        else "\N{CHECK MARK} good"
    )
    return Row((Cell(title, detail), Cell(value), Cell(most), Cell(flag)), is_marked=is_raised)
