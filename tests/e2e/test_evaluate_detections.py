"""``mslesion evaluate`` on what ``mslesion detect`` writes: slices, people, FROC, groups."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_up_detection import BOX, detection_of, oblique_scan
from mslesion.cli import main
from mslesion.verdict import Verdict
from mslesion.write.nifti import write_nifti

AXES = {"01": "LPS", "02": "RAS", "03": "SAL", "04": "PIR"}
"""How the files of each person store their axes."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Detections of four people, two of MS, and their dataset; nobody drew control 04's lesions.

    Everybody has the lesion BOX in slices 1 to 3 but control 03, in whom it was only marked.
    """
    folder = tmp_path_factory.mktemp("made")
    found, dataset = folder / "found", folder / "dataset"
    for name, axes in AXES.items():
        scan = oblique_scan(axes)
        detection = detection_of(scan, f"sub-{name}", boxes=(BOX,))
        said = 0.875 if name < "03" else 0.25
        verdict = Verdict(said, "", "", (0.0, 0.0, 0.1), (0.0, 0.0, 0.1), 0.5)
        slices = tuple(
            replace(row, detector_probability=0.75 if 1 <= k <= 3 else 0.125)
            for k, row in enumerate(detection.slices)
        )
        replace(detection, verdict=verdict, slices=slices).save(found)
        drawn = np.zeros(scan.grid.shape, bool)
        if name != "03":
            drawn[BOX] = True
        affine = scan.stored_grid.affine_vox_to_ras
        anat = dataset / f"sub-{name}" / "anat"
        write_nifti(anat / f"sub-{name}_FLAIR.nii.gz", scan.to_stored_order(scan.voxels), affine)
        if name != "04":
            masks = dataset / "derivatives/manual" / f"sub-{name}" / "anat"
            mask = masks / f"sub-{name}_label-L_mask.nii.gz"
            write_nifti(mask, scan.to_stored_order(drawn), affine)
    (dataset / "participants.tsv").write_text(
        "participant_id\tgroup\tsite\tage\n"
        "sub-01\tMS\tA\t30\nsub-02\tMS\tB\t40\nsub-03\tcontrol\tA\t50\nsub-04\tcontrol\tB\t60\n"
    )
    return folder


@pytest.fixture
def cohort(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the detections and of their dataset."""
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made/found", tmp_path / "made/dataset"


def evaluate(found: Path, reference: Path, out: Path, *more: str) -> int:
    """The exit code."""
    return main(["evaluate", str(found), str(reference), "--output", str(out), *more])


def read(path: Path) -> dict:
    """A JSON file."""
    return json.loads(path.read_text())


