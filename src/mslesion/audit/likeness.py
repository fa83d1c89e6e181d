"""Is this the same head? What stays of a scan under noise, scaling, resampling and small turns.

A scan becomes the fine detail (what is left after smoothing) on cells of 4 x 4 x 6 mm around its
head: grooves, ventricles, the outline of the skull. Two scans are compared by the correlation of
that detail, at the best shift, and where they are somewhat alike, in the best pose; and once more
with one of them mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage, optimize

from mslesion.audit.regions import largest_body
from mslesion.paper.slices import otsu_threshold
from mslesion.progress import track
from mslesion.scan import Scan

Detail = NDArray[np.float32]
"""(48, 56, 28) cells, right, front and top last."""

SAME_HEAD = 0.78
"""From here on two scans are of one head; docs/results/audit.json has what was measured."""

WORTH_POSING = 0.6
"""Pairs below this at the best shift are not tried in other poses: one head has more."""

MOST_POSED = 20
"""So many pairs are posed at most, the most alike first."""

_CELLS = (48, 56, 28)
_CELL_MM = (4.0, 4.0, 6.0)
_SMOOTH_MM = (10.0, 10.0, 10.0)
_BELOW_TOP_MM = 60.0
_HEAD_MM = 110.0
_CLIP = 0.5
_SHIFTS = (4, 4, 3)
_TURN_DEGREES = 10.0
"""One unit of the search; its steps are a fraction of it."""


@dataclass(frozen=True)
class Likeness:
    """How alike two scans are, by their place in the list: a correlation, up to 1."""

    first: int
    second: int
    value: float
    is_mirrored: bool


def fine_detail(scan: Scan) -> Detail:
    """The detail of a head, centred on the upper 11 cm of it; zeros where there is no signal."""
    threshold = otsu_threshold(scan.voxels)
    head = largest_body(scan.voxels > threshold)
    if not head.any():
        return np.zeros(_CELLS, np.float32)
    spacing_mm = np.array(scan.spacing_mm)
    top = int(np.flatnonzero(head.any(axis=(0, 1)))[-1])
    upper = head[:, :, max(0, top - int(_HEAD_MM / spacing_mm[2])) :]
    centre = np.array(ndimage.center_of_mass(upper))
    centre[2] = top - _BELOW_TOP_MM / spacing_mm[2]
    # The brightest fat would outweigh all else.
    dimmed = np.minimum(scan.voxels, np.percentile(scan.voxels[head], 99))
    smooth = ndimage.gaussian_filter(dimmed, 0.4 * np.array(_CELL_MM) / spacing_mm)
    cells = ndimage.map_coordinates(smooth, _places(centre, spacing_mm), order=1)
    tissue = cells[cells > threshold]
    shares = cells / (float(tissue.mean()) if tissue.size else 1.0)
    sigma = [mm / cell for mm, cell in zip(_SMOOTH_MM, _CELL_MM, strict=True)]
    detail: Detail = np.clip(shares - ndimage.gaussian_filter(shares, sigma), -_CLIP, _CLIP)
    return detail.astype(np.float32)


def _places(centre: NDArray[np.float64], spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = [
        centre[axis] + (np.arange(n) - (n - 1) / 2) * cell / spacing_mm[axis]
        for axis, (n, cell) in enumerate(zip(_CELLS, _CELL_MM, strict=True))
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Detail of length 1, so that a product is a correlation, and its spectrum."""

    detail: Detail

    @cached_property
    def spectrum(self) -> NDArray[np.complex64]:
        spectrum: NDArray[np.complex64] = fft.rfftn(self.detail)
        return spectrum


def _prepared(detail: Detail) -> _Prepared:
    length = float(np.sqrt((detail**2).sum()))
    return _Prepared(detail / np.float32(length or 1.0))


def alike(details: Sequence[Detail], owner: Sequence[str]) -> tuple[Likeness, ...]:
    """The likeness of all pairs of scans of different owners, the most alike first."""
    upright = [_prepared(detail) for detail in details]
    mirrored = [_prepared(detail[::-1]) for detail in details]
    pairs = [(i, j) for i, j in combinations(range(len(details)), 2) if owner[i] != owner[j]]
    found = []
    for i, j in track(pairs, "comparing heads", len(pairs)):
        straight, turned = (_best_shift(upright[i], side[j])[0] for side in (upright, mirrored))
        found.append(Likeness(i, j, max(straight, turned), turned > straight))
    found.sort(key=lambda pair: (-pair.value, pair.first, pair.second))
    doubtful = [p for p in found if WORTH_POSING <= p.value < SAME_HEAD][:MOST_POSED]
    posed = {
        (pair.first, pair.second): Likeness(
            pair.first,
            pair.second,
            _best_pose(
                upright[pair.first], (mirrored if pair.is_mirrored else upright)[pair.second]
            ),
            pair.is_mirrored,
        )
        for pair in track(doubtful, "turning heads", len(doubtful))
    }
    final = [posed.get((pair.first, pair.second), pair) for pair in found]
    return tuple(sorted(final, key=lambda pair: (-pair.value, pair.first, pair.second)))


def _best_shift(first: _Prepared, second: _Prepared) -> tuple[float, tuple[int, ...]]:
    """The highest correlation within a few cells of shift, and that shift."""
    products = fft.irfftn(first.spectrum * second.spectrum.conj(), first.detail.shape)
    near = [np.r_[0 : most + 1, -most:0] for most in _SHIFTS]
    window = products[np.ix_(*near)]
    best = np.unravel_index(int(window.argmax()), window.shape)
    shift = tuple(int(axis[place]) for axis, place in zip(near, best, strict=True))
    return float(window[best]), shift


def _best_pose(first: _Prepared, second: _Prepared) -> float:
    """The highest correlation over shifts and turns, from the best shift on (Powell's search).

    It is searched for on a quarter of the cells, and then measured on all.
    """
    coarse, shift = _best_shift(first, second)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in _CELLS), indexing="ij"))
    thin = (slice(None, None, 2), slice(None, None, 2), slice(None))

    def misfit(pose: NDArray[np.float64]) -> float:
        return -_correlation(first.detail[thin], second.detail, places[:, *thin], pose)

    start = np.array([*shift, 0.0, 0.0, 0.0])
    found = optimize.minimize(misfit, start, method="Powell", options={"maxiter": 2, "ftol": 1e-3})
    return max(coarse, _correlation(first.detail, second.detail, places, found.x))


def _correlation(
    known: Detail, moved: Detail, places: NDArray[np.intp], pose: NDArray[np.float64]
) -> float:
    """How alike ``known`` is, at these cells (3, ...), to ``moved`` in a pose.

    A pose is three shifts in cells and three turns in units of 10 degrees.
    """
    cell_mm = np.array(_CELL_MM)[:, None]
    middle = (np.array(_CELLS)[:, None] - 1) / 2
    offsets_mm = (places.reshape(3, -1) - middle) * cell_mm
    turned_mm = _rotation(pose[3:] * np.radians(_TURN_DEGREES)) @ offsets_mm
    at = turned_mm / cell_mm - pose[:3, None] + middle
    seen = ndimage.map_coordinates(moved, at, order=1)
    lengths = float(np.sqrt((seen**2).sum() * (known**2).sum()))
    return float((known.ravel() * seen).sum()) / (lengths or 1.0)


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns about x, then y, then z, in radians."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    rotation: NDArray[np.float64] = about_z @ about_y @ about_x
    return rotation
