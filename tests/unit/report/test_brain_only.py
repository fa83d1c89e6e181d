"""What pictures of a scan may show: the brain, and no face."""

import numpy as np
import pytest
from scipy import ndimage

from mslesion.report.brain_only import MARGIN_MM, brain_only

SHAPE, SPACING_MM = (90, 110, 60), (2.0, 2.0, 2.0)


def ball(centre, radius_mm, shape=SHAPE, spacing_mm=SPACING_MM):
    """A ball of voxels; the centre is in voxels."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    squares = sum(
        ((grid - c) * mm) ** 2 for grid, c, mm in zip(grids, centre, spacing_mm, strict=True)
    )
    return squares <= radius_mm**2


def bare(brain):
    """An image of a brain without a head around it."""
    return np.where(brain, 100, 0).astype(np.float32)


def shown_of(region, shape=SHAPE):
    """How much of each voxel is shown, slice by slice."""
    return np.stack([region.share(k) for k in range(shape[2])], axis=2)


def away_mm(mask, spacing_mm=SPACING_MM):
    """Of each voxel, how far it lies from a mask."""
    return ndimage.distance_transform_edt(~mask, spacing_mm)


def test_all_of_the_brain_is_shown_and_nothing_far_from_it():
    """Two millimetres are the size of a cell."""
    brain = ball((45, 50, 32), 60)
    shown = shown_of(brain_only(bare(brain), brain, np.zeros_like(brain), SPACING_MM))
    assert (shown[brain] == 1).all()
    assert not shown[away_mm(brain) > MARGIN_MM + 2].any()
    assert shown[(away_mm(brain) > 0) & (away_mm(brain) < 1.5)].all()


def test_furrows_and_ventricles_are_filled_and_an_eye_is_not():
    """A gap of 4 mm and a hole are within; a ball of 12 mm in front, taken for brain, is not."""
    whole = ball((45, 50, 32), 55)
    brain = whole.copy()
    brain[44:46] = False
    brain[ball((60, 50, 32), 5)] = False
    eye = ball((30, 98, 20), 12)
    shown = shown_of(brain_only(bare(brain | eye), brain | eye, np.zeros_like(brain), SPACING_MM))
    inner = away_mm(~whole) > 4
    assert (shown[inner] == 1).all()
    assert not shown[eye & (away_mm(whole) > MARGIN_MM + 2)].any()


def test_a_lesion_away_from_the_brain_is_shown_with_little_around_it():
    """What is outlined must be seen, wherever it is."""
    brain, lesion = ball((45, 50, 32), 50), np.zeros(SHAPE, bool)
    lesion[10:12, 100:102, 10:11] = True
    shown = shown_of(brain_only(bare(brain), brain, lesion, SPACING_MM))
    assert shown[lesion].all()
    assert not shown[(away_mm(lesion) > 8) & (away_mm(brain) > MARGIN_MM + 2)].any()


def test_without_a_brain_nothing_is_shown():
    """What is no brain may be a face."""
    nothing = np.zeros(SHAPE, bool)
    region = brain_only(bare(nothing), nothing, nothing, SPACING_MM)
    assert not shown_of(region).any()
    assert region.box == tuple(slice(0, n) for n in SHAPE)
    assert not region.shares(region.box).any()


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.9, 0.9, 6.5), (3.0, 3.0, 3.0)])
def test_slices_and_volume_agree_whatever_the_voxels(spacing_mm):
    """The box holds all that is shown; cells differ from smooth slices at the border alone."""
    shape = tuple(int(150 / mm) for mm in spacing_mm)
    middle = tuple(n / 2 for n in shape)
    brain = ball(middle, 50, shape, spacing_mm)
    region = brain_only(bare(brain), brain, np.zeros_like(brain), spacing_mm)
    shown = shown_of(region, shape)
    cells = np.zeros(shape)
    cells[region.box] = region.shares(region.box)
    assert (shown[brain] == 1).all()
    assert (cells[brain] > 0).all()
    outside = np.ones(shape, bool)
    outside[region.box] = False
    assert not shown[outside].any()
    border = np.abs(away_mm(brain, spacing_mm) - MARGIN_MM) < 3.5
    assert np.allclose(shown[~border], cells[~border])


def _closed(plane, spacing_mm, across_mm=12.0):
    """A slice of a head, its openings towards the air closed."""
    steps = round(across_mm / spacing_mm[0])
    closed = ndimage.binary_closing(np.pad(plane, steps), iterations=steps)
    return closed[steps:-steps, steps:-steps]


def depth_of_what_is_shown_mm(scan, brain, mask):
    """From the air around the head to the outermost voxel shown, in slices through brain."""
    level = np.median(scan.voxels[brain])
    head = ndimage.gaussian_filter(scan.voxels, [2 / mm for mm in scan.spacing_mm]) > 0.15 * level
    shown = shown_of(brain_only(scan.voxels, brain, mask, scan.spacing_mm), mask.shape) > 0
    depths = []
    for k in np.flatnonzero(brain.any(axis=(0, 1))):
        filled = ndimage.binary_fill_holes(_closed(head[:, :, k], scan.spacing_mm))
        if shown[:, :, k].any():
            inside = ndimage.distance_transform_edt(np.pad(filled, 1), scan.spacing_mm[:2])
            depths.append(inside[1:-1, 1:-1][shown[:, :, k]].min())
    return np.array(depths)


def head_by_hand():
    """A brain in its skull and skin, with eyes and a nose in front: the parts by their name."""
    brain = ball((45, 48, 34), 60)
    return {
        "brain": brain,
        "skin": (away_mm(brain) > 9) & (away_mm(brain) < 14),
        "eyes": ball((30, 88, 18), 12) | ball((60, 88, 18), 12),
        "nose": ball((45, 98, 10), 14),
    }


def image_of(head):
    """What such a head looks like: all but the skull shines."""
    return sum(bare(part) for part in head.values()).clip(max=100)


def test_what_is_taken_for_brain_up_to_the_skin_is_cut_off_there():
    """Fat beside the brain may be marked with it; the skin over it is not shown, a lesion is."""
    head = head_by_hand()
    fat = ball((76, 48, 34), 12)
    seen, image = head["brain"] | fat, image_of(head | {"fat": fat})
    to_air_mm = ndimage.distance_transform_edt(head["brain"] | fat | (away_mm(head["brain"]) < 14),
                                               (*SPACING_MM[:2], 1000.0))  # fmt: skip
    lesion = fat & (to_air_mm < 4)
    assert lesion.any()
    shown = shown_of(brain_only(image, seen, np.zeros_like(seen), SPACING_MM))
    assert shown[head["brain"]].all()
    assert shown[fat & (to_air_mm > 8)].all()
    assert not shown[to_air_mm < 2].any()
    assert shown_of(brain_only(image, seen, lesion, SPACING_MM))[lesion].all()


def test_a_stripped_brain_in_thick_slices_is_shown_to_its_border():
    """Where air begins at the brain there is no skin, also where few slices make steep steps."""
    spacing_mm = (2.0, 2.0, 8.0)
    places_mm = (np.arange(n) * mm for n, mm in zip((90, 110, 15), spacing_mm, strict=True))
    grids = np.meshgrid(*places_mm, indexing="ij", sparse=True)
    axes = zip(grids, (90, 110, 60), (70, 85, 55), strict=True)
    brain = sum(((grid - centre) / radius) ** 2 for grid, centre, radius in axes) <= 1
    region = brain_only(bare(brain), brain, np.zeros_like(brain), spacing_mm)
    assert (shown_of(region, brain.shape)[brain] > 0.5).all()


def test_neither_eyes_nor_nose_nor_skin_are_shown():
    """Also where the detector takes eyes and nose for brain, as long as they lie apart from it."""
    head = head_by_hand()
    brain, image = head["brain"], image_of(head)
    apart = (head["eyes"] | head["nose"]) & (away_mm(brain) > 3)
    for seen in (brain, brain | apart):
        shown = shown_of(brain_only(image, seen, np.zeros_like(brain), SPACING_MM))
        assert shown[brain].all()
        for part in (head["skin"], apart & (away_mm(brain) > MARGIN_MM + 2)):
            assert not shown[part].any()


@pytest.fixture(scope="module")
def simulated_scan():
    """A simulated head with skull, as the detector meets it."""
    from mslesion.simulate import CohortRecipe, simulate_person

    return simulate_person(CohortRecipe(people=1, seed=50_000), 0).scan


def skin_depth_of(scan):
    """The least depth in a head of what a report of it may show."""
    from mslesion.detector import load_detector
    from mslesion.lesions.detection import find_lesions

    found = find_lesions(scan, load_detector().model)
    return depth_of_what_is_shown_mm(scan, found.brain, found.mask).min()


@pytest.mark.slow
def test_no_skin_of_a_simulated_head_is_shown(simulated_scan):
    """Nothing within 2 mm of the air around the head is shown: there the skin is."""
    assert skin_depth_of(simulated_scan) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["tabriz/sub-101228/anat/sub-101228_FLAIR.nii.gz",
              "lesion-free/sub-01/anat/sub-01_FLAIR.nii.gz"],
)  # fmt: skip
def test_no_skin_of_a_real_head_is_shown(place, real_data):
    """Of heads with eyes and nose, nothing within 5 mm of the air around them is shown."""
    from mslesion.read import read_scan

    assert skin_depth_of(read_scan(real_data / place)) > 5
