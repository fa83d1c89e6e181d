"""Every file that a command writes stands in the reference of files, and the reverse."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

from made_up_detection import BOX, detection_of
from mslesion import batch
from mslesion.cli import COMMANDS, EXIT_SOME_REFUSED, main
from mslesion.detection import Detection
from mslesion.detector import Detector
from mslesion.read import read_scan
from mslesion.read.inputs import input_sha256
from mslesion.write.nifti import write_nifti
from small_head import small_head
from viewed_output import client_on

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "reference/files.md"


def _rows() -> list[tuple[str, list[str], Path]]:
    """Command, names of files, and the page behind each row of the table."""
    rows = re.findall(
        r"^\| `([\w -]+)` \| (.+?) \| .*?\]\(([^)#]+)[^)]*\) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [(c, re.findall(r"`([^`]+)`", names), PAGE.parent / page) for c, names, page in rows]


def _names(command: str) -> list[str]:
    return [name for of, names, _ in _rows() if of == command for name in names]


def _is(path: str, name: str) -> bool:
    """Whether a path in an output folder has this name of the table."""
    if name.endswith("/"):
        return path.startswith(name)
    regex = re.sub(r"NAME|\\\*|XX", "[^/]+", re.escape(name))
    return re.fullmatch(regex, path if "/" in name else Path(path).name) is not None


class Workshop:
    """Small cohorts, of many and of few, and what commands made of them, in one folder."""

    def __init__(self, folder: Path, make_bids_cohort: Callable[..., Path]) -> None:
        self.folder = folder
        people = {f"{i:02d}": "MS" if i < 8 else "control" for i in range(16)}
        self.cohort = make_bids_cohort(folder / "cohort", people)
        self.few = make_bids_cohort(folder / "few")
        self.scans = folder / "scans"
        self.scans.mkdir()
        self.scan = self.scans / "p1_FLAIR.nii.gz"
        shutil.copy(self.cohort / "sub-00/anat/sub-00_FLAIR.nii.gz", self.scan)
        self.claims = folder / "claims.csv"
        self.claims.write_text("name,accuracy,sensitivity,specificity,cases\na,88.1,84,99,258\n")

    def run(self, name: str, *words: str | Path) -> Path:
        """Do a command with ``--output`` to a folder of this name; gives the folder."""
        out = self.folder / name
        if not out.exists():
            assert main([*map(str, words), "--output", str(out)]) in {0, 7}
        return out

    def detections(self) -> Path:
        """What ``detect`` made of a few people."""
        return self.run("detections", "detect", self.few)

    def model(self) -> Path:
        """A decision tree."""
        command = ["train", "--data", self.cohort, "--label", "lesion", "--classifier", "tree"]
        return self.run("tree", *command)

    def of_two_mm(self) -> Path:
        """A cohort of two people whose heads are as large as heads."""
        folder = self.folder / "heads"
        for number in range(2):
            image, mask = small_head((70, 80, 6), lesions=2, seed=number)
            anat, drawn = f"sub-{number}/anat", f"derivatives/manual/sub-{number}/anat"
            affine = np.diag([2.0, 2.0, 5.0, 1.0])
            write_nifti(folder / anat / f"sub-{number}_FLAIR.nii.gz", image, affine)
            write_nifti(folder / drawn / f"sub-{number}_label-L_mask.nii.gz", mask, affine)
        return folder


def _detect(at: Workshop) -> list[Path]:
    one, folder = at.run("one", "detect", at.scan), at.run("folder", "detect", at.scans)
    return [one, folder, at.detections()]


def _dicom(at: Workshop) -> list[Path]:
    pytest.importorskip("highdicom", reason="pip install 'mslesion[dicom]'")
    from dicom_files import Volume, classic, write_series

    image, _ = small_head()
    volume = Volume(image.astype(np.int16), np.diag([-5.0, -5.0, 6.0, 1.0]))
    series = write_series(classic(volume), at.folder / "dicom")
    return [at.run("of-dicom", "detect", series, "--dicom-seg")]


def _participant(at: Workshop) -> list[Path]:
    out = at.folder / "derivative"
    if not out.exists():
        data = shutil.copytree(at.few, at.folder / "bids")
        (data / "sub-04/anat/sub-04_FLAIR.nii.gz").write_bytes(b"no image")
        (data / "dataset_description.json").write_text('{"Name": "n", "BIDSVersion": "1.10.0"}')
        assert main([str(data), str(out), "participant"]) == EXIT_SOME_REFUSED
    return [out]


def _group(at: Workshop) -> list[Path]:
    (out,) = _participant(at)
    assert main([str(at.folder / "bids"), str(out), "group"]) == EXIT_SOME_REFUSED
    return [out]


def _view(at: Workshop) -> list[Path]:
    out = shutil.copytree(at.detections(), at.folder / "reviewed")
    with client_on(out) as client:
        scan_id, *_ = client.scan_ids().values()
        assert client.save(scan_id, {1: "accepted"}, "").status == 200
    return [out]


def _evaluate(at: Workshop) -> list[Path]:
    masks = at.run("measures", "evaluate", at.detections(), at.few)
    return [masks, at.run("of-model", "evaluate", at.model(), at.cohort)]


def _compare(at: Workshop) -> list[Path]:
    tools = [at.detections(), at.few / "derivatives/manual"]
    return [at.run("comparison", "compare", *tools, "--reference", at.few)]


def _train_detector(at: Workshop) -> list[Path]:
    small = ["--folds", "2", "--fold-steps", "1", "--steps", "1"]
    simulated = ["--simulated-people", "1", "--verdict-people", "12"]
    command = ["train-detector", "--data", at.of_two_mm(), "--model", "small", "--from", "small"]
    return [at.run("detector", *command, *small, *simulated)]


def _evaluate_detector(at: Workshop) -> list[Path]:
    data = at.folder / "simulated"
    _simulate(at)
    return [at.run("detector-measures", "evaluate-detector", data, "--model", "small")]


def _simulate(at: Workshop) -> list[Path]:
    out = at.folder / "simulated"
    if not out.exists():
        assert main(["simulate", str(out), "--people", "2"]) == 0
    return [out]


def _reproduce(at: Workshop) -> list[Path]:
    command = ["reproduce", "--data", at.cohort, "--label", "lesion"]
    return [
        at.run("study", *command),
        at.run("seeds", *command, "--seeds", "2"),
        at.run("simulated-study", "reproduce", "--data", "simulated", "--people", "12"),
    ]


def _train(at: Workshop) -> list[Path]:
    return [at.model(), at.run("cnn", "train", "--data", at.cohort, "--label", "lesion")]


def _study(at: Workshop) -> list[Path]:
    from mslesion.experiments import experiment, study
    from mslesion.experiments.cohorts import StudyCohort
    from mslesion.experiments.table import SIMULATED, experiments

    tiny = experiment.Scale(
        folds=2, seeds=2, shuffles=2, epochs=1, bootstrap_draws=100, is_rehearsal=True
    )
    data = at.folder / "datasets"
    shutil.copytree(at.cohort, data / SIMULATED)
    cohorts = {SIMULATED: StudyCohort(SIMULATED, "small heads", 100, folder=SIMULATED)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "REHEARSAL", tiny)
        patch.setattr(study, "study_cohorts", lambda _: cohorts)
        kept = ("random-labels", "pooling")
        patch.setattr(
            study, "experiments", lambda scale: [r for r in experiments(scale) if r.name in kept]
        )
        return [at.run("whole-study", "study", "--rehearsal", "--data", data)]


def _card(at: Workshop) -> list[Path]:
    results = at.folder / "results"
    results.mkdir()
    shutil.copy(DOCS / "results/tabriz.json", results / "metrics.json")
    return [at.run("card", "card", results)]


RUNS: Mapping[str, Callable[[Workshop], Iterable[Path]]] = {
    "detect": _detect,
    "detect --dicom-seg": _dicom,
    "participant": _participant,
    "group": _group,
    "view": _view,
    "evaluate": _evaluate,
    "compare": _compare,
    "train-detector": _train_detector,
    "evaluate-detector": _evaluate_detector,
    "simulate": _simulate,
    "split": lambda at: [at.run("frozen", "split", at.cohort)],
    "reproduce": _reproduce,
    "train": _train,
    "predict": lambda at: [at.run("predicted", "predict", at.model(), "--data", at.cohort)],
    "explain": lambda at: [at.run("maps", "explain", at.model(), "--data", at.cohort)],
    "audit": lambda at: [at.run("audit", "audit", at.cohort)],
    "claims": lambda at: [at.run("claims", "claims", "--table", at.claims)],
    "study": _study,
    "card": _card,
}
"""How each command is run at toy size, so that together all its files are written."""
ADDS_TO = {"detect --dicom-seg": "detect", "group": "participant", "view": "detect"}
"""Runs whose files lie beside those of another one."""
QUICK = (
    "detect", "detect --dicom-seg", "participant", "group", "view", "evaluate", "compare", "split",
    "predict", "explain", "claims", "card",
)  # fmt: skip


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, make_bids_cohort) -> Workshop:
    """One folder for all commands."""
    return Workshop(tmp_path_factory.mktemp("files"), make_bids_cohort)


def _made_up(path: Path, detector: Detector, name: str, volume: int | None = None) -> Detection:
    """Finds one box in every scan, in place of ``detect_scan``: here only the files matter."""
    return detection_of(
        read_scan(path, volume), name, boxes=(BOX,), identity=detector.identity,
        input_sha256=input_sha256(path),
    )  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=[] if c in QUICK else pytest.mark.slow) for c in RUNS],
)
def test_every_file_is_in_the_reference(
    command: str, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the command wrote has its row, and each name of its rows was written."""
    monkeypatch.setattr(batch, "detect_scan", _made_up)
    written = {
        path.relative_to(folder).as_posix()
        for folder in RUNS[command](workshop)
        for path in folder.rglob("*")
        if path.is_file()
    }
    names = _names(command)
    known = [*names, *_names(ADDS_TO.get(command, ""))]
    assert [path for path in sorted(written) if not any(_is(path, n) for n in known)] == []
    assert [name for name in names if not any(_is(path, name) for path in written)] == []


def test_every_command_has_its_files_in_the_reference() -> None:
    """A new command needs a row in docs/reference/files.md and a run at toy size here."""
    commands = {command.name for command in COMMANDS}
    assert commands - {command for command, *_ in _rows()} == set(), PAGE.name
    assert commands - set(RUNS) == set(), Path(__file__).name
    assert {command for command, *_ in _rows()} == set(RUNS)


def test_the_page_behind_each_row_speaks_of_its_files() -> None:
    """Whoever follows the link finds the name there."""
    for command, names, page in _rows():
        text = page.read_text(encoding="utf-8")
        for name in names:
            last = name.rstrip("/").rpartition("/")[2]
            # Of a file that has its hash beside it under the same name, the ending is said.
            known = last in text or (last.endswith(".sha256") and "`.sha256`" in text)
            assert known or name in text, f"{page.name} says nothing of {name} ({command})"
