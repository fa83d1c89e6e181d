"""The speed benchmark of the detector: what it counts, reckons and prints."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from mslesion.lesions.field_of_view import Box
from mslesion.lesions.inference import slab_probabilities
from mslesion.lesions.model import Calibration, LesionModel
from mslesion.lesions.network import LesionNetwork, NetworkShape
from mslesion.lesions.operating_point import UNCHOSEN
from mslesion.lesions.slabs import Slab, context_offsets
from mslesion.scan import Grid, Scan
from mslesion.write.nifti import write_nifti

pytest.importorskip("monai", reason="the benchmark needs monai")

FOLDER = Path(__file__).parents[2] / "benchmarks"
TINY = NetworkShape((4, 8))


@pytest.fixture
def arithmetic(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/arithmetic.py``."""
    monkeypatch.syspath_prepend(FOLDER)
    import arithmetic

    return arithmetic


@pytest.fixture
def rivals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/rivals.py``."""
    monkeypatch.syspath_prepend(FOLDER)
    import rivals

    return rivals


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/detection.py``, a script beside the package."""
    monkeypatch.syspath_prepend(FOLDER)
    import detection

    return detection


@pytest.fixture
def network() -> LesionNetwork:
    """A network with few channels and random weights, normalisation included."""
    torch.manual_seed(0)
    network = LesionNetwork(TINY)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.fixture
def slab() -> Slab:
    """Nine slices of 48 x 48 pixels that a head fills, nothing of which can be left out."""
    slices = np.random.default_rng(0).uniform(0.5, 1.5, (9, 48, 48)).astype(np.float32)
    slices[:, :12] = slices[:, 36:] = slices[:, :, :12] = slices[:, :, 36:] = 0
    shape = (48, 48, 9)
    return Slab(slices, "axial", Box((0, 0, 0), shape), shape, context_offsets(1.0))


def test_multiply_adds_of_each_kind_of_layer(arithmetic: ModuleType) -> None:
    """A kernel is paid for each number that comes out; in upsampling, for each that goes in."""
    image = torch.zeros(2, 3, 5, 6)
    cases = (
        (nn.Conv2d(3, 4, 3, padding=1), image, 2 * 4 * 5 * 6 * 3 * 3 * 3),
        (nn.Conv2d(3, 4, 3, padding=1, stride=2), image, 2 * 4 * 3 * 3 * 3 * 3 * 3),
        (nn.ConvTranspose2d(3, 4, 2, stride=2), image, 2 * 3 * 5 * 6 * 4 * 2 * 2),
        (nn.Linear(6, 7), image, 2 * 3 * 5 * 7 * 6),
    )
    for layer, seen, expected in cases:
        assert arithmetic.count_multiply_adds(lambda f=layer, x=seen: f(x)) == expected


def test_multiply_adds_of_the_lesion_network(
    arithmetic: ModuleType, network: LesionNetwork
) -> None:
    """One slice of 16 x 16 costs what its layers add up to by hand, twice if seen twice."""
    fine = 20 * 4 * 9 + 4 * 4 * 9 + (8 + 4) * 4 * 9 + 4 * 4 * 9 + 4 * 12
    coarse = 4 * 8 * 9 + 8 * 8 * 9
    one = 8 * 8 * fine + 4 * 4 * coarse + 8 * 3
    seen = torch.zeros(1, 5, 16, 16)
    assert arithmetic.count_multiply_adds(lambda: network(seen)) == one
    assert arithmetic.count_multiply_adds(lambda: (network(seen), network(seen))) == 2 * one


def test_work_without_a_layer_is_not_free(arithmetic: ModuleType) -> None:
    """A network that cannot be looked into is an error, not a rate of nothing."""
    with pytest.raises(ValueError, match="nothing to count"):
        arithmetic.count_multiply_adds(lambda: torch.zeros(1) + 1)


def test_nnunet_network_has_the_parameters_of_the_plan(rivals: ModuleType) -> None:
    """Six stages of two 3 x 3 x 3 convolutions down, five up, add up to 31 million numbers."""
    widths = (32, 64, 128, 256, 320, 320)

    def two_convolutions(channels_in: int, channels_out: int) -> int:
        norms = 4 * channels_out
        return 27 * channels_in * channels_out + 27 * channels_out**2 + norms

    down = sum(two_convolutions(a, b) for a, b in pairwise((1, *widths)))
    up = sum(
        8 * coarse * fine + fine + two_convolutions(2 * fine, fine)
        for fine, coarse in pairwise(widths)
    )
    classes = 32 * 2 + 2
    counted = sum(p.numel() for p in rivals.nnunet_network().parameters())
    assert counted == down + up + classes
    assert counted == pytest.approx(31e6, rel=0.01)


