"""What 29 real lesion masks say about count, size, load and place of MS lesions: numbers only.

Source: the consensus masks of Lesjak et al., Neuroinformatics 16(1), 2018 (Ljubljana, CC-BY), in
MNI space at 1 mm. ``tools/fit_lesion_statistics.py`` prints these tables from a folder of masks.
Components are counted with all 26 neighbours.
"""

from __future__ import annotations

import numpy as np

LOAD_QUANTILES = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
LOAD_ML = (0.32, 1.09, 1.60, 9.61, 14.3, 17.9, 29.9, 37.7, 52.2)
"""Total lesion volume of a patient at :data:`LOAD_QUANTILES`."""
COUNT = (17, 23, 37, 54, 82, 99, 116, 220, 392)
"""Number of components of a patient at :data:`LOAD_QUANTILES`."""

VENTRICLE_DISTANCE_MM = (1.5, 2.5, 4.0, 6.5, 10.0, 14.0, 18.0, 22.5, 27.5, 35.0, 45.0)
LESION_DENSITY = (0.118, 0.084, 0.085, 0.062, 0.041, 0.024, 0.0131, 0.0076, 0.0054, 0.003, 0.0002)
"""Share of patients with a lesion at a white matter voxel so far from the lateral ventricles; at
their wall, of any tissue."""
GREY_DENSITY_RATIO = 0.2
"""Density in grey matter over that in white matter at the same distance."""
INFRATENTORIAL_SHARE = 0.028
"""Share of all lesion volume that lies in the brain stem and the cerebellum."""
INFRATENTORIAL_LESION_SHARE = 0.07
"""Share of all lesions (components) that lie there."""

SINGLE_LESION_DIAMETER_MM = (3.0, 15.0)
"""Shortest and longest mean diameter of one lesion before it merges with others."""


def at_quantile(table: tuple[float, ...], quantile: float) -> float:
    """A patient's value at a quantile, between the tabled ones on a logarithmic scale."""
    return float(np.exp(np.interp(quantile, LOAD_QUANTILES, np.log(table))))
