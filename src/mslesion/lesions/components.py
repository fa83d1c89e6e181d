"""Lesions as connected components, counted with 26-connectivity here and everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

CONNECTIVITY = np.ones((3, 3, 3), np.bool_)
"""Voxels that share a face, an edge or a corner belong to one lesion (26-connectivity)."""


def label_lesions(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the lesions of a mask (X, Y, Z): labels from 1, 0 elsewhere, and their count."""
    labels, count = ndimage.label(mask, CONNECTIVITY)
    return labels.astype(np.int32), int(count)
