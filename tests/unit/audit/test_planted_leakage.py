"""Leakage that is put into small cohorts is found, and nothing is found where there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from dicom_files import Volume, classic, write_series
from mslesion.audit.checks import dates, isolation, site, splits
from mslesion.audit.checks.isolation import changed_pieces
from mslesion.audit.finding import Outcome
from mslesion.audit.given_split import read_split
from mslesion.audit.probes import header
from mslesion.audit.run import AuditReport, AuditRequest, audit, gather
from mslesion.cohort.people import ScanFile
from mslesion.evaluation.predictions import Question, SplitUnit
from mslesion.paper.questions import draw_slice_split
from mslesion.read import load, read_cohort

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


def test_the_split_that_training_draws_is_looked_at(planted: ModuleType, tmp_path: Path) -> None:
    """Of a cohort of two sites, which the split is divided by."""
    cohort = read_cohort(planted.plant("clean", tmp_path, 0).cohort)
    people = (replace(p, site="AB"[n % 3 == 0]) for n, p in enumerate(cohort.people))
    material = gather(replace(cohort, people=tuple(people)), AuditRequest())
    assert material.question is not None
    assert material.split is not None
    drawn = draw_slice_split(
        material.slices,
        material.question,
        SplitUnit.PATIENT,
        seed=material.seed,
        shares=material.protocol.decision.split_shares,
        sites=material.cohort.sites,
    )
    assert material.split.sha256 == drawn.sha256


def test_a_scan_that_was_set_aside_does_not_end_the_audit(
    planted: ModuleType, tmp_path: Path
) -> None:
    """Somebody who is tested has a second scan that is cut short: the fits are audited without."""
    cohort = read_cohort(planted.plant("clean", tmp_path, 0).cohort)
    damaged = ScanFile("damaged", tmp_path / "damaged.nii.gz")
    damaged.image.write_bytes(cohort.people[0].scans[0].image.read_bytes()[:5000])
    people = (replace(p, scans=(*p.scans, replace(damaged))) for p in cohort.people[:1])
    material = gather(replace(cohort, people=(*people, *cohort.people[1:])), AuditRequest())
    tested = frozenset({cohort.people[0].person_id})
    assert [scan.image for scan in material.survey.scans].count(damaged.image) == 0
    assert (
        isolation._cut_distorted(material, tested).scan_name.size == material.slices.scan_name.size
    )


@pytest.mark.parametrize("table", [None, b"acq_time\t" + b"x" * 200_000, b"\xff\xfe"])
def test_a_table_of_dates_that_is_none_leaves_the_date_unknown(
    table: bytes | None, tmp_path: Path
) -> None:
    """A link that leads nowhere, as in clones without content, and a cell that is too long."""
    anat = tmp_path / "sub-1" / "anat"
    anat.mkdir(parents=True)
    path = tmp_path / "sub-1" / "sub-1_scans.tsv"
    if table is None:
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(table)
    assert dates.scan_date(SimpleNamespace(image=anat / "sub-1_FLAIR.nii.gz")) is None


def test_a_dicom_series_has_no_file_whose_size_could_tell(tmp_path: Path) -> None:
    """Its spacing and matrix are facts; the bytes and ending of one file are not."""
    rng = np.random.default_rng(0)
    voxels = rng.integers(0, 900, (20, 24, 9)).astype(np.uint16)
    write_series(classic(Volume(voxels, np.diag([-0.9, -1.1, 5.0, 1.0]))), tmp_path)
    (person,) = read_cohort(tmp_path).people
    (scan_file,) = person.scans
    seen = SimpleNamespace(scan=load(scan_file).scan, scan_file=scan_file)
    facts = header.facts(seen)
    assert facts["mended"] == 0
    assert "bytes" not in facts


def test_a_column_that_tells_of_nobody_is_no_site(tmp_path: Path) -> None:
    """All of 'site' is n/a: the scanners of the sidecars are looked at."""
    (tmp_path / "participants.tsv").write_text("participant_id\tsite\nsub-1\tn/a\n")
    anat = tmp_path / "sub-1" / "anat"
    anat.mkdir(parents=True)
    (anat / "sub-1_FLAIR.json").write_text('{"Manufacturer": "Maker"}')
    person = SimpleNamespace(person_id="sub-1", image=anat / "sub-1_FLAIR.nii.gz")
    assert site._sites(tmp_path, [person]) == ("scanner", ["Maker"])


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
