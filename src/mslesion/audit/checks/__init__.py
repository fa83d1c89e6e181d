"""The table of checks: each takes the material and gives a finding."""

from __future__ import annotations

from collections.abc import Callable

from mslesion.audit.checks import controls, dates, duplicates, isolation, site, splits, trained_on
from mslesion.audit.checks.shortcuts import CHECKS as SHORTCUT_CHECKS
from mslesion.audit.finding import Finding
from mslesion.audit.material import Material

CHECKS: tuple[Callable[[Material], Finding], ...] = (
    splits.test_set,
    splits.one_side,
    splits.frozen,
    duplicates.exact,
    duplicates.near,
    trained_on.test_people_unseen,
    isolation.fit_isolation,
    *SHORTCUT_CHECKS,
    site.site_confound,
    dates.time_order,
    controls.random_labels,
    controls.gap,
)
"""In the order of the answer. A new check is a function here."""
