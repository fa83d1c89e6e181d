"""Files out: complete or absent, and the same bytes for the same content."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from mslesion.errors import OutputError
from mslesion.read.nifti import read_scan
from mslesion.scan import Grid
from mslesion.write.atomic import atomic_path, write_bytes, write_json, write_table, write_text
from mslesion.write.nifti import write_nifti


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """The file is not seen while it is written, and nothing else is left beside it."""
    final = tmp_path / "new" / "folder" / "report.html"
    with atomic_path(final) as partial:
        assert partial.parent == final.parent
        assert partial.suffix == ".html"
        partial.write_text("whole")
        assert not final.exists()
    assert final.read_text() == "whole"
    assert os.listdir(final.parent) == ["report.html"]  # noqa: PTH208 - hidden files count


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """When writing fails, the file that was there stays as it was, and no rest is left."""
    final = tmp_path / "table.tsv"
    final.write_text("old")
    message = "stopped"

    def fail() -> None:
        with atomic_path(final) as partial:
            partial.write_text("half")
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match=message):
        fail()
    assert final.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.tsv"]


def test_an_error_of_reading_is_not_taken_for_one_of_writing(tmp_path: Path) -> None:
    """A missing input inside the block is told as it is, not as an output that failed."""
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a"):
        (tmp_path / "input").read_bytes()


def _file_for_a_folder(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "a.json"


def _folder_for_a_file(folder: Path) -> Path:
    (folder / "a.json").mkdir()
    return folder / "a.json"


@pytest.mark.parametrize(
    ("make", "phrase"),
    [
        (_file_for_a_folder, "a file stands where a folder is needed"),
        (_folder_for_a_file, "a folder stands where the file should go"),
        (lambda folder: folder / ("a" * 300), "choose a shorter name"),
        (lambda folder: Path("/proc") / folder.name, "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_first(
    make: Callable[[Path], Path], phrase: str, tmp_path: Path
) -> None:
    """An output that cannot be is refused before any work is done for it."""
    with pytest.raises(OutputError, match=phrase), atomic_path(make(tmp_path)):
        pytest.fail("the work began")


def test_a_full_disk_is_said_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a full disk the line says so, and no part of the file stays."""

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="free some space"):
        write_bytes(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_fails_is_told_as_the_place_that_cannot_be_written(
    number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Errors of writing and of waiting for the disk name no file; they are no mistake of ours."""

    def broken(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(OutputError, match="cannot be written"):
            write_bytes(tmp_path / "a", b"data")
    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(OutputError, match="cannot be written"):
        write_bytes(tmp_path / "a", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_cannot_wait_for_folders_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is whole by then."""
    wait = os.fsync

    def files_alone(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        wait(handle)

    monkeypatch.setattr(os, "fsync", files_alone)
    write_bytes(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"


def test_text_is_utf8_with_plain_line_ends(tmp_path: Path) -> None:
    """Text is UTF-8; the undecodable bytes of a file name are escaped, not fatal."""
    write_text(tmp_path / "a", "é\n\udcff")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n\\udcff"


def test_json_holds_what_results_are_made_of(tmp_path: Path) -> None:
    """Arrays, sets, paths and values come out as plain JSON; NaN and infinity become null."""
    value = {
        "array": np.array([[1.5, np.nan]]),
        "number": np.float32(0.5),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "set": {"b", "a"},
        "infinite": float("inf"),
        "path": Path("a/é"),
        "grid": Grid((1, 2, 3), np.eye(4)),
        4: (None, True),
    }
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "array": [[1.5, None]],
        "number": 0.5,
        "count": 3,
        "flag": True,
        "set": ["a", "b"],
        "infinite": None,
        "path": "a/é",
        "grid": {"shape": [1, 2, 3], "affine_vox_to_ras": np.eye(4).tolist()},
        "4": [None, True],
    }
    assert list(json.loads(text))[:2] == ["array", "number"]


@pytest.mark.parametrize(
    ("delimiter", "expected"),
    [
        ("\t", 'name\tvalue\n"a\tb"\tn/a\nx\tn/a\ny\t0.1\nz\ttrue\n'),
        (",", "name,value\na\tb,\nx,\ny,0.1\nz,true\n"),
    ],
)
def test_tables(delimiter: str, expected: str, tmp_path: Path) -> None:
    """What is missing reads n/a in a TSV, as BIDS has it, and is empty in a CSV."""
    rows: list[dict[str, object]] = [
        {"name": "a\tb", "value": None},
        {"name": "x", "value": np.nan},
        {"value": np.float32(0.1), "name": "y"},
        {"name": "z", "value": np.bool_(1)},
    ]
    write_table(tmp_path / "t", rows, ["name", "value"], delimiter)
    assert (tmp_path / "t").read_text() == expected


def test_an_empty_table_has_its_header(tmp_path: Path) -> None:
    """A table without rows still says what its columns are."""
    write_table(tmp_path / "t", [], ["name", "value"], "\t")
    assert (tmp_path / "t").read_text() == "name\tvalue\n"


def test_a_value_without_column_is_a_mistake(tmp_path: Path) -> None:
    """A value that no column is there for is not dropped in silence."""
    with pytest.raises(ValueError, match="volume"):
        write_table(tmp_path / "t", [{"name": "a", "volume": 1}], ["name"], "\t")


OBLIQUE = np.array(
    [[-0.9 * np.cos(0.3), -0.9 * np.sin(0.3), 0, 90], [-0.9 * np.sin(0.3), 0.9 * np.cos(0.3), 0, 5],
     [0, 0, 6.5, -40], [0, 0, 0, 1]]
)  # fmt: skip


def _volume(dtype: str) -> NDArray[np.generic]:
    return np.random.default_rng(0).integers(0, 2, (4, 5, 6)).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("bool", "u1"), ("u1", "u1"), ("i2", "i2"), ("i8", "i4"), ("f2", "f4"), ("f4", "f4")],
)
def test_types_of_volumes(dtype: str, stored: str, tmp_path: Path) -> None:
    """A mask is stored as bytes; other types stay, unless NIfTI-1 readers lack them."""
    write_nifti(tmp_path / "v.nii.gz", _volume(dtype), OBLIQUE)
    image = nib.load(tmp_path / "v.nii.gz")
    assert image.get_data_dtype() == np.dtype(stored)
    np.testing.assert_array_equal(np.asarray(image.dataobj), _volume(dtype).astype(stored))


def test_the_header_is_clean_and_consistent(tmp_path: Path) -> None:
    """Both affines of the header say the same, in millimetres, and no text stands in it."""
    write_nifti(tmp_path / "v.nii.gz", _volume("f4"), OBLIQUE)
    header = nib.load(tmp_path / "v.nii.gz").header
    for affine, code in (header.get_sform(coded=True), header.get_qform(coded=True)):
        assert code == 1
        np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)
    assert header.get_xyzt_units() == ("mm", "unknown")
    for text in ("descrip", "aux_file", "intent_name", "db_name"):
        assert header[text].item() == b""
    assert read_scan(tmp_path / "v.nii.gz").history == ()


