"""What the report of a detection says, in which order: from the detection to a document."""

from __future__ import annotations

import numpy as np

from mslesion.detection import Detection
from mslesion.lesions.findings import PERIVENTRICULAR_MM, Lesion
from mslesion.report import detection_wording as wording
from mslesion.report.detection_origin import citation, origin_table
from mslesion.report.detection_tables import lesion_table, quality_table, size_table
from mslesion.report.detection_views import (
    Scene,
    axial_slices,
    close_ups,
    largest_lesions,
    least_certain_lesions,
    projections,
    scene_of,
    seen_lesions,
    shown_slices,
)
from mslesion.report.detection_wording import MM3, SPACE
from mslesion.report.document import (
    Block,
    Callout,
    Caption,
    Document,
    Gallery,
    Listing,
    Panel,
    Section,
    Text,
    Tile,
    Tiles,
)
from mslesion.report.drawings import (
    AxialSlice,
    CloseUp,
    ProjectionDrawing,
    SliceCurveDrawing,
    SliceDrawing,
)
from mslesion.told import counted


def build_detection_document(detection: Detection) -> Document:
    """The whole report as a value; nothing is drawn or written."""
    return Document(
        title=f"Lesions in {detection.name}",
        subtitle="What mslesion found in one FLAIR scan",
        lead=_lead(detection),
        sections=(
            Section(
                "pictures",
                "The lesions on the scan" if detection.lesions else "The scan",
                _pictures(detection),
            ),
            _lesion_section(detection),
            Section("slices", "Slice by slice", (_curves(detection),)),
            Section("quality", "Quality of the scan", (quality_table(detection),)),
            Section(
                "run",
                "How it was made, and its limits",
                (
                    origin_table(detection),
                    Listing(wording.limits(is_calibrated=detection.detector.is_calibrated)),
                ),
            ),
            Section("cite", "How to cite", citation()),
        ),
    )


def _pictures(detection: Detection) -> tuple[Block, ...]:
    """Slices, close-ups, and the whole brain.

    None of a scan into which a name may be burned, nor of one in which no brain was seen.
    """
    if not detection.scan.may_be_shown:
        return (Text(wording.NOT_SHOWN),)
    if not (detection.brain.any() or detection.mask.any()):
        return (Text(wording.NO_BRAIN),)
    scene = scene_of(detection)
    return (
        Text(wording.BRAIN_ONLY),
        _mosaic(scene),
        *_close_up_galleries(scene),
        _overview(scene),
    )


def _lead(detection: Detection) -> tuple[Block, ...]:
    return (
        Text(_finding(detection)),
        *(Callout("warning", _sentence(warning)) for warning in detection.warnings),
        _tiles(detection),
        Callout("verdict", _verdict(detection)),
        Callout(
            "research",
            "Research use only. This is no medical device, and nothing here is a diagnosis.",
        ),
    )


