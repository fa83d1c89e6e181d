"""Leakage that is put into small cohorts is found, and nothing is found where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mslesion.audit.checks import splits
from mslesion.audit.checks.isolation import changed_pieces
from mslesion.audit.finding import Outcome
from mslesion.audit.given_split import read_split
from mslesion.audit.run import AuditReport, AuditRequest, audit, gather
from mslesion.evaluation.predictions import Question
from mslesion.read import read_cohort

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.fixture(scope="module")
def tools() -> Iterator[tuple[ModuleType, ModuleType]]:
    """What puts leakage into cohorts, and what measures whether it is found."""
    sys.path.insert(0, str(TOOLS))
    try:
        yield import_module("planted_leakage"), import_module("measure_audit")
    finally:
        sys.path.remove(str(TOOLS))


@pytest.fixture(scope="module")
def planted(tools: tuple[ModuleType, ModuleType]) -> ModuleType:
    """What puts leakage into cohorts."""
    return tools[0]


@pytest.fixture(scope="module")
def measuring(tools: tuple[ModuleType, ModuleType]) -> ModuleType:
    """What measures whether it is found."""
    return tools[1]


FILES = (
    ("same voxels in another file", "exact duplicates"),
    ("one person twice, with 1 % noise", "near-duplicates"),
    ("class in the header", "header"),
    ("class in the skull", "skull"),
)
"""A sample; the slow test has every kind."""


def failed(report: AuditReport) -> list[str]:
    """The checks that failed."""
    return [f.check for f in report.findings if f.outcome is Outcome.FAIL]


@pytest.fixture
def audited(tools: tuple[ModuleType, ModuleType], tmp_path: Path) -> Callable[[str], AuditReport]:
    """The report on a cohort with one kind of leakage, of the checks that fit nothing."""
    planting, measuring = tools

    def run(kind: str) -> AuditReport:
        made = planting.plant(kind, tmp_path, 0)
        return audit(
            read_cohort(made.cohort), AuditRequest(made.split, made.model), measuring.QUICK
        )

    return run


@pytest.mark.parametrize(("kind", "check"), FILES)
def test_what_lies_in_the_files_is_found(audited, kind: str, check: str) -> None:
    """One person under two names, and a class that something else than lesions gives away."""
    report = audited(kind)
    assert check in failed(report)
    assert report.of(check).remedy


def test_a_clean_cohort_raises_no_alarm(audited) -> None:
    """Sixteen people without leakage: nothing fails."""
    report = audited("clean")
    assert failed(report) == []
    assert report.of("site confound").outcome is Outcome.NOT_APPLICABLE
    assert report.count(Outcome.PASS) >= 9


def test_faults_of_the_split_are_found(planted: ModuleType, tmp_path: Path) -> None:
    """No test set, one that is the validation set, slices on both sides, a changed split."""
    cohort = planted.plant("clean", tmp_path, 0).cohort
    clean = gather(read_cohort(cohort), AuditRequest())
    for number, (kind, (plant, check)) in enumerate(planted.SPLITS.items()):
        if kind == "model trained on test people":
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        given = read_split(plant(cohort, folder, 0).split, Question.DIAGNOSIS)
        material = replace(clean, split=given.split, given=given)
        findings = [c(material) for c in (splits.test_set, splits.one_side, splits.frozen)]
        assert check in {f.check for f in findings if f.outcome is Outcome.FAIL}, kind


def test_fits_that_take_from_test_data_are_found(
    planted: ModuleType, measuring: ModuleType
) -> None:
    """Normalisation, features, threshold or calibration of test data; an honest fit is none."""
    assert measuring.leaks("honest fit", 0) == set()
    for kind in planted.FITS:
        assert measuring.leaks(kind, 0), kind


def test_changed_pieces_names_what_changed(planted: ModuleType, tmp_path: Path) -> None:
    """A fit of two pieces of which one takes the test labels: that one is named."""
    cohort = planted.plant("clean", tmp_path, 1).cohort
    material = gather(read_cohort(cohort), AuditRequest())

    def fit(slices, split):
        is_test = np.isin(slices.person_id, split.folds[0].test)
        return {"good": slices.is_ms[~is_test].tobytes(), "bad": slices.is_ms.tobytes()}

    assert material.split is not None
    changed, count = changed_pieces(fit, material.slices, material.slices, material.split, 0)
    assert (changed, count) == (("bad",), 2)


@pytest.mark.slow
def test_every_kind_is_found_twenty_times(measuring: ModuleType) -> None:
    """20 cohorts of each kind, and 20 clean ones: what docs/results/audit.json says."""
    for kind in measuring.KINDS:
        measured = measuring.measure(kind, 20)
        if kind in {measuring.CLEAN, measuring.HONEST}:
            assert measured.get("alarms", measured.get("found")) == 0
        else:
            assert measured["found"] == 20, (kind, measured)