def test_nnunet_windows_are_those_of_nnunet(rivals: ModuleType) -> None:
    """Windows of 128 that move by half of it: twelve for 182 x 218 x 182, one for a patch."""
    inferer = rivals.nnunet_inferer()
    by_rule = np.prod([np.ceil((side - 128) / 64) + 1 for side in (182, 218, 182)])
    assert rivals.window_count(inferer, torch.zeros(1, 1, 182, 218, 182)) == by_rule == 12
    assert rivals.window_count(inferer, torch.zeros(1, 1, 128, 128, 128)) == 1


def test_the_same_network_through_monai_gives_our_answer(
    rivals: ModuleType, network: LesionNetwork, slab: Slab
) -> None:
    """What is timed beside ours does the same work: probabilities agree to rounding."""
    ours = slab_probabilities((network, network), slab)
    window = rivals.whole_slice(slab, network.pixel_multiple)
    theirs = rivals.slice_by_slice((network, network), rivals.context_channels(slab), window)
    expected = np.stack([ours.lesion, ours.ventricle, ours.brain]).transpose(0, 3, 2, 1)
    np.testing.assert_allclose(theirs[:, :, 12:36, 12:36], expected[:, :, 12:36, 12:36], atol=1e-5)


def test_a_window_covers_a_slice_in_steps_the_network_takes(rivals: ModuleType, slab: Slab) -> None:
    """Sides are rounded up to the network's multiple."""
    assert rivals.whole_slice(slab, 16) == (48, 48)
    assert rivals.whole_slice(slab, 20) == (60, 60)


def test_ratios_and_rates_come_from_the_seconds(benchmark: ModuleType) -> None:
    """Ratios are taken round by round against ours; a part stands for the whole it is cut from."""
    contenders = [
        benchmark.Contender("ours", print, gflop=100),
        benchmark.Contender("part", print, gflop=600, runs_in_whole=12),
    ]
    ours, part = benchmark.network_times(contenders, [[2, 4, 1], [1, 1, 1]], peak_gflop_s=80)
    assert ours.ratio == (1, 1, 1)
    assert part.seconds == (12, 12, 12)
    assert part.ratio == (6, 3, 12)
    assert (ours.gflop_per_second, ours.share_of_peak) == (50, 0.625)
    assert (part.gflop_per_second, part.share_of_peak) == (50, 0.625)


def test_a_long_volume_is_reckoned_from_one_window(benchmark: ModuleType) -> None:
    """Whether all is timed or one window, the arithmetic told is that of the whole volume."""
    voxels = np.random.default_rng(0).normal(size=(20, 16, 24)).astype(np.float32)
    small = {"channels": (4, 8, 8), "patch": (16, 16, 16)}
    whole = benchmark.nnunet_contender(voxels, float("inf"), **small)
    one = benchmark.nnunet_contender(voxels, 0.0, **small)
    assert (whole.runs_in_whole, one.runs_in_whole) == (1, 4)
    assert "all timed" in whole.note
    assert "taken 4 times" in one.note
    counted = 2 * benchmark.count_multiply_adds(whole.run) / 1e9
    assert whole.gflop == pytest.approx(counted)
    assert one.gflop == pytest.approx(counted)
    assert 2 * benchmark.count_multiply_adds(one.run) / 1e9 == pytest.approx(counted / 4)


def _command_times(benchmark: ModuleType, seconds: dict[float, float]) -> list[object]:
    return [
        benchmark.CommandTime(f"{n}", "small", n, (s, s, s), (400.0, 900.0, 500.0), 30.0)
        for n, s in seconds.items()
    ]


def test_growth_tells_a_line_from_a_curve(benchmark: ModuleType) -> None:
    """Times on a line leave no residual; times that grow with the square do."""
    line = benchmark.growth(_command_times(benchmark, {1: 3.5, 2: 5.0, 4: 8.0}))
    assert line.seconds_at_none == pytest.approx(2)
    assert line.seconds_per_megavoxel == pytest.approx(1.5)
    assert line.largest_residual_s == pytest.approx(0, abs=1e-9)
    curve = benchmark.growth(_command_times(benchmark, {1: 1.0, 2: 4.0, 4: 16.0}))
    assert curve.largest_residual_share > 0.2


def test_the_table_shows_time_target_and_the_highest_memory(benchmark: ModuleType) -> None:
    """A reader sees at once whether a target is met."""
    (_, header, row) = benchmark.command_lines(_command_times(benchmark, {2: 5.0}))
    assert header.split() == [
        "scan", "model", "seconds", "target", "peak", "MB", "target", "s/Mvoxel",
    ]  # fmt: skip
    assert row.split() == ["2", "small", "5.00", "30", "900", "1500", "2.50"]


