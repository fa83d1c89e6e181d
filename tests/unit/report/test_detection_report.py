"""The page of one detection: what it says of the lesions, and what its pictures show."""

import base64
import dataclasses
import io
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading import Page

from mslesion import __version__
from mslesion.detection import Detection, DetectorIdentity
from mslesion.lesions.findings import SliceFinding, measure_lesions
from mslesion.lesions.quality import ScanQuality
from mslesion.report.canvas import BLUE, ORANGE
from mslesion.report.detection import detection_report
from mslesion.report.detection_pictures import draw
from mslesion.report.detection_views import (
    axial_slices,
    close_ups,
    largest_lesions,
    least_certain_lesions,
    projections,
    scene_of,
    seen_lesions,
    shown_slices,
)
from mslesion.report.drawings import ProjectionDrawing, SliceCurveDrawing, SliceDrawing
from mslesion.scan import Scan
from mslesion.verdict import Verdict

RATES = ((0.02, 0.01, 0.04), (0.05, 0.03, 0.09))
COMPATIBLE = Verdict(0.93, "", "Findings compatible with multiple sclerosis", *RATES)
ABSTAINED = Verdict(None, "slices lie more than 10 mm apart", "No verdict", *RATES)

SHAPE, SPACING_MM = (60, 72, 40), (2.0, 2.0, 2.0)


def box_at(x, y, z, across=1):
    """A cube of voxels with its lowest corner there."""
    return tuple(slice(start, start + across) for start in (x, y, z))


FIVE = (
    box_at(40, 50, 20, 4),  # 512 mm3, on the patient's right and in front
    box_at(15, 20, 22, 2),  # 64 mm3
    box_at(20, 40, 25, 1),  # 8 mm3 each
    box_at(25, 45, 25, 1),
    box_at(25, 20, 10, 1),
)


