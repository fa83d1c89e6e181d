"""``mslesion audit``: can results on this cohort, under this split, of this model be believed?"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mslesion.cli.command import Command, add_output, given_path, require_study, say
from mslesion.errors import AuditFailure, MslesionError

CLASSIFIERS = {"linear": "linear", "tree": "decision tree", "svm": "SVM", "cnn": "CNN"}


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cohort", type=given_path, metavar="COHORT", help="a cohort's folder")
    parser.add_argument(
        "model", type=given_path, metavar="MODEL", nargs="?",
        help="folder that 'train' wrote, or a detector of 'train-detector'",
    )  # fmt: skip
    add_output(parser, "folder of audit.html, leakage_audit.json and its tables")
    parser.add_argument(
        "--split", type=given_path, metavar="JSON",
        help="split.json of a study (default: the split that 'train' draws)",
    )  # fmt: skip
    parser.add_argument(
        "--label", choices=("diagnosis", "lesion"),
        help="question of the split and the controls (default: the first that can be asked)",
    )  # fmt: skip
    parser.add_argument(
        "--classifier", choices=tuple(CLASSIFIERS), default="linear",
        help="of the random labels and the leakage gap; cnn takes hours (default: linear)",
    )  # fmt: skip


def _audit(options: argparse.Namespace) -> Iterable[MslesionError]:
    require_study()
    from mslesion.audit.finding import Outcome
    from mslesion.audit.run import AuditRequest
    from mslesion.evaluation.predictions import Question
    from mslesion.pipeline import audit_cohort

    report = audit_cohort(
        options.cohort,
        options.output,
        AuditRequest(
            split=options.split,
            model=options.model,
            question=Question(options.label) if options.label else None,
            classifier=CLASSIFIERS[options.classifier],
            seed=options.seed,
        ),
    )
    for finding in report.findings:
        say(finding.line())
    page = options.output / "audit.html"
    say(f"report: {page}")
    failures = report.count(Outcome.FAIL)
    if failures:
        failure = AuditFailure(
            f"{failures} of {len(report.findings)} checks failed",
            remedy="do what their lines say, and audit again",
            file=page,
        )
        for error in report.set_aside:
            failure.add_note(str(error))
        raise failure
    return report.set_aside


AUDIT = Command(
    "audit",
    "look for leakage, doubles and shortcuts in a cohort and its split",
    "Look for what makes results too good: no test set, one person under two names, slices of a "
    "person on both sides, anything fitted on test data, a class that file, header, background, "
    "skull, brain shape, site or date give away. One line a check: PASS, FAIL or NA, the evidence, "
    "and what to do. Ends with exit code 7 where a check fails.",
    "  mslesion audit my-bids-dataset --output audit\n"
    "  mslesion audit my-bids-dataset --split study/split.json --output audit\n"
    "  mslesion audit my-bids-dataset model --output audit",
    _arguments,
    _audit,
)
