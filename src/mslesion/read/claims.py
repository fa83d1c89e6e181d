"""Tables of published figures: one claim a line."""

from __future__ import annotations

import csv
import io
from decimal import Decimal, InvalidOperation
from pathlib import Path

from mslesion.errors import UsageError
from mslesion.evaluation.claims_audit import ReportedFigures
from mslesion.read.side_files import read_bytes

_FIGURES = ("accuracy", "sensitivity", "specificity")
_MOST_BYTES = 2**22


def read_claims(table: Path) -> tuple[ReportedFigures, ...]:
    """The claims of a CSV table with the columns name, accuracy, sensitivity, specificity, cases.

    Figures are percentages as printed, a sign behind them allowed; ``cases`` may be empty or
    absent, ``name`` too. Other columns are passed over.

    Raises:
        UsageError: the table cannot be read, lacks a column or has no line, or a value is no
            number; the line is named.
    """
    try:
        text = read_bytes(table, _MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise UsageError(
            f"cannot be read ({error.strerror})", remedy="check the path", file=table
        ) from error
    try:
        return _read_claims(csv.DictReader(io.StringIO(text, newline=""), restkey=""), table)
    except csv.Error as error:
        raise UsageError(
            f"is no table ({error})",
            remedy="look for a quotation mark that is not closed",
            file=table,
        ) from error


def _read_claims(rows: csv.DictReader[str], table: Path) -> tuple[ReportedFigures, ...]:
    columns = [name.strip().lower() for name in rows.fieldnames or ()]
    missing = [name for name in _FIGURES if name not in columns]
    if missing:
        raise UsageError(
            f"has no column {' and '.join(missing)}",
            remedy="name them in the first line, and divide the columns by commas",
            file=table,
        )
    rows.fieldnames = columns
    claims = [_claim(row, rows.line_num, table) for row in rows if any(row.values())]
    if not claims:
        raise UsageError("holds no claim", remedy="add a line for each", file=table)
    return tuple(claims)


def _claim(row: dict[str, str | None], line_number: int, table: Path) -> ReportedFigures:
    values = {name: (row.get(name) or "").strip() for name in ("name", *_FIGURES, "cases")}
    try:
        figures = {name: Decimal(values[name].removesuffix("%").strip()) for name in _FIGURES}
        cases = int(values["cases"]) if values["cases"] else None
        return ReportedFigures(values["name"] or f"line {line_number}", **figures, cases=cases)
    except (InvalidOperation, ValueError):
        raise UsageError(
            f"line {line_number} holds something that is no number",
            remedy="give percentages as printed, and a whole number of cases or none",
            file=table,
        ) from None
    except UsageError as error:
        raise UsageError(
            f"line {line_number}: {error.what}", remedy=error.remedy, file=table
        ) from None
