"""Whether 'mslesion audit' finds planted leakage, and raises no alarm where there is none.

    python tools/measure_audit.py       # 20 cohorts of each kind, about 15 minutes of one core
    python tools/measure_audit.py --cohorts 2 --kind "class in the skull"

Writes docs/results/audit.json: for each kind, in how many of the cohorts its check failed; for
clean cohorts, how many had any check fail. Results of kinds that are not asked for are kept.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from planted_leakage import CHANGES, FITS, SPLITS, honest_fit, people, plant, split_of, write

from mslesion.audit.checks import CHECKS
from mslesion.audit.checks.isolation import changed_pieces
from mslesion.audit.finding import Outcome
from mslesion.audit.run import AuditRequest, audit
from mslesion.paper.protocol import Protocol
from mslesion.paper.slices import SliceSet, cut_cohort
from mslesion.read import read_cohort
from mslesion.write.atomic import write_json

RECORD = Path(__file__).resolve().parents[1] / "docs/results/audit.json"
CLEAN = "clean"
HONEST = "honest fit"
QUICK = tuple(c for c in CHECKS if c.__name__ not in {"fit_isolation", "random_labels", "gap"})
"""All but those that fit classifiers to slices."""
FIRST_SEED = 100
"""Checks and their limits were mended while looking at the cohorts of seeds below."""
KINDS = (CLEAN, *SPLITS, *CHANGES, HONEST, *FITS)


def failed_checks(kind: str, seed: int) -> set[str]:
    """The checks that fail on one cohort: of a clean one all, of others those that fit nothing."""
    checks = CHECKS if kind == CLEAN else QUICK
    with TemporaryDirectory() as folder:
        planted = plant(kind, Path(folder), seed)
        request = AuditRequest(planted.split, planted.model, seed=seed)
        report = audit(read_cohort(planted.cohort), request, checks)
    return {f.check for f in report.findings if f.outcome is Outcome.FAIL}


def leaks(kind: str, seed: int) -> set[str]:
    """The pieces of a fit that change with test data."""
    with TemporaryDirectory() as folder:
        cohort = write(Path(folder) / "cohort", people(seed))
        slices = cut_cohort(read_cohort(cohort), Protocol().slices).slices
        split = split_of(cohort, seed=seed)
    changed = with_other_pixels(slices, set(split.folds[0].test), seed)
    fit = honest_fit if kind == HONEST else FITS[kind]
    return set(changed_pieces(fit, slices, changed, split, seed)[0])


def with_other_pixels(slices: SliceSet, people: set[str], seed: int) -> SliceSet:
    """The same slices, those of some people with noise."""
    theirs = np.isin(slices.person_id, sorted(people))
    noise = np.random.default_rng(seed).normal(0, 0.5, slices.pixels.shape)
    pixels = np.where(theirs[:, None, None], slices.pixels + noise, slices.pixels)
    columns = {n: getattr(slices, n) for n in slices.__dataclass_fields__}
    return SliceSet(**columns | {"pixels": pixels.astype(np.float32)})


def measure(kind: str, cohorts: int) -> dict[str, Any]:
    """How often a kind is found, and what else fails."""
    seeds = range(FIRST_SEED, FIRST_SEED + cohorts)
    if kind in FITS or kind == HONEST:
        found = sum(bool(leaks(kind, seed)) for seed in seeds)
        return {"check": "fit isolation", "cohorts": cohorts, "found": found}
    answers = [failed_checks(kind, seed) for seed in seeds]
    if kind == CLEAN:
        return {"cohorts": cohorts, "alarms": sum(map(bool, answers)), **_others(answers, "")}
    check = {**SPLITS, **CHANGES}[kind][1]
    found = sum(check in failed for failed in answers)
    return {"check": check, "cohorts": cohorts, "found": found, **_others(answers, check)}


def _others(answers: list[set[str]], check: str) -> dict[str, Any]:
    counts = Counter(name for failed in answers for name in failed if name != check)
    return {"other_checks_that_failed": dict(sorted(counts.items()))}


def main() -> None:
    """Measure, and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--output", type=Path, default=RECORD)
    options = parser.parse_args()
    record = json.loads(options.output.read_text()) if options.output.exists() else {}
    for kind in options.kind or KINDS:
        record[kind] = measure(kind, options.cohorts)
        print(f"{kind}: {record[kind]}", flush=True)
        write_json(options.output, {k: record[k] for k in KINDS if k in record})


if __name__ == "__main__":
    main()
