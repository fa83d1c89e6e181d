"""A quick look at a scan, for commands that know nothing of contrast: is it FLAIR, of a brain?"""

from __future__ import annotations

import numpy as np

from mslesion.errors import ContrastError, NoBrainError
from mslesion.lesions.contrast import LEAST_SLICES, require_flair_of_a_brain
from mslesion.lesions.detection import find_lesions
from mslesion.lesions.model import shipped_model
from mslesion.scan import Grid, Scan

_SLICE_MM = 5.0


def contrast_doubts(scan: Scan) -> tuple[str, ...]:
    """Why this may be no FLAIR image of a brain; () where it looks like one.

    The shipped detector looks at axial slices 5 mm apart, a second of work, and its gates judge
    what it sees. Pictures, and scans of fewer than 16 slices, are not judged.
    """
    if scan.grid.shape[2] < LEAST_SLICES:
        return ()
    thinned = _thinned(scan)
    try:
        require_flair_of_a_brain(find_lesions(thinned, shipped_model("default")))
    except (ContrastError, NoBrainError) as error:
        return (error.what,)
    return ()


def _thinned(scan: Scan) -> Scan:
    """Every so many-th axial slice, for slices to lie about 5 mm apart."""
    step = max(1, round(_SLICE_MM / scan.spacing_mm[2]))
    affine = scan.grid.affine_vox_to_ras @ np.diag([1.0, 1.0, step, 1.0])
    voxels = scan.voxels[:, :, ::step]
    grid = Grid(voxels.shape, affine)
    return Scan(voxels, grid, grid, scan.source)