def test_a_command_is_timed_with_its_own_memory(benchmark: ModuleType) -> None:
    """200 MB that the command holds are counted, what this large process holds is not."""
    ballast = np.ones(30_000_000)
    sleep = "import time; time.sleep(0.3)"
    seconds, small = benchmark.time_command([sys.executable, "-S", "-c", sleep])
    hold = "x = b'1' * 200_000_000"
    _, large = benchmark.time_command([sys.executable, "-S", "-c", hold])
    assert seconds >= 0.3
    assert small < ballast.nbytes / 1e6 / 4
    assert 190 < large < 190 + 2 * small


def test_a_command_that_fails_is_not_timed(benchmark: ModuleType) -> None:
    """The benchmark stops, and says which command it was and how it ended."""
    with pytest.raises(SystemExit, match=r"raise SystemExit\(3\)' ended with 3"):
        benchmark.time_command([sys.executable, "-c", "raise SystemExit(3)"])


def _scan(shape: tuple[int, int, int]) -> Scan:
    voxels = np.random.default_rng(0).uniform(50, 150, shape).astype(np.float32)
    grid = Grid(shape, np.array([[1, 0, 0, -9], [0, 1, 0, 4], [0, 0, 2, 7], [0, 0, 0, 1.0]]))
    return Scan(voxels, grid, grid)


def test_the_middle_of_a_scan_stays_where_it_was(benchmark: ModuleType) -> None:
    """A cut voxel has the value and the place in space that it had before."""
    from scans_to_time import middle

    scan = _scan((8, 9, 6))
    voxels, affine_vox_to_ras = middle(scan, (4, 9, 3))
    assert voxels.shape == (4, 9, 3)
    assert voxels[0, 0, 0] == scan.voxels[2, 0, 1]
    place = scan.grid.affine_vox_to_ras @ [2, 0, 1, 1]
    np.testing.assert_allclose(affine_vox_to_ras @ [0, 0, 0, 1], place)
    assert benchmark.THIN_SHAPE == (182, 218, 182)


def test_the_whole_benchmark_on_tiny_scans(
    benchmark: ModuleType,
    network: LesionNetwork,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One run prints every table; the JSON holds the numbers that the ratios come from."""
    from scans_to_time import TimedScan

    def scans(folder: Path, depths: tuple[int, ...] = (5,)) -> tuple[TimedScan, ...]:
        made = []
        for depth in depths:
            scan = TimedScan(folder / f"{depth}_FLAIR.nii", (32, 32, depth))
            whole = _scan(scan.shape)
            write_nifti(scan.path, whole.voxels, whole.grid.affine_vox_to_ras)
            made.append(scan)
        return tuple(made)

    model = LesionModel("tiny", (network,), Calibration(), Calibration(), UNCHOSEN, {})
    nnunet, product = benchmark.nnunet_contender, benchmark.matrix_product
    for name, stand_in in {
        "thick_scan": lambda folder: scans(folder)[0],
        "thin_scans": scans,
        "detect_command": lambda *_: [sys.executable, "-S", "-c", "pass"],
        "shipped_model": lambda _: model,
        "nnunet_contender": lambda voxels, _: nnunet(voxels, 0.0, (4, 8, 8), (16, 16, 16)),
        "matrix_product": lambda: product(64),
        "QUICK_DEPTHS": (3, 4, 6),
    }.items():
        monkeypatch.setattr(benchmark, name, stand_in)
    place = tmp_path / "speed.json"
    benchmark.main(["--quick", "--json", str(place), "--threads", str(torch.get_num_threads())])
    printed = capsys.readouterr().out
    measured = json.loads(place.read_text(encoding="utf-8"))
    assert [(c["name"], c["model"]) for c in measured["commands"]] == [
        ("32x32x5", "default"),
        ("32x32x3", "default"),
        ("32x32x4", "default"),
        ("32x32x6", "default"),
        ("32x32x5", "small"),
        ("32x32x6", "small"),
    ]
    for name, rows in measured["networks"].items():
        ours = rows[0]
        for row in rows:
            assert row["ratio"][0] == pytest.approx(row["seconds"][0] / ours["seconds"][0])
            rate = row["gflop"] / row["seconds"][0]
            assert row["share_of_peak"] == pytest.approx(rate / measured["peak_gflop_per_second"])
            assert f"{row['ratio'][0]:.2f}" in printed
            assert f"{name}, {row['label']}: {row['note']}" in printed
    assert {
        name: [row["label"] for row in rows] for name, rows in measured["networks"].items()
    } == {
        "default": ["ours", "(a) MONAI", "(a') MONAI", "(b) nnU-Net 3D"],
        "small": ["ours", "(a) MONAI", "(a') MONAI"],
    }
    assert measured["machine"]["torch"] == torch.__version__
    assert "each taken within one round of this one run" in printed