def detect_by_hand(
    boxes=FIVE, *, shape=SHAPE, spacing_mm=SPACING_MM, name="sub-7", verdict=COMPATIBLE, warnings=()
):
    """A head-like ellipsoid, its file stored LPS, whose lesions fill the boxes (in RAS+)."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)
    brain = x**2 + y**2 + z**2 < 0.8
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box] = True
    voxels = np.where(mask, 180, np.where(brain, 100 + 20 * y, 0)).astype(np.float32)
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine[:2, 3] = (shape[0] - 1) * spacing_mm[0], (shape[1] - 1) * spacing_mm[1]
    scan = Scan.from_stored(voxels[::-1, ::-1], affine, Path(f"{name}_FLAIR.nii.gz"), ("mended",))
    probability = np.where(mask, 0.9, 0).astype(np.float32)
    areas = mask.sum(axis=(0, 1)) * spacing_mm[0] * spacing_mm[1]
    slices = tuple(
        SliceFinding(k, k * spacing_mm[2], float(area), 0.9 if area else 0.1, 0.4 if k else None)
        for k, area in enumerate(areas)
    )
    return Detection(
        name=name,
        scan=scan,
        mask=mask,
        probability=probability,
        brain=brain,
        ventricles=np.zeros(shape, bool),
        lesions=measure_lesions(mask, probability, np.zeros(shape, bool), scan),
        slices=slices,
        verdict=verdict,
        warnings=warnings,
        detector=DetectorIdentity("default", "ab" * 32, 0.45, 0.6, 3.0, is_calibrated=True),
        input_sha256="cd" * 32,
    )


def pixels_of(page, number):
    """A picture of the page, as RGB."""
    data = page.images[number]["src"].partition(",")[2]
    return np.array(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def pixels_drawn(drawing):
    """A picture, as RGB."""
    return np.array(Image.open(io.BytesIO(draw(drawing))).convert("RGB")).astype(int)


def near(pixels, colour):
    """Where a picture has almost this colour."""
    return np.abs(pixels.astype(int) - colour).sum(axis=-1) < 30


def callouts(text, kind):
    """The callouts of one kind, each as its text."""
    begin = f'<p class="callout {kind}">'
    return [part.partition("</p>")[0] for part in text.split(begin)[1:]]


@pytest.fixture(scope="module")
def found():
    """Five lesions, 600 mm3 in all."""
    return detect_by_hand()


@pytest.fixture(scope="module")
def text(found):
    """Its page."""
    return detection_report(found)


@pytest.fixture(scope="module")
def page(text):
    """Its page, read back."""
    return Page(text)


def test_the_page_begins_with_how_many_lesions_of_what_volume(found, page):
    """One sentence and four large numbers tell the finding, with what else is plausible."""
    count, volume_ml = found.uncertainty.count, found.uncertainty.volume_ml
    counts = f"plausible: {count.low:.0f} to {count.high:.0f}"
    volumes = f"plausible: {volume_ml.low:.3f} to {volume_ml.high:.2f} ml"
    assert 0 < count.low < 5 == count.high
    assert 0 < volume_ml.low < 0.1 < volume_ml.high == 0.6
    assert (
        f"5 lesions ({counts}) were found in this scan, 0.60 ml in all ({volumes}); the largest "
        "has 512 mm³ (slices 20 to 23), and none of them lies within"
    ) in page.text
    for tile in (
        f"lesions 5 {counts}",
        f"lesion volume 0.60 ml {volumes}",
        "probability of MS 93 %",
        "quality flags none nothing about the scan is in doubt",
    ):
        assert tile in page.text


def test_the_verdict_stands_with_its_error_rates_and_is_no_diagnosis(text):
    """Both rates have their intervals, and the verdict says how far it goes."""
    (verdict,) = callouts(text, "verdict")
    verdict = verdict.replace("\u00a0", " ")
    assert "Findings compatible with multiple sclerosis (probability 93 %)" in verdict
    assert "not a diagnosis" in verdict
    assert "2.0 % (95 % interval 1.0 to 4.0) of controls" in verdict
    assert "5.0 % (95 % interval 3.0 to 9.0) of people with MS" in verdict
    assert "simulated people" in verdict
    assert len(callouts(text, "research")) == 1


def test_a_detector_that_abstains_says_why_and_gives_no_probability():
    """The tile says so, and the reason stands in the verdict."""
    text = detection_report(detect_by_hand(verdict=ABSTAINED))
    page = Page(text)
    assert "probability of MS abstained" in page.text
    (verdict,) = callouts(text, "verdict")
    assert "abstains, as slices lie more than 10 mm apart" in verdict
    assert "compatible" not in page.text


def test_a_detector_without_a_verdict_says_so_and_invents_no_rates():
    """With a model of one's own, neither the scan is blamed nor an error rate given."""
    verdict = Verdict(
        None,
        "no verdict was fitted for this detector at these thresholds",
        "No verdict",
        None,
        None,
    )
    text = detection_report(detect_by_hand(verdict=verdict))
    (said,) = callouts(text, "verdict")
    assert "abstains, as no verdict was fitted for this detector at these thresholds" in said
    assert "was not measured" in said
    assert "controls" not in said
    assert "probability of MS abstained the reason stands below" in Page(text).text


@pytest.mark.parametrize(
    ("probability", "shown"), [(0.0004, "< 1 %"), (0.9996, "> 99 %"), (0.5, "50 %"), (1.0, "100 %")]
)
def test_a_probability_is_never_rounded_to_certainty(probability, shown):
    """0.04 % is not 0 %, and 99.96 % is not 100 %."""
    verdict = dataclasses.replace(COMPATIBLE, ms_probability=probability)
    assert (
        f"probability of MS {shown}"
        in Page(detection_report(detect_by_hand((), verdict=verdict))).text
    )


def test_each_warning_is_a_callout_above_the_numbers():
    """Nobody reads a number before what casts doubt on it."""
    text = detection_report(
        detect_by_hand(warnings=("the contrast is not clearly that of FLAIR", "a second doubt"))
    )
    first, second = callouts(text, "warning")
    assert first.endswith("The contrast is not clearly that of FLAIR.")
    assert second.endswith("A second doubt.")
    assert text.index("A second doubt.") < text.index('class="tiles"')


def test_without_a_lesion_six_plain_slices_are_shown():
    """There is no outline, no list of lesions, and nothing is divided by nothing."""
    nothing = detect_by_hand((), verdict=dataclasses.replace(COMPATIBLE, wording="No findings"))
    page = Page(detection_report(nothing))
    assert (
        "No lesion of 3 mm³ or more was found in this scan (plausible: 0 to 0, 0 to 0 ml)."
        in page.text
    )
    assert "lesions 0 plausible: 0 to 0" in page.text
    assert [table.caption for table in page.tables] == ["Quality flags", "Where this comes from"]
    shown = shown_slices(nothing)
    inside = np.flatnonzero(nothing.brain.any(axis=(0, 1)))
    assert len(shown) == 6
    assert inside[0] < shown[0] < shown[-1] < inside[-1]
    assert np.ptp(np.diff(shown)) <= 1
    assert not near(pixels_of(page, 0), ORANGE).any()


