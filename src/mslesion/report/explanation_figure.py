"""Draws slices, their lesions, and what a classifier's answers rest on in them.

Importing this module imports matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mslesion.report.charts import GREY, INK, YELLOW, empty_figure
from mslesion.report.figures import as_png

if TYPE_CHECKING:
    from mslesion.paper.explaining import Explained

_MOST_SHOWN = 8
_PAIRS_A_ROW = 4


def draw_explanations(explained: Explained) -> bytes:
    """The PNG of up to eight slices of different lesion area, each plain and with its map.

    Lesions are outlined. On the map red speaks for the answer yes and blue against it, on a scale
    of each slice's own.
    """
    shown = _spread(explained.slices.lesion_area_mm2)
    rows = -(-len(shown) // _PAIRS_A_ROW)
    figure = empty_figure(11, 1.75 * rows + 0.55)
    grid = figure.subplots(rows, 2 * _PAIRS_A_ROW, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for place, number in enumerate(shown):
        row, pair = divmod(place, _PAIRS_A_ROW)
        plain, covered = grid[row, 2 * pair : 2 * pair + 2]
        pixels, lesions = (a[number] for a in (explained.maps.pixels, explained.maps.lesion_share))
        relevance = explained.maps.maps[number]
        limit = float(np.abs(relevance).max()) or 1.0
        for axes in (plain, covered):
            axes.imshow(pixels, cmap="gray", interpolation="nearest")
            axes.contour(lesions, levels=[0.5], colors=[YELLOW], linewidths=0.8)
        covered.imshow(
            relevance, cmap="seismic", vmin=-limit, vmax=limit,
            alpha=np.minimum(np.abs(relevance) / limit, 1) * 0.7,
        )  # fmt: skip
        plain.set_title(
            f"{explained.slices.lesion_area_mm2[number]:.0f} mm² of lesions",
            fontsize=8, color=GREY,
        )  # fmt: skip
        covered.set_title(f"answer {explained.probability[number]:.2f}", fontsize=8, color=INK)
    figure.suptitle(
        "Slices, lesions outlined, and what the answer rests on: red for yes, blue against",
        fontsize=10, color=INK,
    )  # fmt: skip
    return as_png(figure)


def _spread(lesion_area_mm2: np.ndarray[tuple[int], np.dtype[np.float32]]) -> list[int]:
    """Slices from the least to the most lesion area, evenly over the ranks."""
    order = np.argsort(lesion_area_mm2, kind="stable")
    places = np.linspace(0, len(order) - 1, min(_MOST_SHOWN, len(order))).round().astype(int)
    return [int(order[place]) for place in places]
