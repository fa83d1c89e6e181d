"""Make ``src/mslesion/lesions/brain_shape.npy``: how a brain and its ventricles lie in the head.

    python tools/make_brain_shape.py

From the ICBM 152 2009a tissue maps (Fonov et al., NeuroImage 54(1), 2011) that come with nilearn;
uint8 (2, 24, 24, 24), 255 where a cell is all brain, or all ventricle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mslesion.lesions.head_pose import shape_maps
from mslesion.simulate.anatomy import load_anatomy

PLACE = Path(__file__).resolve().parents[1] / "src/mslesion/lesions/brain_shape.npy"


def brain_shape() -> NDArray[np.uint8]:
    """The template as it is stored."""
    anatomy = load_anatomy()
    ventricles = np.zeros_like(anatomy.brain)
    ventricles[anatomy.box] = anatomy.box_ventricles
    maps = shape_maps(anatomy.brain, ventricles, (1.0, 1.0, 1.0))
    shape: NDArray[np.uint8] = np.rint(255 * maps / maps.max(axis=(1, 2, 3), keepdims=True)).astype(
        np.uint8
    )
    return shape


if __name__ == "__main__":
    np.save(PLACE, brain_shape(), allow_pickle=False)
