"""What was found, as tables: one row a lesion, one row a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.lesions.components import label_lesions
from mslesion.scan import Scan

PERIVENTRICULAR_MM = 10.0
"""A lesion whose nearest voxel is this close to a lateral ventricle counts as periventricular."""


@dataclass(frozen=True)
class Lesion:
    """One lesion, 26-connected.

    Centroids are unweighted means of its voxels: ``_mm`` in the scanner's millimetres (RAS+),
    ``_voxel`` in indices from 0 of the input file's own array. ``slice_count`` is the number of
    axial slices it reaches into, from ``first_slice`` to ``last_slice`` counted from 0 at the
    lowest. Probabilities are calibrated. ``ventricle_distance_mm`` is that of its voxel nearest
    to a lateral ventricle, None where no ventricle was seen.
    """

    lesion_id: int
    volume_mm3: float
    centroid_x_mm: float
    centroid_y_mm: float
    centroid_z_mm: float
    centroid_i_voxel: float
    centroid_j_voxel: float
    centroid_k_voxel: float
    first_slice: int
    last_slice: int
    slice_count: int
    mean_probability: float
    max_probability: float
    ventricle_distance_mm: float | None

    @property
    def is_periventricular(self) -> bool:
        """Whether it lies at a ventricle."""
        return (
            self.ventricle_distance_mm is not None
            and self.ventricle_distance_mm <= PERIVENTRICULAR_MM
        )


@dataclass(frozen=True)
class SliceFinding:
    """One axial slice, counted from 0 at the lowest.

    ``detector_probability`` and ``paper_cnn_probability`` are those that the slice holds a
    lesion; the second is None where the slice holds too little tissue for the paper's CNN.
    """

    slice_index: int
    position_mm: float
    lesion_area_mm2: float
    detector_probability: float
    paper_cnn_probability: float | None


def measure_lesions(
    mask: NDArray[np.bool_],
    probability: NDArray[np.float32],
    ventricles: NDArray[np.bool_],
    scan: Scan,
) -> tuple[Lesion, ...]:
    """The lesions of a mask (X, Y, Z) on ``scan.grid``, the largest first; () for an empty mask."""
    labels, count = label_lesions(mask)
    if count == 0:
        return ()
    distance_mm = _ventricle_distance(ventricles, scan)
    measured = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == number
        voxels = np.argwhere(inside) + [s.start for s in box]
        nearest_mm = None if distance_mm is None else float(distance_mm[box][inside].min())
        measured.append(_measure(voxels, probability[box][inside], nearest_mm, scan))
    measured.sort(key=lambda lesion: (-lesion["volume_mm3"], *lesion["first_voxel"]))
    for lesion in measured:
        del lesion["first_voxel"]
    return tuple(Lesion(lesion_id=n, **lesion) for n, lesion in enumerate(measured, start=1))


def _ventricle_distance(ventricles: NDArray[np.bool_], scan: Scan) -> NDArray[np.float64] | None:
    if not ventricles.any():
        return None
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(~ventricles, scan.spacing_mm)
    return distance


def _measure(
    voxels: NDArray[np.intp],
    values: NDArray[np.float32],
    nearest_mm: float | None,
    scan: Scan,
) -> dict[str, Any]:
    """The columns of one lesion from its voxels (N, 3) and their probabilities (N,)."""
    x_mm, y_mm, z_mm = (scan.grid.affine_vox_to_ras @ [*voxels.mean(axis=0), 1.0])[:3]
    stored = np.linalg.solve(scan.stored_grid.affine_vox_to_ras, [x_mm, y_mm, z_mm, 1.0])[:3]
    first, last = int(voxels[:, 2].min()), int(voxels[:, 2].max())
    return {
        "first_voxel": tuple(voxels[0].tolist()),
        "volume_mm3": round(len(voxels) * scan.grid.voxel_volume_mm3, 3),
        "centroid_x_mm": round(float(x_mm), 2),
        "centroid_y_mm": round(float(y_mm), 2),
        "centroid_z_mm": round(float(z_mm), 2),
        "centroid_i_voxel": round(float(stored[0]), 2),
        "centroid_j_voxel": round(float(stored[1]), 2),
        "centroid_k_voxel": round(float(stored[2]), 2),
        "first_slice": first,
        "last_slice": last,
        "slice_count": last - first + 1,
        "mean_probability": round(float(values.astype(np.float64).mean()), 4),
        # One digit more: what exceeds a threshold by one step is told as above it.
        "max_probability": round(float(values.max()), 5),
        "ventricle_distance_mm": None if nearest_mm is None else round(nearest_mm, 2),
    }
