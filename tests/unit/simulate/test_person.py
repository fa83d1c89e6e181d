"""One simulated person: what a radiologist would expect to see, and nothing that gives it away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from mslesion.cohort.people import Diagnosis
from mslesion.errors import UsageError
from mslesion.simulate import (
    CohortRecipe,
    PersonDraw,
    SimulatedPerson,
    draw_person,
    replay,
    simulate_person,
)
from mslesion.simulate.acquisition import sample_axes
from mslesion.simulate.anatomy import FIRST_VOXEL_MM, SHAPE, load_anatomy
from mslesion.simulate.calibration import LOAD_ML, SINGLE_LESION_DIAMETER_MM
from mslesion.simulate.deformation import anatomy_coordinates
from mslesion.simulate.fields import stage_rng
from mslesion.simulate.lesions import _confluent, draw_lesions

RECIPE = CohortRecipe(people=40, seed=2, skull="without")
MANY = CohortRecipe(people=300, seed=5, skull="mixed", acquisition="mixed")


@lru_cache(maxsize=1)
def _many() -> list[PersonDraw]:
    return [draw_person(MANY, index) for index in range(MANY.people)]


def _first(diagnosis: Diagnosis, wanted: Callable[[PersonDraw], bool] = bool) -> PersonDraw:
    draws = (draw_person(RECIPE, index) for index in range(RECIPE.people))
    return next(d for d in draws if d.diagnosis == diagnosis and wanted(d))


@pytest.fixture(scope="module")
def patient() -> SimulatedPerson:
    """Someone with MS and a load that is not light."""
    return replay(_first(Diagnosis.MS, lambda d: d.lesions is not None and d.lesions.load_ml > 8))


@pytest.fixture(scope="module")
def control() -> SimulatedPerson:
    """Someone without MS whose caps are well visible."""
    return replay(_first(Diagnosis.CONTROL, lambda d: d.normal_bright.cap_brightness > 0.3))


def _sampled(person: SimulatedPerson, box_map: np.ndarray, outside: float) -> np.ndarray:
    """A map of the anatomy at the middle of every voxel of the person's scan."""
    whole = np.full(SHAPE, outside, np.float32)
    anatomy = load_anatomy()
    whole[anatomy.box] = box_map
    draw = person.draw
    x, y, fine_z = sample_axes(draw.scan)
    z = fine_z.reshape(person.scan.grid.shape[2], -1).mean(axis=1).astype(np.float32)
    rng = stage_rng(draw.seed, draw.index, "render shape")
    coordinates = anatomy_coordinates(draw.shape, rng, (x, y, z), anatomy)
    voxels = [
        np.clip(np.rint(c).astype(int), 0, n - 1) for c, n in zip(coordinates, SHAPE, strict=True)
    ]
    return whole[tuple(voxels)]


def test_the_scan_has_the_papers_23_axial_slices(patient: SimulatedPerson) -> None:
    """The default is a 2D scan of 23 thick slices that covers the brain from bottom to vertex."""
    x, y, z = patient.scan.spacing_mm
    assert patient.scan.grid.shape == (256, 256, 23)
    assert x == y
    assert 0.9 <= x <= 1.0
    assert 6.0 <= z <= 6.5
    assert patient.scan.grid.axis_codes == "RAS"


def test_a_three_dimensional_scan_has_voxels_of_1_mm() -> None:
    """The 3D acquisition is isotropic and holds the whole head."""
    person = simulate_person(replace(RECIPE, acquisition="volume3d"), 0)
    assert person.scan.spacing_mm == (1.0, 1.0, 1.0)
    assert not person.scan.voxels[:, :, -1].any()


