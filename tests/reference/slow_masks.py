"""The measures of two masks a second time: by loops over voxels, as their definitions say."""

from __future__ import annotations

from itertools import product
from math import nan

import numpy as np

NEIGHBOURS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
FACES = [step for step in NEIGHBOURS if sum(map(abs, step)) == 1]


def voxels_of(mask):
    """The places of a mask's voxels."""
    return {tuple(int(n) for n in place) for place in np.argwhere(mask)}


def beside(place, steps):
    """The places that lie these steps from a place."""
    return [tuple(n + step for n, step in zip(place, move, strict=True)) for move in steps]


def lesions(mask):
    """Sets of voxels that touch by a face, an edge or a corner: each is grown from one voxel."""
    left, found = voxels_of(mask), []
    while left:
        grown, edge = set(), {left.pop()}
        while edge:
            grown |= edge
            edge = {near for place in edge for near in beside(place, NEIGHBOURS)} & left
            left -= edge
        found.append(grown)
    return found


def border(mask):
    """Voxels of which a neighbour by a face is not of the mask, or not in the image."""
    inside = voxels_of(mask)
    return [place for place in inside if any(near not in inside for near in beside(place, FACES))]


def distances(first, second, affine):
    """From each place of the first to the nearest of the second, in mm; all are measured."""
    a, b = (np.array(places) @ affine[:3, :3].T for places in (first, second))
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2)).min(axis=1).tolist()


def percentile_95(values):
    """With straight lines between the values in their order, as NumPy's default does."""
    ordered = sorted(values)
    place = 0.95 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def surfaces(found, reference, affine, tolerance_mm):
    """(normalised surface distance, 95 % Hausdorff distance)."""
    first, second = border(found), border(reference)
    if not first or not second:
        return (0.0 if first or second else 1.0), nan
    there, back = distances(first, second, affine), distances(second, first, affine)
    close = sum(mm <= tolerance_mm + 1e-6 for mm in there + back)
    return close / len(there + back), max(percentile_95(there), percentile_95(back))


def measures(found, reference, affine, tolerance_mm=1.0):
    """Every measure of one scan by its name in ``SCAN_MEASURES``; nan where it is undefined."""
    a, b = voxels_of(found), voxels_of(reference)
    marked, known = lesions(found), lesions(reference)
    hits = sum(bool(lesion & a) for lesion in known)
    false = [lesion for lesion in marked if not lesion & b]
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    sensitivity = hits / len(known) if known else nan
    precision = (len(marked) - len(false)) / len(marked) if marked else nan
    if not marked and not known:
        f1 = 1.0
    elif not hits:
        f1 = 0.0
    else:
        f1 = 2 * sensitivity * precision / (sensitivity + precision)
    near, far = surfaces(found, reference, affine, tolerance_mm)
    return {
        "dice": 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0,
        "normalised_surface_distance": near,
        "hausdorff95_mm": far,
        "lesion_f1": f1,
        "lesion_sensitivity": sensitivity,
        "lesion_precision": precision,
        "false_lesions": len(false),
        "false_lesions_ml": sum(map(len, false)) * voxel_ml,
        "volume_difference_ml": (len(a) - len(b)) * voxel_ml,
        "relative_volume_difference": (len(a) - len(b)) / len(b) if b else nan,
    }


def of_size(mask, other, affine, low_mm3, high_mm3):
    """(lesions of a mask of this size that share a voxel with the other mask, all of this size)."""
    beyond, voxel_mm3 = voxels_of(other), abs(np.linalg.det(affine[:3, :3]))
    chosen = [s for s in lesions(mask) if low_mm3 <= round(len(s) * voxel_mm3, 6) < high_mm3]
    return sum(bool(lesion & beyond) for lesion in chosen), len(chosen)


def froc(scans, low, least_mm3, min_peak):
    """(share of lesions found, false lesions per scan) of masks made anew at ``min_peak``.

    ``scans`` are (probability, reference, affine).
    """
    hits = known = false = 0
    for probability, reference, affine in scans:
        voxel_mm3 = abs(np.linalg.det(affine[:3, :3]))
        marked = [
            lesion
            for lesion in lesions(probability > low)
            if max(probability[place] for place in lesion) > min_peak
            and len(lesion) * voxel_mm3 >= least_mm3
        ]
        everywhere, truth = set().union(*marked), voxels_of(reference)
        drawn = lesions(reference)
        hits += sum(bool(lesion & everywhere) for lesion in drawn)
        known += len(drawn)
        false += sum(not lesion & truth for lesion in marked)
    return (hits / known if known else nan), false / len(scans)
