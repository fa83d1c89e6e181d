"""One simulated person: draws first, then the scan that follows from them and from nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mslesion.cohort.people import Diagnosis
from mslesion.errors import UsageError
from mslesion.scan import Grid, Scan
from mslesion.simulate.acquisition import (
    ACQUISITIONS,
    AcquisitionDraw,
    average_slices,
    draw_acquisition,
    measure,
    sample_axes,
    scan_affine,
)
from mslesion.simulate.anatomy import SHAPE, Anatomy, load_anatomy
from mslesion.simulate.contrast import (
    ContrastDraw,
    NormalBrightDraw,
    add_normal_bright,
    brain_contrast,
    draw_contrast,
    draw_normal_bright,
)
from mslesion.simulate.deformation import ShapeDraw, anatomy_coordinates, draw_shape
from mslesion.simulate.fields import Volume, stage_rng
from mslesion.simulate.head import HeadDraw, draw_head, paint_head
from mslesion.simulate.lesions import LesionDraw, draw_lesions, lesion_fields, placement_density

SKULLS: dict[str, float] = {"with": 1.0, "without": 0.0, "mixed": 0.5}
"""What a recipe may ask for, and the share of people whose scan shows the skull."""

AGE_YEARS = (20, 65)

# Fluid is 0.1 or more of white matter: less than this is what a skull stripper took away.
_STRIPPED_BELOW = 0.06
_COARSE = 4


@dataclass(frozen=True)
class CohortRecipe:
    """All that decides a simulated cohort.

    ``acquisition`` is a key of :data:`ACQUISITIONS`, ``skull`` one of :data:`SKULLS`; neither
    depends on the diagnosis. By default all scans are of one kind, as those of one hospital are.
    """

    people: int = 60
    ms_share: float = 0.5
    seed: int = 0
    acquisition: str = "axial2d"
    skull: str = "with"

    def __post_init__(self) -> None:
        for value, allowed, name in (
            (self.acquisition, ACQUISITIONS, "acquisition"),
            (self.skull, SKULLS, "skull"),
        ):
            if value not in allowed:
                raise UsageError(
                    f"{name} {value!r} is not known",
                    remedy=f"choose one of {', '.join(allowed)}",
                )
        if self.people < 1:
            raise UsageError(
                "a cohort needs at least one person", remedy="raise the number of people"
            )
        if not 0 <= self.ms_share <= 1:
            raise UsageError(
                f"a share of people with MS of {self.ms_share} makes no sense",
                remedy="choose one from 0 to 1",
            )
        if self.seed < 0:
            raise UsageError(f"seed {self.seed} is negative", remedy="choose 0 or more")


@dataclass(frozen=True)
class PersonDraw:
    """Every number drawn for one person; the scan follows from it.

    ``seed`` and ``index`` choose the noise that is too large to write down.
    """

    person_id: str
    diagnosis: str
    age_years: int
    sex: str
    seed: int
    index: int
    has_skull: bool
    shape: ShapeDraw
    contrast: ContrastDraw
    normal_bright: NormalBrightDraw
    head: HeadDraw
    scan: AcquisitionDraw
    lesions: LesionDraw | None

    def as_record(self) -> dict[str, Any]:
        """The draw as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> PersonDraw:
        """The draw that :meth:`as_record` wrote down, also after a way through JSON."""
        parts = {
            "shape": ShapeDraw,
            "contrast": ContrastDraw,
            "normal_bright": NormalBrightDraw,
            "head": HeadDraw,
            "scan": AcquisitionDraw,
            "lesions": LesionDraw,
        }
        values = dict(record)
        for name, kind in parts.items():
            if values[name] is not None:
                fields = {k: _tupled(v) for k, v in values[name].items()}
                values[name] = kind(**fields)
        return cls(**values)


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, eq=False)
class SimulatedPerson:
    """A scan, its lesion mask (bool, on ``scan.grid``) and the draw it was made from."""

    scan: Scan
    lesion_mask: NDArray[np.bool_]
    draw: PersonDraw

    @property
    def person_id(self) -> str:
        """The BIDS name, ``sub-sim001``."""
        return self.draw.person_id

    @property
    def diagnosis(self) -> Diagnosis:
        """MS or control."""
        return Diagnosis(self.draw.diagnosis)

    @property
    def age_years(self) -> int:
        """Age at the scan."""
        return self.draw.age_years

    @property
    def sex(self) -> str:
        """``F`` or ``M``."""
        return self.draw.sex

    @property
    def record(self) -> dict[str, Any]:
        """The draw as plain JSON values; :func:`replay` makes the same person of it."""
        return self.draw.as_record()


