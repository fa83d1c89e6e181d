"""How a scan is laid out for eyes: window, crop, sides, and which slices are shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.detection import Detection
from mslesion.lesions.components import label_lesions
from mslesion.report.drawings import AxialSlice, Plane, Projection

MOST_SLICES = 12
WITHOUT_LESIONS = 6
"""How many slices are shown of a scan with lesions, and of one without."""

MOST_NAMED = 30
"""Lesions up to this number are named in the pictures, and listed in the page's table."""

_SPREAD_MM = (6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0)
"""Distances between shown slices, the best first: thin neighbours show the same lesions."""

_MARGIN_MM = 4.0

Box = tuple[slice, slice, slice]


def shown_slices(detection: Detection) -> tuple[int, ...]:
    """The slices to look at, from the lowest, at most :data:`MOST_SLICES`.

    Those with the largest lesion area, kept apart as far as there are enough of them. Without a
    lesion, :data:`WITHOUT_LESIONS` slices evenly spread through the brain (through the scan
    where no brain is seen).
    """
    areas = detection.mask.sum(axis=(0, 1))
    if areas.any():
        by_area = [int(k) for k in np.argsort(-areas, kind="stable")[: np.count_nonzero(areas)]]
        wanted = min(MOST_SLICES, len(by_area))
        spacing_mm = detection.scan.spacing_mm[2]
        choices = (_apart(by_area, apart_mm / spacing_mm) for apart_mm in _SPREAD_MM)
        return tuple(sorted(next(chosen for chosen in choices if len(chosen) == wanted)))
    inside = np.flatnonzero(detection.brain.any(axis=(0, 1)))
    low, high = (inside[0], inside[-1]) if len(inside) else (0, len(areas) - 1)
    places = np.linspace(low, high, WITHOUT_LESIONS + 2)[1:-1]
    return tuple(sorted({round(float(place)) for place in places}))


def _apart(by_area: Iterable[int], least_steps: float) -> list[int]:
    """The first slices of an order that lie at least so many steps from all taken before."""
    chosen: list[int] = []
    for index in by_area:
        # A little less will do: 3 mm slices lie 2.9999 mm apart.
        if all(abs(index - other) > least_steps - 0.01 for other in chosen):
            chosen.append(index)
        if len(chosen) == MOST_SLICES:
            break
    return chosen


def axial_slices(detection: Detection) -> tuple[AxialSlice, ...]:
    """The slices of :func:`shown_slices` as a radiologist looks at them, lesions numbered.

    A lesion's number stands in the shown slice where its area is largest.
    """
    indices = shown_slices(detection)
    low, high = grey_window(detection)
    box = head_box(detection)
    numbered = _numbered_lesions(detection)
    named = _named_lesions(numbered, indices, detection.lesion_count)
    slices = []
    for index in indices:
        position_mm = detection.slices[index].position_mm
        at = (box[0], box[1], index)
        slices.append(
            AxialSlice(
                _plane(detection, detection.scan.voxels[at], (0, 1), (low, high)),
                f"slice {index}, z = {position_mm:.1f} mm",
                _as_seen(numbered[at]),
                named[index],
            )
        )
    return tuple(slices)


