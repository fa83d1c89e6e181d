"""How a head lies: told from the shape of its brain, whatever its size and resolution."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mslesion.lesions.contrast import LEAST_FIT
from mslesion.lesions.head_pose import UPRIGHT, HeadPose, pose_of_head
from mslesion.simulate.anatomy import load_anatomy

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module", params=[(0.85, (2.0, 2.0, 5.0)), (1.15, (3.0, 3.0, 3.0))])
def brain(request):
    """A small brain in thick slices, a large one in cubes: (brain, ventricles, spacing_mm)."""
    size, spacing_mm = request.param
    anatomy = load_anatomy()
    ventricles = np.zeros_like(anatomy.brain)
    ventricles[anatomy.box] = anatomy.box_ventricles
    zoom = [size / mm for mm in spacing_mm]
    both = [ndimage.zoom(r.astype(np.float32), zoom, order=1) > 0.5
            for r in (anatomy.brain, ventricles)]  # fmt: skip
    return *both, spacing_mm


TURNS = {
    UPRIGHT: lambda v: v,
    "mirrored, which cannot be seen": lambda v: v[::-1],
    "upside down": lambda v: v[:, :, ::-1],
    "back to front": lambda v: v[:, ::-1],
    "upside down and back to front": lambda v: v[:, ::-1, ::-1],
}


@pytest.mark.parametrize("name", TURNS)
def test_a_turned_head_is_told_by_name(name, brain):
    """Axes that run the wrong way are named; left and right alone exchanged look upright."""
    *regions, spacing_mm = brain
    turned = [TURNS[name](region) for region in regions]
    expected = UPRIGHT if "mirrored" in name else name
    assert pose_of_head(*turned, spacing_mm).name == expected


@pytest.mark.parametrize("axes", [(0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_exchanged_axes_are_told(axes, brain):
    """A head on its side, on its face or looking sideways is not upright."""
    *regions, spacing_mm = brain
    turned = [region.transpose(axes) for region in regions]
    mm = tuple(spacing_mm[axis] for axis in axes)
    assert pose_of_head(*turned, mm).name == "with its axes exchanged"


@pytest.mark.parametrize("degrees", [-20, 20])
@pytest.mark.parametrize("plane", [(0, 1), (1, 2), (0, 2)])
def test_a_tilted_head_is_upright(degrees, plane, brain):
    """Heads lie askew by 20 degrees in scanners, and the header is right all the same."""
    *regions, spacing_mm = brain
    cubes = [ndimage.zoom(r.astype(np.float32), np.divide(spacing_mm, 3), order=1) for r in regions]
    tilted = [ndimage.rotate(r, degrees, plane, order=1) > 0.5 for r in cubes]
    assert pose_of_head(*tilted, (3.0, 3.0, 3.0)).name == UPRIGHT


@pytest.mark.parametrize(
    "part",
    [
        np.s_[:], np.s_[: 80], np.s_[:, 90:], np.s_[:, :, 60:], np.s_[:, :, :110],
        np.s_[:, :, 60:110],
    ],
)  # fmt: skip
def test_a_part_of_a_brain_fits_as_well_as_a_whole_one(part):
    """A half, a slab or a cap of a brain with some of its ventricles is known by what there is."""
    anatomy = load_anatomy()
    ventricles = np.zeros_like(anatomy.brain)
    ventricles[anatomy.box] = anatomy.box_ventricles
    pose = pose_of_head(anatomy.brain[part], ventricles[part], (1.0, 1.0, 1.0))
    assert pose.name == UPRIGHT
    assert pose.fit > 1.7


def test_what_is_no_brain_does_not_fit():
    """A ball, and a cylinder with a rod in it, are told from a brain with its ventricles."""
    x, y, z = np.meshgrid(*(np.arange(-48, 48) * 2.0,) * 3, indexing="ij")
    nothing = np.zeros(x.shape, bool)
    rod = x**2 + y**2 < 100
    for body, inside in (
        (x**2 + y**2 + z**2 < 70**2, nothing),
        ((x**2 + y**2 < 70**2) & (abs(z) < 50), rod & (abs(z) < 50)),
    ):
        assert pose_of_head(body, inside, (2.0, 2.0, 2.0)).fit < LEAST_FIT


def test_where_there_is_no_brain_nothing_is_said():
    """An empty mask is taken as it is."""
    nothing = np.zeros((20, 20, 20), bool)
    assert pose_of_head(nothing, nothing, (2.0, 2.0, 2.0)) == HeadPose(UPRIGHT, 0.0, 0.0)


def test_the_template_is_what_its_tool_makes():
    """tools/make_brain_shape.py gives the file in the package, byte by byte."""
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools/make_brain_shape.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert np.array_equal(np.load(tool.PLACE), tool.brain_shape())
