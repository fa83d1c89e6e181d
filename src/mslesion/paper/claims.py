"""The paper's reported figures, as printed, contradictions included.

Percentages. Sections 4.2 and 4.3 agree with each other and, but for the SVM, with whole-number
counts, and are taken as the paper's result; the others are shown beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mslesion.evaluation.claims_audit import ReportedFigures

TABLE_SECTION = "4.3"
"""The section whose comparison of three classifiers is held against ours."""

TRAINING_MINUTES = 65
"""Section 4.1: 20 epochs took this long."""

SLICE_COUNTS = {"training": 769, "validation": 253, "test": 258}
"""Section 3.1: slices of each part; 1,280 in all."""


@dataclass(frozen=True)
class Claim:
    """One set of figures for one classifier, where the paper prints it.

    ``remark`` says what is odd about it, and is empty where nothing is.
    """

    classifier: str
    section: str
    accuracy: float
    sensitivity: float
    specificity: float
    remark: str = ""


CLAIMS: tuple[Claim, ...] = (
    Claim("CNN", "4.3", 96.0, 95.0, 98.0),
    Claim("decision tree", "4.3", 83.72, 82.61, 85.0),
    Claim(
        "SVM", "4.3", 88.13, 84.0, 99.0,
        "no whole-number confusion matrix of 258 slices gives these three figures",
    ),
    Claim(
        "CNN", "4.1 and 4.2.3", 96.4, 94.9, 98.3,
        "per class, as sensitivity and specificity; no whole-number confusion matrix of 258 slices "
        "gives these three figures",
    ),
    Claim("CNN", "abstract", 92.6, 84.0, 95.0),
    Claim("CNN", "conclusion", 92.6, 92.6, 76.9, "92.6 'in detecting MS', 76.9 for non-MS"),
    Claim("SVM", "abstract", 85.0, 82.61, 98.0),
    Claim(
        "decision tree", "abstract", 98.0, 95.0, 83.72,
        "impossible: accuracy must lie between sensitivity and specificity",
    ),
)  # fmt: skip


def reported_figures() -> tuple[ReportedFigures, ...]:
    """The paper's claims for an audit, all about its 258 test slices."""
    return tuple(
        ReportedFigures(
            f"{claim.classifier}, {claim.section}",
            _as_printed(claim.accuracy),
            _as_printed(claim.sensitivity),
            _as_printed(claim.specificity),
            SLICE_COUNTS["test"],
        )
        for claim in CLAIMS
    )


def _as_printed(percent: float) -> Decimal:
    return Decimal(f"{percent:g}")


@dataclass(frozen=True)
class Contradiction:
    """One matter on which the paper says different things in different places."""

    matter: str
    statements: tuple[str, ...]


CONTRADICTIONS: tuple[Contradiction, ...] = (
    Contradiction(
        "accuracy of the CNN on training data",
        ("99 (abstract)", "above 99 for both classes (4.2.1)", "92.9 MS, 79.7 non-MS (conclusion)"),
    ),
    Contradiction(
        "accuracy of the CNN on validation data",
        ("96.44 (abstract)", "95.4 MS, 98 non-MS (4.2.2)", "92.1 MS, 75.9 non-MS (conclusion)"),
    ),
    Contradiction(
        "accuracy of the CNN on test data",
        ("92.6 (abstract, conclusion)", "96.4 (4.1)", "96 (4.3)"),
    ),
    Contradiction(
        "which baseline has which figures",
        (
            "abstract: SVM 85 / 82.61 / 98, tree 98 / 95 / 83.72",
            "4.3: tree 83.72 / 82.61 / 85, SVM 88.13 / 84 / 99, CNN 96 / 95 / 98",
            "the abstract's columns look shifted against these",
        ),
    ),
    Contradiction(
        "number of training images after augmentation",
        ("1,080, by rotations alone (abstract)", "3,845, by rotation, flip, intensity (3.1.1)"),
    ),
    Contradiction(
        "which slices are removed",
        ("'initial slices' (abstract)", "less than 5 % grey or white matter (3.1.1)"),
    ),
    Contradiction(
        "what the test set is for",
        (
            "unseen data (4.2.3)",
            "'used to tune model parameters', word for word as the validation set (3.1.4)",
            "the latter is leakage, if done as written",
        ),
    ),
    Contradiction(
        "slice thickness",
        ("23 slices a person (3.1)", "1 mm thick (3.1.1): 23 mm do not cover a brain"),
    ),
    Contradiction(
        "spinal cord lesions",
        ("named among the locations (3.1)", "the scans are brain FLAIR slices (3.1.1)"),
    ),
)
