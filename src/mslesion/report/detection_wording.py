"""How the report of a detection speaks: numbers with their units, and what the pictures teach."""

from __future__ import annotations

from dataclasses import replace

from mslesion.lesions.uncertainty import Plausible
from mslesion.report.brain_only import MARGIN_MM
from mslesion.report.document import Caption
from mslesion.report.wording import PERCENT, TO
from mslesion.scan import Scan

SPACE = "\N{NO-BREAK SPACE}"
MM3 = f"{SPACE}mm\N{SUPERSCRIPT THREE}"

_LIMITS = (
    "Research use only: this is no medical device, and nothing here is a diagnosis.",
    "Lesions are found, missed and marked wrongly. Look at every outline before using a number.",
    (
        "The detector knows the scanners and the experts that it learnt from; on others it may do "
        "better or worse."
    ),
    (
        "It marks bright spots in FLAIR images that look like lesions of multiple sclerosis. It "
        "was not made for other diseases, whose lesions (of small vessels, migraine, tumours, "
        "strokes) may be marked too."
    ),
    "It was not made for children, for images after a contrast agent, or for T1w and T2w images.",
)
_CALIBRATED = (
    "Probabilities were calibrated on people it was not trained on; they hold for scans like "
    "theirs."
)
_NOT_CALIBRATED = (
    "Its probabilities were not calibrated: of ten places with a probability of 0.8, more or fewer "
    "than eight may be lesion, and so may ranges that follow from them be too narrow."
)

SIDES = "the patient's right is on the left"
NOT_SHOWN = (
    "No picture is shown: the scan's header says that text may be burned into its images, and that "
    "may be a name."
)
SIDES_UNKNOWN = "which side is the patient's right is not known"

BRAIN_ONLY = (
    f"Only the brain is shown, as the detector sees it, with {MARGIN_MM:g}{SPACE}mm around it; all "
    "else is black, so that no face can be seen."
)
NO_BRAIN = (
    "No brain was seen in this scan, so no picture of it is shown: what is not known to be brain "
    "could show a face."
)

_OUTLINED = Caption(
    "Axial slices with the largest lesion areas, from low to high, each plain and with its "
    "lesions outlined; {sides}, z is that of the slice's middle, and numbers are those of the "
    "lesion table, each where its lesion is largest.",
    "Each outline encloses a spot that is brighter than the white matter around it, and no "
    "such spot is left without.",
    "Outlines on dark or plain tissue, around vessels or at the border of the brain; bright spots "
    "without any; a brain that is cut into by the black, turned or upside down.",
    "Correct the mask by hand, or choose another --threshold or --min-peak; where the brain is "
    "turned or cut, look at the scan in a viewer, and repair the orientation in its header.",
)

_PLAIN = Caption(
    "Axial slices evenly spread through the brain, from low to high; {sides}, z is that of the "
    "slice's middle. No lesion was found, so nothing is outlined.",
    "Upright brains, front up, without bright spots in the white matter.",
    "Bright spots in the white matter: lesions may have been missed. Or a brain that is cut into "
    "by the black, turned or upside down.",
    "Look at the probability image, and try a lower --min-peak; where the brain is turned or cut, "
    "look at the scan in a viewer, and repair the orientation in its header.",
)

LARGEST = Caption(
    "The largest lesions, each in the slice where its area is largest, plain and outlined; numbers "
    "are those of the lesion table, and the bar tells the scale.",
    "One bright spot with a border that can be seen, and the outline upon that border.",
    "An outline that joins several spots, leaves out a part of one, or follows a ventricle, a "
    "furrow or the edge of the picture.",
    "Correct the outline by hand before using the volume: these lesions make up most of it.",
)

LEAST_CERTAIN = Caption(
    "Of the other lesions those whose highest probability is lowest, each in the slice where its "
    "area is largest, plain and outlined.",
    "A spot that you would have called a lesion without the outline.",
    "Plain tissue, a vessel, a bright rim of a ventricle or of the cortex, or a spot in one slice "
    "of which the neighbours know nothing.",
    "Decide for each whether it counts; where most do not, choose a higher --min-peak.",
)

