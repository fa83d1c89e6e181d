"""Sections on other scanners: how far the CNN and the detector fall there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mslesion.evaluation.intervals import Estimate, Weights, cluster_bootstrap
from mslesion.evaluation.lesion_summary import mean_by
from mslesion.experiments.figures import Dot, DotDrawing, Panel, Row, SquareDrawing
from mslesion.experiments.results import Source, StudyResults
from mslesion.experiments.sections.section import Section
from mslesion.experiments.sentences import all_compared, told_difference
from mslesion.experiments.table import LJUBLJANA, SIMULATED, TABRIZ, THIN, transfer_label

_FEWEST_CLAIMED = 5
"""Of fewer people no difference is called one, whatever its interval."""


def transfer(results: StudyResults) -> Section:
    """Each cohort's CNN on each cohort."""
    source = results.experiments["transfer"]
    present = [
        name for name in (SIMULATED, THIN, TABRIZ, LJUBLJANA)
        if any(arm["cohort"] == name for arm in source.arms().values())
    ]  # fmt: skip
    words = {name: results.words_of(name) for name in present}
    cells = {
        (words[a], words[b]): source.measure(transfer_label(a, b), "auc")
        for a in present
        for b in present
        if transfer_label(a, b) in source.arms()
    }
    findings = []
    for trained in present:
        own = transfer_label(trained, trained)
        falls = {
            tested: source.difference(transfer_label(trained, tested), own, "auc")
            for tested in present
            if tested != trained and own in source.arms()
        }
        people = {
            tested: source.at("arms", transfer_label(trained, tested), "n_people")
            for tested in falls
        }
        claimed = {words[t]: fall for t, fall in falls.items() if people[t] >= _FEWEST_CLAIMED}
        if claimed:
            told_falls = all_compared("its own cohort", "auc", claimed)
            findings.append(f"Trained on {words[trained]}, {told_falls}")
        findings += [
            f"Trained on {words[trained]} and asked about {words[tested]}, {people[tested]} people "
            f"of whom nothing is claimed: {told_difference('auc', fall)}."
            for tested, fall in falls.items()
            if words[tested] not in claimed
        ]
    drawing = SquareDrawing(
        "How far does the CNN fall from its own scanner to another?",
        tuple(words.values()), cells, results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "The paper's CNN, asked for slices with a lesion. On the diagonal, other people of "
        "the same cohort, by cross-validation; elsewhere, all people of the other cohort, by "
        "the networks of all folds. Ljubljana has two people: one trains while the other "
        "chooses the epoch, nobody is left to test, and intervals over two people say little. "
        "Every slice of theirs is taken, about a hundred each, and not the protocol's 23. "
        "As other cohorts hold other people, these differences are not paired."
    )
    return Section(
        "From the own scanner to another: the CNN", tuple(findings), explained,
        {"transfer": drawing}, (source,),
    )  # fmt: skip


_DETECTOR_MEASURES = {
    "dice": "Dice",
    "lesion_f1": "lesion F1",
    "recall_10_to_50_mm3": "lesions of 10 to 50 mm³ found",
    "recall_50_mm3_and_more": "lesions of 50 mm³ and more found",
}
_DRAWS = 2000
_OWN, _OTHER = "own scanner in training", "only another scanner"


def detector_transfer(results: StudyResults) -> Section:
    """The detector on a scanner it knows and on one it does not, as measured elsewhere."""
    source = results.quoted
    if source is None:
        raise TypeError("asked for only where the detector's results are quoted")
    panels, findings = [], []
    for words, unseen in (("Tabriz", "tabriz_unseen"), ("Ljubljana", "ljubljana_unseen")):
        dataset = next(n for n in source.at("everything", "datasets") if words in n)
        rows = []
        for measure, name in _DETECTOR_MEASURES.items():
            own = source.estimate("everything", "datasets", dataset, "measures", measure)
            other = source.estimate(unseen, "measures", measure)
            rows.append(Row(name, (Dot(_OWN, own), Dot(_OTHER, other))))
        falls = {name: _paired_fall(source, unseen, name) for name in ("dice", "lesion_f1")}
        findings.append(
            f"*{words}:* with another scanner alone, against the own scanner in training. "
            + "; ".join(
                f"{_DETECTOR_MEASURES[name]} {told_difference('auc', fall)}"
                for name, fall in falls.items()
            )
            + ", the mean over people of each one's difference."
        )
        people = source.at("everything", "datasets", dataset, "people")
        panels.append(
            Panel(f"{words}, {people} people", "0 to 1, higher is better", tuple(rows), 0.0, "",
                  (0.0, 1.0))
        )  # fmt: skip
    drawing = DotDrawing(
        "How far does the detector fall from its own scanner to another?", tuple(panels),
        (_OWN, _OTHER), is_rehearsal=results.is_rehearsal,
    )  # fmt: skip
    explained = (
        "Of `mslesion detect` on real scans, by networks that had never seen the person: in "
        "five-fold cross-validation over all datasets, or trained on the other dataset alone "
        "(`make detector`). The two also differ in how much data they learnt from. Over so few "
        "people intervals are too narrow."
    )
    return Section(
        "From the own scanner to another: the detector", tuple(findings), explained,
        {"transfer-detector": drawing}, (source,),
    )  # fmt: skip


def _paired_fall(source: Source, unseen: str, measure: str) -> Estimate:
    """How much higher a measure of the same people is by the other scanner's detector.

    Scans are paired by name; of a person with several, their mean counts.
    """
    own = {scan["scan_name"]: scan[measure] for scan in source.at("everything", "scans")}
    rows = source.at(unseen, "rows")
    people, owner = np.unique([row["person_id"] for row in rows], return_inverse=True)
    of_scans = np.array([row[measure] - own[row["scan_name"]] for row in rows])
    change = mean_by(owner, of_scans, len(people))

    def statistics(weights: Weights) -> dict[str, NDArray[np.float64]]:
        return {measure: weights @ change / weights.sum(axis=1)}

    return cluster_bootstrap(len(change), statistics, draws=_DRAWS, seed=0)[measure]
