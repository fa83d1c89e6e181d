"""Draws the FROC: the share of lesions found over the false lesions in a scan.

Importing this module imports matplotlib.
"""

from __future__ import annotations

from typing import Any

from mslesion.evaluation.froc import FALSE_PER_SCAN
from mslesion.report.charts import BLUE, GREY, INK, ORANGE, PALE, empty_figure, tidy
from mslesion.report.figures import as_png
from mslesion.told import counted

_LEAST, _MOST = FALSE_PER_SCAN[0] / 2, 2 * FALSE_PER_SCAN[-1]


def draw_froc(froc: dict[str, Any]) -> bytes:
    """The PNG of :func:`~mslesion.evaluation.froc_summary.froc_as_json`.

    The curve is a step line on a logarithmic axis; at each rate that is read off stands the 95 %
    interval, a diamond is where the found masks lie.
    """
    figure = empty_figure(6.4, 4.6)
    axes = figure.add_subplot()
    tidy(axes)
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, _MOST)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(FALSE_PER_SCAN, [f"{rate:g}" for rate in FALSE_PER_SCAN])
    axes.minorticks_off()
    axes.grid(axis="x", color=PALE, linewidth=0.7)
    # Where nothing false is marked, a logarithmic axis has no place: the line comes in at its edge.
    x = [max(row["false_per_scan"], _LEAST / 2) for row in froc["curve"]]
    y = [row["sensitivity"] for row in froc["curve"]]
    axes.step([*x, 2 * _MOST], [*y, y[-1]], where="post", color=BLUE, linewidth=2)
    for row in froc["at"]:
        estimate = row["sensitivity"]
        axes.plot(row["false_per_scan"], estimate["value"], "o", color=BLUE, markersize=5)
        axes.vlines(row["false_per_scan"], estimate["low"], estimate["high"], color=INK, lw=1.2)
    false, found = (froc["masks"][name]["value"] for name in ("false_per_scan", "sensitivity"))
    axes.plot(
        min(max(false, _LEAST), _MOST), found, "D", color=ORANGE,
        markersize=9, markeredgecolor=INK, clip_on=False, zorder=5, label="the masks as they are",
    )  # fmt: skip
    axes.plot([], [], color=BLUE, marker="o", markersize=5, label="along min_peak")
    axes.plot([], [], color=INK, linewidth=1.2, label="95 % interval")
    axes.legend(loc="lower right", frameon=False, labelcolor=INK)
    axes.set_xlabel("false lesions per scan", color=INK)
    axes.set_ylabel("share of lesions found", color=INK)
    axes.set_title(
        f"{counted(froc['lesions'], 'lesion')} in {counted(froc['scans'], 'scan')} of "
        f"{counted(froc['people'], 'person', 'people')}; "
        f"mean of the dots {froc['mean_sensitivity']['value']:.2f}",
        fontsize=10, color=GREY, loc="left",
    )  # fmt: skip
    return as_png(figure)
