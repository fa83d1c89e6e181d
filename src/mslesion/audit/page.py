"""The files of an audit, and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mslesion.audit.finding import FALSE_ALARMS, Finding, Outcome
from mslesion.audit.probes import SHORTCUTS
from mslesion.audit.run import AuditReport
from mslesion.evaluation.summary import estimate_as_json
from mslesion.report.document import (
    Callout,
    Cell,
    Column,
    Document,
    Listing,
    Row,
    RowGroup,
    Section,
    Table,
    Tile,
    Tiles,
)
from mslesion.report.page import render
from mslesion.write.atomic import write_json, write_text
from mslesion.write.manifest import write_manifest

_NOTE = (
    f"Checks with a p value fail where it is below {FALSE_ALARMS} after correction for their "
    "number (Holm): of a hundred cohorts in which nothing is wrong, at most one gets a false alarm "
    "from them."
)
_WORDS = {Outcome.FAIL: "FAIL", Outcome.PASS: "PASS", Outcome.NOT_APPLICABLE: "not applicable"}


def write_audit(report: AuditReport, folder: Path) -> None:
    """Write the manifest, the findings, the controls, and last the page.

    Raises:
        OutputError: ``folder`` cannot be written.
    """
    write_manifest(report.manifest, folder)
    write_json(folder / "leakage_audit.json", report.as_json())
    split = {"split_sha256": None if report.split is None else report.split["sha256"]}
    for check, name in (
        ("random labels", "random_label_control.json"),
        ("leakage gap", "leakage_gap.json"),
    ):
        write_json(folder / name, {**split, **_with_figures(report.of(check))})
    shortcuts = [_shortcut(report.of(shortcut.check)) for shortcut in SHORTCUTS]
    write_json(folder / "shortcut_audit.json", {"shortcuts": shortcuts})
    write_text(folder / "audit.html", render(audit_document(report), {}))


def _with_figures(finding: Finding) -> dict[str, Any]:
    return {**finding.as_json(), **finding.figures}


def _shortcut(finding: Finding) -> dict[str, Any]:
    figures = dict(finding.figures)
    if "auc" in figures:
        figures["auc"] = estimate_as_json(figures["auc"])
    return {**finding.as_json(), **figures}


def audit_document(report: AuditReport) -> Document:
    """What the page says: failures first, then every check."""
    failures = [f for f in report.findings if f.outcome is Outcome.FAIL]
    people, scans = len(report.survey.people), len(report.survey.scans)
    question = "no question" if report.question is None else f"question '{report.question}'"
    return Document(
        f"Audit of {report.cohort.name}",
        f"{people} people, {scans} scans; {question}; data set {report.manifest.sha256[:12]}",
        (
            Tiles(
                f"{len(report.findings)} checks",
                tuple(
                    Tile(
                        "doubt" if outcome is Outcome.FAIL and failures else "paper",
                        _WORDS[outcome],
                        str(report.count(outcome)),
                        detail,
                    )
                    for outcome, detail in (
                        (Outcome.FAIL, "something is wrong: do what is said below"),
                        (Outcome.PASS, "nothing was found"),
                        (Outcome.NOT_APPLICABLE, "could not be asked of these data"),
                    )
                ),
            ),
            *(Callout("warning", f"{f.check}: {f.evidence}. To do: {f.remedy}.") for f in failures),
            Callout(
                "research", "An audit that finds nothing does not prove that nothing is there."
            ),
        ),
        (
            Section("checks", "Every check", (_table(report),)),
            *_set_aside(report),
        ),
    )


def _table(report: AuditReport) -> Table:
    rows = tuple(
        Row(
            (
                Cell(finding.check),
                Cell(_WORDS[finding.outcome]),
                Cell(finding.evidence, f"To do: {finding.remedy}" if finding.remedy else ""),
            ),
            is_marked=finding.outcome is Outcome.FAIL,
        )
        for finding in report.findings
    )
    return Table(
        "What was looked for, and what was found",
        (Column("Check"), Column("Outcome"), Column("Evidence")),
        (RowGroup("", rows),),
        (_NOTE,),
    )


def _set_aside(report: AuditReport) -> tuple[Section, ...]:
    if not report.set_aside:
        return ()
    lines = tuple(f"{error.code}: {error.told_reason}" for error in report.set_aside)
    return (Section("set-aside", "Scans that were set aside", (Listing(lines),)),)
