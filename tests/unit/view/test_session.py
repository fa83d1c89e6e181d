"""What the viewer tells of an output folder: scans, where they lie, and what is damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dicom_files import Volume, classic, write_series
from made_up_detection import detection_of, oblique_scan
from mslesion.errors import ResultsError
from mslesion.read import load, read_cohort
from mslesion.read.detections import DetectionFiles
from mslesion.read.inputs import input_sha256
from mslesion.read.side_files import file_sha256
from mslesion.view import sources
from mslesion.view.listing import read_listing
from viewed_output import client_on, write_scan


def _volume(content: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(content)


def test_scan_mask_and_labels_lie_on_one_grid_in_the_order_of_the_table(
    output: Path, scans: Path
) -> None:
    """Stored as LPS, shown as RAS: the same head, and each lesion where its row says."""
    with client_on(output, scans=[scans]) as client:
        path = f"/api/scans/{client.scan_ids()['sub-1']}"
        detail = client.get(path).value
        assert (detail["has_scan"], detail["problems"]) == (True, [])
        scan, mask, probability = (
            _volume(client.get(f"{path}/{kind}.nii").body)
            for kind in ("scan", "mask", "probability")
        )
        labels = np.frombuffer(client.get(f"{path}/labels.bin").body, "<u2")
    expected = oblique_scan("LPS")
    np.testing.assert_allclose(scan.get_fdata(), expected.voxels, rtol=1e-6)
    assert np.allclose(scan.affine, expected.grid.affine_vox_to_ras, atol=1e-4)
    assert scan.shape == mask.shape == probability.shape == tuple(detail["shape"])
    labels = labels.reshape(detail["shape"], order="F")
    assert np.array_equal(labels > 0, mask.get_fdata() > 0)
    for row in detail["lesions"]:
        voxels = np.argwhere(labels == int(row["lesion_id"]))
        middle = (scan.affine @ [*voxels.mean(axis=0), 1])[:3]
        told = [float(row[f"centroid_{axis}_mm"]) for axis in "xyz"]
        assert np.allclose(middle, told, atol=0.02)


def test_a_scan_that_is_not_found_or_has_changed_is_told_and_not_shown(
    output: Path, scans: Path, tmp_path: Path
) -> None:
    """Without --scans, with it, and with another file of that name there."""
    moved = scans.rename(tmp_path.parent / f"{tmp_path.name}-elsewhere")
    with client_on(output) as client:
        ids = client.scan_ids()
        for name in ("sub-1", "sub-2"):
            detail = client.get(f"/api/scans/{ids[name]}").value
            assert not detail["has_scan"]
        assert "--scans FOLDER" in client.get(f"/api/scans/{ids['sub-1']}").value["problems"][0]
        assert client.get(f"/api/scans/{ids['sub-1']}/scan.nii").status == 422
        assert client.get(f"/api/scans/{ids['sub-1']}/mask.nii").status == 200
    write_scan(moved, axis_codes="RAS")
    with client_on(output, scans=[moved]) as client:
        detail = client.get(f"/api/scans/{client.scan_ids()['sub-1']}").value
        assert not detail["has_scan"]
        assert "has changed since" in detail["problems"][0]


def test_a_scan_that_is_put_where_it_was_asked_for_is_found(output: Path, scans: Path) -> None:
    """After the page has said that it is missing, in the same run of the viewer."""
    moved = scans.rename(scans.parent / "away")
    scans.mkdir()
    with client_on(output, scans=[scans]) as client:
        scan_id = client.scan_ids()["sub-1"]
        assert not client.get(f"/api/scans/{scan_id}").value["has_scan"]
        shutil.copytree(moved, scans, dirs_exist_ok=True)
        assert client.get(f"/api/scans/{scan_id}").value["has_scan"]
        assert client.get(f"/api/scans/{scan_id}/scan.nii").status == 200


def test_what_changes_while_the_viewer_runs_is_seen(output: Path, scans: Path) -> None:
    """A scan that is replaced is not taken for what it was; one that comes later is found."""
    finder = sources.SourceFinder(output, [scans])
    files = DetectionFiles(output, "sub-1")
    summary = files.read_summary()
    scan = scans / "sub-1_FLAIR.nii.gz"
    assert finder.find(files, summary).path == scan
    kept = scan.rename(scans / "kept.nii.gz")
    write_scan(scans, axis_codes="RAS")
    assert "has changed since" in finder.find(files, summary).problem
    changed = {**summary, "input_sha256": file_sha256(scan)}
    assert finder.find(files, changed).path == scan
    (scans / "later").mkdir()
    copied = kept.rename(scans / "later" / "sub-1_FLAIR.nii.gz")
    assert finder.find(files, summary).path == copied


def test_a_scan_in_a_folder_beside_the_output_is_found_unasked(output: Path, scans: Path) -> None:
    """As after 'detect scans --output out': nobody has to say it again; not where there is much."""
    scans.rename(output.parent / "scans")
    with client_on(output) as client:
        assert client.get(f"/api/scans/{client.scan_ids()['sub-1']}").value["has_scan"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "MOST_NEAR", 3)
        with client_on(output) as client:
            assert not client.get(f"/api/scans/{client.scan_ids()['sub-1']}").value["has_scan"]


@pytest.mark.parametrize("may_be_shown", [True, False])
def test_a_dicom_series_is_found_and_not_shown_where_a_name_may_be_burned_in(
    may_be_shown: bool, tmp_path: Path
) -> None:
    """By its address, beside the output; with BurnedInAnnotation, a sentence stands instead."""
    voxels = np.random.default_rng(0).integers(0, 900, (9, 10, 7)).astype(np.uint16)
    tags = {} if may_be_shown else {"BurnedInAnnotation": "YES"}
    write_series(classic(Volume(voxels, np.diag([-1.0, -1.0, 3.0, 1.0]), tags)), tmp_path / "in")
    scan = read_cohort(tmp_path / "in").people[0].scans[0]
    found = detection_of(load(scan).scan, scan.name, input_sha256=input_sha256(scan.image))
    found.save(tmp_path / "out")
    with client_on(tmp_path / "out") as client:
        path = f"/api/scans/{client.scan_ids()[scan.name]}"
        detail = client.get(path).value
        assert detail["has_scan"] is may_be_shown
        assert client.get(f"{path}/scan.nii").status == (200 if may_be_shown else 422)
        assert client.get(f"{path}/mask.nii").status == 200
        told = " ".join(detail["problems"])
        assert ("that may be a name" in told) is not may_be_shown


def test_results_behind_a_link_to_another_folder_are_not_listed(
    output: Path, tmp_path: Path
) -> None:
    """A review is written beside the results: nothing may lead it out of the output."""
    elsewhere = tmp_path / "elsewhere" / "anat"
    shutil.copytree(output, elsewhere)
    (output / "sub-3").symlink_to(elsewhere.parent)
    assert [scan.files.folder for scan in read_listing(output).scans] == [output, output]


def test_a_summary_that_is_nested_deep_or_holds_no_number_hides_no_other(
    output: Path, files: DetectionFiles
) -> None:
    """NaN is no JSON for a browser, and a hundred thousand brackets are none for Python."""
    summary = files.read_summary() | {"lesion_volume_ml": float("nan")}
    for text in (json.dumps(summary), '{"a":' + "[" * 100_000):
        files.summary.write_text(text)
        with client_on(output) as client:
            answer = client.get("/api/scans")
        assert answer.status == 200
        assert b"NaN" not in answer.body
        assert len(answer.value["scans"]) == 2


def test_the_scan_of_a_bids_derivative_is_found_by_what_it_says_of_its_dataset(
    output: Path, scans: Path, tmp_path: Path
) -> None:
    """DatasetLinks and Sources lead there; links that lead out of the dataset are not followed."""
    image = tmp_path / "raw" / "sub-1" / "anat" / "sub-1_FLAIR.nii.gz"
    image.parent.mkdir(parents=True)
    shutil.move(scans / "sub-1_FLAIR.nii.gz", image)
    anat = output / "sub-1" / "anat"
    anat.mkdir(parents=True)
    for path in output.glob("sub-1_*"):
        shutil.move(path, anat / path.name)
    links = {"DatasetLinks": {"raw": "../../raw"}}
    (output / "dataset_description.json").write_text(json.dumps(links))
    sidecar = DetectionFiles(anat, "sub-1").sidecars[0]
    for uri, is_found in (
        ("bids:raw:sub-1/anat/sub-1_FLAIR.nii.gz", True),
        ("bids:raw:../raw/sub-1/../../raw/sub-1/anat/sub-1_FLAIR.nii.gz", True),
        ("bids:raw:../scans/x.nii.gz", False),
        ("bids:raw:/etc/passwd", False),
        ("file:///etc/passwd", False),
    ):
        sidecar.write_text(json.dumps({"Sources": [uri]}))
        with client_on(output) as client:
            detail = client.get(f"/api/scans/{client.scan_ids()['sub-1']}").value
        assert detail["has_scan"] is is_found, uri


def _cut_mask(files: DetectionFiles) -> None:
    files.mask.write_bytes(files.mask.read_bytes()[:60])


def _no_table(files: DetectionFiles) -> None:
    files.lesions.unlink()


def _summary_of_nothing(files: DetectionFiles) -> None:
    files.summary.write_text("[1, 2]")


def _summary_in_wrong_types(files: DetectionFiles) -> None:
    wrong = {"lesion_count": {"a": 1}, "files": 7, "warnings": "x", "verdict": [1]}
    files.summary.write_text(json.dumps(wrong))


def _summary_deep(files: DetectionFiles) -> None:
    files.summary.write_text("{" + '"a":{' * 3)


def _link_to_secret(files: DetectionFiles) -> None:
    files.mask.unlink()
    files.mask.symlink_to("/etc/passwd")


def _pipe(files: DetectionFiles) -> None:
    files.mask.unlink()
    os.mkfifo(files.mask)


@pytest.mark.parametrize(
    "damage",
    [_cut_mask, _no_table, _summary_of_nothing, _summary_in_wrong_types, _summary_deep,
     _link_to_secret, _pipe],
)  # fmt: skip
def test_damaged_results_are_told_and_the_other_scans_are_shown(
    output: Path, files: DetectionFiles, damage: Callable[[DetectionFiles], None]
) -> None:
    """One sentence for the damaged scan, with what to do; nothing of its content, no folder."""
    damage(files)
    with client_on(output) as client:
        ids = client.scan_ids()
        answer = client.get(f"/api/scans/{ids['sub-1']}")
        assert answer.status == 422
        assert answer.value["code"] != "BUG"
        assert answer.value["remedy"]
        assert str(output) not in answer.body.decode()
        assert b"root:" not in answer.body
        assert client.get(f"/api/scans/{ids['sub-1']}/mask.nii").status == 422
        assert client.get(f"/api/scans/{ids['sub-2']}").status == 200


def test_a_damaged_probability_leaves_mask_and_review(output: Path, files: DetectionFiles) -> None:
    """What is whole can still be reviewed."""
    files.probability.write_bytes(b"no image")
    with client_on(output) as client:
        path = f"/api/scans/{client.scan_ids()['sub-1']}"
        assert "probabilities" in " ".join(client.get(path).value["problems"])
        assert client.get(f"{path}/probability.nii").status == 422
        assert client.get(f"{path}/mask.nii").status == 200


def test_scans_that_were_set_aside_are_listed_with_the_reason(output: Path) -> None:
    """As run.json tells it; a damaged run.json hides no result."""
    aside = {
        "scan": "sub-9",
        "status": "set aside",
        "code": "NO_BRAIN",
        "reason": "r",
        "remedy": "m",
    }
    (output / "run.json").write_text(json.dumps({"scans": [aside, 7, {"status": "done"}]}))
    (told,) = read_listing(output).set_aside
    assert (told.name, told.code, told.reason, told.remedy) == ("sub-9", "NO_BRAIN", "r", "m")
    (output / "run.json").write_text("{")
    assert len(read_listing(output).scans) == 2


def test_a_folder_that_is_no_output_is_refused(tmp_path: Path) -> None:
    """Not there, a file, an empty folder, a folder of other things: each with the remedy."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    for path, what in (
        (tmp_path / "absent", "does not exist"),
        (file, "is no folder"),
        (other, "holds no detection"),
    ):
        with pytest.raises(ResultsError, match=what) as error:
            read_listing(path)
        assert "mslesion detect" in error.value.remedy
