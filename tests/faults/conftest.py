"""The good scan and its lesions, made once for all faults."""

from __future__ import annotations

import numpy as np
import pytest
from good_scan import GoodScan, simulated_good_scan
from numpy.typing import NDArray

from mslesion.detector import detect_scan, load_detector


@pytest.fixture(scope="session")
def good() -> GoodScan:
    """A small scan without a fault."""
    return simulated_good_scan()


@pytest.fixture(scope="session")
def lesions(good: GoodScan, tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.bool_]:
    """What is found in the good scan, (X, Y, Z) with axes to the right, front and top."""
    path = tmp_path_factory.mktemp("good") / "scan.nii"
    path.write_bytes(good.nifti())
    found = detect_scan(path, load_detector(), "scan")
    assert found.lesion_count > 10
    return found.mask
