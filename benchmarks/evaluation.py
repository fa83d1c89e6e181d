"""Speed and memory of ``mslesion evaluate`` on 100 scans of 182 x 218 x 182 voxels.

    python benchmarks/evaluation.py                     # masks of some other tool
    python benchmarks/evaluation.py --json docs/results/evaluation-speed.json

Reference masks are balls of random size at random places; the masks to measure are the same, moved
by two voxels, with others beside. The whole command is timed, from its start to the last file.
Seconds by the clock depend on what else the machine does, those of its processors hardly. Memory is
that of all its processes together, looked at ten times a second; it needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mslesion.write.nifti import write_nifti

SHAPE = (182, 218, 182)
"""Of MNI space at 1 mm."""
LESIONS, FALSE_LESIONS = 60, 20
MOST_SECONDS, MOST_MB = 120, 2000
"""What 100 scans may take on two cores."""


def balls(count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A mask of balls with radii of 1 to 7 voxels."""
    mask = np.zeros(SHAPE, bool)
    for _ in range(count):
        radius = rng.uniform(1, 7)
        reach = np.arange(-int(radius), int(radius) + 1)
        ball = sum(np.meshgrid(reach**2, reach**2, reach**2, indexing="ij")) <= radius**2
        corner = [int(rng.integers(20, side - 40)) for side in SHAPE]
        box = tuple(slice(start, start + len(reach)) for start in corner)
        mask[box] |= ball
    return mask


def write_pairs(folder: Path, scans: int) -> None:
    """Pairs of masks of so many people."""
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    for number in range(scans):
        rng = np.random.default_rng(number)
        reference = balls(LESIONS, rng)
        found = np.roll(reference, 2, axis=0) | balls(FALSE_LESIONS, rng)
        name = f"sub-{number:03d}_label-L_mask.nii.gz"
        write_nifti(folder / "reference" / name, reference, affine)
        write_nifti(folder / "found" / name, found, affine)


def memory_mb(process: int) -> float:
    """What a process and those it started hold; memory that they share counts once for each."""
    total = 0.0
    waiting = [process]
    while waiting:
        number = waiting.pop()
        try:
            fields = Path(f"/proc/{number}/statm").read_text().split()
            children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        except OSError:  # it has ended meanwhile
            continue
        total += int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        waiting += map(int, children)
    return total


def run(folder: Path, workers: int) -> dict[str, float]:
    """Run the command once and watch it."""
    command = [
        sys.executable, "-m", "mslesion", "evaluate", str(folder / "found"),
        str(folder / "reference"), "--output", str(folder / "out"), "--threads", str(workers),
    ]  # fmt: skip
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    peak_mb = 0.0
    while process.poll() is None:
        peak_mb = max(peak_mb, memory_mb(process.pid))
        time.sleep(0.1)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}")
    used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return {"seconds": seconds, "processor_seconds": used, "peak_mb": peak_mb}


def main() -> None:
    """Make the masks, run the command, say what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_pairs(Path(name), options.scans)
        load = os.getloadavg()[0]
        taken = run(Path(name), options.workers)
    print(
        f"{options.scans} scans on {options.workers} cores: {taken['seconds']:.0f} s, "
        f"{taken['processor_seconds']:.0f} s of processors, {taken['peak_mb']:.0f} MB at most"
    )
    found: dict[str, Any] = {
        "scans": options.scans,
        "shape": SHAPE,
        "workers": options.workers,
        **{key: round(value, 1) for key, value in taken.items()},
        "load_at_start": round(load, 2),
        "limits": {"seconds": MOST_SECONDS, "peak_mb": MOST_MB},
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