def person_id(index: int) -> str:
    """The BIDS name of a person, counted from 1 in names and from 0 in code."""
    return f"sub-sim{index + 1:03d}"


def draw_person(recipe: CohortRecipe, index: int) -> PersonDraw:
    """Draw all of one person; each stage has its own random stream."""
    if not 0 <= index < recipe.people:
        raise UsageError(
            f"there is no person {index} in a cohort of {recipe.people}",
            remedy="count from 0",
        )

    def rng(stage: str) -> np.random.Generator:
        return stage_rng(recipe.seed, index, stage)

    who = rng("who")
    age_years = int(who.integers(AGE_YEARS[0], AGE_YEARS[1] + 1))
    sex = "F" if who.random() < 0.65 else "M"
    has_ms = _has_ms(recipe, index)
    return PersonDraw(
        person_id=person_id(index),
        diagnosis=str(Diagnosis.MS if has_ms else Diagnosis.CONTROL),
        age_years=age_years,
        sex=sex,
        seed=recipe.seed,
        index=index,
        has_skull=bool(rng("skull").random() < SKULLS[recipe.skull]),
        shape=draw_shape(rng("shape"), age_years),
        contrast=draw_contrast(rng("contrast"), age_years),
        normal_bright=draw_normal_bright(rng("normal bright"), age_years),
        head=draw_head(rng("head")),
        scan=draw_acquisition(rng("scan"), recipe.acquisition),
        lesions=draw_lesions(rng("lesions")) if has_ms else None,
    )


def _has_ms(recipe: CohortRecipe, index: int) -> bool:
    """Exactly ``ms_share`` of the people, in an order only the seed decides."""
    order = stage_rng(recipe.seed, 0, "diagnosis").permutation(recipe.people)
    return bool(order[index] < round(recipe.people * recipe.ms_share))


def simulate_person(recipe: CohortRecipe, index: int) -> SimulatedPerson:
    """Simulate person ``index`` (from 0) of a cohort: the same one every time."""
    return replay(draw_person(recipe, index))


def replay(draw: PersonDraw) -> SimulatedPerson:
    """Make the scan and the mask that a draw describes."""
    anatomy = load_anatomy()

    def rng(stage: str) -> np.random.Generator:
        return stage_rng(draw.seed, draw.index, f"render {stage}")

    head = np.zeros(SHAPE, np.float32)
    lesion_share = _compose(draw, head, anatomy)
    coordinates = anatomy_coordinates(draw.shape, rng("shape"), sample_axes(draw.scan), anatomy)
    ideal = _resample_inside(head, coordinates)
    ideal_slices = average_slices(ideal, draw.scan)
    image = measure(ideal_slices, draw.scan, rng("scan"))
    if not draw.has_skull:
        image *= ideal_slices > _STRIPPED_BELOW
    mask = np.zeros(image.shape, np.bool_)
    if lesion_share is not None:
        fine_share = _resample_inside(lesion_share, coordinates)
        mask = average_slices(fine_share, draw.scan) > 0.5
    voxels = np.clip(np.rint(image), 0, np.iinfo(np.int16).max).astype(np.float32)
    grid = Grid(voxels.shape, scan_affine(draw.scan))
    return SimulatedPerson(Scan(voxels, grid, grid), mask, draw)


@dataclass(frozen=True, eq=False)
class IdealHead:
    """What a perfect scanner would see of one person, each an array (X, Y, Z) of one grid.

    ``intensity`` has white matter at 1, without noise, bias or stripping; the others are the share
    of each voxel, from 0 to 1, that lesions, the brain, and the lateral ventricles fill.
    """

    intensity: Volume
    lesion_share: Volume
    brain_share: Volume
    ventricle_share: Volume


