"""Sections on who is tested: what each classifier can tell, the split, random labels."""

from __future__ import annotations

from math import nan

from mslesion.evaluation.intervals import Estimate
from mslesion.experiments.experiment import CNN, DETECTOR, HEIGHT, SVM, TREE
from mslesion.experiments.figures import Dot, DotDrawing, Panel, Row
from mslesion.experiments.results import StudyResults
from mslesion.experiments.sections.section import (
    AUC_LIMITS,
    CHANCE,
    UNKNOWN,
    Section,
    auc_dot,
    auc_panel,
    counted,
)
from mslesion.experiments.sentences import (
    all_against_chance,
    all_compared,
    compared,
    over_shuffles,
)
from mslesion.experiments.table import leaking_label
from mslesion.report.wording import paper_claim

_ASKED = (
    ("diagnosis-simulated", "has this person MS? simulated"),
    ("lesion-simulated", "a lesion in this slice? simulated"),
    ("lesion-tabriz", "a lesion in this slice? Tabriz"),
)
_WHO = (CNN, SVM, TREE, DETECTOR, HEIGHT)


def classifiers(results: StudyResults) -> Section:
    """What each classifier can tell of people it has never seen, and whether the CNN is ahead."""
    panels, findings, sources = [], [], []
    for name, words in _ASKED:
        if name not in results.experiments:
            continue
        source = results.experiments[name]
        sources.append(source)
        present = [who for who in _WHO if who in source.arms()]
        rows = tuple(
            Row(who, (auc_dot(source, who, "patient split"),) if who in present else ())
            for who in _WHO
        )
        panels.append(auc_panel(f"{words}\n{counted(source, CNN)}", rows))
        aucs = {who: source.measure(who, "auc") for who in present}
        ahead = {who: source.difference(CNN, who, "auc") for who in present if who != CNN}
        findings.append(
            f"*{words}:* {all_against_chance('auc', aucs)} "
            + " ".join(compared("the CNN", who, "auc", found) for who, found in ahead.items())
        )
    drawing = DotDrawing(
        "What can each classifier tell, of people it has never seen?", tuple(panels),
        ("patient split",), is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "CNN, SVM and decision tree are the paper's, on 64x64 slices. The detector is the "
        "shipped `mslesion detect` on the whole scan, on the same test people, of whom it has"
        " seen none (on Tabriz it learnt from the scans themselves and is left out; see the "
        "last section). *Slice height alone* looks at no pixel: it knows how often training "
        "slices at that height hold a lesion."
    )
    return Section(
        "What can each classifier tell?", tuple(findings), explained,
        {"classifiers": drawing}, tuple(sources),
    )  # fmt: skip


def split(results: StudyResults) -> Section:
    """What accuracy a slice split pretends, beside the figures that the paper prints."""
    panels, findings, sources = [], [], []
    for name, words in _ASKED:
        if name not in results.experiments:
            continue
        source = results.experiments[name]
        sources.append(source)
        rows, gaps = [], {}
        for who in (CNN, SVM, TREE):
            claim = paper_claim(who)
            printed = UNKNOWN if claim is None else Estimate(claim.accuracy / 100, nan, nan)
            rows.append(
                Row(
                    who,
                    (
                        Dot("patient split", source.measure(who, "accuracy")),
                        Dot("slice split (leaks)", source.measure(leaking_label(who), "accuracy")),
                        Dot("printed in the paper", printed),
                    ),
                )
            )
            gaps[who] = source.difference(leaking_label(who), who, "accuracy")
        findings.append(
            f"*{words}:* under the slice split, "
            + all_compared("the patient split", "accuracy", gaps)
        )
        frequent = source.at("arms", CNN, "always_the_more_frequent")
        panels.append(
            Panel(
                f"{words}\n{counted(source, CNN)}", "accuracy, % of test slices", tuple(rows),
                frequent, "more frequent answer", (0.4, 1.0), scale=100,
            )
        )  # fmt: skip
    drawing = DotDrawing(
        "How much accuracy comes from knowing the test people already?", tuple(panels),
        ("patient split", "slice split (leaks)", "printed in the paper"),
        is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "Under the slice split, slices of one person stand in training and in test. The paper"
        " does not say which split it used. The dashed line is the accuracy of always giving "
        "the more frequent answer."
    )
    return Section(
        "Slice split against patient split", tuple(findings), explained, {"split": drawing},
        tuple(sources),
    )  # fmt: skip


def random_labels(results: StudyResults) -> Section:
    """What is scored where the people's labels were dealt out at random."""
    source = results.experiments["random-labels"]
    panels, findings = [], []
    for measure, axis, scale in (("auc", "AUC", 1.0), ("accuracy", "accuracy, %", 100.0)):
        rows, means = [], {}
        for who in (SVM, TREE):
            dots = []
            for label, series in (
                (who, "patient split"),
                (leaking_label(who), "slice split (leaks)"),
            ):
                runs = tuple(source.at("arms", label, "of_each_seed", measure))
                dots.append(Dot(series, over_shuffles(runs), runs))
                means[f"{who}, {series}"] = dots[-1].estimate
            rows.append(Row(who, tuple(dots)))
        panels.append(
            Panel(f"{axis}\n{counted(source, SVM)}", axis, tuple(rows), 0.5, CHANCE,
                  AUC_LIMITS, scale=scale)
        )  # fmt: skip
        if measure == "auc":
            findings.append(f"With random labels: {all_against_chance(measure, means)}")
    shuffles = len(source.at("arms", SVM, "seeds"))
    drawing = DotDrawing(
        "What is scored where there is nothing to learn? (labels of people dealt out at random)",
        tuple(panels), ("patient split", "slice split (leaks)"),
        runs_words=f"one of {shuffles} shuffles",
        interval_words="mean and two standard errors over the shuffles",
        is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        f"The diagnoses of the simulated people were dealt out at random, {shuffles} times, "
        "each time with a split of its own. What is above chance is recognised people, not "
        "disease. SVM and tree have one setting each, as there is nothing to choose one by; the "
        "CNN, which takes minutes a fit, is left out. The intervals here are two standard errors "
        "over the shuffles."
    )
    return Section(
        "Random labels", tuple(findings), explained, {"random-labels": drawing}, (source,)
    )
