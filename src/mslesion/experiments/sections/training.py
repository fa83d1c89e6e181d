"""Sections on the training: average against max pooling, and each augmentation."""

from __future__ import annotations

from mslesion.experiments.experiment import CNN
from mslesion.experiments.figures import DotDrawing, Row
from mslesion.experiments.results import Source, StudyResults
from mslesion.experiments.sections.section import Section, auc_dot, auc_panel, counted
from mslesion.experiments.sentences import all_compared, compared
from mslesion.experiments.table import ALL, AUGMENTATIONS, NONE, SIMULATED, TABRIZ

_OVER_SEEDS = "mean over seeds, 95 % interval over people"


def pooling(results: StudyResults) -> Section:
    """Whether the paper's average pooling is ahead of max pooling."""
    source = results.experiments["pooling"]
    panels, findings = [], []
    for cohort in (SIMULATED, TABRIZ):
        average, highest = (f"{kind}, {cohort}" for kind in ("average", "max"))
        if average not in source.arms():
            continue
        words = results.words_of(cohort)
        rows = tuple(
            Row(f"{arm.split(',')[0]} pooling", (auc_dot(source, arm, CNN),))
            for arm in (average, highest)
        )
        panels.append(auc_panel(f"{words}\n{counted(source, average)}", rows))
        findings.append(
            f"*{words}:* "
            + compared(
                "average pooling", "max pooling", "auc", source.difference(average, highest, "auc")
            )
            + f" SD over seeds: {_sd(source, average)} and {_sd(source, highest)}."
        )
    seeds = len(source.at("arms", f"average, {SIMULATED}", "seeds"))
    drawing = DotDrawing(
        "Is average pooling better than max pooling, as the paper says?", tuple(panels), (CNN,),
        runs_words=f"one of {seeds} seeds", interval_words=_OVER_SEEDS,
        is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "The paper's CNN, asked for slices with a lesion. Each seed draws split and weights "
        "anew. On simulated people each slice is seen once an epoch, as above."
    )
    return Section(
        "Average against max pooling", tuple(findings), explained, {"pooling": drawing}, (source,)
    )


def _sd(source: Source, arm: str) -> str:
    return f"{source.at('arms', arm, 'sd_over_seeds', 'auc'):.3f}"


def augmentation(results: StudyResults) -> Section:
    """What each kind of change brings, left out and alone."""
    source = results.experiments["augmentation"]
    every = source.measure(ALL, "auc").value
    rows = tuple(Row(label, (auc_dot(source, label, CNN),)) for label in source.arms())
    lost = {"none": NONE, **{f"without {kind}": f"{kind} left out" for kind in AUGMENTATIONS}}
    won = {f"{kind} alone": f"{kind} alone" for kind in AUGMENTATIONS}
    findings = [
        all_compared(
            against, "auc", {w: source.difference(a, against, "auc") for w, a in of.items()}
        )
        for against, of in ((ALL, lost), (NONE, won))
    ]
    seeds = len(source.at("arms", ALL, "seeds"))
    drawing = DotDrawing(
        "What does each augmentation bring? (the CNN on real scans)",
        (auc_panel(f"{results.words_of(TABRIZ)}, a lesion in this slice?\n{counted(source, ALL)}",
                    rows, every, ALL),),
        (CNN,), runs_words=f"one of {seeds} seeds",
        interval_words=_OVER_SEEDS,
        is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "Rotation within 15 degrees, flip, and brightness within 10 %. All arms see as many "
        "images in as many steps: where nothing is changed, the five copies of a slice are "
        "alike."
    )
    return Section(
        "What each augmentation brings", tuple(findings), explained, {"augmentation": drawing},
        (source,),
    )  # fmt: skip
