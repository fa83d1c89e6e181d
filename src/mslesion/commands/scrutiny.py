"""Can it be believed? Audits of cohorts and of printed figures, model cards and checklists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.commands.shared import Answer
from mslesion.evaluation.claims_audit import ClaimsAudit, ReportedFigures, audit_figures
from mslesion.paper.claims import reported_figures
from mslesion.read import read_people
from mslesion.read.claims import read_claims
from mslesion.write.atomic import write_json, write_text
from mslesion.write.folder import output_folder

if TYPE_CHECKING:
    from mslesion.audit.run import AuditReport, AuditRequest


def audit_claims(
    figures: ReportedFigures | None = None, table: Path | None = None, output: Path | None = None
) -> ClaimsAudit:
    """Check whether printed figures can be true: one's own, those of a table, or the paper's.

    ``output``, where it is given, gets ``claims_audit.json``.

    Raises:
        UsageError: the table cannot be read, or a figure is no percentage.
    """
    if table is not None:
        claims = read_claims(table)
    else:
        claims = reported_figures() if figures is None else (figures,)
    audit = ClaimsAudit(tuple(audit_figures(claim) for claim in claims))
    if output is not None:
        with output_folder(output):
            write_json(output / "claims_audit.json", audit.as_json())
    return audit


def write_cards(results: Path, output: Path, about: Path | None = None) -> Answer:
    """Model card and reporting checklists from the result files of a folder.

    ``about`` is a JSON file with what its authors have to say, by topic; without it,
    ``about.json`` of ``results``, where there is one.

    Raises:
        ResultsError: there is no result file, or a figure has no source in them.
    """
    from mslesion.cards.documents import write_documents
    from mslesion.cards.sources import read_sources

    texts, states = write_documents(read_sources(results, about))
    with output_folder(output, results):
        for file, text in texts.items():
            write_text(output / file, text)
    return Answer(dict(states), ())


def audit_cohort(data: Path, output: Path, request: AuditRequest) -> AuditReport:
    """Look for leakage, doubles and shortcuts; ``output`` gets the findings and their page.

    Raises:
        CohortError: no scan can be used, or the wanted question cannot be asked.
        UsageError: the split cannot be read.
        ModelFileError: the model cannot be read.
    """
    from mslesion.audit.page import write_audit
    from mslesion.audit.run import audit

    cohort = read_people(data)
    with output_folder(output, data, *([request.model] if request.model else [])):
        report = audit(cohort, request)
        write_audit(report, output)
        return report
