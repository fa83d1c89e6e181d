"""Many tests at once."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P values corrected for their number (Holm 1979, Scand. J. Statist. 6:65).

    Those that are nan stay so, and do not count.
    """
    defined = sorted((n for n, p in p_values.items() if not isnan(p)), key=lambda n: p_values[n])
    corrected = dict.fromkeys(p_values, nan)
    highest = 0.0
    for rank, name in enumerate(defined):
        highest = max(highest, min(1.0, p_values[name] * (len(defined) - rank)))
        corrected[name] = highest
    return corrected
