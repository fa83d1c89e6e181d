"""The files of one detection: on the scan's own grid, complete or without a summary."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from made_up_detection import ANOTHER_BOX, BOX, detection_of, oblique_scan
from mslesion.errors import OutputError
from mslesion.lesions.findings import Lesion, SliceFinding
from mslesion.read.detections import DetectionFiles
from mslesion.write import detection as writing
from mslesion.write import earlier
from mslesion.write.atomic import take_away
from mslesion.write.detection import write_detection
from mslesion.write.earlier import remove_detection, remove_unfinished
from mslesion.write.run import Outcome, RunOrigin, write_run


@pytest.fixture(autouse=True)
def _short_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of one line: how the real one is drawn is tested where it is drawn."""
    monkeypatch.setattr(writing, "detection_report", lambda found: f"<p>{found.name}</p>\n")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_scan_gets_six_files(tmp_path: Path) -> None:
    """Mask, probability, two tables, summary and report carry the scan's name, and no other."""
    write_detection(detection_of(oblique_scan(), "sub-01_ses-1"), tmp_path)
    assert sorted(_bytes(tmp_path)) == [
        "sub-01_ses-1_label-L_mask.nii.gz",
        "sub-01_ses-1_label-L_probseg.nii.gz",
        "sub-01_ses-1_lesions.tsv",
        "sub-01_ses-1_report.html",
        "sub-01_ses-1_slices.tsv",
        "sub-01_ses-1_summary.json",
    ]


@pytest.mark.parametrize("axis_codes", ["RAS", "LIP", "PSR", "SAL", "IRP"])
def test_the_volumes_lie_on_the_grid_of_the_file(axis_codes: str, tmp_path: Path) -> None:
    """Stored in any order and tilted: shape and affine are the file's, to the last bit."""
    scan = oblique_scan(axis_codes)
    files = write_detection(detection_of(scan), tmp_path)
    assert scan.stored_grid.axis_codes == axis_codes
    mask, probability = nib.load(files.mask), nib.load(files.probability)
    for image, dtype in ((mask, np.uint8), (probability, np.float32)):
        assert image.shape == scan.stored_grid.shape
        assert np.array_equal(image.affine, scan.stored_grid.affine_vox_to_ras)
        assert image.get_data_dtype() == dtype
    values = np.asarray(mask.dataobj)
    assert set(np.unique(values)) == {0, 1}
    assert np.array_equal(np.asarray(probability.dataobj), np.where(values, 0.75, 0.125))


@pytest.mark.parametrize("axis_codes", ["RAS", "LIP", "PSR", "SAL", "IRP"])
def test_the_tables_point_into_the_written_mask(axis_codes: str, tmp_path: Path) -> None:
    """A lesion's voxel lies in the mask as stored, and its millimetres are that voxel's."""
    files = write_detection(detection_of(oblique_scan(axis_codes)), tmp_path)
    image = nib.load(files.mask)
    mask = np.asarray(image.dataobj)
    rows = _table(files.lesions)
    assert [row["lesion_id"] for row in rows] == ["1", "2"]
    for row in rows:
        voxel = np.array([float(row[f"centroid_{axis}_voxel"]) for axis in "ijk"])
        assert mask[tuple(np.rint(voxel).astype(int))] == 1
        position_mm = [float(row[f"centroid_{axis}_mm"]) for axis in "xyz"]
        assert nib.affines.apply_affine(image.affine, voxel) == pytest.approx(position_mm, abs=0.05)
    assert float(rows[0]["volume_mm3"]) == pytest.approx(27 * 0.9 * 1.1 * 3.0, rel=1e-4)
    first, last = BOX[2].start, BOX[2].stop - 1
    assert [rows[0]["first_slice"], rows[0]["last_slice"]] == [str(first), str(last)]
    assert rows[1]["first_slice"] == str(ANOTHER_BOX[2].start)


def test_the_columns_are_those_of_the_values(tmp_path: Path) -> None:
    """Each field of a lesion and of a slice is a column; what is not known is n/a."""
    files = write_detection(detection_of(oblique_scan()), tmp_path)
    lesions, slices = _table(files.lesions), _table(files.slices)
    assert list(lesions[0]) == [field.name for field in fields(Lesion)]
    assert list(slices[0]) == [field.name for field in fields(SliceFinding)]
    assert lesions[0]["ventricle_distance_mm"] == "n/a"
    assert [row["paper_cnn_probability"] for row in slices] == ["n/a", *["0.25"] * 6]


def test_a_scan_without_lesions_has_all_files_too(tmp_path: Path) -> None:
    """Nothing found: an empty mask, a table of columns alone, a summary that says 0."""
    files = write_detection(detection_of(oblique_scan(), boxes=()), tmp_path)
    assert not np.asarray(nib.load(files.mask).dataobj).any()
    assert files.lesions.read_text() == "\t".join(f.name for f in fields(Lesion)) + "\n"
    summary = json.loads(files.summary.read_text())
    assert (summary["lesion_count"], summary["lesion_volume_ml"]) == (0, 0.0)
    assert summary["ms_probability"] is None
    assert summary["abstained"] is True
    assert summary["abstained_reason"] == "only a part of the brain is seen"


