"""``mslesion detect`` as a user meets it: files, tables, terminal, exit codes, and what stays."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

import mslesion
from made_up_detection import BOX, detection_of
from mslesion import batch
from mslesion import detector as detecting
from mslesion.cli import main
from mslesion.cli.detect import MODELS, caution
from mslesion.detection import Detection
from mslesion.detector import Detector, load_detector
from mslesion.errors import ContrastError, OutputError
from mslesion.lesions.model import SHIPPED, save_lesion_model, shipped_model
from mslesion.read import read_cohort, read_scan
from mslesion.read.detections import DetectionFiles
from mslesion.simulate import CohortRecipe, simulate_person
from mslesion.verdict import VerdictModel
from mslesion.write import detection as writing
from mslesion.write.folder import LOCK_NAME
from mslesion.write.nifti import write_nifti

ENDINGS = ("_label-L_mask.nii.gz", "_label-L_probseg.nii.gz", "_lesions.tsv", "_report.html",
           "_slices.tsv", "_summary.json")  # fmt: skip


class FakeDetector:
    """Finds one box in every scan, and keeps the names of the scans it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failures: dict[str, Exception] = {}

    def __call__(
        self, path: Path, detector: Detector, name: str, volume: int | None = None
    ) -> Detection:
        """Stands in for ``detect_scan``."""
        self.asked.append(name)
        if name in self.failures:
            raise self.failures[name]
        return detection_of(
            read_scan(path, volume), name, boxes=(BOX,), identity=detector.identity,
            input_sha256=sha256(path.read_bytes()).hexdigest(),
        )  # fmt: skip


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDetector:
    """Quick findings in place of the network's, and a report of one line."""
    detector = FakeDetector()
    monkeypatch.setattr(batch, "detect_scan", detector)
    monkeypatch.setattr(writing, "detection_report", lambda found: f"<p>{found.name}</p>\n")
    return detector


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, make_bids_cohort) -> Path:
    """Four people, each with an expert's mask."""
    return make_bids_cohort(tmp_path_factory.mktemp("detect") / "cohort")


@pytest.fixture(scope="module")
def simulated_scan(tmp_path_factory) -> Path:
    """One simulated person with MS, as a file."""
    person = simulate_person(CohortRecipe(people=2, ms_share=1.0, seed=5), 0)
    path = tmp_path_factory.mktemp("person") / "sub-01_FLAIR.nii.gz"
    voxels = person.scan.voxels.astype(np.int16)
    write_nifti(path, voxels, person.scan.grid.affine_vox_to_ras)
    return path


@pytest.fixture
def scans(cohort: Path, tmp_path: Path) -> Path:
    """A plain folder of three scans."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in (1, 2, 3):
        source = cohort / f"sub-0{number}/anat/sub-0{number}_FLAIR.nii.gz"
        shutil.copy(source, folder / f"p{number}_FLAIR.nii.gz")
    return folder


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _of_scans(folder: Path) -> dict[str, bytes]:
    """All files but the record of the run, which tells of threads and versions."""
    return {name: data for name, data in _bytes(folder).items() if name != "run.json"}


def _run(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def _detect(data: Path, output: Path, *options: str) -> int:
    return main(["detect", str(data), "--output", str(output), *options])


# --- with the real network -----------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What one command in a fresh Python printed, and the folder it wrote."""

    output: Path
    printed: list[str]
    imported: set[str]


