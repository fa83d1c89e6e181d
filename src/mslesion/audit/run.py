"""An audit from a cohort to its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mslesion import __version__
from mslesion.audit.checks import CHECKS
from mslesion.audit.finding import FALSE_ALARMS, Finding, Outcome, settle
from mslesion.audit.given_split import read_split
from mslesion.audit.material import Material, ModelFacts, model_facts, split_for
from mslesion.audit.survey import Survey, survey_cohort
from mslesion.cohort.people import Cohort
from mslesion.errors import CohortError, MslesionError
from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.paper.protocol import Protocol
from mslesion.paper.questions import choose_questions
from mslesion.paper.slices import UNKNOWN, CutCohort, cut_cohort
from mslesion.progress import track
from mslesion.read.manifest import Manifest, dataset_manifest


@dataclass(frozen=True)
class AuditRequest:
    """What is asked: a split of one's own, a model, a question; else those that ``train`` takes."""

    split: Path | None = None
    model: Path | None = None
    question: Question | None = None
    classifier: str = "linear"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class AuditReport:
    """The findings, each settled, and what they are about."""

    cohort: Cohort
    survey: Survey
    findings: tuple[Finding, ...]
    question: Question | None
    split: dict[str, Any] | None
    model: ModelFacts | None
    set_aside: tuple[MslesionError, ...]

    @cached_property
    def manifest(self) -> Manifest:
        """All files of the cohort, and their hashes."""
        return dataset_manifest(self.cohort, self.survey.voxels_sha256_of)

    def count(self, outcome: Outcome) -> int:
        """How many checks ended so."""
        return sum(finding.outcome is outcome for finding in self.findings)

    def of(self, check: str) -> Finding:
        """The finding of one check.

        Raises:
            KeyError: there is no such check.
        """
        return {finding.check: finding for finding in self.findings}[check]

    def as_json(self) -> dict[str, Any]:
        """The content of ``leakage_audit.json``."""
        return {
            "mslesion": __version__,
            "cohort": self.cohort.name,
            "dataset_sha256": self.manifest.sha256,
            "people": len(self.survey.people),
            "scans": len(self.survey.scans),
            "question": None if self.question is None else self.question.value,
            "split": self.split,
            "model": None if self.model is None else self.model.name,
            "false_alarms": FALSE_ALARMS,
            "outcomes": {outcome.value: self.count(outcome) for outcome in Outcome},
            "findings": [finding.as_json() for finding in self.findings],
        }


def audit(
    cohort: Cohort,
    request: AuditRequest,
    checks: Sequence[Callable[[Material], Finding]] = CHECKS,
) -> AuditReport:
    """Run the checks on a cohort, its split, and a model where there is one.

    Raises:
        CohortError: no scan can be used, or the wanted question cannot be asked.
        ScanError: the only scan of the cohort cannot be used.
        UsageError: the split cannot be read.
        ModelFileError: the model cannot be read.
    """
    material = gather(cohort, request)
    findings = settle(check(material) for check in track(checks, "checking", len(checks)))
    split = material.split
    return AuditReport(
        cohort,
        material.survey,
        findings,
        material.question,
        None
        if split is None
        else {
            "unit": split.unit.value,
            "sha256": split.sha256,
            "seed": split.seed,
            "is_given": material.given is not None,
        },
        material.model,
        material.cut.set_aside,
    )


def gather(cohort: Cohort, request: AuditRequest) -> Material:
    """All that the checks look at."""
    protocol = Protocol()
    model = None if request.model is None else model_facts(request.model)
    cut = cut_cohort(cohort, protocol.slices)
    question = _question(cohort, cut, request, model)
    seed = model.seed if model is not None and model.seed is not None else request.seed
    slices = cut.slices
    if question is not None:
        slices = slices.where(slices.labels(question) != UNKNOWN)
    given = None if request.split is None else read_split(request.split, question)
    unit = SplitUnit.PATIENT if cohort.has_patient_names else SplitUnit.SLICE
    drawn, why = split_for(slices, question, unit, protocol, seed, sites=cohort.sites)
    return Material(
        cohort=cohort,
        survey=survey_cohort(cohort),
        cut=cut,
        slices=slices,
        question=question,
        split=drawn if given is None else given.split,
        why_no_split=why,
        given=given,
        model=model,
        classifier=request.classifier,
        protocol=protocol,
        seed=request.seed,
    )


def _question(
    cohort: Cohort, cut: CutCohort, request: AuditRequest, model: ModelFacts | None
) -> Question | None:
    """The one that was asked for, the model's, or the first that the cohort can answer."""
    if request.question is not None:
        choose_questions(cohort, cut.slices, [request.question])
        return request.question
    try:
        possible, _ = choose_questions(cohort, cut.slices, ())
    except CohortError:
        return None  # there is much to audit without labels
    if model is not None and model.question in possible:
        return model.question
    return possible[0]
