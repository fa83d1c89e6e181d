"""Site and class: whoever tells the scanner must not thereby tell the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.audit.checks.shortcuts import why_no_classes
from mslesion.audit.finding import Finding, Outcome, Significance, not_applicable
from mslesion.audit.material import Material, person_labels
from mslesion.audit.probes.shortcut import as_features
from mslesion.audit.survey import SurveyedScan
from mslesion.audit.telling import PERMUTATIONS, tell_class
from mslesion.read.names import without_ending
from mslesion.read.side_files import read_json_object, read_rows

_COLUMNS = ("site", "scanner", "center", "centre", "institution", "manufacturer", "hospital")
_SIDECAR = (
    "InstitutionName", "Manufacturer", "ManufacturersModelName", "MagneticFieldStrength",
    "DeviceSerialNumber", "StationName",
)  # fmt: skip
_LEAST_OF_A_SITE = 3
_UNKNOWN = {"", "n/a", "nan", "none", "unknown"}


def site_confound(material: Material) -> Finding:
    """Class and site are independent, and how well the picture tells the site."""
    check = "site confound"
    people = material.survey.first_scans()
    label = person_labels(people)
    reason = why_no_classes(label)
    if reason:
        return not_applicable(check, reason)
    source, sites = _sites(material.cohort.root, people)
    known = np.array([bool(site) for site in sites]) & (label >= 0)
    counts = Counter(site for site, is_known in zip(sites, known, strict=True) if is_known)
    if not counts:
        return not_applicable(
            check, "no site or scanner is named in participants.tsv or the sidecars"
        )
    if len(counts) == 1:
        return not_applicable(check, f"one site alone, by {source}; others may differ")
    if len(counts) > known.sum() / 2:
        return not_applicable(check, f"nearly every person has a {source} of their own")
    reason = why_no_classes(label[known])
    if reason:
        return not_applicable(check, f"of people with a known site, {reason}")
    codes = np.unique(np.array(sites)[known], return_inverse=True)[1]
    cramer, p = _association(codes, label[known], material.seed)
    return Finding(
        check,
        Outcome.FAIL,
        f"class and {source} go together with Cramér's V {cramer:.2f} over {len(counts)} sites of "
        f"{int(known.sum())} people{_site_from_picture(material, people, sites, counts)}",
        "take both classes from each site in equal shares, or report each site by itself and test "
        "on a site that was not trained on",
        Significance(p, _least_p(label[known])),
        figures={"source": source, "cramers_v": cramer, "people_by_site": dict(counts)},
    )


def _sites(root: Path, people: Sequence[SurveyedScan]) -> tuple[str, list[str]]:
    """What names a site, and each person's; empty where it is not known."""
    table = _participants(root / "participants.tsv")
    for column in _COLUMNS:
        known = [_clean(table.get(p.person_id, {}).get(column, "")) for p in people]
        if any(known):
            return f"'{column}'", known
    records = [sidecar(person.image) for person in people]
    named = [
        " ".join(str(record[key]) for key in _SIDECAR if _clean(str(record.get(key, ""))))
        for record in records
    ]
    return "scanner", named


def _clean(value: str) -> str:
    return "" if value.strip().lower() in _UNKNOWN else value.strip()


def _participants(table: Path) -> dict[str, dict[str, str]]:
    """The rows of the table by participant, column names in small letters; none without it."""
    rows = [
        {name.strip().lower(): cell.strip() for name, cell in row.items()}
        for row in read_rows(table)
    ]
    return {"sub-" + row.get("participant_id", "").removeprefix("sub-"): row for row in rows}


def sidecar(image: Path) -> Mapping[str, object]:
    """What the JSON file beside an image says; nothing where there is none or it is damaged."""
    return read_json_object(image.with_name(without_ending(image.name) + ".json"))


def _association(
    codes: NDArray[np.intp], label: NDArray[np.int8], seed: int
) -> tuple[float, float]:
    """Cramér's V of site and class, and how often chance gives as much (permutations of class)."""
    value = _chi_squared(codes, label[None])[0]
    generator = np.random.default_rng([seed, 0x517E])
    shuffled = generator.permuted(np.tile(label, (PERMUTATIONS, 1)), axis=1)
    at_random = _chi_squared(codes, shuffled)
    p = (1 + int((at_random >= value - 1e-9).sum())) / (1 + PERMUTATIONS)
    return float(np.sqrt(value / len(label))), p


def _chi_squared(codes: NDArray[np.intp], labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """Pearson's statistic of the table of sites and two classes, for each row of labels."""
    member = np.eye(int(codes.max()) + 1)[codes]
    ones = labels @ member
    of_site = member.sum(axis=0)
    expected = of_site * labels.mean(axis=1, keepdims=True)
    rest = of_site - expected
    squares = (ones - expected) ** 2
    statistic: NDArray[np.float64] = (squares / expected + squares / rest).sum(axis=1)
    return statistic


def _least_p(label: NDArray[np.int8]) -> float:
    """Where class and site are one, of all orders two at most do as well."""
    return 2 / comb(len(label), int(label.sum())) + 1 / (1 + PERMUTATIONS)


def _site_from_picture(
    material: Material, people: Sequence[SurveyedScan], sites: list[str], counts: Counter[str]
) -> str:
    """How well the largest site is told from the others by the picture, in words."""
    largest = counts.most_common(1)[0][0]
    shown = [(p.picture, site == largest) for p, site in zip(people, sites, strict=True) if site]
    is_largest = np.array([of for _, of in shown], np.int8)
    if min(is_largest.sum(), (1 - is_largest).sum()) < _LEAST_OF_A_SITE:
        return ""
    told = tell_class(
        as_features([picture for picture, _ in shown])[1],
        is_largest,
        draws=material.protocol.decision.bootstrap_draws,
        seed=material.seed,
        permutations=1,
    )
    return f"; the picture tells the largest site with AUC {told.auc.value:.2f}"
