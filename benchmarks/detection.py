"""Detection speed beside what one would run otherwise, in one run on the same machine.

    python benchmarks/detection.py                      # about 13 minutes on two cores
    python benchmarks/detection.py --quick              # one round on smaller volumes
    python benchmarks/detection.py --json speed.json    # every number too

First the whole command, from its start to the last file written, on simulated scans. Then the
networks alone on a 1 mm volume, of each shipped model: ours, the same networks through MONAI's
sliding window, and beside the default model a 3D U-Net of nnU-Net's default size through the same.
All are run in turn, round by round, so that a busy machine slows all; ratios are taken within a
round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import monai
import numpy as np
import torch
from numpy.typing import NDArray

from arithmetic import count_multiply_adds, matrix_product, seconds_of
from mslesion.lesions.inference import slab_probabilities
from mslesion.lesions.model import SHIPPED, LesionModel, parameter_count, shipped_model
from mslesion.lesions.slabs import Slab, slabs_of
from mslesion.read import read_scan
from rivals import (
    MONAI_BATCH,
    MONAI_OVERLAP,
    NNUNET_CHANNELS,
    NNUNET_MIRRORINGS,
    NNUNET_PATCH,
    TRAINING_WINDOW,
    context_channels,
    nnunet_inferer,
    nnunet_network,
    slice_by_slice,
    whole_slice,
    window_by_window,
    window_count,
)
from scans_to_time import THICK_SHAPE, THIN_SHAPE, TimedScan, thick_scan, thin_scans

DEFAULT, *OTHERS = SHIPPED
TARGET_SECONDS = {THICK_SHAPE: 8.0, THIN_SHAPE: 30.0}
TARGET_MB = 1500.0
DEPTHS = (45, 91, 182)
QUICK_DEPTHS = (24, 36, 48)
LONGEST_S = 180.0
"""What takes longer is timed on one window, and the rest is reckoned from it."""

_PRODUCTS_A_ROUND = 3
_LAUNCHER = Path(__file__).with_name("timed_command.py")


@dataclass(frozen=True)
class Contender:
    """A way to have a volume segmented.

    ``gflop`` is of the whole volume; ``runs_in_whole`` says how many times ``run`` makes it.
    """

    label: str
    run: Callable[[], object]
    gflop: float
    runs_in_whole: int = 1
    note: str = ""


@dataclass(frozen=True)
class NetworkTime:
    """Seconds for the whole volume, one a round; ``ratio`` is to ours, as (median, least, most).

    Rates are those of the median round.
    """

    label: str
    seconds: tuple[float, ...]
    ratio: tuple[float, float, float]
    gflop: float
    gflop_per_second: float
    share_of_peak: float
    note: str


@dataclass(frozen=True)
class CommandTime:
    """The whole command on one scan with one model; seconds and peak memory, one a round."""

    name: str
    model: str
    megavoxels: float
    seconds: tuple[float, ...]
    peak_mb: tuple[float, ...]
    target_seconds: float | None


@dataclass(frozen=True)
class Growth:
    """A straight line through seconds against millions of voxels."""

    seconds_at_none: float
    seconds_per_megavoxel: float
    largest_residual_s: float
    largest_residual_share: float


def growth(times: Sequence[CommandTime]) -> Growth:
    """The line of least squares; shares are of the time measured."""
    voxels = np.array([time.megavoxels for time in times])
    seconds = np.array([median(time.seconds) for time in times])
    slope, start = np.polyfit(voxels, seconds, 1)
    residuals = np.abs(start + slope * voxels - seconds)
    return Growth(
        float(start), float(slope), float(residuals.max()), float((residuals / seconds).max())
    )


def network_times(
    contenders: Sequence[Contender], seconds: Sequence[Sequence[float]], peak_gflop_s: float
) -> tuple[NetworkTime, ...]:
    """Turn seconds of single runs, one row a contender, into times of the whole; ours is first."""
    whole = [
        tuple(one * contender.runs_in_whole for one in row)
        for contender, row in zip(contenders, seconds, strict=True)
    ]
    times = []
    for contender, row in zip(contenders, whole, strict=True):
        ratios = sorted(theirs / ours for theirs, ours in zip(row, whole[0], strict=True))
        rate = contender.gflop / median(row)
        times.append(
            NetworkTime(
                contender.label,
                row,
                (median(ratios), ratios[0], ratios[-1]),
                contender.gflop,
                rate,
                rate / peak_gflop_s,
                contender.note,
            )
        )
    return tuple(times)


# --- the whole command ---------------------------------------------------------------------------


def time_command(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory in MB of one command.

    Raises:
        SystemExit: the command failed; what it said is on stderr.
    """
    launched = subprocess.run(  # noqa: S603 - our own benchmark
        [sys.executable, "-S", str(_LAUNCHER), *command], stdout=subprocess.PIPE, check=True
    )
    measured = json.loads(launched.stdout)
    if measured["exit"] != 0:
        sys.exit(f"'{' '.join(command)}' ended with {measured['exit']}")
    return measured["seconds"], measured["peak_mb"]


