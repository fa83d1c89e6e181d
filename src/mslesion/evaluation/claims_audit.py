"""Whether accuracy, sensitivity and specificity that somebody printed can be true together.

Accuracy is a mean of the other two, weighted by how many cases are positive. So three printed
figures imply a prevalence; and where the number of cases is known, some confusion matrix of whole
numbers must give them. All arithmetic is exact (the idea of GRIM; Brown and Heathers, Social
Psychological and Personality Science 8, 2017).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from mslesion.errors import UsageError
from mslesion.evaluation.metrics import Confusion

Range = tuple[Fraction, Fraction]
"""Lowest and highest value of a share from 0 to 1, both included."""


READINGS = {
    "rounded": (Fraction(-1, 2), Fraction(1, 2)),
    "cut off": (Fraction(0), Fraction(1)),
}
"""What a printed figure stands for, in units of its last digit: from where to where around it."""


@dataclass(frozen=True)
class ReportedFigures:
    """Three figures as printed, in per cent; their digits say how far they were rounded.

    ``cases`` is the number of tested slices or people, None where it is not known.
    """

    name: str
    accuracy: Decimal
    sensitivity: Decimal
    specificity: Decimal
    cases: int | None = None

    def __post_init__(self) -> None:
        for what in ("accuracy", "sensitivity", "specificity"):
            value = getattr(self, what)
            if not (value.is_finite() and 0 <= value <= 100):
                raise UsageError(
                    f"{self.name}: {what} {value} is no percentage",
                    remedy="give 0 to 100, with the digits that were printed",
                )
        if self.cases is not None and self.cases < 1:
            raise UsageError(
                f"{self.name}: {self.cases} cases", remedy="give the number of tested cases"
            )


@dataclass(frozen=True)
class AuditedFigures:
    """What follows from three printed figures, read as rounded or as cut off.

    ``prevalence`` is the range of shares of positives at which they fit together, None where they
    never do. ``matrices`` holds a confusion matrix of ``figures.cases`` that gives them for each
    number of positives for which there is one, by rising number; None where the number of cases
    is not known.
    """

    figures: ReportedFigures
    reading: str
    prevalence: Range | None
    matrices: tuple[Confusion, ...] | None

    @property
    def positives(self) -> tuple[int, ...]:
        """The numbers of positive cases that suit the figures, rising."""
        return tuple(matrix.positives for matrix in self.matrices or ())

    @property
    def is_possible(self) -> bool:
        """Whether nothing speaks against the figures."""
        return self.prevalence is not None and self.matrices != ()

    def as_json(self) -> dict[str, Any]:
        """A plain value; figures stay text, for their digits count."""
        figures = self.figures
        limits = None if self.prevalence is None else [float(limit) for limit in self.prevalence]
        return {
            "name": figures.name,
            "accuracy_percent": str(figures.accuracy),
            "sensitivity_percent": str(figures.sensitivity),
            "specificity_percent": str(figures.specificity),
            "cases": figures.cases,
            "is_possible": self.is_possible,
            "read_as": self.reading,
            "implied_prevalence": limits,
            "positives_with_whole_counts": None if self.matrices is None else self.positives,
            "confusion_matrices": None if self.matrices is None
            else [asdict(matrix) for matrix in self.matrices],
        }  # fmt: skip


def audit_figures(figures: ReportedFigures) -> AuditedFigures:
    """Which prevalence three figures imply, and which whole-number counts give them.

    Figures are taken as rounded; only where that is impossible, as cut off, should that be
    possible. Limits are included. A million cases take seconds.
    """
    readings = [_read(figures, reading) for reading in READINGS]
    return next((audited for audited in readings if audited.is_possible), readings[0])


def _read(figures: ReportedFigures, reading: str) -> AuditedFigures:
    accuracy, sensitivity, specificity = (
        _range(value, reading)
        for value in (figures.accuracy, figures.sensitivity, figures.specificity)
    )
    return AuditedFigures(
        figures,
        reading,
        _implied_prevalence(accuracy, sensitivity, specificity),
        None
        if figures.cases is None
        else tuple(_matrices(accuracy, sensitivity, specificity, figures.cases)),
    )


@dataclass(frozen=True)
class ClaimsAudit:
    """Several claims."""

    claims: tuple[AuditedFigures, ...]

    @property
    def most_alike(self) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The numbers of positives that suit the most claims, and the names of these claims.

        Claims of one paper are mostly about one test set, whose number of positives is one; only
        claims with the same number of cases are compared. Of equal groups the first in order of
        positives is given; where no two claims share a number, nothing.
        """
        suits: dict[tuple[int, int], list[str]] = defaultdict(list)
        for claim in self.claims:
            for positives in claim.positives:
                suits[claim.figures.cases or 0, positives].append(claim.figures.name)
        best = max(suits.values(), key=len, default=[])
        if len(best) < 2:
            return (), ()
        return tuple(sorted(n for (_, n), names in suits.items() if names == best)), tuple(best)

    def as_json(self) -> dict[str, Any]:
        """A plain value for ``claims_audit.json``."""
        positives, names = self.most_alike
        return {
            "claims": [claim.as_json() for claim in self.claims],
            "most_alike": {"claims": names, "positives": positives},
        }


def _range(printed: Decimal, reading: str) -> Range:
    """The shares that are printed so, as percentages."""
    unit = Fraction(Decimal(1).scaleb(int(printed.as_tuple().exponent)))
    low, high = (Fraction(printed) + part * unit for part in READINGS[reading])
    return max(low, Fraction(0)) / 100, min(high, Fraction(100)) / 100


def _implied_prevalence(accuracy: Range, sensitivity: Range, specificity: Range) -> Range | None:
    """The prevalences p with  p * sensitivity + (1 - p) * specificity = accuracy."""
    (a_low, a_high), (s_low, s_high), (c_low, c_high) = accuracy, sensitivity, specificity
    low, high = Fraction(0), Fraction(1)
    # The lowest mean may not lie above the accuracy, the highest not below it.
    for slope, room in ((s_low - c_low, a_high - c_low), (c_high - s_high, c_high - a_low)):
        if slope > 0:
            high = min(high, room / slope)
        elif slope < 0:
            low = max(low, room / slope)
        elif room < 0:
            return None
    return (low, high) if low <= high else None


def _matrices(
    accuracy: Range, sensitivity: Range, specificity: Range, cases: int
) -> Iterator[Confusion]:
    """For each number of positives, the first confusion matrix that gives the three figures."""
    least_right, most_right = _whole_numbers(accuracy, cases)
    for positives in range(1, cases):
        negatives = cases - positives
        tp_low, tp_high = _whole_numbers(sensitivity, positives)
        tn_low, tn_high = _whole_numbers(specificity, negatives)
        right = max(least_right, tp_low + tn_low)
        if tp_low <= tp_high and tn_low <= tn_high and right <= min(most_right, tp_high + tn_high):
            tp = min(tp_high, right - tn_low)
            yield Confusion(tp, positives - tp, right - tp, negatives - (right - tp))


def _whole_numbers(share: Range, count: int) -> tuple[int, int]:
    """The least and the greatest whole number that are such a share of ``count``."""
    low, high = share
    return -(-low.numerator * count // low.denominator), high.numerator * count // high.denominator
