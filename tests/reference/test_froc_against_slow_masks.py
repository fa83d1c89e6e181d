"""The FROC against masks that are made anew at each min_peak."""

from __future__ import annotations

import numpy as np
import pytest
import slow_masks
from numpy.typing import NDArray

from mslesion.evaluation.froc import FALSE_PER_SCAN, Candidates, Froc, candidates_of
from mslesion.evaluation.intervals import draw_people
from mslesion.evaluation.lesions import compare_masks
from mslesion.lesions.operating_point import OperatingPoint, lesion_mask
from mslesion.scan import Grid

GRID = Grid((8, 7, 5), np.diag([1.0, 1.0, 3.0, 1.0]))
POINT = OperatingPoint(threshold=0.3, peak=0.6, least_mm3=6.0)

Scan = tuple[str, NDArray[np.float32], NDArray[np.bool_]]


def scans(seed: int) -> list[Scan]:
    """Six scans of five people: sparse random maps, and lesions that lie where some are high."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(6):
        probability = np.rint(rng.beta(0.3, 1.5, GRID.shape) * 64) / np.float32(64)
        reference = (probability > 0.7) & (rng.random(GRID.shape) < 0.5)
        reference |= rng.random(GRID.shape) < 0.02
        made.append((f"p{number % 5}", probability.astype(np.float32), reference))
    return made


def curve(of: list[Scan]) -> Froc:
    """Their FROC."""
    return Froc.of([candidates_of(who, p, r, GRID, POINT) for who, p, r in of])


@pytest.mark.parametrize("seed", range(5))
def test_each_point_is_what_masks_made_at_that_peak_give(seed: int) -> None:
    """Labelled once, and labelled anew by loops for each value: the same."""
    made = scans(seed)
    froc = curve(made)
    plain = [(p, r, GRID.affine_vox_to_ras) for _, p, r in made]
    for n, min_peak in enumerate(froc.min_peaks):
        found, false = slow_masks.froc(plain, POINT.threshold, POINT.least_mm3, min_peak)
        assert froc.sensitivity[n] == pytest.approx(found, abs=1e-12)
        assert froc.false_per_scan[n] == pytest.approx(false, abs=1e-12)
    assert froc.false_per_scan[0] == froc.sensitivity[0] == 0


def test_the_detectors_own_masks_lie_on_the_curve() -> None:
    """At the detector's min_peak the curve counts what its masks hold."""
    made = scans(9)
    found = [
        compare_masks(lesion_mask(p, GRID.voxel_volume_mm3, POINT), r, GRID.voxel_volume_mm3)
        for _, p, r in made
    ]
    froc = curve(made)
    here = np.flatnonzero(froc.min_peaks <= POINT.peak)[0]
    hits, lesions = (sum(x) for x in zip(*((f.is_found.sum(), f.is_found.size) for f in found),
                                         strict=True))  # fmt: skip
    assert froc.sensitivity[here] == pytest.approx(hits / lesions)
    assert froc.false_per_scan[here] == pytest.approx(np.mean([f.false_lesions for f in found]))


def test_the_sensitivity_at_a_rate_by_hand() -> None:
    """Two scans, four lesions; the first false lesion comes at 0.7, the second at 0.4."""
    of = [
        Candidates("a", np.array([0.7]), np.array([0.9, 0.5]), 0.3),
        Candidates("b", np.array([0.4]), np.array([0.8, -np.inf]), 0.3),
    ]
    froc = Froc.of(of)
    np.testing.assert_array_equal(froc.min_peaks, [0.9, 0.8, 0.7, 0.5, 0.4, 0.3])
    read = {name: e.value for name, e in froc.estimates(draws=50, seed=0).items()}
    # Up to a quarter of a false lesion in a scan: none, and two of four are found.
    assert [read[f"sensitivity_at_{rate:g}_false_per_scan"] for rate in FALSE_PER_SCAN] == [
        0.5, 0.5, 0.75, 0.75, 0.75, 0.75, 0.75,
    ]  # fmt: skip
    assert read["mean_sensitivity"] == pytest.approx((2 * 0.5 + 5 * 0.75) / 7)
    assert froc.min_peak_at(0.25) == 0.7
    assert froc.min_peak_at(0.5) == 0.4


def test_drawing_a_person_twice_is_their_scans_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights give what copies of the scans give, however few draws are held at once."""
    made = scans(3)
    monkeypatch.setattr("mslesion.evaluation.froc._MOST_CELLS", 100)
    weights = draw_people(5, 20, seed=1)
    drawn = curve(made).statistics(weights)
    for n, counts in enumerate(weights):
        copies = [
            (f"{who}-{copy}", p, r)
            for who, p, r in made
            for copy in range(counts[int(who.removeprefix("p"))])
        ]
        whole = curve(copies).statistics(np.ones((1, len({c[0] for c in copies})), np.int64))
        for name, values in drawn.items():
            assert values[n] == pytest.approx(whole[name][0], abs=1e-12)


def test_nothing_to_mark_and_nothing_to_find() -> None:
    """Without candidates nothing is found and nothing is false; without lesions it is n/a."""
    nothing, one = np.zeros(GRID.shape, np.float32), np.zeros(GRID.shape, bool)
    one[2, 2, 2] = True
    found = curve([("a", nothing, one)])
    assert found.sensitivity.tolist() == found.false_per_scan.tolist() == [0.0]
    assert np.isnan(curve([("a", nothing, one & False)]).sensitivity).all()
