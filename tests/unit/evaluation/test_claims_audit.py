"""Printed figures against every confusion matrix that there is."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mslesion.errors import UsageError
from mslesion.evaluation.claims_audit import ClaimsAudit, ReportedFigures, audit_figures
from mslesion.evaluation.metrics import Confusion
from mslesion.paper.claims import reported_figures


def printed(share: Fraction, digits: int) -> Decimal:
    """A share as a percentage with so many digits behind the point."""
    unit = Decimal(1).scaleb(-digits)
    return (Decimal(share.numerator * 100) / share.denominator).quantize(unit, ROUND_HALF_UP)


def figures_of(matrix: Confusion, digits: int) -> ReportedFigures:
    """What a paper would print of a confusion matrix."""
    return ReportedFigures(
        "claim",
        printed(Fraction(matrix.tp + matrix.tn, matrix.total), digits),
        printed(Fraction(matrix.tp, matrix.positives), digits),
        printed(Fraction(matrix.tn, matrix.negatives), digits),
        matrix.total,
    )


@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60),
    st.integers(0, 3),
)  # fmt: skip
def test_true_figures_are_always_found_possible(
    tp: int, fn: int, tn: int, fp: int, digits: int
) -> None:
    """Whatever the counts and the rounding, the audit finds their number of positives."""
    if tp + fn == 0 or tn + fp == 0:
        return
    matrix = Confusion(tp, fn, tn, fp)
    audited = audit_figures(figures_of(matrix, digits))
    assert audited.is_possible
    assert audited.reading == "rounded"
    assert matrix.positives in audited.positives
    assert audited.prevalence is not None
    low, high = audited.prevalence
    assert low <= Fraction(matrix.positives, matrix.total) <= high


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_the_answer_is_that_of_trying_every_confusion_matrix(
    accuracy: int, sensitivity: int, specificity: int
) -> None:
    """Of 19 cases and figures of one digit, all matrices are tried one by one."""
    values = [Decimal(n) / 10 for n in (accuracy, sensitivity, specificity)]
    figures = ReportedFigures("claim", *(v.quantize(Decimal("0.1")) for v in values), cases=19)
    suitable: dict[str, set[int]] = {"rounded": set(), "cut off": set()}
    for positives in range(1, 19):
        for tp in range(positives + 1):
            for tn in range(19 - positives + 1):
                exact = (
                    Fraction(tp + tn, 19), Fraction(tp, positives), Fraction(tn, 19 - positives),
                )  # fmt: skip
                off = [100 * e - Fraction(v) for e, v in zip(exact, values, strict=True)]
                if all(abs(o) <= Fraction(1, 20) for o in off):
                    suitable["rounded"].add(positives)
                if all(0 <= o <= Fraction(1, 10) for o in off):
                    suitable["cut off"].add(positives)
    audited = audit_figures(figures)
    assert audited.positives == tuple(sorted(suitable[audited.reading]))
    if not audited.is_possible:
        assert not suitable["rounded"]
        assert not suitable["cut off"]


def test_every_matrix_that_is_named_gives_the_figures() -> None:
    """Each example, printed anew, gives back what the paper printed."""
    for claim in reported_figures():
        for matrix in audit_figures(claim).matrices or ():
            again = figures_of(matrix, -int(claim.accuracy.as_tuple().exponent))
            assert again.accuracy == claim.accuracy


def test_the_papers_own_figures() -> None:
    """Two of eight claims share a number of positives, one lies between nothing."""
    audit = ClaimsAudit(tuple(audit_figures(claim) for claim in reported_figures()))
    by_name = {claim.figures.name: claim for claim in audit.claims}
    assert audit.most_alike == ((138,), ("CNN, 4.3", "decision tree, 4.3"))
    tree = by_name["decision tree, 4.3"]
    assert tree.matrices is not None
    assert Confusion(tp=114, fn=24, tn=102, fp=18) in tree.matrices
    assert by_name["SVM, 4.3"].matrices == ()
    assert by_name["decision tree, abstract"].prevalence is None
    assert not by_name["CNN, conclusion"].is_possible


def test_digits_may_have_been_cut_off() -> None:
    """Two of three is 66.6 % in a paper that cuts digits off; rounding would print 66.7."""
    values = (Decimal("66.6"), Decimal("66.6"), Decimal("66.6"))
    audited = audit_figures(ReportedFigures("claim", *values, cases=6))
    assert (audited.reading, audited.positives) == ("cut off", (3,))


def test_the_prevalence_of_exact_figures_by_hand() -> None:
    """Accuracy 90 between 80 and 95: a third is positive, give or take the rounding."""
    values = (Decimal("90.0000"), Decimal("80.0000"), Decimal("95.0000"))
    prevalence = audit_figures(ReportedFigures("claim", *values)).prevalence
    assert prevalence is not None
    assert [float(limit) for limit in prevalence] == pytest.approx([1 / 3, 1 / 3], abs=2e-5)


@pytest.mark.parametrize("value", ["-1", "100.1", "NaN", "Infinity"])
def test_what_is_no_percentage_is_refused(value: str) -> None:
    """A figure outside 0 to 100 is named."""
    with pytest.raises(UsageError, match=r"sensitivity .* is no percentage"):
        ReportedFigures("claim", Decimal(90), Decimal(value), Decimal(90))
