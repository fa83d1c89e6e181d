"""The how-to pages, their commands run one after the other on a few simulated people."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runnable_page import Block, Reader, blocks

from mslesion.cli import main

pytestmark = pytest.mark.slow

PAGES = Path(__file__).parents[2] / "docs/how-to"
BASH = shutil.which("bash") or "/bin/bash"
LEARN_BRIEFLY = (
    " --folds 2 --fold-steps 2 --steps 2 --simulated-people 4 --verdict-people 0 --device cpu"
)


@pytest.fixture(autouse=True)
def in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of a page name files in the current folder."""
    pytest.importorskip("nilearn", reason="simulated patients need nilearn")
    monkeypatch.chdir(tmp_path)


def _simulate(folder: str, people: int, ms_share: float, seed: int) -> None:
    words = ["simulate", folder, "--people", people, "--ms-share", ms_share, "--seed", seed]
    assert main([str(word) for word in words]) == 0


def _commands_of(page: str) -> list[Block]:
    found = [b for b in blocks((PAGES / page).read_text("utf-8")) if b.language == "bash"]
    assert found, f"{page} has no commands any more"
    return found


def _add_columns(table: Path, **values: list[str]) -> None:
    """Give the people of a dataset further columns, one value after the other."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for column, of_people in values.items():
        for number, row in enumerate(rows):
            row[column] = of_people[number % len(of_people)]
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_an_own_cohort_goes_from_scans_to_measures(tmp_path: Path) -> None:
    """Detect, evaluate, compare, freeze a split, audit and study, as the page has them."""
    _simulate("my-bids-dataset", people=12, ms_share=0.5, seed=0)
    _add_columns(Path("my-bids-dataset/participants.tsv"), site=["A", "B", "A"], age=["34", "51"])
    assert main(["detect", "my-bids-dataset", "--model", "small", "--output", "other-tool"]) == 0
    reader = Reader()
    for block in _commands_of("own-cohort.md"):
        reader.follow(block)
    made = ("measures/metrics.json", "comparison/comparisons.json", "frozen/split.json")
    assert all((tmp_path / name).is_file() for name in (*made, "study/report.html"))


def test_a_detector_goes_on_learning_from_own_masks(tmp_path: Path) -> None:
    """Fine-tune with few steps, detect with both models, compare them on a frozen split."""
    _simulate("to-learn", people=4, ms_share=1, seed=1)
    _simulate("to-test", people=6, ms_share=1, seed=2)
    _simulate("controls", people=2, ms_share=0, seed=3)
    Path("scan_FLAIR.nii.gz").symlink_to("to-test/sub-sim001/anat/sub-sim001_FLAIR.nii.gz")
    reader = Reader()
    for block in _commands_of("fine-tune.md"):
        is_training = block.code.startswith("mslesion train-detector ")
        code = block.code.rstrip("\n") + LEARN_BRIEFLY if is_training else block.code
        reader.follow(Block(block.line, block.language, code, block.shown, None))
    assert (tmp_path / "my-detector/model.safetensors").is_file()
    assert (tmp_path / "comparison/comparisons.json").is_file()


def test_the_jobs_of_a_cluster_fill_one_folder(tmp_path: Path) -> None:
    """Both scripts of the page run as jobs would, one for each participant, then the group."""
    _simulate("dataset", people=2, ms_share=1, seed=4)
    text = (PAGES / "cluster.md").read_text("utf-8").replace("/my/", f"{tmp_path}/")
    head = "#!/bin/bash\n#SBATCH --job-name="
    listing, participant, group = (
        re.search(rf"^```\n({start}.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]
        for start in ("cd ", f"{head}mslesion\n", f"{head}mslesion-group\n")
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def job(script: str, **variables: str) -> None:
        environment = {**os.environ, "PATH": path, "SLURM_CPUS_PER_TASK": "1", **variables}
        subprocess.run([BASH, "-ec", script], check=True, env=environment, capture_output=True)

    job(listing)
    assert (tmp_path / "participants.txt").read_text().split() == ["sim001", "sim002"]
    for task in ("1", "2"):
        job(participant, SLURM_ARRAY_TASK_ID=task)
    job(group)
    output = tmp_path / "dataset/derivatives/mslesion"
    assert sorted(p.name for p in output.glob("sub-*")) == ["sub-sim001", "sub-sim002"]
    assert (output / "cohort_report.html").is_file()