def test_fluid_is_dark_and_grey_matter_a_little_brighter_than_white(
    control: SimulatedPerson,
) -> None:
    """FLAIR nulls the fluid; grey matter, of longer T2, lies a little above white matter."""
    anatomy = load_anatomy()
    level = control.scan.voxels / control.draw.scan.white_level
    deep = _sampled(control, anatomy.box_ventricle_distance_mm, 99) == 0
    white = _sampled(control, anatomy.box_white * (anatomy.box_ventricle_distance_mm > 8), 0) > 0.98
    grey = _sampled(control, anatomy.box_cortical * anatomy.box_grey, 0) > 0.9
    fluid_level = np.percentile(level[deep], 25)
    white_level, grey_level = np.median(level[white]), np.percentile(level[grey], 75)
    assert fluid_level < 0.6 * white_level
    assert 1.02 * white_level < grey_level < 1.5 * white_level


def test_a_control_has_no_lesion_but_a_bright_periventricular_rim(
    control: SimulatedPerson,
) -> None:
    """Caps and bands are normal: bright around the ventricles does not by itself mean MS."""
    assert control.diagnosis is Diagnosis.CONTROL
    assert not control.lesion_mask.any()
    anatomy = load_anatomy()
    distance = _sampled(control, anatomy.box_ventricle_distance_mm, 99)
    white = _sampled(control, anatomy.box_white, 0) > 0.9
    level = control.scan.voxels
    near, far = level[white & (distance < 4)], level[white & (distance > 12)]
    assert np.percentile(near, 90) > 1.05 * np.median(far)


def test_every_lesion_lies_in_brain_tissue(patient: SimulatedPerson) -> None:
    """No lesion floats in the air or fills the middle of a ventricle."""
    anatomy = load_anatomy()
    inside = _sampled(patient, anatomy.brain[anatomy.box].astype(np.float32), 0) > 0
    fluid = _sampled(patient, anatomy.box_csf, 0) > 0.95
    assert inside[patient.lesion_mask].all()
    assert fluid[patient.lesion_mask].mean() < 0.05


def test_lesions_are_brighter_than_the_white_matter_around(patient: SimulatedPerson) -> None:
    """In FLAIR, MS lesions are hyperintense."""
    anatomy = load_anatomy()
    white = _sampled(patient, anatomy.box_white, 0) > 0.95
    level = patient.scan.voxels
    around = np.median(level[white & ~patient.lesion_mask])
    assert np.median(level[patient.lesion_mask]) > 1.12 * around


def test_single_lesions_measure_3_to_15_mm() -> None:
    """A single lesion is 3 to 15 mm across; larger ones only arise where several merge."""
    low, high = SINGLE_LESION_DIAMETER_MM
    diameters = [d for draw in _many() if draw.lesions for d in draw.lesions.diameters_mm]
    assert (low, high) == (3.0, 15.0)
    assert min(diameters) >= low
    assert max(diameters) <= high


def test_loads_spread_as_the_real_ones() -> None:
    """From 0.3 to 52 ml, half of the patients below about 14 ml, a quarter below about 2 ml."""
    loads = np.array([draw.lesions.load_ml for draw in _many() if draw.lesions])
    assert loads.min() >= LOAD_ML[0] - 0.01
    assert loads.max() <= LOAD_ML[-1] + 0.01
    assert 8 < np.median(loads) < 20
    assert 1 < np.quantile(loads, 0.25) < 6


def test_the_diagnosis_shows_in_nothing_but_the_lesions() -> None:
    """Skull, scanner, age, caps and contrast are drawn alike in both groups."""

    def mean_of(measure: Callable[[PersonDraw], float], group: str) -> tuple[float, float]:
        values = np.array([measure(d) for d in _many() if d.diagnosis == group], dtype=float)
        return float(values.mean()), float(values.var() / len(values))

    measures: tuple[Callable[[PersonDraw], float], ...] = (
        lambda d: d.has_skull,
        lambda d: d.scan.protocol == "axial2d",
        lambda d: d.scan.noise_share,
        lambda d: np.log(d.scan.white_level),
        lambda d: d.age_years,
        lambda d: d.sex == "F",
        lambda d: d.contrast.grey,
        lambda d: d.normal_bright.cap_mm,
        lambda d: len(d.normal_bright.spot_diameters_mm),
        lambda d: d.shape.ventricle_growth_mm,
    )
    for measure in measures:
        (ms, ms_error), (control, control_error) = (mean_of(measure, g) for g in Diagnosis)
        assert abs(ms - control) < 3.5 * np.sqrt(ms_error + control_error) + 1e-9


