"""A review: what is written, resumed, undone and refused; the automatic files stay as they are."""

from __future__ import annotations

import csv
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mslesion.read.detections import DetectionFiles, is_reviewed_mask
from mslesion.read.masks import find_masks
from mslesion.read.side_files import file_sha256
from viewed_output import Client, client_on, write_output


def _review(client: Client, scan_id: str) -> dict[str, object]:
    review: dict[str, object] = client.get(f"/api/scans/{scan_id}").value["review"]
    return review


def _voxels(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(nib.load(path).dataobj)


def test_an_accepted_lesion_is_in_the_reviewed_mask_and_a_rejected_one_is_not(
    output: Path, files: DetectionFiles
) -> None:
    """27 voxels accepted, 6 rejected: 27 are left, on the grid of the scan's own file."""
    automatic = {path.name: file_sha256(path) for path in output.iterdir()}
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        saved = client.save(scan_id, {1: "accepted", 2: "rejected"}, "")
    assert saved.status == 200
    assert saved.value["state"] == "resumed"
    reviewed, found = nib.load(files.review.mask), nib.load(files.mask)
    assert np.array_equal(reviewed.affine, found.affine)
    assert reviewed.get_data_dtype() == np.uint8
    assert int(_voxels(files.review.mask).sum()) == 27
    assert int(_voxels(files.mask).sum()) == 33
    assert not (_voxels(files.review.mask) > _voxels(files.mask)).any()
    with files.review.table.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert [(row["lesion_id"], row["review"]) for row in rows] == [
        ("1", "accepted"), ("2", "rejected"),
    ]  # fmt: skip
    about = json.loads(files.review.sidecar.read_text(encoding="utf-8"))
    assert about["Review"] == {
        "accepted": 1, "rejected": 1, "undecided": 0, "undecided_lesion_ids": [],
        "is_complete": True,
    }  # fmt: skip
    assert {name: file_sha256(output / name) for name in automatic} == automatic
    with client_on(output) as client:
        assert client.progress("sub-1") == {
            "is_earlier": False, "accepted": 1, "rejected": 1, "undecided": 0,
        }  # fmt: skip
        found = files.lesions.read_text()
        files.lesions.write_text(found.replace("\t", "0\t", 1).replace("\n1\t", "\n3\t"))
        assert client.progress("sub-1")["is_earlier"]
        files.lesions.write_text(found)
    new = {path.name for path in output.iterdir()} - set(automatic)
    assert new == {path.name for path in files.review.all}


def test_a_review_is_resumed_by_another_viewer_and_says_what_is_undecided(output: Path) -> None:
    """One of two lesions decided: the list and the scan tell so after a new start; it is undone."""
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        assert client.save(scan_id, {2: "rejected"}, "").status == 200
    with client_on(output) as client:
        listed = {scan["name"]: scan for scan in client.get("/api/scans").value["scans"]}
        assert listed["sub-1"]["reviewed"] == {
            "is_earlier": False, "accepted": 0, "rejected": 1, "undecided": 1,
        }  # fmt: skip
        assert listed["sub-2"]["reviewed"] is None
        review = _review(client, scan_id)
        assert (review["state"], review["problem"]) == ("resumed", None)
        assert review["decisions"] == {"1": "undecided", "2": "rejected"}
        undone = client.save(scan_id, {}, str(review["revision"])).value
        assert set(undone["decisions"].values()) == {"undecided"}


def test_the_same_decisions_give_the_same_bytes(output: Path, files: DetectionFiles) -> None:
    """Nothing in the files of a review tells the time or the computer."""
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        first = client.save(scan_id, {1: "accepted"}, "").value
        before = [path.read_bytes() for path in files.review.all]
        other = client.save(scan_id, {1: "rejected"}, first["revision"]).value
        client.save(scan_id, {1: "accepted"}, other["revision"])
    assert [path.read_bytes() for path in files.review.all] == before


def test_two_viewers_do_not_overwrite_each_other(output: Path) -> None:
    """The second to save is told that something changed, and goes on from there."""
    with client_on(output) as one, client_on(output) as other:
        scan_id = one.scan_ids()["sub-1"]
        first = one.save(scan_id, {1: "accepted"}, "").value
        refused = other.save(scan_id, {2: "rejected"}, "")
        assert refused.status == 409
        assert refused.value["what"] == "was saved by another viewer meanwhile"
        assert _review(other, scan_id)["decisions"] == {"1": "accepted", "2": "undecided"}
        both = other.save(scan_id, {1: "accepted", 2: "rejected"}, first["revision"])
        assert both.value["decisions"] == {"1": "accepted", "2": "rejected"}


def test_discarding_takes_the_review_away_and_nothing_else(
    output: Path, files: DetectionFiles
) -> None:
    """The three files of the review go, those of the detection stay."""
    before = {path.name: file_sha256(path) for path in output.iterdir()}
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        revision = client.save(scan_id, {1: "accepted"}, "").value["revision"]
        body = json.dumps({"revision": revision}).encode()
        answer = client.ask("DELETE", f"/api/scans/{scan_id}/review", body)
        assert (answer.status, answer.value["state"]) == (200, "none")
    assert not any(path.exists() for path in files.review.all)
    assert {path.name: file_sha256(path) for path in output.iterdir()} == before


def test_a_review_of_an_earlier_detection_is_kept_until_it_is_replaced_on_purpose(
    output: Path, files: DetectionFiles
) -> None:
    """Detected again with another result: the old decisions are not applied, and not lost."""
    with client_on(output) as client:
        client.save(client.scan_ids()["sub-1"], {1: "accepted"}, "")
    table = (
        files.review.table.read_text(encoding="utf-8").replace("27.", "28.").replace("80.", "81.")
    )
    files.review.table.write_text(table, encoding="utf-8")
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        review = _review(client, scan_id)
        assert review["state"] == "earlier"
        assert set(review["decisions"].values()) == {"undecided"}  # type: ignore[attr-defined]
        revision = str(review["revision"])
        assert client.save(scan_id, {2: "accepted"}, revision).status == 409
        assert files.review.table.read_text(encoding="utf-8") == table
        replaced = client.save(scan_id, {2: "accepted"}, revision, replace_earlier=True)
        assert replaced.value["decisions"] == {"1": "undecided", "2": "accepted"}


def test_a_saving_that_was_cut_short_is_noticed(output: Path, files: DetectionFiles) -> None:
    """Table written, mask not: the decisions are there, and the page is told to save again."""
    with client_on(output) as client:
        client.save(client.scan_ids()["sub-1"], {1: "accepted"}, "")
    files.review.sidecar.unlink()
    with client_on(output) as client:
        review = _review(client, client.scan_ids()["sub-1"])
        assert (review["state"], review["decisions"]) == (
            "unfinished", {"1": "accepted", "2": "undecided"},
        )  # fmt: skip


def test_a_mask_of_that_name_by_somebody_else_is_not_replaced(
    output: Path, files: DetectionFiles
) -> None:
    """The page says so before anything is decided, and saving is refused."""
    files.review.mask.write_bytes(b"mine")
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        review = _review(client, scan_id)
        assert review["state"] == "foreign"
        assert files.review.mask.name in str(review["problem"])
        assert client.save(scan_id, {1: "accepted"}, str(review["revision"])).status == 507
    assert files.review.mask.read_bytes() == b"mine"


def test_a_folder_that_cannot_be_written_is_told_before_work_is_lost(
    output: Path, files: DetectionFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lesions can be looked at; the review says at once why it cannot be saved."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        monkeypatch.setattr(Path, "touch", refuse)
        review = _review(client, scan_id)
        assert "cannot be saved" in str(review["problem"])
        assert "read-only file system" in str(review["problem"])
        answer = client.save(scan_id, {1: "accepted"}, "")
        assert answer.status == 507
        assert client.get(f"/api/scans/{scan_id}/mask.nii").status == 200
    assert not any(path.exists() for path in files.review.all)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"null", b'{"decisions": []}', b'{"decisions": {}}', b"[" * 100000,
     b'{"decisions": {"3": "accepted"}, "revision": ""}',
     b'{"decisions": {"0": "accepted"}, "revision": ""}',
     b'{"decisions": {"1": "maybe"}, "revision": ""}',
     b'{"decisions": {"one": "accepted"}, "revision": ""}',
     b'{"decisions": {"1": "accepted"}, "revision": 7}',
     b'{"decisions": {}, "revision": "", "replace_earlier": "yes"}', b"\xff\xfe"],
)  # fmt: skip
def test_a_request_that_is_no_review_is_refused(
    output: Path, files: DetectionFiles, body: bytes
) -> None:
    """Answered with 400 and one sentence; nothing is written."""
    with client_on(output) as client:
        path = f"/api/scans/{client.scan_ids()['sub-1']}/review"
        answer = client.ask("PUT", path, body)
        assert answer.status == 400
        assert answer.body.startswith(b"Not understood: ")
    assert not any(path.exists() for path in files.review.all)


