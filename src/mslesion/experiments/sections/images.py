"""Sections on the images: what the size of the input and the thickness of slices cost."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from mslesion.evaluation.intervals import Estimate
from mslesion.experiments.experiment import CNN
from mslesion.experiments.figures import Dot, DotDrawing, Panel, Row, SquareDrawing
from mslesion.experiments.results import Source, StudyResults
from mslesion.experiments.sections.section import Section, auc_dot, auc_panel, counted
from mslesion.experiments.sentences import all_compared, told
from mslesion.experiments.table import SIMULATED, TABRIZ


def input_size(results: StudyResults) -> Section:
    """What the 64x64 input costs, over all and by the lesion area in a slice."""
    source = results.experiments["input-size"]
    panels, findings = [], []
    by_area: dict[str, list[Row]] = {}
    for cohort in (SIMULATED, TABRIZ):
        arms = [label for label in source.arms() if source.arms()[label]["cohort"] == cohort]
        if not arms:
            continue
        words = results.words_of(cohort)
        sizes = [label.split(",")[0] for label in arms]
        rows = tuple(
            Row(size, (auc_dot(source, arm, sizes[0]),))
            for size, arm in zip(sizes, arms, strict=True)
        )
        panels.append(auc_panel(f"{words}\n{counted(source, arms[0])}", rows))
        gains = {
            size: source.difference(arm, arms[0], "auc")
            for size, arm in zip(sizes[1:], arms[1:], strict=True)
        }
        findings.append(f"*{words}:* {all_compared(sizes[0], 'auc', gains)}")
        by_area[words] = _rows_by_area(source, dict(zip(sizes, arms, strict=True)))
    question = "What does the 64x64 input cost?"
    drawing = DotDrawing(
        question + " (the CNN; is there a lesion in this slice?)", tuple(panels),
        (sizes[0],), is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    area = DotDrawing(
        "Which slices does the CNN find, by the lesion area in them and the size of its input?",
        tuple(
            Panel(f"{words}\nslices with a lesion", "found, %", tuple(rows), 0.0, "", (0.0, 1.0),
                  scale=100)
            for words, rows in by_area.items()
        ),
        tuple(sizes), is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "Slices of 64, 128 and 256 pixels; one pixel of 64 covers 13 mm² of a head of 230 mm,"
        " more than the smallest lesions. The network is the same but for its first fully "
        "connected layer, which grows with the input. On simulated people each slice is seen "
        "once an epoch, changed at random, instead of five times; on Tabriz the protocol is "
        "the standard one."
    )
    return Section(
        question, tuple(findings), explained,
        {"input-size": drawing, "input-size-by-area": area}, (source,),
    )  # fmt: skip


def _rows_by_area(source: Source, arm_of: dict[str, str]) -> list[Row]:
    """One row a bin of lesion area, one dot a series."""
    first = source.at("arms", next(iter(arm_of.values())), "found_by_lesion_area")
    rows = []
    for number, edge in enumerate(first):
        upper = "and more" if edge["to_mm2"] is None else f"to {edge['to_mm2']:.0f}"
        dots = []
        for series, arm in arm_of.items():
            found = source.at("arms", arm, "found_by_lesion_area")[number]
            dots.append(Dot(series, Source(source.place, found).estimate("found")))
        label = f"{edge['from_mm2']:.0f} {upper} mm² ({edge['slices']} slices)"
        rows.append(Row(label, tuple(dots)))
    return rows


_LESION_SIZES = {
    "recall_3_to_10_mm3": "3 to 10 mm³",
    "recall_10_to_50_mm3": "10 to 50 mm³",
    "recall_50_to_100_mm3": "50 to 100 mm³",
    "recall_100_mm3_and_more": "100 mm³ and more",
}


def thickness(results: StudyResults) -> Section:
    """What slice thickness costs the CNN, and how many true lesions it costs the detector."""
    cnn, detector = (results.experiments[n] for n in ("cnn-thickness", "detector-thickness"))
    arms = tuple(cnn.arms())
    rows = tuple(Row(label, (auc_dot(cnn, label, CNN),)) for label in arms)
    thicknesses = tuple(detector.at("thicknesses"))
    lesions = [
        Row(
            words,
            tuple(
                Dot(mm, detector.estimate("thicknesses", mm, "measures", measure))
                for mm in thicknesses
            ),
        )
        for measure, words in _LESION_SIZES.items()
    ]
    people = detector.at("thicknesses", thicknesses[0], "people")
    losses = {label: cnn.difference(label, arms[0], "auc") for label in arms[1:]}
    findings = [f"The CNN: {all_compared(f'slices of {arms[0]}', 'auc', losses)}"]
    for measure, words in _LESION_SIZES.items():
        changes = {
            mm: _as_estimate(detector.at("against_thinnest", mm, measure)) for mm in thicknesses[1:]
        }
        thinnest = told(
            "accuracy", detector.estimate("thicknesses", thicknesses[0], "measures", measure)
        )
        findings.append(
            f"Of true lesions of {words}, the detector finds {thinnest} in slices of "
            f"{thicknesses[0]}. The {all_compared(thicknesses[0], 'sensitivity', changes)}"
        )
    drawings: dict[str, DotDrawing | SquareDrawing] = {
        "thickness-cnn": DotDrawing(
            "What does slice thickness cost the CNN?",
            (auc_panel(f"a lesion in this slice? {counted(cnn, arms[0])} each", rows),),
            (CNN,), is_rehearsal=results.is_rehearsal,
        ),
        "thickness-detector": DotDrawing(
            "How many true lesions does the detector find as slices grow thicker?",
            (Panel(f"simulated people with MS: {people}", "true lesions found, %", tuple(lesions),
                   0.0, "", (0.0, 1.0), scale=100),),
            thicknesses, is_rehearsal=results.is_rehearsal,
        ),
    }  # fmt: skip
    explained = (
        "Simulated scans of 1 mm were averaged to slabs of 3, 5 and 8 mm, without a gap; "
        "noise falls as it does in thicker slices. The CNN is trained and tested at each "
        "thickness on 23 slices a scan, and a slice counts as holding a lesion where lesion "
        "fills half a voxel or more: what is asked changes with the thickness, as it does for"
        " a reader. The detector is held against the lesions of the thin scan at every "
        "thickness. After the paper's reference 14 (Iwamura et al. 2024)."
    )
    return Section(
        "What slice thickness costs", tuple(findings), explained, drawings, (cnn, detector)
    )


def _as_estimate(compared: Mapping[str, Any]) -> Estimate:
    """A difference of ``mslesion compare`` as a value with its interval."""
    return Estimate(
        *(nan if compared[n] is None else compared[n] for n in ("difference", "low", "high"))
    )
