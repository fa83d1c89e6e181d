"""Put the promises of docs/reliability.md to the test, and write what came out into it.

    python tools/measure_reliability.py                  # an hour on two cores
    python tools/measure_reliability.py kills bombs      # some of them
    python tools/measure_reliability.py --quick          # a tenth of each, nothing is written

Each experiment is a function that gives plain values; the table EXPERIMENTS names them.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import replace_part

import mslesion
from mslesion.errors import ScanError
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.write.atomic import write_json
from mslesion.write.nifti import write_nifti

ROOT = Path(__file__).resolve().parents[1]
PAGE, RECORD = ROOT / "docs/reliability.md", ROOT / "docs/results/reliability.json"
DETECT = (sys.executable, "-m", "mslesion", "detect")
Result = dict[str, Any]


def write_scans(folder: Path, count: int) -> None:
    """Simulated people, at most four different ones, each with its own noise."""
    folder.mkdir()
    people = [
        simulate_person(CohortRecipe(people=4, seed=11), i).scan for i in range(min(4, count))
    ]
    for index in range(count):
        scan = people[index % len(people)]
        noise = np.random.default_rng(index).integers(-2, 3, scan.voxels.shape)
        voxels = np.maximum(scan.voxels + noise, 0).astype(np.int16)
        path = folder / f"p{index:03d}_FLAIR.nii.gz"
        write_nifti(path, voxels, scan.grid.affine_vox_to_ras)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder by their way from it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kills(work: Path, size: int) -> Result:
    """Kill a run at a random moment, look at every file, let the same command go on."""
    scans, reference = work / "scans", work / "reference"
    write_scans(scans, 3)
    command = [*DETECT, str(scans), "--model", "small", "--resume", "--output"]
    started = time.monotonic()
    subprocess.run([*command, str(reference)], check=True, capture_output=True)
    whole_s = time.monotonic() - started
    expected = content(reference)
    rng = random.Random(0)  # noqa: S311 - moments, not secrets
    damaged, differing, cut_short = 0, 0, 0
    for index in range(size):
        out = work / f"killed-{index}"
        with subprocess.Popen(
            [*command, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            time.sleep(rng.uniform(0.0, 1.0) * whole_s)
            run.send_signal(signal.SIGKILL)
        left = {n: b for n, b in content(out).items() if not Path(n).name.startswith(".")}
        damaged += sum(expected.get(name) != data for name, data in left.items())
        cut_short += len(left) < len(expected)
        subprocess.run([*command, str(out)], check=True, capture_output=True)
        differing += content(out) != expected
        shutil.rmtree(out)
    return {
        "kills": size,
        "before the end": cut_short,
        "damaged files": damaged,
        "resumed runs that differ": differing,
    }


def one_bad_scan(work: Path, size: int) -> Result:
    """A folder with one damaged scan: every other result is that of a run of its own."""
    scans, together = work / "scans", work / "together"
    write_scans(scans, size)
    (scans / "p001_FLAIR.nii.gz").write_bytes(b"\x1f\x8b" + bytes(300))
    done = subprocess.run(
        [*DETECT, str(scans), "--model", "small", "--output", str(together)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    differing = 0
    for scan in sorted(scans.iterdir()):
        if scan.name.startswith("p001"):
            continue
        alone = work / "alone" / scan.name
        mslesion.detect(scan, model="small").save(alone)
        differing += any((together / n).read_bytes() != b for n, b in content(alone).items())
        shutil.rmtree(alone)
    return {
        "scans": size,
        "exit code": done.returncode,
        "lines of refusal": sum("UNREADABLE" in line for line in done.stderr.splitlines()),
        "results unlike their solo run": differing,
    }


def many_scans(work: Path, size: int) -> Result:
    """Scans in a row in one process: memory, open files and temporary files at its end.

    Every fifth is refused, half of them when read and half for what they show.
    """
    scans = work / "scans"
    write_scans(scans, 4)
    temporary = set(Path(tempfile.gettempdir()).iterdir())
    good = sorted(scans.iterdir())
    damaged, no_brain = scans / "damaged_FLAIR.nii.gz", scans / "noise_FLAIR.nii.gz"
    damaged.write_bytes(good[0].read_bytes()[:100_000])
    noise = np.random.default_rng(0).integers(0, 100, (192, 216, 24)).astype(np.int16)
    write_nifti(no_brain, noise, np.diag([1.0, 1.0, 5.0, 1.0]))
    cycle = (*good, damaged, *good, no_brain)
    memory_mb, warm = [], 20
    handles, refused = 0, 0
    for index in range(warm + size):
        try:
            mslesion.detect(cycle[index % len(cycle)], model="small").save(work / "out")
        except ScanError:
            refused += index >= warm
        if index >= warm - 1:
            gc.collect()
            memory_mb.append(_resident_mb())
        if index == warm - 1:
            handles = _open_handles()
    slope = np.polyfit(np.arange(len(memory_mb)), memory_mb, 1)[0]
    return {
        "scans": size,
        "refused among them": refused,
        "memory growth, MB a scan": round(float(slope), 4),
        "handles left": _open_handles() - handles,
        "temporary files left": len(set(Path(tempfile.gettempdir()).iterdir()) - temporary),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _open_handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def orientations(work: Path, size: int) -> Result:
    """One scan stored in all 48 orders of its axes: is it the same mask, on the stored grid?"""
    from itertools import permutations, product

    import nibabel as nib
    from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

    scan = simulate_person(CohortRecipe(people=1, ms_share=1.0, seed=11), 0).scan
    image = nib.Nifti1Image(scan.voxels.astype(np.int16), scan.grid.affine_vox_to_ras)
    now = io_orientation(image.affine)
    codes = ["".join(side) for axes in permutations(("RL", "AP", "IS")) for side in product(*axes)]
    path, identical, farthest, expected = work / "scan.nii", 0, 0.0, None
    for code in codes[:size]:
        stored = image.as_reoriented(ornt_transform(now, axcodes2ornt(tuple(code))))
        nib.save(stored, path)
        found = mslesion.detect(path)
        found.save(work / "out")
        mask = nib.load(work / "out" / "scan_label-L_mask.nii.gz")
        on_its_grid = mask.shape == stored.shape and np.allclose(mask.affine, stored.affine)
        upright = np.asarray(nib.as_closest_canonical(mask).dataobj)
        if expected is None:
            expected = upright, found.probability
        identical += on_its_grid and np.array_equal(upright, expected[0])
        farthest = max(farthest, float(np.abs(found.probability - expected[1]).max()))
    return {
        "orders": size,
        "identical masks on the stored grid": identical,
        "largest difference of probability": farthest,
    }


def catalogue(work: Path, _size: int) -> Result:
    """The cases of the catalogue of faults, and those that did not end as they should.

    A case fails on a wrong outcome, on a traceback, and on a file at the output that is not whole.
    """
    cases = _tested(work, "test_catalogue.py", "test_every_fault")
    dicom = _tested(work, "test_dicom_catalogue.py", "test_every_fault")
    masks = _tested(work, "test_lesion_masks.py", "test")
    return {
        "cases": sum(counts["tests"] for counts in (cases, dicom, masks)),
        "of DICOM": dicom["tests"],
        "of lesion masks": masks["tests"],
        "failed": sum(counts["failed"] for counts in (cases, dicom, masks)),
    }


def canaries(work: Path, _size: int) -> Result:
    """Names planted in headers, extensions, file names and folders: what came out.

    Forty around one dataset, and as many as there is room for around a DICOM study and around what
    each command reads.
    """
    return {"names planted": 40} | _tested(
        work, "test_privacy.py", "test_", "-m", "slow or not slow"
    )


def _tested(work: Path, file: str, names: str, *options: str) -> Result:
    """What pytest says of the tests of one file."""
    import xml.etree.ElementTree as ET

    report = work / "report.xml"
    path = ROOT / "tests/faults" / file
    command = [sys.executable, "-m", "pytest", "-q", str(path), "-k", names, *options]
    command += [f"--junitxml={report}"]
    subprocess.run(command, check=False, capture_output=True, cwd=ROOT)
    (suite,) = ET.parse(report).getroot()  # noqa: S314
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return {"tests": int(suite.get("tests", 0)), "failed": failed}


def bit_flips(work: Path, size: int) -> Result:
    """Single bits of a compressed scan, and all of a header: the slow tests of this, counted."""
    sys.path.insert(0, str(ROOT / "tests/faults"))
    from test_bit_flips import flips_of_header, flips_of_stream

    return {
        f"of {size} in a gzip stream": dict(flips_of_stream(work, size)),
        "of 2784 in a header": dict(flips_of_header(work)),
    }


def added_lesions(_work: Path, _size: int) -> Result:
    """Spots of 100 to 300 mm3, 3 SD bright, put into white matter of a simulated patient."""
    sys.path.insert(0, str(ROOT / "tests/e2e"))
    from test_detector_relations import Subject, added_lesions_found, simulated_patient

    return {"put in": 100, "found": added_lesions_found(Subject(simulated_patient()))}


def bombs(work: Path, size: int) -> Result:
    """Small files that claim or unpack to gigabytes: seconds and memory until they are refused.

    Each is given to its own process, as a scan or as a DICOM series; ``size`` times all of them.
    """
    import gzip

    def nifti_header(shape: tuple[int, int, int], code: int = 16, bits: int = 32) -> bytes:
        header = bytearray(352)
        struct.pack_into("<i", header, 0, 348)
        struct.pack_into("<8h", header, 40, 3, *shape, 1, 1, 1, 1)
        struct.pack_into("<2h", header, 70, code, bits)
        struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
        struct.pack_into("<f", header, 108, 352)
        header[344:348] = b"n+1\0"
        return bytes(header)

    def mgh_header(shape: tuple[int, int, int]) -> bytes:
        return struct.pack(">7i", 1, *shape, 1, 3, 0).ljust(284, b"\0")

    def unpacking(head: bytes, megabytes: int) -> bytes:
        zeros = gzip.compress(bytes(64 * 2**20), mtime=0)
        return gzip.compress(head, mtime=0) + zeros * (megabytes // 64)

    large, small = nifti_header((1000, 1000, 800)), nifti_header((100, 100, 80))
    files = {
        "claims 3 GB, holds none.nii.gz": gzip.compress(large, mtime=0),
        "claims 3 GB, holds 139 KB.nii": large + bytes(139_000),
        "a small scan, then 3 GB of zeros.nii.gz": unpacking(small, 3072),
        "1 GB of zeros, and says so.nii.gz": unpacking(nifti_header((512, 512, 512), 64, 64), 1024),
        "claims 3 GB, holds none.mgz": gzip.compress(mgh_header((1000, 1000, 800)), mtime=0),
        "a small scan, then 3 GB of zeros.mgz": unpacking(mgh_header((100, 100, 80)), 3072),
    }
    scans = _dicom_bombs(work)
    for number, (name, content) in enumerate(files.items()):
        scans.append(work / f"{number}{name[name.index('.') :]}")
        scans[-1].write_bytes(content)
    output = str(work / "out")
    costs = [_cost_of([*DETECT, str(scan), "--output", output]) for scan in scans * size]
    return {
        "bombs": len(costs),
        "refused": sum(code == 4 for _, _, code in costs),
        "longest, s": round(max(seconds for seconds, _, _ in costs), 2),
        "most memory, MB": round(max(megabytes for _, megabytes, _ in costs)),
    }


def _dicom_bombs(work: Path) -> list[Path]:
    """Files and addresses of series that claim or unpack to far more than they hold."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/faults")]
    from test_dicom_catalogue import CATALOGUE, good_volume

    from dicom_files import classic
    from mslesion.read import read_cohort

    addresses = []
    for number, row in enumerate(row for row in CATALOGUE if row.at_once):
        folder = work / f"dicom-{number}"
        folder.mkdir()
        row.make(classic(good_volume()), folder)
        first, *others = (path for path in folder.rglob("*") if path.is_file())
        addresses.append(read_cohort(folder).people[0].scans[0].image if others else first)
    return addresses


