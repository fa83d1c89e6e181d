"""Where the head lies in the field of view.

What a network answers depends a little on how its pixels fall on the head. Cut to a box that the
head alone decides, a scan gets the same answer however much air the scanner left around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Slices = tuple[slice, ...]

_SIGNAL = 0.3
"""In units of tissue; air is darker, and all but the darkest parts of a head brighter."""
_LEAST_MM2 = 100.0
_MARGIN_MM = (12.0, 12.0, 0.0)


@dataclass(frozen=True)
class Box:
    """First pixel or voxel and the one after the last along each axis of an image.

    It may reach beyond the image.
    """

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Pixels or voxels along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    def overlap(self, shape: tuple[int, ...]) -> tuple[Slices, Slices]:
        """What box and an image of ``shape`` share, as indices of the box and of the image."""
        bounds = [
            (max(a, 0), min(b, n)) for a, b, n in zip(self.start, self.stop, shape, strict=True)
        ]
        inner = tuple(slice(a - s, b - s) for (a, b), s in zip(bounds, self.start, strict=True))
        return inner, tuple(slice(a, b) for a, b in bounds)

    def cut(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The image within the box, zeros where the box reaches beyond it."""
        part = np.zeros(self.shape, np.float32)
        inner, outer = self.overlap(image.shape)
        part[inner] = image[outer]
        return part

    def put_back(self, part: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The inverse of :meth:`cut` for an image of ``shape``, zeros outside the box."""
        image = np.zeros(shape, np.float32)
        inner, outer = self.overlap(shape)
        image[outer] = part[inner]
        return image


def head_box(
    voxels: NDArray[np.float32], level: float, spacing_mm: tuple[float, float, float]
) -> Box:
    """The box around all planes that hold 1 cm2 of tissue, wider by 12 mm along X and Y.

    The whole volume where no plane does.
    """
    signal = voxels > _SIGNAL * level
    start, stop = [], []
    for axis, margin_mm in enumerate(_MARGIN_MM):
        others = tuple(other for other in range(3) if other != axis)
        pixel_mm2 = spacing_mm[others[0]] * spacing_mm[others[1]]
        planes = np.flatnonzero(np.count_nonzero(signal, axis=others) * pixel_mm2 > _LEAST_MM2)
        if planes.size == 0:
            return Box((0, 0, 0), voxels.shape)
        margin = int(np.ceil(margin_mm / spacing_mm[axis]))
        start.append(int(planes[0]) - margin)
        stop.append(int(planes[-1]) + 1 + margin)
    return Box(tuple(start), tuple(stop))