def detect_command(scan: Path, output: Path, model: str, threads: int) -> list[str]:
    """What a user types."""
    words = [sys.executable, "-m", "mslesion", "detect", str(scan), "--output", str(output)]
    return [*words, "--model", model, "--threads", str(threads)]


def time_commands(
    runs: Sequence[tuple[str, TimedScan]], rounds: int, threads: int, folder: Path
) -> tuple[CommandTime, ...]:
    """``mslesion detect`` with each model on its scan in turn, each time into a new folder."""
    measured: list[list[tuple[float, float]]] = [[] for _ in runs]
    for number in range(rounds):
        for (model, scan), row in zip(runs, measured, strict=True):
            output = folder / f"{scan.name}-{model}-{number}"
            row.append(time_command(detect_command(scan.path, output, model, threads)))
    return tuple(
        CommandTime(
            scan.name,
            model,
            scan.megavoxels,
            tuple(seconds for seconds, _ in row),
            tuple(megabytes for _, megabytes in row),
            TARGET_SECONDS.get(scan.shape),
        )
        for (model, scan), row in zip(runs, measured, strict=True)
    )


# --- the networks alone --------------------------------------------------------------------------


def all_contenders(scan: TimedScan, longest_s: float) -> dict[str, list[Contender]]:
    """Of each model ours and MONAI's with two sizes of window; beside the first nnU-Net's.

    Each has run once and is warm.
    """
    voxels = read_scan(scan.path)
    slabs = list(slabs_of(voxels))
    contenders = {name: our_contenders(slabs, shipped_model(name)) for name in SHIPPED}
    contenders[DEFAULT].append(nnunet_contender(voxels.voxels, longest_s))
    return contenders


def our_contenders(slabs: Sequence[Slab], model: LesionModel) -> list[Contender]:
    """Our networks over every plane a scan is seen in, by our own inference and by MONAI's."""
    networks = model.networks
    multiple = networks[0].pixel_multiple
    volumes = [context_channels(slab) for slab in slabs]
    whole = [whole_slice(slab, multiple) for slab in slabs]
    windows = {
        "(a) MONAI": (whole, "whole slices, its best"),
        "(a') MONAI": ([TRAINING_WINDOW] * len(slabs), "as large as in training"),
    }

    def ours() -> None:
        for slab in slabs:
            slab_probabilities(networks, slab)

    def through_monai(sizes: Sequence[tuple[int, int]]) -> None:
        for volume, window in zip(volumes, sizes, strict=True):
            slice_by_slice(networks, volume, window)

    planes = ", ".join(slab.plane for slab in slabs)
    contenders = [
        _counted(
            "ours",
            ours,
            f"{model.name} model, {len(networks)} network(s) of {parameter_count(networks):,} "
            f"parameters in all, each slice and its mirror image; {planes}",
        )
    ]
    for label, (sizes, why) in windows.items():
        shown = ", ".join(f"{height}x{width}" for height, width in sizes)
        note = (
            f"the same networks, slices and mirror images through monai SliceInferer, windows of "
            f"{shown} ({why}), overlap {MONAI_OVERLAP}, {MONAI_BATCH} at once"
        )
        contenders.append(_counted(label, partial(through_monai, sizes), note))
    return contenders


