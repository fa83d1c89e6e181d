"""Draw the pictures and print the tables of ``docs/simulated-cohort.md``.

Usage: ``python tools/simulated_cohort_figures.py DATA [--people 40]`` where DATA holds the folders
``tabriz``, ``lesion-free`` and ``ljubljana-mni`` as BIDS datasets with their masks.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import nibabel as nib
import numpy as np
from lesion_statistics import LesionStatistics, Regions, describe
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from mslesion.simulate import CohortRecipe, SimulatedPerson, simulate_person
from mslesion.simulate.acquisition import sample_axes
from mslesion.simulate.anatomy import FIRST_VOXEL_MM, load_anatomy
from mslesion.simulate.deformation import anatomy_coordinates
from mslesion.simulate.fields import stage_rng

mpl.use("Agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent.parent / "docs" / "images"
REAL_MASKS = "ljubljana-mni/derivatives/manual"
DISTANCE_EDGES_MM = (0, 2, 5, 8, 12, 16, 20, 25, 30)
QUARTILES = (0, 25, 50, 75, 100)

Slices = list[NDArray[np.float32]]


def main() -> None:
    """Make everything the page shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--people", type=int, default=40)
    options = parser.parse_args()
    _with_skull(options.data)
    _without_skull(options.data)
    _controls_and_patients()
    _distributions(options.data, options.people)


def _load(path: Path) -> NDArray[np.float32]:
    image = nib.as_closest_canonical(nib.load(path))
    return np.asanyarray(image.dataobj).astype(np.float32)


