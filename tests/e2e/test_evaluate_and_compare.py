"""``mslesion evaluate`` and ``compare`` on masks of any tool."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mslesion.cli import main
from mslesion.write.nifti import write_nifti

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])
SHAPE = (20, 20, 6)


def write_mask(path: Path, *boxes: tuple[int, int], value: int = 1, shape=SHAPE) -> None:
    """Lesions of 2 x 2 x 2 voxels, 24 mm3, at places of the first and second axis."""
    mask = np.zeros(shape, np.uint8)
    for i, j in boxes:
        mask[i : i + 2, j : j + 2, 2:4] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(path, mask, AFFINE)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two tools and an expert on three people: the first tool misses one lesion of five."""
    good, bad, truth = (tmp_path / name for name in ("good", "bad", "truth"))
    for person, boxes in (("p1", [(2, 2), (8, 8)]), ("p2", [(4, 4), (10, 10)]), ("p3", [(6, 6)])):
        write_mask(truth / f"{person}_gt.nii.gz", *boxes)
        write_mask(
            good / f"{person}_FLAIR_lesions.nii.gz", *(boxes if person != "p2" else boxes[1:])
        )
        write_mask(bad / person / "segmentation.nii.gz", (14, 14))
    return good, bad, truth


def test_measures_by_hand(
    folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dice 1, 2/3 and 1; four of five lesions found, none false."""
    good, _, truth = folders
    assert main(["evaluate", str(good), str(truth), "--output", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("3 scans of 3 people\nfewer than 30 people")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["measures"]["dice"]["value"] == pytest.approx(8 / 9)
    assert metrics["measures"]["recall_10_to_50_mm3"]["value"] == pytest.approx(4 / 5)
    assert metrics["measures"]["precision_10_to_50_mm3"]["value"] == 1
    assert metrics["measures"]["f1_10_to_50_mm3"]["value"] == pytest.approx(8 / 9)
    assert metrics["measures"]["recall_50_mm3_and_more"]["value"] is None
    with (tmp_path / "out" / "metrics_lesion.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert [row["scan_name"] for row in rows] == ["p1", "p2", "p3"]
    assert [row["found_of_10_to_50_mm3"] for row in rows] == ["2/2", "1/2", "1/1"]
    assert rows[1]["volume_difference_ml"] == "-0.024"


def test_a_cohort_is_a_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The masks of a BIDS dataset are found where its scans are; people keep their ids."""
    anat = tmp_path / "bids/sub-01/anat"
    drawn = tmp_path / "bids/derivatives/manual/sub-01/anat/sub-01_label-lesion_mask.nii.gz"
    write_mask(anat / "sub-01_FLAIR.nii.gz", (2, 2), value=7)
    write_mask(drawn, (2, 2))
    write_mask(tmp_path / "tool/sub-01_FLAIR_pred.nii.gz", (2, 2))
    arguments = [str(tmp_path / "tool"), str(tmp_path / "bids"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["rows"][0]["person_id"] == "sub-01"
    assert metrics["rows"][0]["dice"] == 1
    assert metrics["measures"]["dice"]["low"] is None  # of one person there is no interval
    text = capsys.readouterr().out
    assert text.startswith("1 scan of 1 person\none person: there are no intervals\n")
    assert "interval " not in text.partition("\n  dice")[2]


def test_where_every_slice_holds_a_lesion_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no slice without one to leave alone, so specificity is n/a, and the rest stands."""
    mask = np.zeros((20, 20, 4), np.uint8)
    mask[2:4, 2:4] = 1
    for name in ("tool/p1_lesions.nii.gz", "truth/p1_gt.nii.gz"):
        write_nifti(tmp_path / name, mask, AFFINE)
    arguments = [str(tmp_path / "tool"), str(tmp_path / "truth"), "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == 0
    text = capsys.readouterr().out
    assert "every slice holds a lesion of the reference: what needs both kinds is not" in text
    level = json.loads((tmp_path / "out/metrics_slice.json").read_text())["answers"]["mask"]
    assert level["specificity"]["value"] is None
    assert level["sensitivity"]["value"] == 1


def test_a_detection_of_a_training_scan_is_no_measure(
    folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the summary beside a mask says so, the warning stands in the answer."""
    *_, truth = folders
    tool = tmp_path / "detections"
    for name in ("p1", "p2", "p3"):
        write_mask(tool / f"{name}_label-L_mask.nii.gz", (2, 2))
        (tool / f"{name}_summary.json").write_text(json.dumps({"seen_in_training": name == "p2"}))
    assert main(["evaluate", str(tool), str(truth), "--output", str(tmp_path / "out")]) == 0
    assert "p2: its detector was trained on this scan" in capsys.readouterr().out


def test_two_tools_are_compared_on_the_same_scans(
    folders: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The better one is ahead in Dice; with three people no p value can fall below a quarter."""
    good, bad, truth = folders
    out = tmp_path / "out"
    tools = [str(good), str(bad), "--reference", str(truth), "--output", str(out)]
    assert main(["compare", *tools]) == 0
    assert "3 scans of 3 people, A minus B" in capsys.readouterr().out
    dice = json.loads((out / "comparisons.json").read_text())["measures"]["dice"]
    assert (dice["first"], dice["second"]) == (pytest.approx(8 / 9), 0)
    assert dice["p"] == pytest.approx(2 / 8)
    assert dice["low"] <= dice["difference"] <= dice["high"]


def test_only_what_all_three_have_is_compared_when_asked(
    folders: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    """One tool lacks the first scan, the other the last."""
    good, bad, truth = folders
    (good / "p1_FLAIR_lesions.nii.gz").unlink()
    (bad / "p3" / "segmentation.nii.gz").unlink()
    arguments = [str(good), str(bad), "--reference", str(truth), "--output", str(tmp_path / "out")]
    assert main(["compare", *arguments]) == 4
    assert main(["compare", *arguments, "--only-common"]) == 0
    assert json.loads((tmp_path / "out" / "comparisons.json").read_text())["scans"] == 1
    (good / "p2_FLAIR_lesions.nii.gz").unlink()
    assert main(["compare", *arguments, "--only-common"]) == 4


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda good, _: (good / "p1_FLAIR_lesions.nii.gz").unlink(), "COHORT: {truth}/p1_gt"),
        (lambda _, truth: (truth / "p3_gt.nii.gz").unlink(), "COHORT: {good}/p3_FLAIR_lesions"),
        (
            lambda good, _: write_mask(good / "p2_FLAIR_lesions.nii.gz", shape=(20, 20, 7)),
            "MASK: {good}/p2_FLAIR_lesions.nii.gz: lies on another grid",
        ),
        (
            lambda _, truth: write_mask(truth / "p2_gt.nii.gz", (4, 4), value=3),
            "MASK: {truth}/p2_gt.nii.gz: holds the values 0, 3",
        ),
        (
            lambda good, _: (good / "p2_FLAIR_lesions.nii.gz").write_bytes(b"no scan"),
            "UNREADABLE: {good}/p2_FLAIR_lesions.nii.gz",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    folders: tuple[Path, Path, Path], tmp_path: Path, spoil, complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The file is named with what to do, exit code 4, and no measures are written."""
    good, _, truth = folders
    spoil(good, truth)
    assert main(["evaluate", str(good), str(truth), "--output", str(tmp_path / "out")]) == 4
    line = [line for line in capsys.readouterr().err.splitlines() if ": " in line][-1]
    assert line.startswith(complaint.format(good=good, truth=truth))
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_an_option_for_masks_is_refused_for_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be passed over is not taken in silence: exit code 2."""
    (tmp_path / "model.json").write_text("{}")
    arguments = [str(tmp_path), "data", "--only-common", "--output", str(tmp_path / "out")]
    assert main(["evaluate", *arguments]) == 2
    assert capsys.readouterr().err.startswith("USAGE: --only-common is for masks")