def test_slices_are_those_of_the_reference_whatever_the_order_of_axes(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    """Slices 1 to 3 hold a lesion in two of three people, and the table says so of all three."""
    assert evaluate(*cohort, tmp_path / "out") == 0
    level = read(tmp_path / "out/metrics_slice.json")
    right = {"tp": 6, "fn": 0, "tn": 12, "fp": 3}
    assert level["answers"]["mask"]["confusion"] == right
    assert level["answers"]["detector_probability"]["confusion"] == right
    assert level["answers"]["detector_probability"]["threshold"] == 0.5
    paper = level["answers"]["paper_cnn_probability"]
    assert paper["slices_without_answer"] == 3
    assert paper["confusion"] == {"tp": 0, "fn": 6, "tn": 12, "fp": 0}
    assert "auc" in paper
    assert "auc" not in level["answers"]["mask"]


def test_people_are_measured_by_their_diagnosis_with_and_without_masks(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four right verdicts; the control of whom nobody drew lesions counts among people alone."""
    assert evaluate(*cohort, tmp_path / "out") == 0
    level = read(tmp_path / "out/metrics_patient.json")
    assert level["confusion"] == {"tp": 2, "fn": 0, "tn": 2, "fp": 0}
    assert level["threshold"] == 0.5
    assert read(tmp_path / "out/metrics.json")["people"] == 3
    text = capsys.readouterr().out
    assert " 4 people, 0 abstained from" in text
    assert "reference mask is empty" not in text  # of a control, that is no doubt


def test_the_froc_has_its_curve_picture_and_intervals(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    """One peak: below it two of two lesions are found, for one false lesion in three scans."""
    out = tmp_path / "out"
    assert evaluate(*cohort, out) == 0
    froc = read(out / "froc.json")
    assert froc["curve"] == [
        {"min_peak": 0.75, "sensitivity": 0.0, "false_per_scan": 0.0},
        {"min_peak": 0.5, "sensitivity": 1.0, "false_per_scan": pytest.approx(1 / 3)},
    ]
    assert [row["sensitivity"]["value"] for row in froc["at"]] == [0, 0, 1, 1, 1, 1, 1]
    assert froc["masks"]["false_per_scan"]["value"] == pytest.approx(1 / 3)
    assert (out / "froc.png").read_bytes().startswith(b"\x89PNG")
    assert "curve" not in read(out / "metrics.json")["froc"]


def test_groups_of_people_are_measured_apart(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By load always, by site and age where asked; each group is small, and is said to be."""
    assert evaluate(*cohort, tmp_path / "out", "--by", "site", "--by", "Age") == 0
    groups = {
        (g["column"], g["group"]): g for g in read(tmp_path / "out/metrics.json")["subgroups"]
    }
    assert list(groups) == [
        ("lesion load", "no lesion"), ("lesion load", "below 5 ml"), ("site", "A"), ("site", "B"),
        ("Age", "up to 45"), ("Age", "above 45"),
    ]  # fmt: skip
    assert groups["site", "A"]["people"] == groups["site", "B"]["people"] == 2
    assert groups["site", "A"]["measures"]["dice"]["value"] == 0.5
    assert groups["site", "B"]["scans"] == 1
    assert groups["site", "A"]["patients"]["confusion"] == {"tp": 1, "fn": 0, "tn": 1, "fp": 0}
    assert groups["site", "A"]["warnings"] == ["fewer than 30 people: intervals are too narrow"]
    assert groups["lesion load", "no lesion"]["slices"]["warnings"]
    text = capsys.readouterr().out
    assert "site, A: 2 people: dice 0.50 (0.00 to 1.00)" in text
    assert "(fewer than 30 people)" in text


def test_probabilities_of_slices_and_people_are_held_against_the_truth(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    """Brier scores by hand: 6 x 0.25^2 + 3 x 0.75^2 + 12 x 0.125^2 of 21 slices; of four people."""
    out = tmp_path / "out"
    assert evaluate(*cohort, out) == 0
    answers = read(out / "calibration.json")["answers"]
    assert answers["slices, detector"]["brier"]["value"] == pytest.approx(2.25 / 21)
    people = answers["people, ms_probability"]
    assert people["brier"]["value"] == pytest.approx((2 * 0.125**2 + 2 * 0.25**2) / 4)
    assert people["decision_curve"][9]["threshold"] == 0.5
    assert people["decision_curve"][9]["classifier"]["value"] == 0.5
    for name in ("calibration.png", "decision-curve.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "kind", ["froc.json", "froc.png", "calibration.json", "calibration.png", "decision-curve.png"]
)
def test_what_an_earlier_run_knew_of_probabilities_does_not_stay(
    cohort: tuple[Path, Path], tmp_path: Path, kind: str
) -> None:
    """Masks of another tool have none, so none lies beside their measures."""
    found, dataset = cohort
    assert evaluate(found, dataset, tmp_path / "out") == 0
    for path in found.iterdir():
        if not path.name.endswith("_mask.nii.gz"):
            path.unlink()
    assert evaluate(found, dataset, tmp_path / "out") == 0
    assert not (tmp_path / "out" / kind).exists()
    assert read(tmp_path / "out/metrics_patient.json")["reason"].endswith(
        "run 'mslesion detect' on the scans"
    )
    assert list(read(tmp_path / "out/metrics_slice.json")["answers"]) == ["mask"]


def rewrite_summary(path: Path, **changes: object) -> None:
    """Change what a summary says."""
    path.write_text(json.dumps({**read(path), **changes}))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda found, _: (found / "sub-02_slices.tsv").unlink(),
         "COHORT: {found}/sub-02_slices.tsv: is missing, alone of 4 such files: run 'mslesion"),
        (lambda found, _: (found / "sub-01_label-L_probseg.nii.gz").unlink(),
         "COHORT: {found}/sub-01_label-L_probseg.nii.gz: is missing, alone of 4"),
        (lambda found, _: (found / "sub-03_summary.json").unlink(),
         "COHORT: {found}/sub-03_label-L_mask.nii.gz: has no summary of 'mslesion detect'"),
        (lambda found, _: (found / "sub-03_slices.tsv").write_text("slice_index\n0\n"),
         "UNREADABLE: {found}/sub-03_slices.tsv: is no table of slices"),
        (lambda found, _: rewrite_summary(found / "sub-02_summary.json", weights_sha256="other"),
         "COHORT: {found}/sub-02_summary.json: names another detector, or other thresholds"),
        (lambda found, _: rewrite_summary(found / "sub-02_summary.json", ms_probability=7),
         "UNREADABLE: {found}/sub-02_summary.json: holds an ms_probability"),
        (lambda _, data: next(data.glob("derivatives/*/sub-02/anat/*")).write_bytes(b"no"),
         "UNREADABLE: {data}/derivatives/manual/sub-02/anat/sub-02_label-L_mask.nii.gz"),
    ],
)  # fmt: skip
def test_a_part_of_a_detection_that_is_missing_or_broken_is_named(
    cohort: tuple[Path, Path], tmp_path: Path, spoil, complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The file and the remedy in one line, exit code 4, and no measures."""
    found, data = cohort
    spoil(found, data)
    assert evaluate(found, data, tmp_path / "out") == 4
    line = [line for line in capsys.readouterr().err.splitlines() if ": " in line][-1]
    assert line.startswith(complaint.format(found=found, data=data))
    assert not (tmp_path / "out/metrics.json").exists()


def test_a_column_that_is_not_there_is_refused_with_those_that_are(
    cohort: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 before anything is read; without a table, it is the table that is missing."""
    found, dataset = cohort
    table = dataset / "participants.tsv"
    assert evaluate(found, dataset, tmp_path / "out", "--by", "scanner") == 2
    assert capsys.readouterr().err.startswith(
        f"USAGE: {table}: has no column scanner: choose of group, site, age"
    )
    table.unlink()
    assert evaluate(found, dataset, tmp_path / "out", "--by", "site") == 2
    assert capsys.readouterr().err.startswith(f"USAGE: {table}: is needed to group people")


def test_two_detections_are_compared_past_scans_without_masks(
    cohort: tuple[Path, Path], tmp_path: Path
) -> None:
    """The control of whom nobody drew lesions is in no comparison, and stops none."""
    found, dataset = cohort
    tools = [str(found), str(found), "--reference", str(dataset)]
    assert main(["compare", *tools, "--output", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out/comparisons.json")["scans"] == 3
