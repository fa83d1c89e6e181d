"""When scans were made: class must not follow the date, and what the test says of the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from mslesion.audit.checks.shortcuts import why_no_classes
from mslesion.audit.checks.site import sidecar
from mslesion.audit.finding import Finding, Outcome, not_applicable, passed
from mslesion.audit.material import Material, person_labels
from mslesion.audit.survey import SurveyedScan
from mslesion.audit.telling import tell_class
from mslesion.evaluation.predictions import Subset
from mslesion.read.side_files import read_rows

_KEYS = ("AcquisitionDateTime", "AcquisitionDate", "StudyDate", "SeriesDate", "ScanDate")
_FIRST_YEAR = 1925
"""BIDS moves dates before this year, each person's by another amount, to hide them."""


def time_order(material: Material) -> Finding:
    """The class does not follow the date; and how many test scans are later than all training."""
    check = "time order"
    people = material.survey.first_scans()
    dates = [scan_date(person) for person in people]
    known = [d for d in dates if d is not None]
    if len(known) < len(people) / 2 or len(known) < 2:
        return not_applicable(check, "the dates of the scans are not known")
    if max(known).year < _FIRST_YEAR:
        return not_applicable(check, "the dates were moved to hide them")
    order = _order(material, people, dates)
    label = person_labels(people)
    dated = [(d, v) for d, v in zip(dates, label, strict=True) if d is not None and v >= 0]
    labels = np.array([v for _, v in dated], np.int8)
    if why_no_classes(labels):
        return passed(check, order)
    days = np.array([[d.toordinal()] for d, _ in dated], np.float64)
    middle = (days - days.mean()) ** 2
    told = tell_class(
        np.hstack([days, middle]),
        labels,
        draws=material.protocol.decision.bootstrap_draws,
        seed=material.seed,
    )
    return Finding(
        check,
        Outcome.FAIL,
        f"{order}; from the date of the scan, MS is told from control with {told.in_words()}",
        "compare people scanned in the same years: scanners and protocols change with time",
        told.test,
    )


def scan_date(scan: SurveyedScan) -> date | None:
    """From ``*_scans.tsv`` or the sidecar; None where neither says."""
    record = sidecar(scan.image)
    texts = [str(record[key]) for key in _KEYS if key in record]
    for table in scan.image.parent.parent.glob("*_scans.tsv"):
        texts += _acquired(table, scan.image)
    for text in texts:
        digits = text[:10].replace("-", "").replace("/", "")[:8]
        try:
            return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        except ValueError:
            continue  # n/a, or a time without a day
    return None


def _acquired(table: Path, image: Path) -> list[str]:
    return [
        row["acq_time"]
        for row in read_rows(table)
        if row.get("acq_time") and Path(row.get("filename", "")).name == image.name
    ]


def _order(material: Material, people: Sequence[SurveyedScan], dates: Sequence[date | None]) -> str:
    """How the test lies in time, in words."""
    if material.split is None:
        return "no split to hold the dates against"
    parts = material.parts_of
    training = [
        d
        for p, d in zip(people, dates, strict=True)
        if d is not None and Subset.TRAINING in parts.get(p.person_id, ())
    ]
    test = [
        d
        for p, d in zip(people, dates, strict=True)
        if d is not None and Subset.TEST in parts.get(p.person_id, ())
    ]
    if not training or not test:
        return "the dates of training or test scans are not known"
    later = sum(d > max(training) for d in test)
    return (
        f"{later} of {len(test)} test scans are later than all training scans; the test says "
        "little of scanners to come unless all are"
    )