def _counted(label: str, work: Callable[[], object], note: str) -> Contender:
    return Contender(label, work, 2 * count_multiply_adds(work) / 1e9, note=note)


def nnunet_contender(
    voxels: NDArray[np.float32],
    longest_s: float,
    channels: Sequence[int] = NNUNET_CHANNELS,
    patch: tuple[int, int, int] = NNUNET_PATCH,
) -> Contender:
    """The 3D U-Net on the whole volume, or on one window of it where the whole takes too long."""
    network, inferer = nnunet_network(channels), nnunet_inferer(patch)
    volume = torch.from_numpy((voxels - voxels.mean()) / voxels.std())[None, None]
    windows = window_count(inferer, volume)
    x, y, z = patch
    one_window = partial(window_by_window, network, volume[..., :x, :y, :z], inferer)
    gflop = windows * 2 * count_multiply_adds(one_window) / 1e9
    is_quick = windows * seconds_of(one_window) <= longest_s
    parameters = sum(p.numel() for p in network.parameters())
    return Contender(
        "(b) nnU-Net 3D",
        partial(window_by_window, network, volume, inferer) if is_quick else one_window,
        gflop,
        1 if is_quick else windows,
        f"monai DynUNet of nnU-Net's default size, {parameters:,} random parameters, "
        f"SlidingWindowInferer, {windows} windows of {x}x{y}x{z}, overlap 0.5, Gaussian; "
        + ("all timed" if is_quick else f"one timed a round and taken {windows} times"),
    )