def test_a_scan_in_which_no_brain_was_seen_is_shown_all_the_same():
    """An empty scan gives a page without a picture of it: what is no brain may be a face."""
    empty = detect_by_hand((), shape=(12, 12, 9))
    nothing = np.zeros(empty.mask.shape, bool)
    scan = dataclasses.replace(empty.scan, voxels=np.zeros(nothing.shape, np.float32), source=None)
    page = Page(detection_report(dataclasses.replace(empty, scan=scan, brain=nothing)))
    assert len(page.images) == 1
    assert page.images[0]["alt"].startswith("Curves over")
    assert "No brain was seen in this scan, so no picture of it is shown" in page.text
    assert "none: the voxels came from memory" in page.text


def test_one_lesion_is_told_in_the_singular():
    """One lesion was found, of so much."""
    page = Page(detection_report(detect_by_hand(FIVE[:1])))
    assert (
        "One lesion was found in this scan (plausible: 0 to 1), of 512 mm³ (0.51 ml;" in page.text
    )
    assert "1 of 1 lesion can be seen here" in page.text


def test_the_table_of_sizes_counts_each_lesion_once(page):
    """Three of 8, one of 64 and one of 512 mm3."""
    rows = page.table("Lesions by size").rows[1:]
    cells = [[cell[0].replace("\u00a0", " ") for cell in row] for row in rows]
    assert cells == [
        ["below 10 mm³", "3", "24.0", "4 %"],
        ["10 to 50 mm³", "0", "0.0", "0 %"],
        ["50 to 100 mm³", "1", "64.0", "11 %"],
        ["100 mm³ and more", "1", "512", "85 %"],
    ]


def test_the_table_of_lesions_says_where_each_lies_in_scanner_and_file(page):
    """The largest: middle of voxels 40 to 43, 50 to 53, 20 to 23 of 2 mm; the file is LPS."""
    rows = page.table("The lesions").rows[1:]
    assert len(rows) == 5
    first = [cell[0].replace("\u00a0", " ") for cell in rows[0]]
    assert first == [
        "1", "512", "83.0, 103.0, 43.0", "18, 20, 22", "20 to 23", "0.90, 0.90", "\u2013",
    ]  # fmt: skip


def test_of_three_hundred_lesions_the_thirty_largest_are_listed():
    """The page stays readable and small; the rest is in the TSV, which it names."""
    places = [(x, y, z) for x in range(14, 44, 3) for y in range(20, 50, 3) for z in (15, 18, 21)]
    many = detect_by_hand(tuple(box_at(*place) for place in places))
    assert many.lesion_count == 300
    text = detection_report(many)
    page = Page(text)
    assert len(page.table("The 30 largest of 300 lesions").rows) == 31
    assert "All lesions, with more digits, are in sub-7_lesions.tsv." in page.text
    assert len(text) < 2_500_000


def test_where_it_comes_from_is_told_in_full(page):
    """File, hashes, spacing, orientation, history, operating point, version."""
    rows = {row[0][0]: row[1][0] for row in page.table("Where this").rows if len(row) == 2}
    assert rows["input file"] == "sub-7_FLAIR.nii.gz"
    assert rows["its SHA-256"] == "cd" * 32
    assert rows["voxels as stored"].split("\u00a0") == ["60", "\u00d7", "72", "\u00d7", "40"]
    assert rows["voxel spacing as stored"].replace("\u00a0\u00d7\u00a0", " by ") == "2 by 2 by 2 mm"
    assert rows["axes as stored run towards"] == "LPS"
    assert rows["on reading"] == "mended"
    assert rows["detector"] == "default"
    assert rows["SHA-256 of its weights"] == "ab" * 32
    assert rows["lesions reach as far as"] == "calibrated probability above 0.45"
    assert rows["and are counted if it is"] == "somewhere above 0.6"
    assert rows["least lesion"].replace("\u00a0", " ") == "3 mm³"
    assert rows["lesions are"].startswith("26-connected")
    assert rows["software"] == f"mslesion {__version__}"


