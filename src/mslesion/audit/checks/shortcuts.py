"""Can the class be told without a lesion being looked at? One check for each shortcut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mslesion.audit.finding import Finding, Outcome, not_applicable
from mslesion.audit.material import Material, person_labels
from mslesion.audit.probes import SHORTCUTS, Shortcut
from mslesion.audit.probes.shortcut import as_features
from mslesion.audit.telling import Told, tell_class

LEAST_OF_A_CLASS = 3


def shortcut_check(shortcut: Shortcut) -> Callable[[Material], Finding]:
    """The check of one shortcut."""

    def check(material: Material) -> Finding:
        return _try_shortcut(material, shortcut)

    return check


def _try_shortcut(material: Material, shortcut: Shortcut) -> Finding:
    people = material.survey.first_scans()
    label = person_labels(people)
    reason = why_no_classes(label)
    if reason:
        return not_applicable(shortcut.check, reason)
    facts = [person.facts[shortcut.check] for person in people]
    missing = sum(f is None for f, known in zip(facts, label >= 0, strict=True) if known)
    told = [(f, v) for f, v in zip(facts, label, strict=True) if f is not None and v >= 0]
    labels = np.array([v for _, v in told], np.int8)
    if missing:
        lacking = why_no_classes(labels)
        if lacking or missing > len(told) / 10:
            return not_applicable(
                shortcut.check, f"cannot be looked at in {missing} of {missing + len(told)} people"
            )
    names, features = as_features([f for f, _ in told])
    answer = tell_class(
        features,
        labels,
        draws=material.protocol.decision.bootstrap_draws,
        seed=material.seed,
    )
    return Finding(
        shortcut.check,
        Outcome.FAIL,
        f"from {shortcut.what}, MS is told from control with {answer.in_words()}, "
        f"{answer.people} people{_alone(answer, names)}",
        shortcut.remedy,
        answer.test,
        figures={
            "auc": answer.auc,
            "people": answer.people,
            "strongest_fact": None if answer.strongest is None else names[answer.strongest],
            "strongest_fact_auc": answer.strongest_auc,
            "interval_excludes_half": answer.excludes_half,
        },
    )


def _alone(answer: Told, names: list[str]) -> str:
    """The strongest fact, where it is stronger than all together."""
    if answer.strongest is None or answer.strongest_auc <= answer.auc.value:
        return ""
    return f"; by '{names[answer.strongest]}' alone with {answer.strongest_auc:.2f}"


def why_no_classes(label: np.ndarray) -> str:
    """Why nothing can be told apart; empty where there are enough people of both classes."""
    ms, controls = int((label == 1).sum()), int((label == 0).sum())
    if ms + controls == 0:
        return "no person's diagnosis is known"
    if min(ms, controls) == 0:
        return "all people are of one class"
    if min(ms, controls) < LEAST_OF_A_CLASS:
        return f"{ms} people with MS and {controls} controls are too few"
    return ""


CHECKS = tuple(shortcut_check(shortcut) for shortcut in SHORTCUTS)