def test_shear_has_no_quaternion(tmp_path: Path) -> None:
    """A sheared grid is written as sform alone, since a quaternion would say otherwise."""
    sheared = np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1.0]])
    write_nifti(tmp_path / "v.nii", _volume("f4"), sheared)
    assert nib.load(tmp_path / "v.nii").header["qform_code"] == 0
    np.testing.assert_allclose(
        read_scan(tmp_path / "v.nii").grid.affine_vox_to_ras, sheared, atol=1e-6
    )


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_equal_volumes_are_equal_files(ending: str, tmp_path: Path) -> None:
    """The same volume under another name, from memory in another order, gives equal bytes."""
    write_nifti(tmp_path / f"a{ending}", _volume("f4"), OBLIQUE)
    write_nifti(tmp_path / f"b{ending}", np.asfortranarray(_volume("f4")), OBLIQUE)
    first, second = ((tmp_path / f"{name}{ending}").read_bytes() for name in "ab")
    assert first == second
    assert b"a.nii" not in first


@pytest.mark.parametrize(
    ("volume", "phrase"),
    [(np.zeros((3, 3)), "three axes"), (np.full((3, 3, 3), 2**40), "beyond 32 bit")],
)
def test_what_is_no_volume_is_a_mistake(
    volume: NDArray[np.generic], phrase: str, tmp_path: Path
) -> None:
    """A slice, or numbers that cannot be stored, are refused and nothing is written."""
    with pytest.raises(ValueError, match=phrase):
        write_nifti(tmp_path / "v.nii", volume, OBLIQUE)
    assert list(tmp_path.iterdir()) == []