def test_the_share_of_patients_is_exact() -> None:
    """A cohort of 300 with a share of one half holds 150 people with MS."""
    assert sum(draw.diagnosis == Diagnosis.MS for draw in _many()) == 150


def test_the_record_replays_to_the_same_scan(control: SimulatedPerson) -> None:
    """What the sidecar records is enough to make the scan again, to the last voxel."""
    record = json.loads(json.dumps(control.record))
    again = replay(PersonDraw.from_record(record))
    assert again.draw == control.draw
    assert np.array_equal(again.scan.voxels, control.scan.voxels)


def test_another_seed_is_another_person() -> None:
    """Seed and index both change the draw."""
    draws = {
        draw_person(CohortRecipe(people=3, seed=seed), index).shape
        for seed in (0, 1)
        for index in range(3)
    }
    assert len(draws) == 6


def test_changing_the_acquisition_leaves_the_anatomy() -> None:
    """Each stage has its own random stream: another protocol images the same head."""
    flat = draw_person(RECIPE, 0)
    solid = draw_person(replace(RECIPE, acquisition="volume3d"), 0)
    assert flat.shape == solid.shape
    assert flat.lesions == solid.lesions
    assert flat.scan != solid.scan


def test_a_skull_surrounds_the_brain_when_asked_for() -> None:
    """With skull there is a bright rim outside the brain; without, the outside is 0."""
    bare = simulate_person(RECIPE, 1)
    full = simulate_person(replace(RECIPE, skull="with"), 1)
    assert (full.scan.voxels > 0).sum() > 1.3 * (bare.scan.voxels > 0).sum()
    assert np.array_equal(full.lesion_mask, bare.lesion_mask)


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 0},
        {"ms_share": 1.5},
        {"seed": -1},
        {"acquisition": "sagittal"},
        {"skull": "half"},
    ],
)
def test_a_senseless_recipe_is_refused(wrong: dict[str, object]) -> None:
    """Each field of a recipe says what it takes."""
    with pytest.raises(UsageError):
        CohortRecipe(**wrong)  # type: ignore[arg-type]


def test_the_anatomy_lies_in_mni_space() -> None:
    """The lateral ventricles are found where the MNI atlas has them."""
    anatomy = load_anatomy()
    assert FIRST_VOXEL_MM == (-98.0, -134.0, -84.0)
    x, y, z = anatomy.box_axes_mm
    i, j, k = (
        int(np.flatnonzero(a == p)[0]) for a, p in zip((x, y, z), (12, -15, 22), strict=True)
    )
    assert anatomy.box_ventricle_distance_mm[i, j, k] == 0


@pytest.mark.parametrize("missing_ml", [0.0002, 0.0004, 0.0006, 0.002])
def test_a_load_that_is_all_but_reached_needs_no_more_lesions(missing_ml: float) -> None:
    """Less than half a voxel is nothing; a voxel or two are a lesion, and no error."""
    rng = np.random.default_rng(0)
    density = np.zeros((8, 8, 8), np.float32)
    density[2:6, 2:6, 2:6] = 1
    share = _confluent(
        missing_ml, draw_lesions(rng), rng, density=density,
        shape_noise=rng.normal(size=density.shape).astype(np.float32),
        share=np.zeros(density.shape, np.float32),
    )  # fmt: skip
    assert int((share > 0.499).sum()) == round(missing_ml * 1000)