def test_a_scan_that_was_detected_again_takes_no_decision_on_what_was_before(
    output: Path, files: DetectionFiles
) -> None:
    """The page that was open is told, for its lesions may be others now."""
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        assert client.get(f"/api/scans/{scan_id}").status == 200
        table = files.lesions.read_text(encoding="utf-8")
        files.lesions.write_text(table + "3\n", encoding="utf-8")
        damaged = client.get(f"/api/scans/{client.scan_ids()['sub-2']}")
        assert damaged.status == 200
    with client_on(output) as client:
        answer = client.get(f"/api/scans/{scan_id}")
        assert (answer.status, answer.value["file"]) == (422, files.lesions.name)


def test_measures_are_taken_of_the_automatic_masks_alone(output: Path) -> None:
    """A reviewed mask beside the automatic one is passed over; alone, it is a mask like others."""
    with client_on(output) as client:
        client.save(client.scan_ids()["sub-1"], {1: "accepted"}, "")
    assert [mask.path.name for mask in find_masks(output)] == [
        "sub-1_label-L_mask.nii.gz", "sub-2_label-L_mask.nii.gz",
    ]  # fmt: skip
    alone = output.parent / "alone"
    alone.mkdir()
    shutil.copy(DetectionFiles(output, "sub-1").review.mask, alone)
    assert len(find_masks(alone)) == 1