def _numbered_lesions(detection: Detection) -> NDArray[np.int32]:
    """The number of each voxel's lesion, as in the table of lesions; 0 outside."""
    labels, count = label_lesions(detection.mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    numbers = np.zeros(count + 1, np.int32)
    # Labels follow the first voxel of each, which is also what orders lesions of one volume.
    numbers[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    numbered: NDArray[np.int32] = numbers[labels]
    return numbered


def _named_lesions(
    numbered: NDArray[np.int32], indices: tuple[int, ...], lesion_count: int
) -> dict[int, tuple[int, ...]]:
    """For each shown slice, the lesions whose number is written there."""
    areas = np.array(
        [np.bincount(numbered[:, :, k].ravel(), minlength=lesion_count + 1) for k in indices]
    )
    named: dict[int, list[int]] = {index: [] for index in indices}
    for number in range(1, min(lesion_count, MOST_NAMED) + 1):
        place = int(np.argmax(areas[:, number]))
        if areas[place, number]:
            named[indices[place]].append(number)
    return {index: tuple(numbers) for index, numbers in named.items()}


def seen_lesions(detection: Detection, indices: tuple[int, ...]) -> int:
    """How many lesions reach into at least one of the slices."""
    return sum(
        any(lesion.first_slice <= index <= lesion.last_slice for index in indices)
        for lesion in detection.lesions
    )


def projections(detection: Detection) -> tuple[Projection, ...]:
    """The head from the front, from the left and from below: mean signal, highest probability."""
    box = head_box(detection)
    voxels, probability = detection.scan.voxels[box], detection.probability[box]
    views = (("coronal", 1, (0, 2)), ("sagittal", 0, (1, 2)), ("axial", 2, (0, 1)))
    seen = []
    for title, along, axes in views:
        mean = voxels.mean(axis=along, dtype=np.float32)
        window = (float(mean.min()), float(np.percentile(mean, 99.5)))
        seen.append(
            Projection(
                _plane(detection, mean, axes, window),
                title,
                _as_seen(probability.max(axis=along)),
            )
        )
    return tuple(seen)


_SIDES = {0: ("R", "L"), 1: ("A", "P")}
"""By the axis that runs across a picture: the patient's side on its left and on its right."""

_UNKNOWN_SIDES = ("?", "?")


def _plane(
    detection: Detection,
    values: NDArray[np.float32],
    axes: tuple[int, int],
    window: tuple[float, float],
) -> Plane:
    """Values over two axes of the scan (across, up) as grey levels between the window's ends."""
    low, high = window
    share = np.clip((_as_seen(values) - low) / max(high - low, 1e-12), 0, 1)
    spacing_mm = detection.scan.spacing_mm
    across, up = axes
    grey = np.rint(255 * share).astype(np.uint8)
    sides = _SIDES[across] if detection.scan.sides_known else _UNKNOWN_SIDES
    return Plane(grey, spacing_mm[up], spacing_mm[across], *sides)


def _as_seen(values: NDArray[Any]) -> NDArray[Any]:
    """Values over two RAS+ axes in rows from the top and columns from the left.

    Whichever axes they are, both are turned: right side, front and upper end come first.
    """
    return np.ascontiguousarray(values[::-1, ::-1].T)


def grey_window(detection: Detection) -> tuple[float, float]:
    """The intensities shown as black and white: all but the ends of the brain's.

    Where no brain is seen, those of all that is not 0; (0, 1) for an empty scan.
    """
    voxels = detection.scan.voxels
    tissue = voxels[detection.brain] if detection.brain.any() else voxels[voxels != 0]
    if not tissue.size:
        return 0.0, 1.0
    low, high = np.percentile(tissue[:: 1 + tissue.size // 200_000], (1, 99.7))
    return float(low), float(high)


def head_box(detection: Detection) -> Box:
    """Where in the volume there is a head, with a margin; never less than brain and lesions."""
    voxels = detection.scan.voxels
    thin = voxels[::2, ::2]
    air = float(np.percentile(thin[:: 1 + thin.shape[0] // 64], 5))
    tissue = voxels[detection.brain][::7]
    signal = voxels > air + 0.2 * ((float(np.median(tissue)) if tissue.size else air) - air)
    return tuple(
        _extent(signal, detection.brain | detection.mask, axis, detection.scan.spacing_mm[axis])
        for axis in range(3)
    )  # type: ignore[return-value]


def _extent(
    signal: NDArray[np.bool_], least: NDArray[np.bool_], axis: int, spacing_mm: float
) -> slice:
    """From the first to the last plane along an axis that shows more than stray noise."""
    others = tuple(a for a in range(3) if a != axis)
    planes = (signal.mean(axis=others) > 0.02) | least.any(axis=others)
    inside = np.flatnonzero(planes)
    if not len(inside):
        return slice(0, signal.shape[axis])
    margin = int(np.ceil(_MARGIN_MM / spacing_mm))
    return slice(max(int(inside[0]) - margin, 0), int(inside[-1]) + 1 + margin)