def _rows(rows: list[tuple[str, Slices]], name: str) -> None:
    """Rows of slices, each row as large as its cells allow, each head in the middle of its cell."""
    columns = len(rows[0][1])
    largest = [np.max([s.shape for s in slices], axis=0) for _, slices in rows]
    height = 2 * np.max([y / x for x, y in largest]) * len(rows)
    figure, axes = plt.subplots(len(rows), columns, figsize=(2 * columns, height))
    for line, (label, slices), size in zip(axes, rows, largest, strict=True):
        for axis, picture in zip(line, slices, strict=True):
            missing = size - picture.shape
            framed = np.pad(picture, [(n // 2, n - n // 2) for n in missing])
            axis.imshow(framed.T, origin="lower", cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, fontsize=8)
    figure.subplots_adjust(0.02, 0, 1, 1, 0.01, 0.01)
    figure.savefig(IMAGES / name, dpi=100, pil_kwargs={"quality": 85})
    plt.close(figure)


def _cut(voxels: NDArray[np.float32], shares: tuple[float, ...]) -> Slices:
    """Axial slices at shares of the height, cropped to the head and scaled alike."""
    bright = voxels > 0.25 * np.percentile(voxels, 97)
    x, y = (np.flatnonzero(bright.sum(axes) > 20) for axes in ((1, 2), (0, 2)))
    shown = voxels[x[0] : x[-1] + 1, y[0] : y[-1] + 1]
    top = np.percentile(voxels[bright], 99)
    return [shown[:, :, int(share * voxels.shape[2])] / top for share in shares]


def _people(recipe: CohortRecipe, indices: tuple[int, ...]) -> list[SimulatedPerson]:
    return [simulate_person(recipe, index) for index in indices]


def _with_skull(data: Path) -> None:
    shares = (0.14, 0.27, 0.42, 0.56, 0.68, 0.8)
    real = ("tabriz/sub-104670/anat/sub-104670", "tabriz/sub-112776/anat/sub-112776",
            "lesion-free/sub-01/anat/sub-01")  # fmt: skip
    recipe = CohortRecipe(people=60, seed=SKULL_SEED, skull="with")
    rows = [("real", _cut(_load(data / f"{name}_FLAIR.nii.gz"), shares)) for name in real]
    made = _people(recipe, SKULL_PEOPLE)
    rows += [("simulated", _cut(person.scan.voxels, shares)) for person in made]
    _rows(rows, "simulated-with-skull.jpg")


SKULL_SEED, SKULL_PEOPLE = 3, (1, 5, 2)
BRAIN_SEED, BRAIN_PEOPLE = 3, (1, 2)


def _without_skull(data: Path) -> None:
    shares = (0.3, 0.4, 0.47, 0.55, 0.62)
    folders = [data / f"ljubljana-mni/sub-{name}/anat" for name in ("07", "19")]
    rows = [("real", _cut(_load(next(f.glob("*FLAIR.nii.gz"))), shares)) for f in folders]
    recipe = CohortRecipe(people=60, seed=BRAIN_SEED, skull="without", acquisition="volume3d")
    made = _people(recipe, BRAIN_PEOPLE)
    rows += [("simulated", _cut(person.scan.voxels, shares)) for person in made]
    _rows(rows, "simulated-without-skull.jpg")


def _controls_and_patients() -> None:
    recipe = CohortRecipe(people=60, seed=1, skull="without")
    shares = (0.45, 0.53, 0.6)
    made = [simulate_person(recipe, index) for index in range(14)]
    rows = []
    for group in ("MS", "control"):
        chosen = [p for p in made if p.draw.diagnosis == group][:3]
        slices = [s for person in chosen for s in _cut(person.scan.voxels, shares)]
        rows.append((group, slices))
    _rows(rows, "simulated-ms-and-control.jpg")


def _distributions(data: Path, people: int) -> None:
    regions = Regions.of(load_anatomy())
    real = []
    for path in sorted((data / REAL_MASKS).rglob("*mask.nii.gz")):
        image = nib.load(path)
        mask = np.asanyarray(image.dataobj) > 0
        real.append(
            describe(mask, nib.affines.apply_affine(image.affine, np.argwhere(mask)), regions)
        )
    recipe = CohortRecipe(
        people=people, ms_share=1.0, seed=11, skull="without", acquisition="volume3d"
    )
    start = time.process_time()
    simulated = [_simulated(simulate_person(recipe, index), regions) for index in range(people)]
    print(f"{(time.process_time() - start) / people:.2f} s of processor a person, volume3d")
    _table(real, simulated)
    _distribution_figure(real, simulated)


def _simulated(person: SimulatedPerson, regions: Regions) -> LesionStatistics:
    """Statistics of a simulated mask, its voxels taken back to where they lie in MNI space."""
    draw = person.draw
    rng = stage_rng(draw.seed, draw.index, "render shape")
    coordinates = anatomy_coordinates(draw.shape, rng, sample_axes(draw.scan), load_anatomy())
    points = np.stack([c[person.lesion_mask] for c in coordinates], axis=1) + FIRST_VOXEL_MM
    return describe(person.lesion_mask, points, regions)


MEASURES: dict[str, Callable[[LesionStatistics], float]] = {
    "components": lambda p: p.count,
    "total volume (ml)": lambda p: p.load_ml,
    "median component (mm3)": lambda p: float(np.median(p.sizes_mm3)),
    "90th percentile of components (mm3)": lambda p: float(np.percentile(p.sizes_mm3, 90)),
    "share of the largest": lambda p: p.sizes_mm3.max() / p.sizes_mm3.sum(),
    "volume within 5 mm of the ventricles": lambda p: (p.ventricle_distances_mm < 5).mean(),
    "volume beyond 16 mm of them": lambda p: (p.ventricle_distances_mm >= 16).mean(),
    "infratentorial share": lambda p: p.infratentorial_share,
}


def _table(real: list[LesionStatistics], simulated: list[LesionStatistics]) -> None:
    print(
        "| measure | real: min, quartiles, max | simulated: min, quartiles, max | KS |\n"
        "|---|---|---|---|"
    )
    for name, measure in MEASURES.items():
        values = [np.array([measure(p) for p in group]) for group in (real, simulated)]
        cells = [" ".join(f"{q:.3g}" for q in np.percentile(v, QUARTILES)) for v in values]
        print(f"| {name} | {cells[0]} | {cells[1]} | {ks_2samp(*values).statistic:.2f} |")
    sizes = [np.concatenate([p.sizes_mm3 for p in group]) for group in (real, simulated)]
    cells = [" ".join(f"{q:.4g}" for q in np.percentile(s, (5, 25, 50, 75, 95))) for s in sizes]
    print("| all components (mm3): 5, 25, 50, 75, 95 % | "
          f"{cells[0]} | {cells[1]} | {ks_2samp(*sizes).statistic:.2f} |")  # fmt: skip
    logs = [np.log([[p.count, p.load_ml] for p in group]).T for group in (real, simulated)]
    cells = [f"{np.corrcoef(pair)[0, 1]:.2f}" for pair in logs]
    print(f"| correlation of log count and log volume | {cells[0]} | {cells[1]} | |")


def _distribution_figure(real: list[LesionStatistics], simulated: list[LesionStatistics]) -> None:
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.1))
    for group, label, colour in ((real, "29 real masks", "black"), (simulated, "simulated", "C1")):
        for axis, values in zip(
            axes,
            (
                np.array([p.count for p in group]),
                np.concatenate([p.sizes_mm3 for p in group]),
                np.array([p.load_ml for p in group]),
            ),
            strict=False,
        ):
            ordered = np.sort(values)
            axis.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), c=colour, label=label)
            axis.set_xscale("log")
        shares = np.mean(
            [np.histogram(p.ventricle_distances_mm, (*DISTANCE_EDGES_MM, 100))[0] / p.load_ml / 1000
             for p in group], axis=0
        )  # fmt: skip
        offset = 0.2 if colour == "C1" else -0.2
        axes[3].bar(np.arange(len(shares)) + offset, shares, 0.4, color=colour)
    titles = ("components a patient", "component size (mm³)", "total volume (ml)",
              "share of volume by distance\nfrom the ventricles (mm, lower edge)")  # fmt: skip
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, fontsize=9)
    axes[0].set_xticks((20, 50, 100, 200, 400), ("20", "50", "100", "200", "400"))
    axes[0].minorticks_off()
    axes[3].set_xticks(np.arange(len(DISTANCE_EDGES_MM)), [str(e) for e in DISTANCE_EDGES_MM])
    axes[0].set_ylabel("share of patients or lesions below")
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(IMAGES / "simulated-distributions.png", dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