@pytest.mark.parametrize(
    "limit",
    [
        "Research use only",
        "the experts that it learnt from",
        "other diseases",
        "children",
        "contrast agent",
    ],
)
def test_the_limits_are_named(page, limit):
    """What the detector was not made for stands on the page."""
    assert limit in page.text


def test_an_uncalibrated_detector_is_said_to_be_none():
    """One trained with --folds 0: nothing on the page calls its probabilities calibrated."""
    detector = dataclasses.replace(detect_by_hand(FIVE).detector, is_calibrated=False)
    told = Page(detection_report(dataclasses.replace(detect_by_hand(FIVE), detector=detector)))
    assert "probability, not calibrated, above 0.45" in told.text
    assert "were not calibrated" in told.text
    assert "calibrated probability" not in told.text


def test_a_hostile_name_does_nothing():
    """Markup in names of files, history and warnings is shown, not obeyed."""
    bad = "<script>alert('x')</script>&\"<img src=x onerror=y>"
    verdict = dataclasses.replace(ABSTAINED, reason=bad)
    hostile = detect_by_hand(FIVE, name=bad, warnings=(bad,), verdict=verdict)
    scan = hostile.scan.with_note(bad)
    page = Page(detection_report(dataclasses.replace(hostile, scan=scan)))
    assert page.text.count(bad) >= 5
    assert "script" not in {tag for tag, _ in page.tags}
    assert all(not any(name.startswith("on") for name in values) for _, values in page.tags)
    assert len(page.images) == 13


def test_the_page_needs_nothing_but_itself(page):
    """Pictures are inside, links lead within the page, and nothing runs."""
    assert page.addresses
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in page.addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}


def test_every_picture_is_described_in_words_and_taught_to_be_read(page):
    """A text in its place, and what is shown, good, bad, and then to be done."""
    assert len(page.images) == 6 + 4 + 1 + 1 + 1
    assert all(len(image["alt"]) > 60 for image in page.images)
    assert [page.texts.count(word) for word in ("Shown", "Good", "Bad", "Then")] == [5, 5, 5, 5]


def test_the_same_detection_gives_the_same_bytes(text):
    """Twice the same detection, twice the same page."""
    assert detection_report(detect_by_hand()) == text


