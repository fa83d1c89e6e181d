"""What a result was computed with, beside this package: libraries, system, device, threads."""

from __future__ import annotations

import platform

import nibabel
import numpy as np
import scipy
import torch


def computing_environment() -> dict[str, str | int]:
    """Versions, and how many threads one call may use; the same on the same computer.

    Nothing names the computer or its user. Detection runs on the processor alone.
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "nibabel": nibabel.__version__,
        "torch": torch.__version__,
        "device": "cpu",
        "threads": torch.get_num_threads(),
    }
