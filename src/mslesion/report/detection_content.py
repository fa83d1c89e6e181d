"""What the report of a detection says, in which order: from the detection to a document."""

from __future__ import annotations

from mslesion.detection import Detection
from mslesion.lesions.findings import PERIVENTRICULAR_MM
from mslesion.report import detection_wording as wording
from mslesion.report.detection_tables import lesion_table, origin_table, size_table
from mslesion.report.detection_views import axial_slices, projections, seen_lesions, shown_slices
from mslesion.report.detection_wording import MM3, SPACE
from mslesion.report.document import (
    Block,
    Callout,
    Document,
    Figure,
    Listing,
    Section,
    Text,
    Tile,
    Tiles,
)
from mslesion.report.drawings import MontageDrawing, ProjectionDrawing, SliceCurveDrawing


def build_detection_document(detection: Detection) -> Document:
    """The whole report as a value; nothing is drawn or written."""
    return Document(
        title=f"Lesions in {detection.name}",
        subtitle="What mslesion found in one FLAIR scan",
        lead=_lead(detection),
        sections=(
            _picture_section(detection),
            _lesion_section(detection),
            Section("slices", "Slice by slice", (_curves(detection),)),
            Section(
                "run",
                "How it was made, and its limits",
                (origin_table(detection), Listing(wording.LIMITS)),
            ),
        ),
    )


def _picture_section(detection: Detection) -> Section:
    """Slices and projections; in words alone where a name may be burned into them."""
    title = "The lesions on the scan" if detection.lesions else "The scan"
    if not detection.scan.may_be_shown:
        return Section("pictures", title, (Text(wording.NOT_SHOWN),))
    return Section("pictures", title, (_montage(detection), _overview(detection)))


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
    if not detection.lesions:
        return f"No lesion of {detection.detector.least_mm3:g}{MM3} or more was found in this scan."
    total = f"{wording.millilitres(detection.lesion_volume_ml)}{SPACE}ml"
    largest = f"{wording.volume(detection.lesions[0].volume_mm3)}{MM3}"
    if detection.lesion_count == 1:
        return f"One lesion was found in this scan, of {largest} ({total})."
    near = sum(lesion.is_periventricular for lesion in detection.lesions)
    return (
        f"{wording.counted(detection.lesion_count, 'lesion')} were found in this scan, {total} in "
        f"all; the largest has {largest}, and {near} of them lie within "
        f"{PERIVENTRICULAR_MM:g}{SPACE}mm of a lateral ventricle."
    )


def _tiles(detection: Detection) -> Tiles:
    largest = detection.lesions[0] if detection.lesions else None
    verdict = detection.verdict
    probability = verdict.ms_probability
    return Tiles(
        "At a glance",
        (
            Tile("ours", "lesions", f"{detection.lesion_count:,}", "counted with 26-connectivity"),
            Tile(
                "ours",
                "lesion volume",
                f"{wording.millilitres(detection.lesion_volume_ml)}{SPACE}ml",
                "all lesions together",
            ),
            Tile(
                "ours",
                "largest lesion",
                "none" if largest is None else f"{wording.volume(largest.volume_mm3)}{MM3}",
                "" if largest is None else _place(detection),
            ),
            Tile("doubt", "probability of MS", "abstained", "the reason stands below")
            if probability is None
            else Tile(
                "ours",
                "probability of MS",
                wording.percent(probability),
                "from the lesions alone, among simulated people",
            ),
        ),
    )


def _place(detection: Detection) -> str:
    """Where the largest lesion is to be looked for."""
    largest = detection.lesions[0]
    if largest.slice_count == 1:
        return f"lesion 1, slice {largest.first_slice}"
    return f"lesion 1, slices {largest.first_slice} to {largest.last_slice}"


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


def _montage(detection: Detection) -> Figure:
    slices = axial_slices(detection)
    first, last = slices[0].title, slices[-1].title
    scan = detection.scan
    shown = (
        f"{wording.counted(len(slices), 'axial slice')}, from {first}, to {last}; "
        f"{wording.sides(scan)}"
    )
    if not detection.lesions:
        return Figure(
            "slices-plain",
            "Slices through the brain; no lesion was found",
            f"{shown}; no lesion was found in the scan",
            wording.slices_caption(scan, is_outlined=False),
            MontageDrawing(slices, is_outlined=False),
        )
    seen = seen_lesions(detection, shown_slices(detection))
    of_all = f"{seen} of {wording.counted(detection.lesion_count, 'lesion')}"
    return Figure(
        "slices-outlined",
        f"Slices with lesions, plain and outlined: {of_all} can be seen here",
        f"{shown}, each plain and with lesions outlined; {of_all} can be seen",
        wording.slices_caption(scan, is_outlined=True),
        MontageDrawing(slices, is_outlined=True),
    )


def _overview(detection: Detection) -> Figure:
    highest = float(detection.probability.max())
    return Figure(
        "projections",
        "The whole head, and where lesions are probable",
        "The head from the front, from one side and from below, with the probability of lesions "
        f"over it; the highest is {highest:.2f}; lesions exceed "
        f"{detection.detector.peak:g} somewhere and reach down to {detection.detector.threshold:g}",
        wording.PROJECTIONS,
        ProjectionDrawing(projections(detection), detection.detector.threshold),
    )


def _curves(detection: Detection) -> Figure:
    slices = detection.slices
    with_area = sum(row.lesion_area_mm2 > 0 for row in slices)
    ours = max(row.detector_probability for row in slices)
    by_paper = [p for row in slices if (p := row.paper_cnn_probability) is not None]
    paper = (
        f"the paper's CNN gives {min(by_paper):.2f} to {max(by_paper):.2f}"
        if by_paper
        else "no slice holds enough tissue for the paper's CNN"
    )
    return Figure(
        "probabilities",
        "Probability of a lesion, and lesion area, of each slice",
        f"Curves over {wording.counted(len(slices), 'slice')}: {with_area} have lesion area; this "
        f"detector's highest probability is {ours:.2f}; {paper}",
        wording.SLICES,
        SliceCurveDrawing(slices),
    )


def _lesion_section(detection: Detection) -> Section:
    blocks: tuple[Block, ...] = (Text("No lesion was found, so there is none to list."),)
    if detection.lesions:
        blocks = (size_table(detection), lesion_table(detection))
    return Section("lesions", "Lesion by lesion", blocks)
