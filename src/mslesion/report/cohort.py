"""The report over all scans of a BIDS dataset: the page of the group level.

The rows of ``cohort.tsv`` are put into words as a document (:mod:`.cohort_content`), their
distributions are drawn (:mod:`.distributions`), and the page is rendered as all others are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mslesion.report.cohort_content import ScanRow, build_cohort_document
from mslesion.report.distributions import draw_distributions
from mslesion.report.drawings import DistributionDrawing
from mslesion.report.page import render
from mslesion.write.detections import cohort_rows
from mslesion.write.run import Outcome


def cohort_report(outcomes: Sequence[Outcome], cohort_name: str, folder: Path) -> str:
    """The content of ``cohort_report.html`` in ``folder``: one page with its figure inside.

    It holds no script and loads nothing; it links to the report of each scan. At least one scan is
    done. The same results give the same text.
    """
    scans = [
        ScanRow(
            outcome.files.report.relative_to(folder).as_posix() if outcome.error is None else "",
            outcome.error.remedy if outcome.error is not None else "",
            row,
        )
        for outcome, row in zip(outcomes, cohort_rows(outcomes), strict=True)
    ]
    summaries = [outcome.files.read_summary() for outcome in outcomes if outcome.error is None]
    document = build_cohort_document(scans, cohort_name, summaries)
    pictures = {
        figure.name: draw_distributions(figure.drawing)
        for figure in document.figures
        if isinstance(figure.drawing, DistributionDrawing)
    }
    return render(document, pictures)
