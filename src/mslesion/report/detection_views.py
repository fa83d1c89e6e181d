"""How a scan is laid out for eyes: window, crop, sides, and what is shown of it: brain alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.detection import Detection
from mslesion.lesions.components import common_box, label_lesions
from mslesion.lesions.findings import Lesion
from mslesion.report.brain_only import BrainOnly, brain_only
from mslesion.report.drawings import AxialSlice, CloseUp, Plane, Projection

MOST_SLICES = 12
WITHOUT_LESIONS = 6
"""How many slices are shown of a scan with lesions, and of one without."""

MOST_NAMED = 30
"""Lesions up to this number are named in the pictures, and listed in the page's table."""

_SPREAD_MM = (6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0)
"""Distances between shown slices, the best first: thin neighbours show the same lesions."""

MOST_CLOSE_UPS = 4
"""So many of the largest lesions are shown in close-up, and as many of the least certain."""

CLOSE_UP_MM = 40.0
_AROUND_LESION_MM = 8.0
"""A close-up is so wide, and wider for a lesion that would have less than this around it."""

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Scene:
    """A detection with what all its pictures share.

    ``numbered`` is int32 (X, Y, Z), each voxel's lesion as in the table of lesions, 0 outside;
    ``window`` are the intensities shown as black and white.
    """

    detection: Detection
    shown: BrainOnly
    numbered: NDArray[np.int32]
    window: tuple[float, float]


def scene_of(detection: Detection) -> Scene:
    """Lay a detection out: nothing of the scan is seen in a picture but by way of this."""
    scan = detection.scan
    return Scene(
        detection,
        brain_only(scan.voxels, detection.brain, detection.mask, scan.spacing_mm),
        _numbered_lesions(detection),
        grey_window(detection),
    )


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


def axial_slices(scene: Scene) -> tuple[AxialSlice, ...]:
    """The slices of :func:`shown_slices` as a radiologist looks at them, lesions numbered.

    A lesion's number stands in the shown slice where its area is largest.
    """
    detection = scene.detection
    indices = shown_slices(detection)
    across, up, _ = scene.shown.box
    named = _named_lesions(scene.numbered, indices, detection.lesion_count)
    return tuple(_axial_slice(scene, (across, up, index), named[index]) for index in indices)


def _axial_slice(scene: Scene, at: tuple[slice, slice, int], named: tuple[int, ...]) -> AxialSlice:
    """A part of an axial slice; what may not be seen is black."""
    across, up, index = at
    share = scene.shown.share(index)[across, up]
    return AxialSlice(
        _plane(scene.detection, scene.detection.scan.voxels[at], share, (0, 1), scene.window),
        f"slice {index}, z = {scene.detection.slices[index].position_mm:.1f} mm",
        _as_seen(scene.numbered[at]),
        named,
    )


def close_ups(scene: Scene, lesions: Iterable[Lesion]) -> tuple[CloseUp, ...]:
    """Each lesion from near, in the slice where its area is largest."""
    return tuple(_close_up(scene, lesion) for lesion in lesions)


def _close_up(scene: Scene, lesion: Lesion) -> CloseUp:
    detection = scene.detection
    slices = slice(lesion.first_slice, lesion.last_slice + 1)
    areas = (scene.numbered[:, :, slices] == lesion.lesion_id).sum(axis=(0, 1))
    index = lesion.first_slice + int(np.argmax(areas))
    inside = np.argwhere(scene.numbered[:, :, index] == lesion.lesion_id)
    sides_mm = np.array(detection.scan.spacing_mm[:2])
    low, high = inside.min(axis=0), inside.max(axis=0) + 1
    wide_mm = max(CLOSE_UP_MM, float(((high - low) * sides_mm).max()) + 2 * _AROUND_LESION_MM)
    centre = (low + high) / 2
    first = np.rint(centre - wide_mm / sides_mm / 2).astype(int)
    counts = np.maximum(np.rint(wide_mm / sides_mm).astype(int), 1)
    at = tuple(
        slice(max(0, a), min(size, a + n))
        for a, n, size in zip(first.tolist(), counts.tolist(), detection.mask.shape, strict=False)
    )
    return CloseUp(
        _axial_slice(scene, (at[0], at[1], index), (lesion.lesion_id,)), lesion.lesion_id, index
    )


def largest_lesions(detection: Detection) -> tuple[Lesion, ...]:
    """The first of the table, at most :data:`MOST_CLOSE_UPS`."""
    return detection.lesions[:MOST_CLOSE_UPS]


def least_certain_lesions(detection: Detection) -> tuple[Lesion, ...]:
    """Those of the lowest highest probability, at most :data:`MOST_CLOSE_UPS`.

    The largest lesions, which are shown already, are not among them.
    """
    others = detection.lesions[MOST_CLOSE_UPS:]
    return tuple(sorted(others, key=lambda lesion: (lesion.max_probability, lesion.lesion_id)))[
        :MOST_CLOSE_UPS
    ]


def _numbered_lesions(detection: Detection) -> NDArray[np.int32]:
    """The number of each voxel's lesion, as in the table of lesions; 0 outside."""
    box = common_box(detection.mask)
    labels, count = label_lesions(detection.mask[box])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    numbers = np.zeros(count + 1, np.int32)
    # Labels follow the first voxel of each, which is also what orders lesions of one volume.
    numbers[1 + np.argsort(-sizes, kind="stable")] = np.arange(1, count + 1)
    numbered = np.zeros(detection.mask.shape, np.int32)
    numbered[box] = numbers[labels]
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


def projections(scene: Scene) -> tuple[Projection, ...]:
    """The brain from the front, from the left and from below: mean signal, highest probability."""
    detection, box = scene.detection, scene.shown.box
    voxels = (detection.scan.voxels[box] - scene.window[0]) * scene.shown.shares(box)
    probability = detection.probability[box]
    views = (("coronal", 1, (0, 2)), ("sagittal", 0, (1, 2)), ("axial", 2, (0, 1)))
    seen = []
    for title, along, axes in views:
        mean = voxels.mean(axis=along, dtype=np.float32)
        window = (0.0, float(np.percentile(mean, 99.5)))
        seen.append(
            Projection(
                _plane(detection, mean, np.ones_like(mean), axes, window),
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
    shown: NDArray[np.float32],
    axes: tuple[int, int],
    window: tuple[float, float],
) -> Plane:
    """Values over two axes of the scan (across, up) as grey levels between the window's ends.

    They are darkened by how much of each may be ``shown``.
    """
    low, high = window
    share = np.clip((_as_seen(values) - low) / max(high - low, 1e-12), 0, 1) * _as_seen(shown)
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