@pytest.fixture(scope="module")
def of_a_new_user(simulated_scan: Path, tmp_path_factory) -> Run:
    """``mslesion detect SCAN --output OUT``, any warning an error."""
    out = tmp_path_factory.mktemp("new-user") / "out"
    code = (
        "import sys\nfrom mslesion.cli import main\n"
        f"code = main(['detect', {str(simulated_scan)!r}, '--output', {str(out)!r}])\n"
        "print(*(name for name in sys.modules if '.' not in name))\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *printed, modules = done.stdout.splitlines()
    return Run(out, printed, set(modules.split()))


def test_a_new_user_gets_all_files_of_a_scan(of_a_new_user: Run, simulated_scan: Path) -> None:
    """Six files, which agree with each other and lie on the grid of the scan, and its outcome."""
    out = of_a_new_user.output
    assert sorted(_of_scans(out)) == [f"sub-01{ending}" for ending in ENDINGS]
    (outcome,) = _run(out)["scans"]
    assert (
        outcome["summary_sha256"] == sha256((out / "sub-01_summary.json").read_bytes()).hexdigest()
    )
    summary = json.loads((out / "sub-01_summary.json").read_text())
    assert summary["lesion_count"] == len(_table(out / "sub-01_lesions.tsv"))
    assert summary["input_sha256"] == sha256(simulated_scan.read_bytes()).hexdigest()
    assert summary["weights_sha256"] == shipped_model().sha256
    grid = nib.load(simulated_scan)
    mask = nib.load(out / "sub-01_label-L_mask.nii.gz")
    assert np.array_equal(mask.affine, grid.affine)
    voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
    volume_ml = float(np.asarray(mask.dataobj).sum() * voxel_ml)
    assert summary["lesion_volume_ml"] == pytest.approx(volume_ml, abs=1e-3)
    assert len(_table(out / "sub-01_slices.tsv")) == grid.shape[2]
    assert of_a_new_user.printed[0].startswith("sub-01: ")
    assert f"report: {out / 'sub-01_report.html'}" in of_a_new_user.printed


def test_detection_loads_no_library_it_has_no_need_of(of_a_new_user: Run) -> None:
    """Those of the study and of the simulation cost seconds, and stay unloaded."""
    assert "torch" in of_a_new_user.imported
    assert not {"sklearn", "skops", "nilearn", "pandas", "matplotlib"} & of_a_new_user.imported


WITHOUT_EXTRAS = """
import sys
absent = set(sys.argv[1:])
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from mslesion import batch, pipeline
from mslesion.detector import load_detector
from mslesion.report import detection, cohort
from mslesion.view import server
load_detector("small")
"""


def test_detection_needs_nothing_but_what_pip_installs_with_it() -> None:
    """``pip install .`` is enough: nothing that comes with an extra alone is missed."""
    core = _installed_with("mslesion") | {"setuptools", "pip"}
    absent = [
        name
        for name, owners in packages_distributions().items()
        if not {_normal(owner) for owner in owners} & core
    ]
    assert {"joblib", "sklearn", "matplotlib", "pydicom", "nilearn"} <= set(absent)
    command = [sys.executable, "-c", WITHOUT_EXTRAS, *absent]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _installed_with(name: str) -> set[str]:
    """A distribution, and what pip installs because of it where no extra is asked for."""
    known, waiting = set[str](), [name]
    while waiting:
        one = _normal(waiting.pop())
        if one not in known:
            known.add(one)
            with suppress(PackageNotFoundError):  # of another system or version of Python
                needed = [r for r in requires(one) or () if "extra ==" not in r]
                waiting += [re.split(r"[^\w.-]", requirement)[0] for requirement in needed]
    return known


def test_python_gives_the_files_of_the_command_line(
    of_a_new_user: Run, simulated_scan: Path, tmp_path: Path
) -> None:
    """``mslesion.detect(...).save(...)`` and the command write the same bytes."""
    found = mslesion.detect(str(simulated_scan))
    assert isinstance(found, mslesion.Detection)
    found.save(tmp_path)
    assert _bytes(tmp_path) == _of_scans(of_a_new_user.output)


def _normal(name: str) -> str:
    """One spelling of a distribution, as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _damaged(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b" + bytes(100))


@pytest.mark.parametrize("make", [_damaged, os.mkfifo])
def test_a_file_that_cannot_be_used_is_refused_before_pytorch_is_loaded(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """A damaged file, one that claims gigabytes, a pipe: they cost neither seconds nor memory."""
    make(tmp_path / "a_FLAIR.nii.gz")
    code = (
        "import sys; from mslesion.cli import main\n"
        f"code = main(['detect', {str(tmp_path / 'a_FLAIR.nii.gz')!r}, '--output', 'out'])\n"
        "print('torch' in sys.modules); sys.exit(code)"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert done.stdout == "False\n"
    assert done.stderr.startswith("UNREADABLE: ")


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_files_do_not_depend_on_the_number_of_threads(
    threads: str, of_a_new_user: Run, simulated_scan: Path, tmp_path: Path
) -> None:
    """One core or three, told by the environment or by --threads: only run.json tells which."""
    command = [sys.executable, "-m", "mslesion", "detect", str(simulated_scan)]
    command += ["--output", str(tmp_path / "out"), "--threads", threads]
    limits = {f"{name}_NUM_THREADS": threads for name in ("OMP", "OPENBLAS", "MKL")}
    subprocess.run(command, env=os.environ | limits, check=True, capture_output=True)
    assert _of_scans(tmp_path / "out") == _of_scans(of_a_new_user.output)
    ours, theirs = (_run(out) for out in (tmp_path / "out", of_a_new_user.output))
    # PyTorch takes no more threads than there are cores.
    assert 1 <= ours["environment"].pop("threads") <= int(threads)
    del theirs["environment"]["threads"]
    assert ours == theirs


def test_what_is_no_brain_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Noise in place of a brain: the error's own exit code, one line, and no file of a result."""
    noise = np.random.default_rng(0).normal(100, 10, (40, 40, 10)).astype(np.float32)
    write_nifti(tmp_path / "noise_FLAIR.nii.gz", noise, np.diag([1.0, 1.0, 3.0, 1.0]))
    assert _detect(tmp_path / "noise_FLAIR.nii.gz", tmp_path / "out") == 4
    captured = capsys.readouterr()
    line = captured.err.splitlines()[-1]
    assert line.startswith("NO_BRAIN: ")
    assert "noise_FLAIR.nii.gz" in line
    assert captured.out == ""
    assert _of_scans(tmp_path / "out") == {}
    (outcome,) = _run(tmp_path / "out")["scans"]
    assert (outcome["status"], outcome["code"]) == ("set aside", "NO_BRAIN")


# --- one scan ------------------------------------------------------------------------------------


def test_thecaution_tells_how_often_controls_are_called_ms() -> None:
    """The rate with its interval where a verdict was fitted; only the caution where none was."""
    rates = ((0.02, 0.0, 0.05), (0.1, 0.0, 0.2))
    verdict = VerdictModel((0.0,), (1.0,), (1.0,), 0.0, 0.5, *rates, "nobody")
    assert caution(verdict).endswith("controls 2.0% are called MS (95 % interval 0.0% to 5.0%)")
    assert caution(None) == "research use only, no diagnosis"


@pytest.mark.usefixtures("fake")
def test_the_terminal_says_what_was_found(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, count, volume, verdict with probability, report; and that it is no diagnosis."""
    assert _detect(scans / "p1_FLAIR.nii.gz", tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "p1: 1 lesion, 4.05 ml",  # 27 voxels of 150 mm3
        "Findings compatible with multiple sclerosis (probability 0.88)",
        f"report: {tmp_path / 'out' / 'p1_report.html'}",
    ]
    assert "no diagnosis" in lines[3]


def test_a_missing_verdict_says_why(
    fake: FakeDetector, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where no verdict is given, the reason stands there, once; other warnings follow."""

    def doubtful(path: Path, detector: Detector, name: str, volume: int | None) -> Detection:
        found = fake(path, detector, name, volume)
        none = detection_of(found.scan, name, boxes=())
        return replace(none, warnings=(*none.warnings, "left and right are not known"))

    monkeypatch.setattr(batch, "detect_scan", doubtful)
    assert _detect(scans / "p1_FLAIR.nii.gz", tmp_path / "out") == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "p1: no lesions, 0.00 ml",
        "No verdict: only a part of the brain is seen",
        "warning: left and right are not known",
    ]


def test_the_only_scan_has_its_own_exit_code(
    fake: FakeDetector, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another contrast ends with 4; a mistake of ours with 70, named as such."""
    fake.failures["p1"] = ContrastError("looks like a T1w image, not FLAIR", remedy="give FLAIR")
    assert _detect(scans / "p1_FLAIR.nii.gz", tmp_path / "out") == 4
    assert capsys.readouterr().err.splitlines()[-1].startswith("CONTRAST: looks like a T1w")
    fake.failures["p1"] = IndexError("7 is out of\nbounds")
    assert _detect(scans / "p1_FLAIR.nii.gz", tmp_path / "out", "--debug") == 70
    text = capsys.readouterr().err
    assert "IndexError: 7 is out of bounds: this is our mistake; please report it" in text
    assert "Traceback" in text


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (["--threshold", "1.5"], "1.5 is not between 0 and 1"),
        (["--threshold", "1"], "a threshold of 1.0 makes no sense"),
        (["--min-peak", "1"], "a threshold of 1.0 makes no sense"),
        (["--min-lesion-mm3", "-1"], "a volume of -1.0 mm3 makes no sense"),
        (["--min-lesion-mm3", "nan"], "a volume of nan mm3 makes no sense"),
        (["--min-lesion-mm3", "much"], "'much' is not a number"),
        (["--model", "huge"], "invalid choice"),
        (["--model-path", ""], "the path is empty"),
        (["--model-path", "https://a.org/m"], "https://a.org/m is an address"),
        (["--model", "small", "--model-path", "m"], "not allowed with argument --model"),
    ],
)
def test_options_that_make_no_sense_are_one_line(
    options: list[str], phrase: str, scans: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit code 2, and nothing is written."""
    assert _detect(scans, tmp_path / "out", *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("USAGE: ")
    assert phrase in line
    assert not (tmp_path / "out").exists()


def test_the_models_on_offer_are_those_shipped() -> None:
    """The command line, which must not load PyTorch for its help, offers what there is."""
    assert MODELS == SHIPPED


@pytest.mark.usefixtures("fake")
def test_weights_of_ones_own(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of weights is used in place of ours; one that is none has exit code 6.

    Where no verdict was fitted for it, no error rate of a verdict is told.
    """
    own = tmp_path / "own.safetensors"
    digest = save_lesion_model(replace(shipped_model("small"), name="mine", verdict=None), own)
    assert _detect(scans, tmp_path / "out", "--model-path", str(own)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "research use only, no diagnosis"
    summary = json.loads((tmp_path / "out" / "p1_summary.json").read_text())
    assert (summary["model"], summary["weights_sha256"]) == ("mine", digest)
    own.write_bytes(b"no weights")
    assert _detect(scans, tmp_path / "other", "--model-path", str(own)) == 6
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("fake")
def test_thresholds_of_ones_own_have_no_verdict(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Error rates were measured at the thresholds of the model: at these alone they are told."""
    shipped = load_detector()
    point = shipped.operating_point
    same = load_detector(threshold=point.threshold, min_peak=point.peak)
    assert shipped.verdict == same.verdict == shipped.model.verdict is not None
    others = [{"threshold": 0.25}, {"min_peak": 0.9}, {"min_lesion_mm3": 9.0}]
    for other in others:
        assert load_detector(**other).verdict is None
    assert _detect(scans / "p1_FLAIR.nii.gz", tmp_path / "out", "--min-peak", "0.3") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "research use only, no diagnosis"


# --- many scans ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("fake")
def test_a_folder_of_scans(scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files of each scan lie straight in the output, with tables over all of them."""
    out = tmp_path / "out"
    assert _detect(scans, out) == 0
    each = [f"p{number}{ending}" for number in (1, 2, 3) for ending in ENDINGS]
    assert sorted(_bytes(out)) == sorted([*each, "cohort.tsv", "lesions.tsv", "run.json"])
    rows = _table(out / "cohort.tsv")
    assert [row["scan"] for row in rows] == ["p1", "p2", "p3"]
    assert {row["status"] for row in rows} == {"done"}
    assert rows[0]["lesion_volume_ml"] == "4.05"
    assert rows[0]["largest_lesion_mm3"] == "4050.0"
    assert rows[0]["abstained"] == "false"
    lesions = _table(out / "lesions.tsv")
    (own,) = _table(out / "p2_lesions.tsv")
    assert lesions[1] == {"scan": "p2", **own}
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["p1", "p2", "p3"]
    assert str(out / "cohort.tsv") in lines[3]


@pytest.mark.usefixtures("fake")
def test_images_that_are_passed_over_are_named(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside images named FLAIR others are not taken, which is told before anything else."""
    (scans / "p3_FLAIR.nii.gz").rename(scans / "p3.nii.gz")
    assert _detect(scans, tmp_path / "out") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "in doubt: passed over, as others have FLAIR in their names: p3.nii.gz"
    assert [line.partition(":")[0] for line in lines[1:3]] == ["p1", "p2"]


@pytest.mark.usefixtures("fake")
def test_results_of_another_image_of_the_same_name_are_not_replaced_silently(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two patients' FLAIR.nii.gz into one folder: the second run says so, a repeat does not."""
    told = []
    for number in (1, 1, 2):
        folder = tmp_path / f"patient{number}"
        folder.mkdir(exist_ok=True)
        shutil.copy(scans / f"p{number}_FLAIR.nii.gz", folder / "FLAIR.nii.gz")
        assert _detect(folder / "FLAIR.nii.gz", tmp_path / "out") == 0
        told.append(capsys.readouterr().out.count("another image of this name is replaced"))
    assert told == [0, 0, 1]


@pytest.mark.usefixtures("fake")
def test_images_further_down_are_pointed_to(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder a patient is no layout that is known; the error names an image that was seen."""
    for number in (1, 2):
        (scans / f"p{number}").mkdir()
        (scans / f"p{number}_FLAIR.nii.gz").rename(scans / f"p{number}" / "FLAIR.nii.gz")
    (scans / "p3_FLAIR.nii.gz").unlink()
    assert _detect(scans, tmp_path / "out") == 4
    assert "an image further down, p1/FLAIR.nii.gz" in capsys.readouterr().err


@pytest.mark.usefixtures("fake")
def test_a_bids_dataset_gets_a_bids_derivative(cohort: Path, tmp_path: Path) -> None:
    """Folders and entities are the dataset's own; BIDS learns who made this from what."""
    dataset = tmp_path / "dataset"
    shutil.copytree(cohort, dataset)
    session = dataset / "sub-02" / "ses-1" / "anat"
    (dataset / "sub-02" / "anat").rename(session.parent.parent / "moved")
    session.parent.mkdir()
    (dataset / "sub-02" / "moved").rename(session)
    (session / "sub-02_FLAIR.nii.gz").rename(session / "sub-02_ses-1_acq-2D_FLAIR.nii.gz")
    (dataset / "dataset_description.json").write_text(
        '{"Name": "Ours", "DatasetDOI": "10.1234/ours"}'
    )
    out = dataset / "derivatives" / "mslesion"
    assert _detect(dataset, out) == 0
    written = _bytes(out)
    home = "sub-02/ses-1/anat/sub-02_ses-1_acq-2D"
    assert {f"{home}{ending}" for ending in ENDINGS} <= set(written)
    assert "sub-01/anat/sub-01_label-L_mask.json" in written
    sidecar = json.loads(written[f"{home}_label-L_mask.json"])
    assert sidecar["Sources"] == ["bids:raw:sub-02/ses-1/anat/sub-02_ses-1_acq-2D_FLAIR.nii.gz"]
    description = json.loads(written["dataset_description.json"])
    assert description["DatasetType"] == "derivative"
    assert description["Name"] == "Lesions found in Ours"
    assert description["GeneratedBy"][0]["Name"] == "mslesion"
    assert description["GeneratedBy"][0]["Version"] == mslesion.__version__
    assert description["SourceDatasets"] == [{"URL": "../..", "DOI": "doi:10.1234/ours"}]
    assert "*_summary.json" in written[".bidsignore"].decode().splitlines()
    rows = _table(out / "cohort.tsv")
    assert [row["participant_id"] for row in rows] == ["sub-01", "sub-02", "sub-03", "sub-04"]


@pytest.mark.usefixtures("fake")
def test_what_was_found_is_never_taken_for_the_truth(cohort: Path, tmp_path: Path) -> None:
    """Results among a dataset's derivatives change nothing about its reference masks."""
    dataset = tmp_path / "dataset"
    shutil.copytree(cohort, dataset)
    shutil.rmtree(dataset / "derivatives" / "manual" / "sub-02")
    before = read_cohort(dataset)
    assert _detect(dataset, dataset / "derivatives" / "aaa") == 0
    after = read_cohort(dataset)
    assert after.people == before.people
    assert after.people[1].scans[0].lesion_mask is None
    assert _detect(dataset / "derivatives" / "aaa", tmp_path / "again") == 4


def test_bad_scans_do_not_stop_the_good_ones(
    fake: FakeDetector, cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One damaged, one of another contrast, one we fail on, one without image: exit code 3."""
    dataset = tmp_path / "dataset"
    shutil.copytree(cohort, dataset)
    damaged = dataset / "sub-01/anat/sub-01_FLAIR.nii.gz"
    damaged.write_bytes(damaged.read_bytes()[:-200])
    fake.failures["sub-02"] = ContrastError("looks like a T2w image", remedy="give FLAIR")
    fake.failures["sub-03"] = ZeroDivisionError("division by zero")
    (dataset / "sub-05" / "anat").mkdir(parents=True)
    out = tmp_path / "out"
    assert _detect(dataset, out) == 3
    captured = capsys.readouterr()
    complaints = [line for line in captured.err.splitlines() if "finding lesions" not in line]
    assert [line.split(":")[0] for line in complaints] == ["UNREADABLE", "CONTRAST", "BUG", "SCAN"]
    assert (
        "sub-03_FLAIR.nii.gz: ZeroDivisionError: division by zero: this is our mistake; "
        in (complaints[2])
    )
    assert captured.out.startswith("sub-04: 1 lesion")
    rows = _table(out / "cohort.tsv")
    assert [(row["scan"], row["status"]) for row in rows] == [
        ("sub-01", "set aside"), ("sub-02", "set aside"), ("sub-03", "set aside"),
        ("sub-04", "done"), ("sub-05", "set aside"),
    ]  # fmt: skip
    assert rows[1]["reason"] == "CONTRAST: looks like a T2w image"
    assert rows[1]["lesion_count"] == rows[1]["abstained"] == "n/a"
    assert str(tmp_path) not in (out / "cohort.tsv").read_text()
    assert {row["scan"] for row in _table(out / "lesions.tsv")} == {"sub-04"}
    assert not list(out.rglob("sub-0[1235]*.nii.gz"))


def test_a_batch_shows_where_we_failed(
    fake: FakeDetector, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --debug, the traceback of a mistake of ours comes before its line."""
    fake.failures["p2"] = ZeroDivisionError("division by zero")
    assert _detect(scans, tmp_path / "out", "--debug") == 3
    text = capsys.readouterr().err
    assert text.index("Traceback") < text.index("BUG: ")


def test_not_one_scan_can_be_used(
    fake: FakeDetector, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All refused: exit code 4, a line for each and one for all, and the table of reasons."""
    for name in ("p1", "p2", "p3"):
        fake.failures[name] = ContrastError(f"{name} looks like T1w", remedy="give FLAIR")
    assert _detect(scans, tmp_path / "out") == 4
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if "finding lesions" not in line]
    assert [line.partition(":")[0] for line in lines] == [*["CONTRAST"] * 3, "COHORT"]
    assert "none of 3 scans can be used" in lines[-1]
    assert captured.out == ""
    assert len(_table(tmp_path / "out" / "cohort.tsv")) == 3
    assert _table(tmp_path / "out" / "lesions.tsv") == []


def test_a_full_disk_stops_everything(fake: FakeDetector, scans: Path, tmp_path: Path) -> None:
    """What would fail for the next scan too is not told scan by scan."""
    fake.failures["p2"] = OutputError("cannot be written (disk full)", remedy="free some space")
    assert _detect(scans, tmp_path / "out") == 5
    assert fake.asked == ["p1", "p2"]
    assert not (tmp_path / "out" / "cohort.tsv").exists()


@pytest.mark.usefixtures("fake")
def test_the_run_tells_the_outcome_of_each_scan(
    fake: FakeDetector, scans: Path, tmp_path: Path
) -> None:
    """Done with the hash of its summary, or set aside with code and reason; no path in it."""
    fake.failures["p2"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
    out = tmp_path / "out"
    assert _detect(scans, out) == 3
    run = json.loads((out / "run.json").read_text())
    assert (run["done"], run["set_aside"]) == (2, 1)
    first, second, _ = run["scans"]
    assert first["summary"] == "p1_summary.json"
    assert first["summary_sha256"] == sha256((out / "p1_summary.json").read_bytes()).hexdigest()
    assert second == {
        "scan": "p2", "participant_id": "p2", "status": "set aside", "code": "CONTRAST",
        "reason": "looks like a T1w image", "remedy": "give FLAIR",
    }  # fmt: skip
    assert run["files"]["cohort.tsv"] == sha256((out / "cohort.tsv").read_bytes()).hexdigest()
    assert str(tmp_path) not in (out / "run.json").read_text()
    assert run["version"] == mslesion.__version__
    assert run["detector"]["weights_sha256"] == shipped_model().sha256
    assert run["environment"]["torch"] == torch.__version__
    assert run["environment"]["device"] == "cpu"


@pytest.mark.usefixtures("fake")
def test_runs_over_single_scans_share_a_folder(scans: Path, tmp_path: Path) -> None:
    """Each adds its outcome; in whatever order, the same bytes. A scan done again stands once."""
    first, second = tmp_path / "a", tmp_path / "b"
    for name in ("p3", "p1", "p1"):
        assert _detect(scans / f"{name}_FLAIR.nii.gz", first) == 0
    for name in ("p1", "p3"):
        assert _detect(scans / f"{name}_FLAIR.nii.gz", second) == 0
    assert [scan["scan"] for scan in _run(first)["scans"]] == ["p1", "p3"]
    assert _bytes(first) == _bytes(second)


@pytest.mark.parametrize("is_unreadable", [True, False])
def test_a_single_scan_that_is_refused_is_told_in_the_run(
    is_unreadable: bool, fake: FakeDetector, scans: Path, tmp_path: Path
) -> None:
    """Before the detector is loaded or after; what was found in another scan stays."""
    out, scan = tmp_path / "out", scans / "p2_FLAIR.nii.gz"
    assert _detect(scan, out) == 0
    assert _detect(scans / "p1_FLAIR.nii.gz", out) == 0
    if is_unreadable:
        scan.write_bytes(b"text")
    fake.failures["p2"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
    assert _detect(scan, out) == 4
    run = _run(out)
    assert (run["done"], run["set_aside"]) == (1, 1)
    assert run["scans"][1]["code"] == ("UNREADABLE" if is_unreadable else "CONTRAST")
    assert not list(out.glob("p2_*"))
    assert ("run" in run["scans"][0]) is is_unreadable
    assert (run["detector"] is None) is is_unreadable


@pytest.mark.usefixtures("fake")
def test_outcomes_of_another_detector_say_so(scans: Path, tmp_path: Path) -> None:
    """The record is of the last run; an outcome that came from another tells from what."""
    out = tmp_path / "out"
    assert _detect(scans / "p1_FLAIR.nii.gz", out, "--threshold", "0.25") == 0
    assert _detect(scans / "p2_FLAIR.nii.gz", out) == 0
    assert _detect(scans / "p3_FLAIR.nii.gz", out) == 0
    run = _run(out)
    assert [("run" in scan) for scan in run["scans"]] == [True, False, False]
    assert run["scans"][0]["run"]["detector"]["threshold"] == 0.25
    assert run["detector"]["threshold"] != 0.25


@pytest.mark.usefixtures("fake")
def test_a_single_scan_ends_what_is_told_of_all(scans: Path, tmp_path: Path) -> None:
    """Tables over all scans go, outcomes stay but for those whose results are gone."""
    out = tmp_path / "out"
    assert _detect(scans, out) == 0
    (out / "p3_summary.json").unlink()
    assert _detect(scans / "p1_FLAIR.nii.gz", out) == 0
    assert not (out / "cohort.tsv").exists()
    assert not (out / "lesions.tsv").exists()
    assert [scan["scan"] for scan in _run(out)["scans"]] == ["p1", "p2"]
    assert _run(out)["files"] == {}


@pytest.mark.usefixtures("fake")
def test_a_dicom_object_under_a_nifti_name_costs_itself_alone(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no MR image, between two scans: named, and the others are done."""
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in "ac":
        shutil.copy(scans / "p1_FLAIR.nii.gz", mixed / f"{name}_FLAIR.nii.gz")
    (mixed / "b_FLAIR.nii.gz").write_bytes(bytes(128) + b"DICM" + bytes(64))
    assert _detect(mixed, tmp_path / "out") == 3
    assert "UNREADABLE: " in capsys.readouterr().err
    told = {one["scan"]: one["status"] for one in _run(tmp_path / "out")["scans"]}
    assert told == {"a": "done", "b": "set aside", "c": "done"}


@pytest.mark.usefixtures("fake")
def test_where_nobody_reads_standard_error_the_work_goes_on(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after '2>&1 | head -1': a refusal is told to nobody, and the run ends as it should."""
    data = shutil.copytree(cohort, tmp_path / "data")
    shutil.rmtree(data / "sub-02" / "anat")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as unread:
        monkeypatch.setattr(sys, "stderr", unread)
        assert _detect(data, tmp_path / "out") == 3
        assert sys.stderr is unread
    assert _run(tmp_path / "out")["set_aside"] == 1


@pytest.mark.usefixtures("fake")
def test_a_forbidden_folder_sets_its_participant_aside_by_name(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The others are done; the line names the folder that could not be looked into."""
    forbidden = cohort / "sub-02" / "anat"
    listing = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder == forbidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert _detect(cohort, tmp_path / "out") == 3
    assert f"UNREADABLE: {forbidden}: cannot be read" in capsys.readouterr().err
    assert [one["status"] for one in _run(tmp_path / "out")["scans"]].count("done") == 3


@pytest.mark.usefixtures("fake")
def test_what_a_killed_run_was_writing_is_known_whoever_comes_next(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another scan comes first; then the scan itself is done again; files of others stay."""
    out = tmp_path / "out"
    killed = DetectionFiles(out, "p1")
    out.mkdir()
    killed.unfinished.touch()
    (out / LOCK_NAME).touch()
    for path in (killed.mask, killed.lesions):
        path.write_bytes(b"half")
    theirs = DetectionFiles(out, "p3").mask
    theirs.write_bytes(b"an expert's")
    assert _detect(scans / "p2_FLAIR.nii.gz", out) == 0
    assert killed.mask.read_bytes() == b"half"
    assert _detect(scans / "p1_FLAIR.nii.gz", out, "--resume") == 0
    assert killed.read_summary()["lesion_count"] == 1
    assert not killed.unfinished.exists()
    (out / LOCK_NAME).touch()
    assert _detect(scans / "p3_FLAIR.nii.gz", out) == 5
    assert "which mslesion did not write" in capsys.readouterr().err
    assert theirs.read_bytes() == b"an expert's"


_OF_NO_OUTCOME = json.dumps(
    {"version": "1", "detector": {}, "environment": {}, "files": {}, "scans": [{"scan": "p1"}]}
)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"mine": true}', _OF_NO_OUTCOME],
)  # fmt: skip
@pytest.mark.parametrize("is_unreadable", [True, False])
def test_a_record_of_a_run_that_is_damaged_or_not_ours_stays(
    content: str, is_unreadable: bool, fake: FakeDetector, scans: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Exit code 5 before the work, also for a scan that is refused, whose line is told too."""
    out, scan = tmp_path / "out", scans / "p1_FLAIR.nii.gz"
    out.mkdir()
    (out / "run.json").write_text(content)
    if is_unreadable:
        scan.write_bytes(b"text")
    assert _detect(scan, out) == 5
    *first, last = capsys.readouterr().err.splitlines()
    assert "holds run.json, which mslesion did not write, or not so" in last
    assert [line.partition(":")[0] for line in first] == ["UNREADABLE"] * is_unreadable
    assert _bytes(out) == {"run.json": content.encode()}
    assert fake.asked == []


@pytest.mark.usefixtures("fake")
def test_a_run_whose_files_changed_meanwhile_does_not_end_well(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All results are read back before the run calls itself done."""
    write = batch.write_detection

    def write_and_damage(*args: object) -> object:
        files = write(*args)
        (tmp_path / "out" / "p1_lesions.tsv").write_text("another")
        return files

    monkeypatch.setattr(batch, "write_detection", write_and_damage)
    assert _detect(scans, tmp_path / "out") == 5
    assert "is not what was written there" in capsys.readouterr().err
    assert not (tmp_path / "out" / "run.json").exists()


# --- again, and without harm ---------------------------------------------------------------------


@pytest.fixture
def done(fake: FakeDetector, scans: Path, tmp_path: Path) -> Path:
    """The results of all three scans; the fake detector has forgotten that it was asked."""
    out = tmp_path / "out"
    assert _detect(scans, out) == 0
    fake.asked.clear()
    return out


def test_resuming_does_only_what_is_missing(fake: FakeDetector, scans: Path, done: Path) -> None:
    """Done scans are passed over, and the tables over all are the same to the byte."""
    before = _bytes(done)
    (done / "p2_slices.tsv").unlink()
    assert _detect(scans, done, "--resume") == 0
    assert fake.asked == ["p2"]
    assert _bytes(done) == before
    assert _detect(scans, done) == 0
    assert fake.asked == ["p2", "p1", "p2", "p3"]
    assert _bytes(done) == before


def _other_scan(scans: Path, _done: Path) -> None:
    shutil.copy(scans / "p3_FLAIR.nii.gz", scans / "p1_FLAIR.nii.gz")


def _other_version(_scans: Path, done: Path) -> None:
    path = done / "p1_summary.json"
    path.write_text(path.read_text().replace(f'"{mslesion.__version__}"', '"0.0.9"'))


def _damaged_summary(_scans: Path, done: Path) -> None:
    (done / "p1_summary.json").write_text("{")


def _no_report(_scans: Path, done: Path) -> None:
    (done / "p1_report.html").unlink()


def _flipped_bit(_scans: Path, done: Path) -> None:
    path = done / "p1_label-L_mask.nii.gz"
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "change", [_other_scan, _other_version, _damaged_summary, _no_report, _flipped_bit]
)
def test_what_is_out_of_date_is_done_again(
    change: Callable[[Path, Path], None], fake: FakeDetector, scans: Path, done: Path
) -> None:
    """Another scan of that name, another version, a damaged or missing file: that scan alone."""
    change(scans, done)
    assert _detect(scans, done, "--resume") == 0
    assert fake.asked == ["p1"]


@pytest.mark.parametrize(
    "options",
    [
        ["--threshold", "0.25"],
        ["--min-peak", "0.9"],
        ["--min-lesion-mm3", "9"],
        ["--model", "small"],
    ],
)
def test_other_options_do_all_again(
    options: list[str], fake: FakeDetector, scans: Path, done: Path
) -> None:
    """A result under another operating point or of another model is not taken over."""
    assert _detect(scans, done, "--resume", *options) == 0
    assert fake.asked == ["p1", "p2", "p3"]


def test_a_scan_now_refused_keeps_no_old_result(
    fake: FakeDetector, scans: Path, done: Path
) -> None:
    """A mask of what the file once was does not stay beside the refusal of what it is."""
    fake.failures["p1"] = ContrastError("looks like a T1w image", remedy="give FLAIR")
    assert _detect(scans, done) == 3
    assert not list(done.glob("p1_*"))
    assert [row["scan"] for row in _table(done / "lesions.tsv")] == ["p2", "p3"]


@pytest.fixture
def untouched(scans: Path, cohort: Path) -> Iterator[None]:
    """At the end of the test, every file of the inputs is what it was."""
    before = [_bytes(folder) for folder in (scans, cohort)]
    yield
    assert [_bytes(folder) for folder in (scans, cohort)] == before


@pytest.mark.usefixtures("untouched")
def test_inputs_are_never_replaced(
    fake: FakeDetector, scans: Path, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An output among the scans, or over the expert's masks, is refused before the work."""
    for data, output, phrase in (
        (scans, scans, "is the folder of the scan itself"),
        (scans / "p1_FLAIR.nii.gz", scans, "is the folder of the scan itself"),
        (scans / "p1_FLAIR.nii.gz", scans / ".." / "scans", "is the folder of the scan itself"),
        (cohort, cohort, "is the folder of the scan itself"),
        (cohort, cohort / "derivatives" / "manual", "would have sub-01_label-L_mask.nii.gz"),
    ):
        assert _detect(data, output) == 5
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("OUTPUT: ")
        assert phrase in line
    assert fake.asked == []


def test_a_dataset_of_others_is_not_mixed_with_ours(
    fake: FakeDetector, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that says it is another dataset keeps its description, and gets no file."""
    out = tmp_path / "theirs"
    out.mkdir()
    (out / "dataset_description.json").write_text('{"Name": "Theirs"}')
    assert _detect(scans, out) == 5
    assert "holds a dataset that is not ours" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["dataset_description.json"]
    assert fake.asked == []


@pytest.mark.parametrize("name", ["run.json", "lesions.tsv", "README", "p2_label-L_mask.nii.gz"])
@pytest.mark.parametrize("options", [(), ("--resume",)])
def test_a_file_that_we_did_not_write_stays(
    name: str, options: tuple[str, ...], fake: FakeDetector, scans: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Somebody's file of a name that ours have is not replaced: exit code 5, before the work."""
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"mine": true}')
    assert _detect(scans, out, *options) == 5
    assert f"holds {name}, which mslesion did not write" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == '{"mine": true}'
    assert fake.asked == []


def test_an_experts_mask_is_not_replaced_by_a_single_scans(
    fake: FakeDetector, scans: Path, tmp_path: Path
) -> None:
    """A single file knows of no mask; the one in the output folder is kept, and a refusal too."""
    mask = tmp_path / "manual" / "p1_label-L_mask.nii.gz"
    mask.parent.mkdir()
    mask.write_text("an expert's")
    (mask.parent / "p1_summary.json").write_text('{"rater": "A"}')
    assert _detect(scans / "p1_FLAIR.nii.gz", mask.parent) == 5
    (scans / "p1_FLAIR.nii.gz").write_bytes(b"text")
    assert _detect(scans / "p1_FLAIR.nii.gz", mask.parent) == 4
    assert mask.read_text() == "an expert's"
    assert fake.asked == []


# --- from Python ---------------------------------------------------------------------------------


def test_the_package_is_quick_to_import() -> None:
    """``import mslesion`` loads nothing heavy; ``detect`` and ``Detection`` are there."""
    code = (
        "import sys, time\nstarted = time.perf_counter()\nimport mslesion\n"
        "spent = time.perf_counter() - started\n"
        "heavy = {'numpy', 'torch', 'nibabel', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert {'detect', 'Detection'} <= set(dir(mslesion))\n"
        "print(spent)"
    )
    spent = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        spent.append(float(done.stdout))
    assert min(spent) < 0.05
    with pytest.raises(AttributeError, match="no attribute 'detekt'"):
        mslesion.detekt  # noqa: B018


def test_options_mean_the_same_in_python(
    fake: FakeDetector, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model, thresholds and least volume, a whole number too, give the command's bytes."""
    monkeypatch.setattr(detecting, "detect_scan", fake)
    scan = scans / "p1_FLAIR.nii.gz"
    options = ["--model", "small", "--threshold", "0.3", "--min-peak", "0.7"]
    options += ["--min-lesion-mm3", "20"]
    assert _detect(scan, tmp_path / "a", *options) == 0
    found = mslesion.detect(scan, model="small", threshold=0.3, min_peak=0.7, min_lesion_mm3=20)
    found.save(tmp_path / "b")
    assert _of_scans(tmp_path / "a") == _bytes(tmp_path / "b")
    summary = json.loads((tmp_path / "b" / "p1_summary.json").read_text())
    assert [summary[key] for key in ("threshold", "min_peak", "min_lesion_mm3")] == [0.3, 0.7, 20]
    assert summary["weights_sha256"] == shipped_model("small").sha256


def test_weights_are_loaded_once_for_many_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scans: Path
) -> None:
    """The same options share one detector; weights changed on disk are loaded anew."""
    monkeypatch.setattr(detecting, "detect_scan", lambda _path, detector, *_: detector)
    scan = scans / "p1_FLAIR.nii.gz"
    first = mslesion.detect(scan)
    assert mslesion.detect(str(scan)) is first
    assert mslesion.detect(scan, threshold=0.25) is not first
    own = tmp_path / "own.safetensors"
    save_lesion_model(replace(shipped_model("small"), name="before"), own)
    before = mslesion.detect(scan, model_path=own)
    assert mslesion.detect(scan, model_path=str(own)) is before
    time.sleep(0.01)
    save_lesion_model(replace(shipped_model("small"), name="after"), own)
    assert [before.identity.name, mslesion.detect(scan, model_path=own).identity.name] == [
        "before",
        "after",
    ]