def test_neither_pytorch_nor_matplotlib_is_loaded():
    """They take seconds, as long as a detection."""
    code = (
        "import sys, mslesion.report.detection; "
        "print([m for m in ('torch', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


# --- pictures ----------------------------------------------------------------------------------


def test_the_patients_right_is_on_the_left_and_the_front_is_up(found):
    """A lesion of the right front, in a file stored the other way round, is at the upper left."""
    (shown,) = [s for s in axial_slices(scene_of(found)) if s.title.startswith("slice 20,")]
    rows, columns = np.nonzero(shown.lesions == 1)
    assert rows.max() < shown.lesions.shape[0] / 2
    assert columns.max() < shown.lesions.shape[1] / 2
    assert (shown.plane.grey[shown.lesions == 1] == 255).all()
    assert (shown.plane.left, shown.plane.right) == ("R", "L")
    assert "z = 40.0 mm" in shown.title


def test_from_the_side_the_front_is_on_the_left_and_the_head_is_upright():
    """A lesion of the right, upper front in each of three views."""
    views = {p.title: p for p in projections(scene_of(detect_by_hand((box_at(40, 50, 26, 3),))))}
    for title, sides in (("coronal", "RL"), ("sagittal", "AP"), ("axial", "RL")):
        seen = views[title]
        rows, columns = np.nonzero(seen.probability > 0.5)
        assert rows.size == 9
        assert rows.max() < seen.probability.shape[0] / 2
        assert columns.max() < seen.probability.shape[1] / 2
        assert seen.plane.left + seen.plane.right == sides


def test_a_lesion_is_outlined_once_and_its_own_pixels_stay_as_they_are(found):
    """Of two copies of a slice the second has a line, beside the lesion and not on it."""
    one = axial_slices(scene_of(found))[-1:]
    shown = one[0]
    bare = dataclasses.replace(shown, named=())
    pixels = pixels_drawn(SliceDrawing(bare, is_outlined=True, scale_mm=0))[30:]
    plain, outlined = pixels[:, :342], pixels[:, 346:]
    line = near(outlined, ORANGE)
    assert not near(plain, ORANGE).any()
    assert line.any()
    assert np.array_equal(outlined[~line], plain[~line])
    rows, columns = shown.lesions.shape
    down, across = np.meshgrid(
        np.arange(outlined.shape[0]) * rows // outlined.shape[0],
        np.arange(342) * columns // 342,
        indexing="ij",
    )
    assert not (line & (shown.lesions[down, across] > 0)).any()


def test_colours_are_kept_exactly_where_a_picture_is_made_smaller(found):
    """Between slices there is the page's own white, in them all greys, and the outline's colour."""
    part = axial_slices(scene_of(found))[0]
    pixels = pixels_drawn(SliceDrawing(part, is_outlined=True, scale_mm=0))
    assert (pixels[:, 342:346] == 255).all()
    assert (pixels == ORANGE).all(axis=-1).any()
    greys = axial_slices(scene_of(found))[0].plane.grey
    shown = pixels[30:, :342]
    assert (shown.min(), shown.max()) == (greys.min(), 255)
    assert np.ptp(shown, axis=-1).max() == 0


def test_lesions_are_called_by_their_number_in_the_table(found):
    """Each of five lesions is named once, in a slice that shows it."""
    slices = axial_slices(scene_of(found))
    assert sorted(number for shown in slices for number in shown.named) == [1, 2, 3, 4, 5]
    for lesion in found.lesions:
        (place,) = [s for s in slices if lesion.lesion_id in s.named]
        index = int(place.title.split(",")[0].removeprefix("slice "))
        assert lesion.first_slice <= index <= lesion.last_slice
        voxels = np.count_nonzero(place.lesions == lesion.lesion_id)
        assert voxels == round((lesion.volume_mm3 / 8) ** (2 / 3))


def test_of_many_slices_the_largest_areas_are_shown_and_kept_apart():
    """Sixty thin slices with lesions give twelve, in order, spread over all of them."""
    boxes = (
        (slice(20, 30), slice(20, 30), slice(5, 65)),
        (slice(35, 45), slice(20, 30), slice(40, 41)),
    )
    many = detect_by_hand(boxes, shape=(60, 60, 70), spacing_mm=(2.0, 2.0, 1.0))
    shown = shown_slices(many)
    assert len(shown) == 12
    assert 40 in shown
    assert list(shown) == sorted(shown)
    assert np.diff(shown).min() >= 4
    assert seen_lesions(many, shown) == many.lesion_count
    assert seen_lesions(many, (41,)) == many.lesion_count - 1


def test_of_few_slices_with_lesions_all_are_shown(found):
    """Slices 10, 20 to 23, 25 hold lesions, and no other is shown."""
    assert shown_slices(found) == (10, 20, 21, 22, 23, 25)


def test_a_lesion_at_the_border_of_the_scan_is_shown_whole():
    """A lesion in the first and last voxels is neither cropped nor lost."""
    corner = detect_by_hand((box_at(0, 0, 0, 2), box_at(58, 70, 38, 2)))
    slices = axial_slices(scene_of(corner))
    assert [int((shown.lesions > 0).sum()) for shown in slices] == [4, 4, 4, 4]
    page = Page(detection_report(corner))
    assert near(pixels_of(page, 0), ORANGE).any()


def test_pictures_keep_true_proportions_when_voxels_are_not_cubes():
    """A lesion of 30 by 30 by 30 mm, in voxels of 1 by 3 by 5 mm, is square in every view."""
    cube = (slice(30, 60), slice(10, 20), slice(6, 12))
    detection = detect_by_hand((cube,), shape=(90, 30, 18), spacing_mm=(1.0, 3.0, 5.0))
    for view in projections(scene_of(detection)):
        rows, columns = np.nonzero(view.probability)
        assert view.plane.row_mm * (np.ptp(rows) + 1) == pytest.approx(30)
        assert view.plane.column_mm * (np.ptp(columns) + 1) == pytest.approx(30)
    (shown, *_) = axial_slices(scene_of(detection))
    unnamed = dataclasses.replace(shown, named=())
    pixels = pixels_drawn(SliceDrawing(unnamed, is_outlined=True, scale_mm=0))[30:]
    rows, columns = np.nonzero(near(pixels, ORANGE))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=3)
    assert np.ptp(columns) == pytest.approx(342 * 30 / 90, rel=0.2)


