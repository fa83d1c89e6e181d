"""Lesions as connected components, counted with 26-connectivity here and everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONNECTIVITY = np.ones((3, 3, 3), np.bool_)
"""Voxels that share a face, an edge or a corner belong to one lesion (26-connectivity)."""


def label_lesions(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Number the lesions of a mask (X, Y, Z): labels from 1, 0 elsewhere, and their count."""
    from scipy import ndimage  # a third of a second, which a refused file need not take

    labels, count = ndimage.label(mask, CONNECTIVITY)
    return labels.astype(np.int32), int(count)


def label_by_volume(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """The same, numbered as in a table of lesions: the largest is 1, or the first in the grid.

    ``mask`` lies on the grid closest to RAS+.
    """
    labels, count = label_lesions(mask)
    inside = labels[labels > 0]  # in the order of the grid
    _, first, sizes = np.unique(inside, return_index=True, return_counts=True)
    number = np.zeros(count + 1, np.int32)
    number[np.lexsort((first, -sizes)) + 1] = np.arange(1, count + 1)
    return number[labels], count


def common_box(*masks: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """The smallest box that holds every voxel of some masks (X, Y, Z); one voxel for empty masks.

    Lesions and their borders in the box are those of the whole volume.
    """
    ends = []
    for axis in range(3):
        others = tuple(n for n in range(3) if n != axis)
        used = np.flatnonzero(np.any([mask.any(axis=others) for mask in masks], axis=0))
        ends.append(slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1))
    return ends[0], ends[1], ends[2]