def test_python_saves_neither_beside_the_scan_nor_into_datasets_of_others(tmp_path: Path) -> None:
    """As the command refuses, and nothing is written."""
    found = detection_of(oblique_scan(source=tmp_path / "scans" / "a_FLAIR.nii.gz"))
    (tmp_path / "scans").mkdir()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "dataset_description.json").write_text('{"Name": "theirs"}')
    for name, why in (("scans", "folder of the scan itself"), ("theirs", "not ours")):
        before = _bytes(tmp_path / name)
        with pytest.raises(OutputError, match=why):
            found.save(tmp_path / name)
        assert _bytes(tmp_path / name) == before


def test_what_a_run_told_of_a_scan_is_gone_when_python_replaces_it(tmp_path: Path) -> None:
    """Its outcome and the tables over all scans told of another detection; other scans' stay."""
    found = [detection_of(oblique_scan(), name) for name in ("sub-1", "sub-2")]
    outcomes = []
    for detection in found:
        write_detection(detection, tmp_path)
        outcomes.append(Outcome(detection.name, DetectionFiles(tmp_path, detection.name)))
    (tmp_path / "cohort.tsv").write_text("scan\n")
    write_run(outcomes, tmp_path, RunOrigin())
    found[0].save(tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    assert [record["scan"] for record in run["scans"]] == ["sub-2"]
    assert not (tmp_path / "cohort.tsv").exists()
    found[1].save(tmp_path)
    assert not (tmp_path / "run.json").exists()
    assert (tmp_path / "sub-2_summary.json").exists()


def test_the_same_detection_gives_the_same_bytes(tmp_path: Path) -> None:
    """Written twice, or saved from Python, or over older files: no byte differs."""
    detection = detection_of(oblique_scan("LPS"))
    write_detection(detection, tmp_path / "a")
    write_detection(detection_of(oblique_scan("LPS"), boxes=()), tmp_path / "b")
    write_detection(detection, tmp_path / "b")
    detection.save(str(tmp_path / "c"))
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b") == _bytes(tmp_path / "c")


def test_only_a_complete_detection_has_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing stops half-way, no mix of old and new stays behind."""
    files = write_detection(detection_of(oblique_scan(), boxes=()), tmp_path)
    message = "disk full"

    def stop(*_args: object) -> None:
        raise OutputError(message, remedy="free some space")

    monkeypatch.setattr(writing, "write_text", stop)
    with pytest.raises(OutputError, match=message):
        write_detection(detection_of(oblique_scan()), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert files.read_summary() == {}


def test_bids_gets_to_know_the_source(tmp_path: Path) -> None:
    """With the scan's URI, mask and probability have sidecars; without it they have none."""
    uri = "bids:raw:sub-1/anat/sub-1_FLAIR.nii.gz"
    files = write_detection(detection_of(oblique_scan()), tmp_path, uri)
    mask, probability = (json.loads(path.read_text()) for path in files.sidecars)
    assert mask["Type"] == "Lesion"
    assert (mask["Threshold"], mask["MinimumLesionVolume"]) == (0.5, 3.0)
    assert mask["Sources"] == probability["Sources"] == [uri]
    assert "Threshold" not in probability


def test_what_is_no_detection_is_not_removed(tmp_path: Path) -> None:
    """Files of these names without a summary beside them may be anybody's, and stay."""
    mine = DetectionFiles(tmp_path, "sub-1")
    mine.mask.write_text("an expert's")
    remove_detection(mine)
    assert mine.mask.read_text() == "an expert's"
    with pytest.raises(OutputError, match="which mslesion did not write"):
        write_detection(replace(detection_of(oblique_scan()), name="sub-1"), tmp_path)
    assert mine.mask.read_text() == "an expert's"
    mine.mask.unlink()
    files = write_detection(detection_of(oblique_scan()), tmp_path, "bids:raw:x")
    remove_detection(files)
    assert list(tmp_path.iterdir()) == []


def test_a_removal_that_is_killed_is_finished_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when some files are gone, the rest is known as ours and goes with the next run."""
    files = write_detection(detection_of(oblique_scan()), tmp_path)
    gone = []

    def killed_at_the_third(path: Path) -> None:
        if len(gone) == 2:
            raise KeyboardInterrupt
        gone.append(path)
        take_away(path)

    with monkeypatch.context() as patch:
        patch.setattr(earlier, "take_away", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            remove_detection(files)
    assert len(list(tmp_path.iterdir())) > 1
    remove_unfinished(files)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file where the folder should be is one clear error, and stays as it was."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file stands where a folder is needed"):
        detection_of(oblique_scan()).save(tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "{", "[1]", '"text"', "\x00"])
def test_a_damaged_summary_is_as_good_as_none(content: str, tmp_path: Path) -> None:
    """A summary that is cut short, or is no summary, is read as empty."""
    files = DetectionFiles(tmp_path, "sub-1")
    files.summary.write_text(content)
    assert files.read_summary() == {}
