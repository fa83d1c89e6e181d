"""Sections on who is tested: what each classifier can tell, the split, random labels."""

from __future__ import annotations

from math import nan

from mslesion.evaluation.intervals import Estimate
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
from mslesion.experiments.sentences import against_chance, compared, over_shuffles
from mslesion.experiments.table import CNN, DETECTOR, HEIGHT, SVM, TREE, leaking_label
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
        findings += [
            f"*{words}* " + against_chance(f"The {who}", "auc", source.measure(who, "auc"))
            for who in present
        ]
        findings += [
            f"*{words}* "
            + compared(f"The {CNN}", f"the {who}", "auc", source.difference(CNN, who, "auc"))
            for who in present
            if who != CNN
        ]
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
        rows = []
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
            gap = source.difference(leaking_label(who), who, "accuracy")
            findings.append(
                f"*{words}* "
                + compared(f"The {who} under the slice split", "under the patient split",
                           "accuracy", gap)
            )  # fmt: skip
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
    findings, panels = [], []
    for measure, axis, scale in (("auc", "AUC", 1.0), ("accuracy", "accuracy, %", 100.0)):
        rows = []
        for who in (SVM, TREE):
            dots = []
            for label, series in (
                (who, "patient split"),
                (leaking_label(who), "slice split (leaks)"),
            ):
                runs = tuple(source.at("arms", label, "of_each_seed", measure))
                dots.append(Dot(series, over_shuffles(runs), runs))
                if measure == "auc":
                    findings.append(
                        against_chance(f"With random labels, the {who} under the {series}",
                                       measure, dots[-1].estimate)
                    )  # fmt: skip
            rows.append(Row(who, tuple(dots)))
        panels.append(
            Panel(f"{axis}\n{counted(source, SVM)}", axis, tuple(rows), 0.5, CHANCE,
                  AUC_LIMITS, scale=scale)
        )  # fmt: skip
    shuffles = len(source.at("arms", SVM, "seeds"))
    drawing = DotDrawing(
        "What is scored where there is nothing to learn? (people's labels dealt out at random)",
        tuple(panels), ("patient split", "slice split (leaks)"),
        runs_words=f"one of {shuffles} shuffles",
        interval_words="mean and two standard errors over the shuffles",
        is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        f"The diagnoses of the simulated people were dealt out at random, {shuffles} times; "
        "everything else stayed. What is above chance is recognised people, not disease. The "
        "intervals here are two standard errors over the shuffles."
    )
    return Section(
        "Random labels", tuple(findings), explained, {"random-labels": drawing}, (source,)
    )