def test_detecting_again_leaves_a_review_where_it_is(output: Path, files: DetectionFiles) -> None:
    """What a reader wrote is nobody's to replace."""
    with client_on(output) as client:
        client.save(client.scan_ids()["sub-1"], {1: "accepted"}, "")
    before = [path.read_bytes() for path in files.review.all]
    write_output(output, "sub-1")
    assert [path.read_bytes() for path in files.review.all] == before


def test_a_name_that_has_a_description_gets_no_second_one(tmp_path: Path) -> None:
    """BIDS allows one ``desc``; the reviewed mask is still known for what it is, and left alone."""
    files = write_output(tmp_path / "out", "sub-1_space-MNI152_desc-brain")
    assert files.review.mask.name == "sub-1_space-MNI152_label-L_desc-brainReviewed_mask.nii.gz"
    assert files.review.table.name == "sub-1_space-MNI152_desc-brainReviewed_lesions.tsv"
    with client_on(tmp_path / "out") as client:
        scan_id = client.scan_ids()[files.name]
        assert client.save(scan_id, {1: "accepted"}, "").status == 200
    assert all(path.is_file() for path in files.review.all)
    assert is_reviewed_mask(files.review.mask)
    assert not is_reviewed_mask(files.mask)


def test_links_that_an_output_brings_along_lead_to_no_other_file(
    output: Path, files: DetectionFiles, tmp_path: Path
) -> None:
    """A lock that is a link is refused, a table that is one is replaced: the file stays whole."""
    precious, lock = tmp_path / "precious", output / ".mslesion-review.lock"
    precious.write_text("mine")
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        lock.symlink_to(precious)
        assert client.save(scan_id, {1: "accepted"}, "").status == 507
        lock.unlink(missing_ok=True)
        first = client.save(scan_id, {1: "accepted"}, "").value
        shutil.move(files.review.table, tmp_path / "table")
        files.review.table.symlink_to(tmp_path / "table")
        before = (tmp_path / "table").read_bytes()
        assert client.save(scan_id, {2: "accepted"}, first["revision"]).status == 200
    assert not files.review.table.is_symlink()
    assert (tmp_path / "table").read_bytes() == before
    assert precious.read_text() == "mine"


def test_many_that_save_at_once_leave_one_whole_review(output: Path) -> None:
    """Eight send another decision from the same revision: one is taken, seven are told."""
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        with ThreadPoolExecutor(8) as pool:
            words = ["accepted", "rejected"] * 4
            answers = list(pool.map(lambda word: client.save(scan_id, {1: word}, ""), words))
        assert sorted(answer.status for answer in answers) == [200] + [409] * 7
        (taken,) = (answer.value for answer in answers if answer.status == 200)
        review = _review(client, scan_id)
        assert (review["state"], review["decisions"]) == ("resumed", taken["decisions"])