def test_the_grey_levels_do_not_depend_on_the_scale_of_the_intensities(found):
    """A scan in units a thousand times smaller, or shifted, gives the same pictures."""
    for scale, shift in ((0.001, 0.0), (1.0, -100.0)):
        voxels = found.scan.voxels * np.float32(scale) + np.float32(shift)
        other = dataclasses.replace(found, scan=dataclasses.replace(found.scan, voxels=voxels))
        for one, two in zip(
            axial_slices(scene_of(found)), axial_slices(scene_of(other)), strict=True
        ):
            difference = one.plane.grey.astype(int) - two.plane.grey
            assert np.abs(difference).max() <= 1


def test_the_projection_colours_only_where_lesions_are_probable(found):
    """Without probability, the head is grey."""
    for detection, coloured in ((found, True), (detect_by_hand(()), False)):
        pixels = pixels_drawn(ProjectionDrawing(projections(scene_of(detection)), 0.45))[:-84]
        assert bool((np.ptp(pixels, axis=-1) > 40).any()) is coloured


def test_the_curves_leave_out_what_is_not_known(found):
    """Without an answer of the paper's CNN there is one line and one key; with it two."""
    silent = tuple(dataclasses.replace(row, paper_cnn_probability=None) for row in found.slices)
    with_it, without = (
        pixels_drawn(SliceCurveDrawing(slices))[60:335] for slices in (found.slices, silent)
    )
    assert near(with_it, ORANGE).any()
    assert not near(without, ORANGE).any()
    assert near(without, BLUE).any()
    page = Page(detection_report(dataclasses.replace(found, slices=silent)))
    assert "no slice holds enough tissue for the paper's CNN" in page.images[-1]["alt"]


def test_a_scan_of_one_slice_has_a_page():
    """One slice has one dot, and no line."""
    single = detect_by_hand((box_at(20, 20, 0),), shape=(40, 40, 1), spacing_mm=(2.0, 2.0, 5.0))
    page = Page(detection_report(single))
    assert "Curves over 1 slice" in page.images[-1]["alt"]
    assert near(pixels_of(page, -1)[60:335], BLUE).any()


# --- from near ---------------------------------------------------------------------------------


def test_the_largest_and_the_least_certain_lesions_are_shown_from_near(found):
    """Four by volume; of the others those of the lowest highest probability; by their number."""
    lesions = tuple(
        dataclasses.replace(found.lesions[0], lesion_id=n, max_probability=0.5 + 0.05 * (n % 4))
        for n in range(1, 12)
    )
    many = dataclasses.replace(found, lesions=lesions)
    assert [lesion.lesion_id for lesion in largest_lesions(many)] == [1, 2, 3, 4]
    assert [lesion.lesion_id for lesion in least_certain_lesions(many)] == [8, 5, 9, 6]
    page = Page(detection_report(found))
    assert "Lesion 1: 512 mm³, highest probability 0.90, mean 0.90; slice 20" in page.text
    assert "Lesion 5: 8.0 mm³" in page.text


def test_a_close_up_holds_its_whole_lesion_and_a_bar_of_true_length(found):
    """Forty millimetres across, wider for a wide lesion; 10 mm are a quarter of the picture."""
    (near,) = close_ups(scene_of(found), found.lesions[:1])
    rows, columns = near.part.lesions.shape
    assert (rows * near.part.plane.row_mm, columns * near.part.plane.column_mm) == (40, 40)
    assert np.count_nonzero(near.part.lesions == 1) == 16
    pixels = pixels_drawn(SliceDrawing(near.part, is_outlined=False, scale_mm=10))
    bar = (pixels[-13] == 255).all(axis=-1)
    assert np.flatnonzero(bar)[-1] == 332
    assert np.count_nonzero(bar[200:]) == pytest.approx(342 / 4, abs=3)
    wide = detect_by_hand(((slice(10, 40), slice(30, 40), slice(20, 22)),))
    (near,) = close_ups(scene_of(wide), wide.lesions)
    assert near.part.lesions.shape[1] * near.part.plane.column_mm == 60 + 16
    assert np.count_nonzero(near.part.lesions) == 300


def test_outside_the_brain_every_picture_is_black(found):
    """A bright shell around the brain, as skin is, can be seen in none of them."""
    x, y, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij", sparse=True)
    shell = np.broadcast_to(x**2 + y**2 > 0.95, SHAPE)
    voxels = np.where(shell, np.float32(5000), found.scan.voxels)
    skinned = dataclasses.replace(found, scan=dataclasses.replace(found.scan, voxels=voxels))
    for with_skin, without in (
        *zip(axial_slices(scene_of(skinned)), axial_slices(scene_of(found)), strict=True),
        *zip(projections(scene_of(skinned)), projections(scene_of(found)), strict=True),
    ):
        assert np.array_equal(with_skin.plane.grey, without.plane.grey)


