"""What is said of each figure: four sentences below it, and a text in its place."""

from __future__ import annotations

from mslesion.evaluation.metrics import Confusion
from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.summary import DEMONSTRATION
from mslesion.paper.result import ExampleSlice, Fit, Layer
from mslesion.report.document import Caption
from mslesion.report.drawings import CalibrationDrawing, ComparisonDrawing, DecisionCurveDrawing
from mslesion.report.wording import MEASURE_NAMES, Words, format_value

CONFUSION = {
    SplitUnit.PATIENT: Caption(
        "Slices by truth (rows) and answer (columns); shares are of each row.",
        "Dark from upper left to lower right, and test much like training.",
        "A test matrix much paler than training's (learned by heart), or one dark column (always "
        "the same answer).",
        "Add people or simplify the network in the first case; look at the training curve and "
        "the classes in the second.",
    ),
    SplitUnit.SLICE: Caption(
        f"The same, after splitting slices instead of people: {DEMONSTRATION}.",
        "It would look like the patient split's matrices.",
        "A test matrix that is darker than the patient split's: people are recognised.",
        "Report the patient split; use this one only to say how much a slice split flatters.",
    ),
}

TRAINING = {
    SplitUnit.PATIENT: Caption(
        "Accuracy and loss after each epoch: each fold thin, their mean thick, the kept epoch a "
        "dot.",
        "Both lines of a pair move together and flatten out.",
        "Training goes on improving while validation stands still or turns: learning by heart; "
        "or nothing moves at all.",
        "Add people or regularise in the first case; train longer or faster in the second.",
    ),
    SplitUnit.SLICE: Caption(
        f"The same, after splitting slices instead of people: {DEMONSTRATION}.",
        "It would look like the patient split's curves.",
        "Validation follows training closely, as it holds slices of the people that train.",
        "Do not take this agreement for generalisation; look at the patient split.",
    ),
}

COMPARISON = Caption(
    "Three measures of each classifier on test slices: full bars split by people, hatched bars "
    "by slices (a demonstration of leakage), diamonds the paper; whiskers are 95 % intervals.",
    "Full bars near the diamonds, short whiskers, and accuracy above the dashed line (always "
    "the more frequent answer).",
    "Hatched bars far above full ones, or accuracy at the dashed line.",
    "Trust the full bars; where whiskers of two classifiers overlap widely, do not call one "
    "better.",
)

CALIBRATION = Caption(
    "Answers in ten bins by the probability that was given: the share of positives among them, "
    "large dots for many answers; diamonds after softening by one temperature, which validation "
    "people chose.",
    "Dots on the dashed line: of the answers of 70 %, 70 of 100 are positive.",
    "Dots below it on the right and above it on the left: probabilities are too extreme.",
    "Read such probabilities as an order, not as chances; recalibrate on people of the place "
    "where it is used.",
)

DECISION_CURVE = Caption(
    "For each probability at which one would act, what the answers are worth: positives found less "
    "false alarms at their price, as a share of all tested.",
    "A line above both the dashed one (treating everybody) and zero (treating nobody).",
    "A line at or below one of them: acting on the answers is worth no more than not asking.",
    "Do not use the answers at thresholds where the band reaches below either of the two.",
)

SLICES = Caption(
    "Slices as the classifiers get them, the patient's right on the left; below, the expert's "
    "lesions outlined.",
    "Upright brains, front up, bright spots inside the outlines.",
    "Outlines beside the spots, brains turned, cut off or flat grey.",
    "Check orientation, masks and the sequence of these scans before believing any number.",
)

NETWORK = Caption(
    "The layers in order, from image to answer; height stands for the size of a layer's output, "
    "colour for its kind, the number below for its trainable parameters.",
    "Size falls step by step while channels grow, and few parameters for so few people.",
    "Nearly all parameters in one fully connected layer, far more than training slices.",
    "Pool once more or make the fully connected layer smaller.",
)


def confusion_alt(panels: tuple[tuple[str, Confusion], ...], words: Words) -> str:
    """The matrices in words."""
    return "; ".join(
        f"{part}: {found.tp} of {found.positives} {words.positive_slices} and {found.tn} of "
        f"{found.negatives} {words.negative_slices} right"
        for part, found in panels
    )


def training_alt(fits: tuple[Fit, ...]) -> str:
    """The ends of the curves in words."""
    ends = [fit.curve[-1] for fit in fits]
    training = sum(end.training_accuracy for end in ends) / len(ends)
    validation = sum(end.validation_accuracy for end in ends) / len(ends)
    return (
        f"Curves of {len(fits)} {'fold' if len(fits) == 1 else 'folds'} over {ends[0].number} "
        f"epochs; accuracy in the last one, mean over folds: training "
        f"{format_value('accuracy', training)}, validation {format_value('accuracy', validation)}"
    )


def comparison_alt(drawing: ComparisonDrawing) -> str:
    """The bars in words."""
    parts = []
    for name in drawing.classifiers:
        for title, bars in (
            ("patient split", drawing.patient),
            (f"slice split ({DEMONSTRATION})", drawing.slice_demonstration),
        ):
            if name in bars:
                values = ", ".join(
                    f"{MEASURE_NAMES[m]} {format_value(m, e.value)}" for m, e in bars[name].items()
                )
                parts.append(f"{name}, {title}: {values}")
    return "; ".join(parts)


def calibration_alt(drawing: CalibrationDrawing) -> str:
    """The fullest bin of each diagram in words."""
    parts = []
    for panel in (panel for row in drawing.rows for panel in row):
        fullest = max(panel.bins, key=lambda each: each.count)
        if fullest.count:
            parts.append(
                f"{panel.title}: of {fullest.count} answers with a mean probability of "
                f"{fullest.mean_probability:.2f}, {fullest.observed.value:.2f} are positive"
            )
    return "; ".join(parts) or "No answers"


def decision_curve_alt(drawing: DecisionCurveDrawing) -> str:
    """The net benefit at a threshold of one half in words."""
    parts = []
    for title, curves in drawing.panels:
        for name, curve in curves.items():
            middle = curve[len(curve) // 2]
            parts.append(
                f"{title}, {name}: {middle.classifier.value:.2f} at a threshold of "
                f"{middle.threshold:g}, treating everybody {middle.treat_all.value:.2f}"
            )
    return "; ".join(parts)


def slices_alt(examples: tuple[ExampleSlice, ...]) -> str:
    """What each slice is."""
    return "Slices: " + "; ".join(example.caption for example in examples)


def network_alt(layers: tuple[Layer, ...]) -> str:
    """The layers in words."""
    total = sum(layer.parameter_count for layer in layers)
    return f"{', '.join(layer.name for layer in layers)}; {total:,} parameters in all"
