"""What the gates of the detector let through: no brains, other contrasts, good scans.

    python tools/measure_gates.py --real DATASETS

DATASETS is the folder of tabriz, ljubljana-mni, ljubljana-longitudinal and lesion-free: each real
person is judged by the detector of the fold that never saw them, others by the shipped detector.
Results go to docs/results.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from held_out import held_out, require_unseen
from joblib import Parallel, delayed
from numpy.typing import NDArray
from pages import replace_part
from scipy import ndimage

from mslesion.errors import ContrastError, NoBrainError
from mslesion.evaluation.intervals import wilson
from mslesion.lesions.contrast import require_flair_of_a_brain, scan_doubts
from mslesion.lesions.detection import find_lesions
from mslesion.lesions.known_scans import known_scans
from mslesion.lesions.learning.simulated import OTHER_TISSUES, no_brain
from mslesion.lesions.model import LesionModel, shipped_model
from mslesion.lesions.quality import measure_quality
from mslesion.progress import track
from mslesion.read import read_people, read_scan
from mslesion.scan import Scan
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.simulate.person import draw_person, replay
from mslesion.write.atomic import write_json

ROOT = Path(__file__).resolve().parents[1]
PAGE, RECORD = ROOT / "docs/results.md", ROOT / "docs/results/gates.json"
SEED = 40_000
"""Another than the limits were chosen on."""
HEAD_SPACING_MM = (0.95, 0.95, 6.2)
"""About that of the simulated heads that are taken apart."""
SHAPE, SPACING_MM = (192, 216, 24), (1.0, 1.0, 5.0)
Voxels = NDArray[np.float32]


@dataclass(frozen=True)
class Judged:
    """What the gates said of one case: ``refused`` holds the error's code, or nothing.

    ``person`` is whose real scan it is; every other case stands for itself.
    """

    kind: str
    refused: str
    doubts: tuple[str, ...]
    person: str = ""


# --- what is no brain ----------------------------------------------------------------------------


def _coordinates() -> tuple[Voxels, Voxels, Voxels]:
    axes = [(np.arange(n) - n / 2) * mm for n, mm in zip(SHAPE, SPACING_MM, strict=True)]
    x, y, z = np.meshgrid(*(axis.astype(np.float32) for axis in axes), indexing="ij")
    return x, y, z


def noise(rng: np.random.Generator) -> Voxels:
    """Air alone."""
    return np.abs(rng.normal(0, 20, SHAPE)).astype(np.float32)


def blobs(rng: np.random.Generator) -> Voxels:
    """Bodies and textures of the kind that the network learnt to be no brain, of other seeds."""
    volume = no_brain(SEED, int(rng.integers(1000)))
    return np.asarray(volume.image, np.float32).transpose(2, 1, 0) * 100


def phantom(rng: np.random.Generator) -> Voxels:
    """A bottle of fluid with rods, as for quality assurance."""
    x, y, z = _coordinates()
    body = ((x**2 + y**2) < rng.uniform(60, 90) ** 2) & (np.abs(z) < rng.uniform(30, 60))
    image = np.where(body, 100, 0).astype(np.float32)
    for _ in range(int(rng.integers(3, 12))):
        cx, cy, radius = rng.uniform(-50, 50), rng.uniform(-50, 50), rng.uniform(3, 12)
        image[body & ((x - cx) ** 2 + (y - cy) ** 2 < radius**2)] = rng.uniform(0, 180)
    return np.abs(image + rng.normal(0, 3, SHAPE)).astype(np.float32)


def limbs(rng: np.random.Generator) -> Voxels:
    """A knee or two: skin, fat, muscle, dark bone around bright marrow."""
    x, y, _ = _coordinates()
    image = np.zeros(SHAPE, np.float32)
    for side in rng.permutation([-1, 1])[: int(rng.integers(1, 3))]:
        radius = np.hypot(x - side * rng.uniform(42, 50), y) * rng.uniform(0.9, 1.1)
        for limit, value in ((44, 80), (40, 180), (34, 60), (15, 10), (12, 150)):
            image[radius < limit] = value * rng.uniform(0.8, 1.2)
    return np.abs(image + rng.normal(0, 4, SHAPE)).astype(np.float32)


def spine(rng: np.random.Generator) -> Voxels:
    """A neck or trunk across: fat, muscle, a vertebra, the canal with its cord."""
    x, y, z = _coordinates()
    image = np.where((x / 85) ** 2 + (y / 65) ** 2 < 1, 160.0, 0.0)
    image[(x / 75) ** 2 + (y / 55) ** 2 < 1] = 70
    vertebra = (x / 22) ** 2 + ((y + 10) / 18) ** 2 < 1
    image[vertebra] = np.where(np.cos(z / rng.uniform(3, 6))[vertebra] > 0.6, 30, 95)
    image[x**2 + (y + 35) ** 2 < 11**2] = 25
    image[x**2 + (y + 35) ** 2 < 6**2] = 90
    return np.abs(image + rng.normal(0, 4, SHAPE)).astype(np.float32)


def photograph(rng: np.random.Generator) -> Voxels:
    """Overlapping discs of all sizes (dead leaves; Lee et al., IJCV 41, 2001), slice by slice."""
    image = np.zeros(SHAPE[:2], np.float32)
    x, y = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for _ in range(400):
        radius = 3 * rng.pareto(1.5) + 3
        place = (x - rng.uniform(0, SHAPE[0])) ** 2 + (y - rng.uniform(0, SHAPE[1])) ** 2
        image[place < min(radius, 60) ** 2] = rng.uniform(0, 255)
    return np.repeat(ndimage.gaussian_filter(image, 0.7)[:, :, None], SHAPE[2], axis=2)


def empty_head(rng: np.random.Generator) -> Voxels:
    """A head whose brain is one fluid: skull, scalp, eyes and neck stay."""
    person = simulate_person(CohortRecipe(people=999, seed=SEED), int(rng.integers(999)))
    voxels = person.scan.voxels.copy()
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in voxels.shape), indexing="ij")
    inside = (x / 0.55) ** 2 + (y / 0.66) ** 2 + (z / 1.2) ** 2 < 1
    voxels[inside] = np.abs(rng.normal(0.2, 0.02, inside.sum())) * np.percentile(voxels, 95)
    return voxels


def shuffled_head(rng: np.random.Generator) -> Voxels:
    """A head cut into blocks that are put together anew."""
    person = simulate_person(CohortRecipe(people=999, seed=SEED), int(rng.integers(999)))
    voxels, side = person.scan.voxels, 32
    columns, rows = (n // side for n in voxels.shape[:2])
    blocks = [
        voxels[i * side : (i + 1) * side, j * side : (j + 1) * side]
        for i in range(columns)
        for j in range(rows)
    ]
    order = rng.permutation(len(blocks))
    return np.block([[[blocks[order[i * rows + j]]] for j in range(rows)] for i in range(columns)])


NO_BRAINS: Mapping[str, Callable[[np.random.Generator], Voxels]] = {
    "noise": noise, "blobs": blobs, "phantom": phantom, "limbs": limbs, "spine": spine,
    "photograph": photograph, "head without brain": empty_head, "shuffled head": shuffled_head,
}  # fmt: skip

# --- contrasts -----------------------------------------------------------------------------------

TISSUES = OTHER_TISSUES | {"PD": {"grey": (1.1, 1.3), "csf": (0.9, 1.25), "deep_grey": (1.0, 1.15)}}
"""Intensities in units of white matter. PD images took no part in any training."""


def other_contrast(name: str, index: int) -> Scan:
    """A simulated person in another contrast, of either kind of scan, with or without skull."""
    recipe = CohortRecipe(people=999, seed=SEED, acquisition="mixed", skull="mixed")
    draw = draw_person(recipe, index)
    rng = np.random.default_rng([SEED, index])
    tissues = {tissue: rng.uniform(*limits) for tissue, limits in TISSUES[name].items()}
    return replay(replace(draw, contrast=replace(draw.contrast, **tissues))).scan


def good_scan(index: int) -> Scan:
    """A simulated person in FLAIR."""
    recipe = CohortRecipe(people=999, seed=SEED, acquisition="mixed", skull="mixed")
    return simulate_person(recipe, index).scan


# --- judging -------------------------------------------------------------------------------------


def judged(kind: str, scan: Scan, detector: LesionModel) -> Judged:
    """What becomes of one scan."""
    found = find_lesions(scan, detector)
    try:
        require_flair_of_a_brain(found)
    except (NoBrainError, ContrastError) as error:
        return Judged(kind, error.code, ())
    quality = measure_quality(scan, found.brain, found.mask)
    return Judged(kind, "", scan_doubts(found, quality))


def simulated_case(kind: str, index: int, detector: LesionModel) -> Judged:
    """One case by the name of its kind and its number."""
    group, _, name = kind.partition(": ")
    if group == "no brain":
        voxels = NO_BRAINS[name](np.random.default_rng([SEED, index]))
        spacing_mm = HEAD_SPACING_MM if "head" in name else SPACING_MM
        scan = Scan.from_stored(voxels, np.diag([*spacing_mm, 1.0]))
    elif group == "other contrast":
        scan = other_contrast(name, index)
    else:
        scan = good_scan(index)
    return judged(kind, scan, detector)


def real_cases(datasets: Path) -> Iterator[Judged]:
    """Real FLAIR scans and other contrasts, none judged by a network that saw the person."""
    for known, detector in held_out(datasets):
        image, person = known.scan_file.image, "/".join(known.person)
        yield replace(judged("good: real", read_scan(image), detector), person=person)
        for path in sorted(image.parent.glob("*_T[12]w.nii.gz")):
            case = judged(f"other contrast: real {path.name[-10:-7]}", read_scan(path), detector)
            yield replace(case, person=person)
    visits = known_scans(read_people(datasets / "ljubljana-longitudinal"), is_lesion_free=True)
    require_unseen(visits, shipped_model())
    for known in visits:
        case = judged("good: real", read_scan(known.scan_file.image), shipped_model())
        yield replace(case, person="/".join(known.person))


def _is_refused(case: Judged) -> bool:
    return bool(case.refused)


def _is_caught(case: Judged) -> bool:
    """Refused, or told that its contrast or its ventricles are not those of FLAIR."""
    return bool(case.refused) or any("FLAIR" in doubt for doubt in case.doubts)


def _is_refused_or_doubted(case: Judged) -> bool:
    return bool(case.refused or case.doubts)


SUMMARIES: tuple[
    tuple[str, str, Callable[[Judged], bool], Callable[[Iterable[bool]], bool]], ...
] = (
    ("no brain", "refused", _is_refused, all),
    ("other contrast", "refused, or its contrast doubted", _is_caught, all),
    ("good", "refused", _is_refused, any),
    ("good", "refused, or its contrast doubted", _is_caught, any),
    ("good", "refused, or doubted for any reason", _is_refused_or_doubted, any),
)
"""Kinds of cases by their first words, what is counted, how it is seen of one case, and of a person
with several real scans."""


def main() -> None:
    """Judge all, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, metavar="DATASETS", required=True)
    parser.add_argument("--each", type=int, default=25, help="no brains of each kind")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    kinds = {f"no brain: {name}": options.each for name in NO_BRAINS}
    kinds |= {f"other contrast: {name}": options.each for name in TISSUES}
    kinds |= {"good: simulated": options.each * 8}
    tasks = [(kind, index) for kind, count in kinds.items() for index in range(count)]
    detector = shipped_model()
    work = Parallel(options.workers, return_as="generator")(
        delayed(simulated_case)(*task, detector) for task in tasks
    )
    cases = list(track(work, "judging", len(tasks)))
    cases += real_cases(options.real)
    write_json(RECORD, [vars(case) for case in cases])
    replace_part(PAGE, "gates", table(cases))


def table(cases: Sequence[Judged]) -> list[str]:
    """One row a kind: refused, flagged, neither."""
    lines = ["| kind | cases | refused | flagged as doubtful | neither |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(case.kind for case in cases):
        mine = [case for case in cases if case.kind == kind]
        refused = sum(bool(case.refused) for case in mine)
        doubtful = sum(bool(case.doubts) for case in mine)
        lines.append(
            f"| {kind} | {len(mine)} | {refused} | {doubtful} | {len(mine) - refused - doubtful} |"
        )
    for group, what, counts, of_person in SUMMARIES:
        for origin in ("simulated", "real"):
            found: dict[str, list[bool]] = {}
            for number, case in enumerate(cases):
                if case.kind.startswith(group) and bool(case.person) == (origin == "real"):
                    found.setdefault(case.person or str(number), []).append(counts(case))
            if not found:
                continue
            rate = wilson(sum(map(of_person, found.values())), len(found))
            units = f"{len(found)} {'people' if origin == 'real' else 'cases'}"
            share = f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"
            lines.append(f"| **{group}, {origin}: {what}** | {units} | {share} | | |")
    return lines


if __name__ == "__main__":
    main()
