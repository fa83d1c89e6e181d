"""The detector on the same people in thinner and thicker slices, held against the thin truth.

Masks drawn on thick slices lose the small lesions with the image, and what is lost cannot be
missed. So what is found in thick slices is carried back to the thin grid and held against the
lesions of the thin scan, which stay the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.cohort.people import Cohort, Diagnosis, Person
from mslesion.detector import Detector
from mslesion.evaluation.lesion_summary import ScoredScan, lesion_summary, scan_rows, score_scan
from mslesion.evaluation.mask_comparison import compare_tools
from mslesion.lesions.detection import find_lesions
from mslesion.progress import track
from mslesion.read import LoadedScan, load


def measure_thicknesses(
    thin: Cohort, thick: Mapping[int, Cohort], people: int, detector: Detector
) -> dict[str, Any]:
    """The first ``people`` with MS at each thickness, and each thickness against the thinnest.

    ``thick`` holds the same people by how many slices of ``thin`` were averaged into one, from 1.
    Measures are those of ``mslesion evaluate``, comparisons those of ``mslesion compare``.
    """
    scored = {mm: _score_people(thin, cohort, mm, people, detector) for mm, cohort in thick.items()}
    return {
        "thicknesses": {
            f"{mm} mm": {**lesion_summary(scans), "rows": scan_rows(scans)}
            for mm, scans in scored.items()
        },
        "against_thinnest": {
            f"{mm} mm": compare_tools(scans, scored[min(scored)], 0)["measures"]
            for mm, scans in scored.items()
            if mm != min(scored)
        },
    }


def _score_people(
    thin: Cohort, thick: Cohort, slab_slices: int, people: int, detector: Detector
) -> list[ScoredScan]:
    pairs = [
        (person, other)
        for person, other in zip(thin.people, thick.people, strict=True)
        if person.diagnosis is Diagnosis.MS
    ][:people]
    return [
        _score(person, other, slab_slices, detector)
        for person, other in track(pairs, "finding lesions", len(pairs))
    ]


def spread(mask: NDArray[np.bool_], slab_slices: int) -> NDArray[np.bool_]:
    """A mask of slabs (X, Y, Z) on the slices they were averaged from, (X, Y, Z * slab_slices)."""
    return np.repeat(mask, slab_slices, axis=2)


def _score(person: Person, other: Person, slab_slices: int, detector: Detector) -> ScoredScan:
    truth, image = load(person.scans[0]), load(other.scans[0])
    found = find_lesions(image.scan, detector.model, detector.operating_point)
    on_thin = spread(found.mask, slab_slices)
    return score_scan(
        person.person_id,
        person.scans[0].name,
        on_thin,
        _truth(truth)[:, :, : on_thin.shape[2]],  # without the slices at the top that fill no slab
        truth.scan.grid,
    )


def _truth(loaded: LoadedScan) -> NDArray[np.bool_]:
    if loaded.lesion_mask is None:
        raise ValueError("a simulated scan has a mask")
    return loaded.lesion_mask