def ideal_head(draw: PersonDraw) -> IdealHead:
    """The person of a draw on the fine grid of its acquisition, with the regions known."""
    anatomy = load_anatomy()
    head = np.zeros(SHAPE, np.float32)
    lesion_share = _compose(draw, head, anatomy)
    shape_rng = stage_rng(draw.seed, draw.index, "render shape")
    coordinates = anatomy_coordinates(draw.shape, shape_rng, sample_axes(draw.scan), anatomy)
    ventricles = np.zeros(SHAPE, np.float32)
    ventricles[anatomy.box] = anatomy.box_ventricles
    intensity = _resample_inside(head, coordinates)
    return IdealHead(
        intensity=intensity,
        lesion_share=(
            np.zeros_like(intensity)
            if lesion_share is None
            else _resample_inside(lesion_share, coordinates)
        ),
        brain_share=_resample_inside(anatomy.brain.astype(np.float32), coordinates),
        ventricle_share=_resample_inside(ventricles, coordinates),
    )


def _compose(draw: PersonDraw, head: Volume, anatomy: Anatomy) -> Volume | None:
    """Fill ``head`` with the undeformed person; return the lesion share on the same grid."""

    def rng(stage: str) -> np.random.Generator:
        return stage_rng(draw.seed, draw.index, f"render {stage}")

    brain, csf = brain_contrast(draw.contrast, rng("contrast"), anatomy)
    add_normal_bright(
        brain, draw.normal_bright, draw.contrast.ependyma, rng("normal bright"), anatomy
    )
    lesion_share = None
    if draw.lesions is not None:
        density = _density() * (csf < 0.6)
        share, brightness = lesion_fields(draw.lesions, rng("lesions"), density, anatomy)
        _brighten_lesions(brain, share, brightness)
        lesion_share = np.zeros(SHAPE, np.float32)
        lesion_share[anatomy.box] = share
    head[anatomy.box] = brain * anatomy.brain[anatomy.box]
    if draw.has_skull:
        paint_head(head, draw.contrast.csf, draw.head, rng("head"), anatomy)
    return lesion_share


@lru_cache(maxsize=1)
def _density() -> Volume:
    return placement_density(load_anatomy())


def _brighten_lesions(brain: Volume, share: Volume, brightness: Volume) -> None:
    """Lesions with a soft border and a faint halo, in place; never darker than the tissue was."""
    border = ndimage.gaussian_filter(share, 0.55, truncate=3.0)
    halo = ndimage.gaussian_filter(share, 2.0, truncate=2.5)
    fluid = brain < 0.6
    lit = brain * (1 - border) + border * (1 + brightness) + 0.2 * brightness * halo * (1 - border)
    np.maximum(brain, np.where(fluid, brain, lit), out=brain)


def _resample_inside(volume: Volume, coordinates: tuple[Volume, Volume, Volume]) -> Volume:
    """Values at the coordinates, 0 outside; quick because most of a scan is air.

    Whatever is not 0 is first looked for on every fourth voxel.
    """
    step = slice(None, None, _COARSE)
    coarse = np.ascontiguousarray(
        ndimage.maximum_filter(volume[step, step, step], 3) > 0, dtype=np.float32
    )
    shape = coordinates[0].shape
    sampled = np.zeros(shape, np.float32)
    near = ndimage.map_coordinates(
        coarse, [c[step, step, step] / _COARSE for c in coordinates], order=1, output=np.float32
    )
    found = ndimage.find_objects((near > 0).astype(np.uint8))
    if not found:
        return sampled
    box = tuple(
        slice(max((s.start - 1) * _COARSE, 0), min((s.stop + 1) * _COARSE, n))
        for s, n in zip(found[0], shape, strict=True)
    )
    sampled[box] = ndimage.map_coordinates(
        volume, [c[box] for c in coordinates], order=1, output=np.float32, prefilter=False
    )
    return sampled
