"""Print the numbers of ``mslesion/simulate/calibration.py`` from a folder of real lesion masks.

Usage: ``python tools/fit_lesion_statistics.py MASKS`` where MASKS holds lesion masks in MNI space
(any grid, found as ``**/*mask.nii.gz``), such as the Ljubljana masks (Lesjak et al., CC-BY).
"""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from lesion_statistics import LesionStatistics, Regions, describe

from mslesion.simulate.anatomy import load_anatomy
from mslesion.simulate.calibration import LOAD_QUANTILES, VENTRICLE_DISTANCE_MM


def main(folder: Path) -> None:
    """Read every mask and print one table after another."""
    regions = Regions.of(load_anatomy())
    patients = [_statistics(path, regions) for path in sorted(folder.rglob("*mask.nii.gz"))]
    loads = np.array([p.load_ml for p in patients])
    counts = np.array([p.count for p in patients])
    print(f"{len(patients)} masks")
    print("LOAD_ML =", np.quantile(loads, LOAD_QUANTILES).round(2).tolist())
    print("COUNT =", np.quantile(counts, LOAD_QUANTILES).round().astype(int).tolist())
    print("correlation of logs =", np.corrcoef(np.log(loads), np.log(counts))[0, 1].round(2))
    volume = np.array([p.load_ml * p.infratentorial_share for p in patients]).sum() / loads.sum()
    print("INFRATENTORIAL_SHARE =", volume.round(4))
    parts = sum(p.infratentorial_count for p in patients) / counts.sum()
    print("INFRATENTORIAL_LESION_SHARE =", round(float(parts), 3))
    print("density by distance =", _density(patients, regions).round(4).tolist())


def _statistics(path: Path, regions: Regions) -> LesionStatistics:
    image = nib.load(path)
    voxels = np.asanyarray(image.dataobj) > 0
    points = nib.affines.apply_affine(image.affine, np.argwhere(voxels))
    return describe(voxels, points, regions)


def _density(patients: list[LesionStatistics], regions: Regions) -> np.ndarray:
    """Share of patients with a lesion at a white matter voxel, around each tabled distance."""
    middle = np.array(VENTRICLE_DISTANCE_MM)
    edges = np.concatenate([[-1.0], (middle[1:] + middle[:-1]) / 2, [99.0]])
    lesion = sum(np.histogram(p.ventricle_distances_mm[p.in_white], edges)[0] for p in patients)
    white = np.histogram(regions.ventricle_distance_mm[regions.white], edges)[0]
    return lesion / np.maximum(white, 1) / len(patients)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