def in_turn(works: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each, one row a work: all of them in the first round, then again."""
    rows: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, row in zip(works, rows, strict=True):
            row.append(seconds_of(work))
    return rows


def time_networks(
    contenders: Mapping[str, Sequence[Contender]], rounds: int
) -> tuple[dict[str, tuple[NetworkTime, ...]], float]:
    """The times of each model's contenders, and the machine's peak rate in GFLOP/s, between them.

    Ratios are to the same model's first contender.
    """
    product, product_gflop = matrix_product()
    product()
    everyone = [contender for of_model in contenders.values() for contender in of_model]
    works = [contender.run for contender in everyone] + [product] * _PRODUCTS_A_ROUND
    rows = in_turn(works, rounds)
    peak = product_gflop / min(min(row) for row in rows[len(everyone) :])
    measured = iter(rows)
    times = {
        model: network_times(of_model, list(islice(measured, len(of_model))), peak)
        for model, of_model in contenders.items()
    }
    return times, peak


# --- what is printed -----------------------------------------------------------------------------


def machine(threads: int) -> dict[str, Any]:
    """What the numbers depend on beside our code."""
    return {
        "processor": _processor_name(),
        "threads": threads,
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "monai": monai.__version__,
    }


def _processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def command_lines(times: Sequence[CommandTime]) -> list[str]:
    """The whole command as a table."""
    lines = [
        "whole command 'mslesion detect', start to files written (median of the rounds)",
        (
            f"{'scan':<14}{'model':<9}{'seconds':>9}{'target':>8}{'peak MB':>9}{'target':>8}"
            f"{'s/Mvoxel':>10}"
        ),
    ]
    for time in times:
        seconds = median(time.seconds)
        target = "" if time.target_seconds is None else f"{time.target_seconds:.0f}"
        lines.append(
            f"{time.name:<14}{time.model:<9}{seconds:>9.2f}{target:>8}{max(time.peak_mb):>9.0f}"
            f"{TARGET_MB:>8.0f}{seconds / time.megavoxels:>10.2f}"
        )
    return lines


def growth_line(line: Growth) -> str:
    """The fit in words."""
    return (
        f"1 mm volumes, {DEFAULT}: {line.seconds_at_none:.2f} s + "
        f"{line.seconds_per_megavoxel:.2f} s per million voxels; "
        f"largest residual {line.largest_residual_s:.2f} s "
        f"({line.largest_residual_share:.1%}): linear if small"
    )


def network_lines(name: str, model: str, times: Sequence[NetworkTime]) -> list[str]:
    """The networks of one model and what stands beside them as a table."""
    lines = [
        f"networks alone on {name} at 1 mm, {model} (files, resampling and lesions left out)",
        (
            f"{'':<16}{'seconds':>9}{'ratio':>8}  {'of the rounds':<17}{'GFLOP':>8}{'GFLOP/s':>9}"
            f"{'of peak':>9}"
        ),
    ]
    for time in times:
        middle, least, most = time.ratio
        spread = f"({least:.2f} to {most:.2f})"
        lines.append(
            f"{time.label:<16}{median(time.seconds):>9.2f}{middle:>8.2f}  {spread:<17}"
            f"{time.gflop:>8.0f}{time.gflop_per_second:>9.1f}{time.share_of_peak:>9.1%}"
        )
    return lines


def closing_lines(networks: Mapping[str, Sequence[NetworkTime]], peak_gflop_s: float) -> list[str]:
    """What each row of the tables is, and what the ratios are."""
    nnunet = networks[DEFAULT][-1]
    return [
        f"peak: {peak_gflop_s:.1f} GFLOP/s, the best float32 matrix product of the same run",
        *(
            f"{model}, {time.label}: {time.note}"
            for model, times in networks.items()
            for time in times
        ),
        (
            f"With nnU-Net's {NNUNET_MIRRORINGS}-fold mirroring, its default, the ratio of "
            f"{nnunet.label} would be {NNUNET_MIRRORINGS * nnunet.ratio[0]:.0f}."
        ),
        "Ratios are times over ours, each taken within one round of this one run; aims: (a) and",
        "(a') at least 1, (b) at least 10.",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the numbers where asked."""
    parser = argparse.ArgumentParser(description="Detection speed beside MONAI and nnU-Net's size.")
    parser.add_argument("--rounds", type=int, default=3, help="each timed so often (default: 3)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number here")
    parser.add_argument(
        "--quick", action="store_true", help="one round, thinner volumes: says little of ratios"
    )
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else options.rounds
    torch.set_num_threads(options.threads)
    about = machine(options.threads)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        thick = thick_scan(folder)
        thin = thin_scans(folder, QUICK_DEPTHS if options.quick else DEPTHS)
        runs = [(DEFAULT, scan) for scan in (thick, *thin)]
        runs += [(model, scan) for model in OTHERS for scan in (thick, thin[-1])]
        commands = time_commands(runs, rounds, options.threads, folder)
        line = growth(commands[1 : 1 + len(thin)])
        print(", ".join(f"{key} {value}" for key, value in about.items()))
        print("", *command_lines(commands), growth_line(line), sep="\n", flush=True)
        longest_s = 0 if options.quick else LONGEST_S
        networks, peak = time_networks(all_contenders(thin[-1], longest_s), rounds)
    for model, times in networks.items():
        print("", *network_lines(thin[-1].name, model, times), sep="\n")
    print(*closing_lines(networks, peak), sep="\n")
    if options.json:
        record = {
            "machine": about,
            "commands": [asdict(time) for time in commands],
            "growth": asdict(line),
            "networks": {
                model: [asdict(time) for time in times] for model, times in networks.items()
            },
            "peak_gflop_per_second": peak,
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