# --- flags, origin, citation, and what must not run --------------------------------------------


def test_quality_is_measured_against_good_scans():
    """Each measure has its limit and its flag; what was not measured is said to be so."""
    quality = ScanQuality(noise_share=0.2, bias_ratio=1.2, ghost_share=None)
    noisy = dataclasses.replace(detect_by_hand(warnings=("noise is strong",)), quality=quality)
    page = Page(detection_report(noisy))
    rows = {row[0][0]: [cell[0] for cell in row] for row in page.table("Quality flags").rows[1:]}
    by_name = {name.split(" share")[0]: cells[1:] for name, cells in rows.items()}
    told = {name: cells[-1] for name, cells in by_name.items()}
    assert any("noise" in name and "take care" in flag for name, flag in told.items())
    assert any("unevenness" in name and "good" in flag for name, flag in told.items())
    assert any("ghosts" in name and flag == "not measured" for name, flag in told.items())
    assert "quality flags 1 they stand above" in page.text


def test_the_command_that_gives_it_again_has_every_digit_of_its_thresholds():
    """A threshold of many digits is not rounded: other digits could draw other lesions."""
    found = detect_by_hand(())
    detector = dataclasses.replace(found.detector, threshold=0.123456789, least_mm3=12345678.0)
    page = Page(detection_report(dataclasses.replace(found, detector=detector)))
    assert "--threshold 0.123456789 --min-peak 0.6 --min-lesion-mm3 12345678" in page.text


def test_the_page_tells_how_to_have_it_again_and_how_to_cite_it(page):
    """The command with its thresholds; the paper as CITATION.cff has it; no date."""
    assert (
        "mslesion detect sub-7_FLAIR.nii.gz --output OUT --model-path model.safetensors "
        "--threshold 0.45 --min-peak 0.6 --min-lesion-mm3 3" in page.text
    )
    cff = (Path(__file__).resolve().parents[3] / "CITATION.cff").read_text(encoding="utf-8")
    for key in ("doi", "journal", "year", "volume"):
        (value,) = re.findall(rf"^    {key}: \"?([^\"\n]+)", cff, re.MULTILINE)
        assert f"{{{value}}}" in page.text
    for name in re.findall(r"family-names: (.+)", cff):
        assert name in page.text
    assert "@software{mslesion" in page.text
    assert "<details>" in detection_report(detect_by_hand(()))


PAYLOADS = (
    "<script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>", "<script src=//evil.example/x.js>",
    "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<body onload=alert(1)>", "<iframe src=javascript:alert(1)>", "<object data=//evil.example>",
    "<embed src=//evil.example>", "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example/>",
    "<a href=javascript:alert(1)>x</a>", "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<form action=//evil.example><input type=submit>", "<input onfocus=alert(1) autofocus>",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)></video>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<style>@import '//evil.example/x.css';</style>", "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>", "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)", "' onmouseover='alert(1)", "\"><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "{{constructor.constructor('alert(1)')()}}<b>",
)  # fmt: skip


@pytest.fixture(scope="module")
def harmless_tags():
    """The tags of a page, and the names of their attributes, where all names are plain."""
    page = Page(detection_report(detect_by_hand(FIVE[:1], name="plain", warnings=("plain",))))
    return [(tag, sorted(values)) for tag, values in page.tags]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_name_adds_a_tag_or_an_attribute_to_the_page(payload, harmless_tags):
    """In name, file, history, warning and reason: the page has the tags that it has without."""
    hostile = detect_by_hand(FIVE[:1], name=payload, warnings=(payload,))
    scan = dataclasses.replace(hostile.scan, history=(payload,), source=Path(f"{payload}_FLAIR"))
    text = detection_report(dataclasses.replace(hostile, scan=scan))
    page = Page(text)
    assert [(tag, sorted(values)) for tag, values in page.tags] == harmless_tags
    assert payload in page.text
    assert payload not in text or "<" not in payload


def test_the_page_forbids_itself_to_run_or_load_anything(text):
    """Its policy allows pictures that are inside and one style sheet, known by its hash."""
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in style
    assert "@import" not in style
    assert "style=" not in text
