"""What is said of each figure: four sentences below it, and a text in its place."""

from __future__ import annotations

from mslesion.evaluation.metrics import Confusion
from mslesion.evaluation.predictions import SplitUnit
from mslesion.evaluation.summary import DEMONSTRATION
from mslesion.paper.result import ExampleSlice, Fit, Layer
from mslesion.report.document import Caption
from mslesion.report.drawings import ComparisonDrawing
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


def slices_alt(examples: tuple[ExampleSlice, ...]) -> str:
    """What each slice is."""
    return "Slices: " + "; ".join(example.caption for example in examples)


def network_alt(layers: tuple[Layer, ...]) -> str:
    """The layers in words."""
    total = sum(layer.parameter_count for layer in layers)
    return f"{', '.join(layer.name for layer in layers)}; {total:,} parameters in all"
