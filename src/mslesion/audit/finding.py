"""What a check says: an outcome, the evidence for it, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import isfinite
from typing import Any

from mslesion.evaluation.multiple import holm

FALSE_ALARMS = 0.01
"""How often all statistical checks together may fail on a cohort in which nothing is wrong."""


class Outcome(StrEnum):
    """The three things a check can say."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    NOT_APPLICABLE = "NA"


@dataclass(frozen=True)
class Significance:
    """A test of the hypothesis that there is nothing to find.

    ``p`` is one-sided; ``least_p`` is the smallest that so few people can give.
    """

    p: float
    least_p: float = 0.0


@dataclass(frozen=True)
class Finding:
    """The answer of one check; ``remedy`` is empty where there is nothing to do.

    With a ``test``, ``outcome`` is what holds if its p value stands after correction for the number
    of tests; :func:`settle` decides. ``figures`` are plain values for the files.
    """

    check: str
    outcome: Outcome
    evidence: str
    remedy: str = ""
    test: Significance | None = None
    p_holm: float | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """A plain value for ``leakage_audit.json``."""
        return {
            "check": self.check,
            "outcome": self.outcome.value,
            "evidence": self.evidence,
            "remedy": self.remedy,
            "p": None if self.test is None else self.test.p,
            "p_holm": self.p_holm,
        }

    def line(self) -> str:
        """One line of the answer."""
        what_to_do = f" To do: {self.remedy}." if self.remedy else ""
        return f"{self.outcome:<4}  {self.check}: {self.evidence}.{what_to_do}"


def passed(check: str, evidence: str, **figures: Any) -> Finding:
    """Nothing wrong was found."""
    return Finding(check, Outcome.PASS, evidence, figures=figures)


def failed(check: str, evidence: str, remedy: str, **figures: Any) -> Finding:
    """Something is wrong."""
    return Finding(check, Outcome.FAIL, evidence, remedy, figures=figures)


def not_applicable(check: str, why: str) -> Finding:
    """The check cannot be made here."""
    return Finding(check, Outcome.NOT_APPLICABLE, why)


def settle(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Decide the findings with tests, all together (Holm, Scand. J. Statist. 6, 1979).

    One fails where its corrected p value is below :data:`FALSE_ALARMS`. Where even the strongest
    effect could not reach that with so few people, it is not applicable.
    """
    found = tuple(findings)
    tested = {f.check: f.test for f in found if f.test is not None and isfinite(f.test.p)}
    corrected = holm({check: test.p for check, test in tested.items()})
    return tuple(
        _settled(f, corrected[f.check], len(tested)) if f.check in tested else _untested(f)
        for f in found
    )


def _untested(finding: Finding) -> Finding:
    """As it is; not applicable where its test came to nothing."""
    if finding.test is None:
        return finding
    why = "; the test came to nothing"
    return replace(
        finding, outcome=Outcome.NOT_APPLICABLE, evidence=finding.evidence + why, remedy=""
    )


def _settled(finding: Finding, p_holm: float, tests: int) -> Finding:
    if finding.test is not None and finding.test.least_p * tests > FALSE_ALARMS:
        why = "; so few people that even a perfect one could be chance"
        return replace(
            finding,
            outcome=Outcome.NOT_APPLICABLE,
            evidence=finding.evidence + why,
            remedy="",
            p_holm=p_holm,
        )
    told = f"{finding.evidence}, p {finding.test.p:.2g}" if finding.test is not None else ""
    told += f", {p_holm:.2g} corrected for {tests} tests" if tests > 1 else ""
    if p_holm < FALSE_ALARMS:
        return replace(finding, evidence=told, p_holm=p_holm)
    return replace(finding, outcome=Outcome.PASS, evidence=told, remedy="", p_holm=p_holm)