def _sentence(text: str) -> str:
    """A clause as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def _finding(detection: Detection) -> str:
    counts = wording.count_range(detection.uncertainty.count)
    volumes = f"{wording.volume_range(detection.uncertainty.volume_ml)}{SPACE}ml"
    if not detection.lesions:
        return (
            f"No lesion of {detection.detector.least_mm3:g}{MM3} or more was found in this scan "
            f"(plausible: {counts}, {volumes})."
        )
    total = f"{wording.millilitres(detection.lesion_volume_ml)}{SPACE}ml"
    largest = f"{wording.volume(detection.lesions[0].volume_mm3)}{MM3}"
    if detection.lesion_count == 1:
        return (
            f"One lesion was found in this scan (plausible: {counts}), of {largest} ({total}; "
            f"plausible: {volumes})."
        )
    near = sum(lesion.is_periventricular for lesion in detection.lesions)
    return (
        f"{counted(detection.lesion_count, 'lesion')} (plausible: {counts}) were found in "
        f"this scan, {total} in all (plausible: {volumes}); the largest has {largest} "
        f"({_place(detection)}), and {near or 'none'} "
        f"of them {'lie' if near > 1 else 'lies'} within {PERIVENTRICULAR_MM:g}{SPACE}mm of a "
        "lateral ventricle."
    )


def _tiles(detection: Detection) -> Tiles:
    counts = wording.count_range(detection.uncertainty.count)
    volumes = f"{wording.volume_range(detection.uncertainty.volume_ml)}{SPACE}ml"
    flags = len(detection.warnings)
    verdict = detection.verdict
    probability = verdict.ms_probability
    return Tiles(
        "At a glance",
        (
            Tile("ours", "lesions", f"{detection.lesion_count:,}", f"plausible: {counts}"),
            Tile(
                "ours",
                "lesion volume",
                f"{wording.millilitres(detection.lesion_volume_ml)}{SPACE}ml",
                f"plausible: {volumes}",
            ),
            Tile("doubt", "probability of MS", "abstained", "the reason stands below")
            if probability is None
            else Tile(
                "ours",
                "probability of MS",
                wording.percent(probability),
                "from the lesions alone, among simulated people",
            ),
            Tile(
                "doubt" if flags else "ours",
                "quality flags",
                str(flags) if flags else "none",
                "they stand above" if flags else "nothing about the scan is in doubt",
            ),
        ),
    )


def _place(detection: Detection) -> str:
    """Where the largest lesion is to be looked for."""
    largest = detection.lesions[0]
    if largest.slice_count == 1:
        return f"slice {largest.first_slice}"
    return f"slices {largest.first_slice} to {largest.last_slice}"


def _verdict(detection: Detection) -> str:
    verdict = detection.verdict
    said = (
        f"{verdict.wording}: the detector abstains, as {verdict.reason}. What was found is "
        "shown all the same."
        if verdict.ms_probability is None
        else f"{verdict.wording} (probability {wording.percent(verdict.ms_probability)}). This is "
        "not a diagnosis."
    )
    if verdict.control_false_positive_rate is None or verdict.ms_missed_rate is None:
        return f"{said} How often verdicts err with this detector was not measured."
    return (
        f"{said} Among simulated people whom it was not fitted on, the detector's verdict "
        f"suggested MS in {wording.rate(verdict.control_false_positive_rate)} of controls, and "
        f"missed {wording.rate(verdict.ms_missed_rate)} of people with MS. How often it errs in "
        "real people is not known."
    )


def _mosaic(scene: Scene) -> Gallery:
    detection = scene.detection
    slices = axial_slices(scene)
    is_outlined = bool(detection.lesions)
    panels = tuple(
        Panel(
            "",
            f"Axial {part.title}, brain alone; {wording.sides(detection.scan)}; "
            + (f"once plain, once with {_outlines(part)}" if is_outlined else "no lesion found"),
            SliceDrawing(part, is_outlined, scale_mm=0),
        )
        for part in slices
    )
    if not is_outlined:
        return Gallery(
            "slices-plain",
            "Slices through the brain; no lesion was found",
            wording.slices_caption(detection.scan, is_outlined=False),
            panels,
            per_row=3,
        )
    seen = seen_lesions(detection, shown_slices(detection))
    of_all = f"{seen} of {counted(detection.lesion_count, 'lesion')}"
    return Gallery(
        "slices-outlined",
        f"Slices with lesions, plain and outlined: {of_all} can be seen here",
        wording.slices_caption(detection.scan, is_outlined=True),
        panels,
        per_row=2,
    )


def _outlines(part: AxialSlice) -> str:
    """What is outlined in a slice, in words."""
    count = len(np.unique(part.lesions[part.lesions > 0]))
    return f"{counted(count, 'lesion')} outlined"


def _close_up_galleries(scene: Scene) -> tuple[Gallery, ...]:
    largest = largest_lesions(scene.detection)
    least = least_certain_lesions(scene.detection)
    galleries = (
        ("largest", "The largest lesions from near", wording.LARGEST, largest),
        ("least-certain", "The least certain lesions from near", wording.LEAST_CERTAIN, least),
    )
    return tuple(
        _close_ups(scene, name, title, caption, lesions)
        for name, title, caption, lesions in galleries
        if lesions
    )


def _close_ups(
    scene: Scene, name: str, title: str, caption: Caption, lesions: tuple[Lesion, ...]
) -> Gallery:
    shown = close_ups(scene, lesions)
    panels = tuple(
        _close_up_panel(lesion, close_up) for lesion, close_up in zip(lesions, shown, strict=True)
    )
    return Gallery(name, title, caption, panels, per_row=2)


def _close_up_panel(lesion: Lesion, close_up: CloseUp) -> Panel:
    said = (
        f"Lesion {lesion.lesion_id}: {wording.volume(lesion.volume_mm3)}{MM3}, highest "
        f"probability {lesion.max_probability:.2f}, mean {lesion.mean_probability:.2f}; slice "
        f"{close_up.slice_index}"
    )
    return Panel(
        said,
        f"{said}, from near, once plain, once outlined",
        SliceDrawing(close_up.part, is_outlined=True, scale_mm=10),
    )


def _overview(scene: Scene) -> Gallery:
    detection = scene.detection
    highest = float(detection.probability.max())
    alt = (
        "The brain from the front, from one side and from below, with the probability of lesions "
        f"over it; the highest is {highest:.2f}; lesions exceed "
        f"{detection.detector.peak:g} somewhere and reach down to {detection.detector.threshold:g}"
    )
    drawing = ProjectionDrawing(projections(scene), detection.detector.threshold)
    return Gallery(
        "projections",
        "The whole brain, and where lesions are probable",
        wording.PROJECTIONS,
        (Panel("", alt, drawing),),
    )


def _curves(detection: Detection) -> Gallery:
    slices = detection.slices
    with_area = sum(row.lesion_area_mm2 > 0 for row in slices)
    ours = max(row.detector_probability for row in slices)
    by_paper = [p for row in slices if (p := row.paper_cnn_probability) is not None]
    paper = (
        f"the paper's CNN gives {min(by_paper):.2f} to {max(by_paper):.2f}"
        if by_paper
        else "no slice holds enough tissue for the paper's CNN"
    )
    alt = (
        f"Curves over {counted(len(slices), 'slice')}: {with_area} have lesion area; this "
        f"detector's highest probability is {ours:.2f}; {paper}"
    )
    return Gallery(
        "probabilities",
        "Probability of a lesion, and lesion area, of each slice",
        wording.SLICES,
        (Panel("", alt, SliceCurveDrawing(slices)),),
    )


def _lesion_section(detection: Detection) -> Section:
    blocks: tuple[Block, ...] = (Text("No lesion was found, so there is none to list."),)
    if detection.lesions:
        blocks = (size_table(detection), lesion_table(detection))
    return Section("lesions", "Lesion by lesion", (*blocks, _uncertainty(detection)))


def _uncertainty(detection: Detection) -> Callout:
    count, volume_ml = detection.uncertainty.count, detection.uncertainty.volume_ml
    return Callout(
        "note",
        f"By their probabilities, {count.expected:.1f} lesions are to be expected and "
        f"{wording.millilitres(volume_ml.expected)}{SPACE}ml; plausible are "
        f"{wording.count_range(count)} lesions and {wording.volume_range(volume_ml)}{SPACE}ml. "
        f"{wording.UNCERTAINTY}",
    )
