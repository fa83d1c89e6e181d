"""``mslesion claims``: can the figures that a paper prints be true together?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from mslesion.cli.command import Command, given_path, positive, say
from mslesion.errors import MslesionError, UsageError

if TYPE_CHECKING:
    from mslesion.evaluation.claims_audit import AuditedFigures, ReportedFigures

_FIGURES = ("accuracy", "sensitivity", "specificity")
_MOST_NAMED = 8


def _arguments(parser: argparse.ArgumentParser) -> None:
    for name in _FIGURES:
        parser.add_argument(
            f"--{name}", type=_percentage, metavar="PERCENT",
            help="as printed, with its digits: 96, 96.0 and 96.04 are not the same",
        )  # fmt: skip
    parser.add_argument("--cases", type=positive, metavar="N", help="tested slices or people")
    parser.add_argument(
        "--table", type=given_path, metavar="CSV",
        help="many claims: columns name, accuracy, sensitivity, specificity, cases (may be empty)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=given_path, metavar="OUT", help="folder that gets claims_audit.json"
    )


def _percentage(text: str) -> Decimal:
    try:
        return Decimal(text.strip().removesuffix("%").strip())
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None


def _claims(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.pipeline import audit_claims

    audit = audit_claims(_given(options), options.table, options.output)
    for audited in audit.claims:
        for line in _lines(audited):
            say(line)
    positives, names = audit.most_alike
    if names:
        say(f"{_named(positives)} positives suit the most claims: {'; '.join(names)}")
    if options.output is not None:
        say(f"audit: {options.output / 'claims_audit.json'}")
    return ()


def _given(options: argparse.Namespace) -> ReportedFigures | None:
    """The figures of the command line; None where there are none."""
    from mslesion.evaluation.claims_audit import ReportedFigures

    values = {name: getattr(options, name) for name in _FIGURES}
    if all(value is None for value in values.values()):
        if options.cases is not None:
            raise UsageError("--cases alone claims nothing", remedy="give the three figures too")
        return None
    missing = [f"--{name}" for name, value in values.items() if value is None]
    if missing or options.table is not None:
        raise UsageError(
            "give all three figures, or a table, or neither for the paper's own",
            remedy=f"add {' and '.join(missing)}" if missing else "leave --table out",
        )
    return ReportedFigures("claim", **values, cases=options.cases)


def _lines(audited: AuditedFigures) -> Iterator[str]:
    figures = audited.figures
    cases = "" if figures.cases is None else f", {figures.cases} cases"
    yield (
        f"{figures.name}: accuracy {figures.accuracy}, sensitivity {figures.sensitivity}, "
        f"specificity {figures.specificity}{cases}"
    )
    if audited.prevalence is None:
        yield "  impossible: accuracy must lie between sensitivity and specificity"
        return
    low, high = (100 * float(limit) for limit in audited.prevalence)
    read = "" if audited.reading == "rounded" else f" (digits {audited.reading})"
    yield f"  implies that {low:.1f} to {high:.1f} % are positive{read}"
    if audited.matrices:
        first = audited.matrices[0]
        yield (
            f"  whole numbers exist, for {_named(audited.positives)} positives; with "
            f"{first.positives}: TP {first.tp}, FN {first.fn}, TN {first.tn}, FP {first.fp}"
        )
    elif audited.matrices is not None:
        yield f"  impossible: no whole numbers of {figures.cases} cases give these three figures"


def _named(positives: tuple[int, ...]) -> str:
    if len(positives) > _MOST_NAMED:
        return f"{len(positives)} numbers of {positives[0]} to {positives[-1]}"
    return ", ".join(map(str, positives))


CLAIMS = Command(
    "claims",
    "check whether accuracy, sensitivity and specificity fit together",
    "Given accuracy, sensitivity and specificity as a paper prints them: which share of positives "
    "they imply, and whether whole numbers of cases give them. Without figures, those of the paper "
    "that mslesion reproduces.",
    "  mslesion claims\n"
    "  mslesion claims --accuracy 88.13 --sensitivity 84 --specificity 99 --cases 258\n"
    "  mslesion claims --table claims.csv --output audit",
    _arguments,
    _claims,
)
