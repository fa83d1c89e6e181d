"""What 29 real lesion masks say about count, size, load and place of MS lesions: numbers only.

Source: the consensus masks of Lesjak et al., Neuroinformatics 16(1), 2018 (Ljubljana, CC-BY), in
MNI space at 1 mm. ``tools/fit_lesion_statistics.py`` prints these tables from a folder of masks.
Components are counted with all 26 neighbours.
"""

from __future__ import annotations

import numpy as np

LOAD_QUANTILES = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
LOAD_ML = (0.32, 1.09, 1.60, 9.7, 14.3, 17.9, 29.9, 37.7, 52.2)
"""Total lesion volume of a patient at :data:`LOAD_QUANTILES`."""
COUNT = (17, 25, 37, 54, 82, 98, 116, 210, 392)
"""Number of components of a patient at :data:`LOAD_QUANTILES`."""
LOAD_COUNT_CORRELATION = 0.77
"""Correlation of log load and log count, to compare with; it comes out of the lesions drawn."""

VENTRICLE_DISTANCE_MM = (0.0, 1.5, 2.5, 4.0, 6.5, 10.0, 14.0, 18.0, 22.5, 27.5, 35.0, 45.0)
LESION_DENSITY = (0.16, 0.16, 0.10, 0.07, 0.059, 0.041, 0.029, 0.016, 0.0088, 0.0048, 0.0022,
                  0.0002)  # fmt: skip
"""Share of patients with a lesion at a white matter voxel so far from the lateral ventricles."""
GREY_DENSITY_RATIO = 0.2
"""Density in grey matter over that in white matter at the same distance."""
INFRATENTORIAL_SHARE = 0.028
"""Share of all lesion volume that lies in the brain stem and the cerebellum."""
INFRATENTORIAL_LESION_SHARE = 0.06
"""Share of all lesions (components) that lie there."""

SINGLE_LESION_DIAMETER_MM = (3.0, 15.0)
"""Shortest and longest mean diameter of one lesion before it merges with others."""


def at_quantile(table: tuple[float, ...], quantile: float) -> float:
    """A patient's value at a quantile, between the tabled ones on a logarithmic scale."""
    return float(np.exp(np.interp(quantile, LOAD_QUANTILES, np.log(table))))