def suite(work: Path, size: int) -> Result:
    """The fast test suite, as ``make test`` runs it in a finished environment."""
    del work, size
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--numprocesses", "auto"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    counts = {
        word.rstrip("s"): int(number)
        for number, word in re.findall(r"(\d+) (passed|failed|errors?)", done.stdout)
    }
    return {
        "tests": counts.get("passed", 0) + counts.get("failed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0),
        "minutes": round((time.monotonic() - started) / 60, 1),
        "cores": os.cpu_count(),
    }


_MEASURED = """
import json, os, resource, subprocess, sys, time
started = time.monotonic()
nowhere = subprocess.DEVNULL
code = subprocess.run(sys.argv[1:], stdout=nowhere, stderr=nowhere).returncode
seconds = time.monotonic() - started
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, usage.ru_maxrss / 1024 ** (1 + (sys.platform == "darwin")), code]))
"""


def _cost_of(command: list[str]) -> tuple[float, float, int]:
    """Seconds, peak memory in MB and exit code of a command.

    It is started by a Python that holds nothing: a process is charged with what its parent held.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", _MEASURED, *command], check=True, capture_output=True
    )
    seconds, megabytes, code = json.loads(done.stdout)
    return seconds, megabytes, code


EXPERIMENTS: dict[str, tuple[Callable[[Path, int], Result], int]] = {
    "catalogue": (catalogue, 1),
    "canaries": (canaries, 1),
    "orientations": (orientations, 48),
    "kills": (kills, 100),
    "bit_flips": (bit_flips, 10_000),
    "bombs": (bombs, 1),
    "added_lesions": (added_lesions, 1),
    "one_bad_scan": (one_bad_scan, 100),
    "many_scans": (many_scans, 500),
    "suite": (suite, 1),
}
"""What is tried, and how often."""


def main() -> None:
    """Run the experiments that were asked for, and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*EXPERIMENTS, []], metavar="EXPERIMENT")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    for name in options.names or EXPERIMENTS:
        experiment, size = EXPERIMENTS[name]
        with tempfile.TemporaryDirectory() as work:
            record[name] = experiment(Path(work), max(1, size // 10) if options.quick else size)
        print(name, record[name], flush=True)
        if not options.quick:
            write_json(RECORD, record)
            replace_part(PAGE, "measured", table(record))


def table(record: dict[str, Result]) -> list[str]:
    """One row an experiment."""
    lines = ["| experiment | what came out |", "|---|---|"]
    lines += [
        f"| `{name}` | {'; '.join(f'{key}: {_in_words(value)}' for key, value in result.items())} |"
        for name, result in record.items()
    ]
    return lines


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {what}" for what, count in value.items())
    return str(value)


if __name__ == "__main__":
    main()