PROJECTIONS = Caption(
    "The whole brain from the front, from one side and from below: mean signal in grey, "
    "and over it the highest probability along each line of sight.",
    "Colour lies within the brain, mostly near the ventricles, and is either bright or absent.",
    "Colour at the border of the brain or below it, or a haze of middling probability.",
    "Look at those places slice by slice in a viewer, with the probability image over the scan.",
)

QUALITY_EXPLAINED = (
    "Measured on the scan alone, in units of its tissue; a raised flag of noise, unevenness or "
    "ghosts makes the detector abstain from a verdict. Blur is not measured. Limits are what "
    "good scans of several scanners stay below."
)

UNCERTAINTY = (
    "The ranges hold 95 % of what the probabilities leave plausible: each candidate "
    "is a lesion as often as its highest probability says, and reaches further in one draw and "
    "less far in another; candidates of one scan err together in part. They cover whether spots "
    "are lesions and where their borders lie. They do not cover lesions that left no trace in the "
    "probabilities, how touching lesions are told apart, a scanner unlike those of the "
    "calibration, or the difference between two experts. Too few people whom the detector had "
    "never seen were measured to promise that they hold the truth as often in everybody."
)

SLICES = Caption(
    "Above, how probable it is that a slice holds a lesion: by this detector, and by the paper's "
    "CNN, which sees 64 x 64 pixels of it. Below, the lesion area that was found.",
    "The detector is near 1 where there is lesion area and near 0 elsewhere.",
    "Probability near 1 without area, or single slices that stand out at the ends of the brain.",
    "Look at those slices. Do not go by the paper's CNN: on people it never saw it does no "
    "better than the height of a slice alone.",
)


def limits(*, is_calibrated: bool) -> tuple[str, ...]:
    """What a detection is not, and does not know."""
    return *_LIMITS, _CALIBRATED if is_calibrated else _NOT_CALIBRATED


def reach(threshold: float, *, is_calibrated: bool) -> str:
    """How far lesions reach."""
    kind = "calibrated probability" if is_calibrated else "probability, not calibrated,"
    return f"{kind} above {threshold:g}"


def sides(scan: Scan) -> str:
    """Where the patient's right is in a picture, if that is known."""
    return SIDES if scan.sides_known else SIDES_UNKNOWN


def slices_caption(scan: Scan, *, is_outlined: bool) -> Caption:
    """What is said of slices with lesions, and of those of a scan without."""
    caption = _OUTLINED if is_outlined else _PLAIN
    return replace(caption, shown=caption.shown.format(sides=sides(scan)))


def volume(mm3: float) -> str:
    """``1,234``, or ``12.3`` for a small one, in mm3."""
    return f"{mm3:.1f}" if mm3 < 100 else f"{mm3:,.0f}"


def millilitres(ml: float) -> str:
    """``12.3``, or ``0.046`` for a small one; ``0`` for none."""
    if ml == 0:
        return "0"
    return f"{ml:.1f}" if ml >= 10 else f"{ml:.2f}" if ml >= 0.1 else f"{ml:.3f}"


def count_range(count: Plausible) -> str:
    """``14 to 37``."""
    return f"{count.low:,.0f}{TO}{count.high:,.0f}"


def volume_range(volume_ml: Plausible) -> str:
    """``2.10 to 8.80``."""
    return f"{millilitres(volume_ml.low)}{TO}{millilitres(volume_ml.high)}"


def signed(value: float) -> str:
    """``12.3``; below zero with a real minus sign, which what rounds to zero has not."""
    text = f"{value:.1f}"
    return "0.0" if text == "-0.0" else text.replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """``93 %``; never 0 or 100 for what is neither."""
    if 0 < share < 0.005:
        return f"<{SPACE}1{PERCENT}"
    if 0.995 <= share < 1:
        return f">{SPACE}99{PERCENT}"
    return f"{100 * share:.0f}{PERCENT}"


def rate(value: tuple[float, float, float]) -> str:
    """``2.0 % (95 % interval 0.0 to 5.0)``."""
    share, low, high = (100 * part for part in value)
    return f"{share:.1f}{PERCENT} (95{PERCENT} interval {low:.1f}{TO}{high:.1f})"
