"""Whatever goes in: measures keep their laws, files come back, errors are one line of ours."""

from __future__ import annotations

import csv
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nibabel.orientations import axcodes2ornt, inv_ornt_aff

from mslesion.errors import MslesionError, OutputError, ScanError
from mslesion.evaluation.lesions import compare_masks
from mslesion.evaluation.mask_pairs import score_pairs
from mslesion.lesions.field_of_view import head_box
from mslesion.lesions.model import Calibration
from mslesion.lesions.operating_point import OperatingPoint, lesion_mask
from mslesion.read import read_cohort
from mslesion.read.bids_app import read_bids_dataset
from mslesion.read.detections import DetectionFiles
from mslesion.read.masks import find_masks, pair_masks
from mslesion.read.nifti import read_scan
from mslesion.read.split import read_split
from mslesion.view.listing import read_listing
from mslesion.write.atomic import write_json, write_table
from mslesion.write.detections import write_derivative_description
from mslesion.write.earlier import remove_refusal
from mslesion.write.nifti import write_nifti
from mslesion.write.run import Outcome, RunOrigin, add_outcome, require_our_run

patient = settings(deadline=None, derandomize=True)
"""A busy machine is no failure, and what fails for one change fails for all."""

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=9)
UNIT = st.floats(0, 1, width=32)
MASK_PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(hnp.arrays(bool, shape), hnp.arrays(bool, shape))
)
PROBABILITIES = hnp.arrays(np.float32, SHAPES, elements=UNIT)
SIDES = ("LR", "PA", "IS")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@patient
@given(MASK_PAIRS, st.floats(0.1, 50))
def test_the_agreement_of_two_masks_keeps_its_laws(
    masks: tuple[np.ndarray, np.ndarray], voxel_mm3: float
) -> None:
    """Between 0 and 1, 1 with itself, the same Dice both ways, no more found than there is."""
    first, second = masks
    one, other = compare_masks(first, second, voxel_mm3), compare_masks(second, first, voxel_mm3)
    assert 0 <= one.dice <= 1
    assert 0 <= one.lesion_f1 <= 1
    assert np.isclose(one.dice, other.dice)
    assert compare_masks(first, first, voxel_mm3).dice == 1
    assert compare_masks(first, first, voxel_mm3).lesion_f1 == 1
    assert 0 <= one.false_lesions <= one.is_true.size
    assert other.is_found.sum() == one.is_true.sum()
    assert one.recall_of_size(0, np.inf) == (int(one.is_found.sum()), one.is_found.size)


@patient
@given(PROBABILITIES, UNIT, UNIT, UNIT)
def test_a_higher_limit_never_adds_a_lesion_voxel(
    probability: np.ndarray, threshold: float, low: float, high: float
) -> None:
    """Of two peaks, the higher one's mask lies within the other's, and both above the threshold."""
    low, high = sorted((low, high))
    wide = lesion_mask(probability, 1.0, OperatingPoint(threshold, low, 0.0))
    narrow = lesion_mask(probability, 1.0, OperatingPoint(threshold, high, 0.0))
    assert (narrow <= wide).all()
    assert (wide <= (probability > threshold)).all()


@patient
@given(PROBABILITIES, st.floats(0.1, 3), st.floats(-4, 4))
def test_calibration_keeps_the_order_and_the_range(
    probability: np.ndarray, slope: float, intercept: float
) -> None:
    """What was more probable stays so, or becomes equal; nothing leaves 0 to 1."""
    order = np.argsort(probability.ravel(), kind="stable")
    calibrated = Calibration(slope, intercept)(probability).ravel()[order]
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated) >= -1e-6).all()


@patient
@given(hnp.arrays(np.float32, SHAPES, elements=st.floats(0, 9, width=32)), st.floats(0.1, 9))
def test_what_is_cut_from_a_scan_goes_back_to_its_place(voxels: np.ndarray, level: float) -> None:
    """Inside the box nothing changes, outside it there is nothing."""
    box = head_box(voxels, level, (12.0, 12.0, 12.0))
    back = box.put_back(box.cut(voxels), voxels.shape)
    assert ((back == voxels) | (back == 0)).all()
    assert np.array_equal(box.cut(back), box.cut(voxels))


@settings(patient, max_examples=40)
@given(
    hnp.arrays(
        np.int16,
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=3, max_side=7),
        elements=st.integers(0, 2**15 - 1),
    ),
    st.permutations([0, 1, 2]),
    st.tuples(*[st.sampled_from([-1, 1])] * 3),
    st.sampled_from([".nii", ".nii.gz"]),
)
def test_a_volume_comes_back_from_its_file(
    voxels: np.ndarray, axes: list[int], flips: tuple[int, ...], ending: str
) -> None:
    """In any of 48 orders: the same voxels, brought to RAS+, and the order they came in.

    Some are 0, as air is: where none is, all are lowered.
    """
    codes = "".join(SIDES[axis][flip > 0] for axis, flip in zip(axes, flips, strict=True))
    affine = np.linalg.inv(inv_ornt_aff(axcodes2ornt(codes), voxels.shape))
    voxels.flat[:16] = np.arange(16)
    voxels.flat[16:20] = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"scan{ending}"
        write_nifti(path, voxels, affine)
        scan = read_scan(path)
    assert scan.grid.axis_codes == "RAS"
    assert scan.stored_grid.axis_codes == codes
    assert np.array_equal(scan.to_stored_order(scan.voxels), voxels)


@patient
@given(st.binary(max_size=600))
def test_any_bytes_are_refused_in_one_line(data: bytes) -> None:
    """Bytes that are no scan end in an error of ours, with what to do."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.nii.gz"
        path.write_bytes(data)
        with pytest.raises(ScanError) as refusal:
            read_scan(path)
    assert "\n" not in str(refusal.value)
    assert refusal.value.remedy


@patient
@given(TEXTS, TEXTS, TEXTS)
def test_an_error_is_one_line_whatever_is_in_it(what: str, remedy: str, file: str) -> None:
    """Line breaks and control characters in names and messages are escaped."""
    line = str(MslesionError(what, remedy=remedy, file=file))
    assert line.isprintable()


@patient
@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": st.integers()}), max_size=5))
def test_a_table_comes_back_from_its_file(rows: list[dict[str, object]]) -> None:
    """Tabs, quotes and line breaks in cells are kept; carriage returns become line breaks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.tsv"
        write_table(path, rows, ("a", "b"))
        with path.open(encoding="utf-8", newline="") as table:
            found = list(csv.DictReader(table, delimiter="\t"))
    assert found == [
        {key: str(value).replace("\r", "\n") for key, value in row.items()} for row in rows
    ]


def _without_infinity(value: object) -> object:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, list):
        return [_without_infinity(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_infinity(one) for key, one in value.items()}
    return value


@patient
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    )
)
def test_json_comes_back_from_its_file(value: object) -> None:
    """Infinity, which JSON does not have, becomes null; all else stays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "value.json"
        write_json(path, value)
        found = json.loads(path.read_text(encoding="utf-8"))
    assert found == _without_infinity(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KNOWN_KEYS = st.sampled_from(
    ["Name", "BIDSVersion", "GeneratedBy", "DatasetDOI", "scans", "files", "status", "scan",
     "version", "detector", "environment", "name", "code", "reason", "remedy", "sha256", "folds"]
)  # fmt: skip
SIDE_FILES = (
    st.binary(max_size=200)
    | st.just(b"[" * 200_000)
    | st.just(b'{"Name":' * 200_000)
    | (JSON | st.dictionaries(KNOWN_KEYS, JSON, max_size=12)).map(lambda v: json.dumps(v).encode())
)
"""Bytes, nests of brackets, and JSON of the right keys with the wrong values."""


@settings(patient, max_examples=60)
@given(SIDE_FILES, SIDE_FILES, st.binary(max_size=200) | TEXTS.map(str.encode))
def test_whatever_lies_beside_scans_a_dataset_is_read_or_refused(
    description: bytes, sidecar: bytes, participants: bytes
) -> None:
    """A description, a sidecar, a table of participants: a cohort, or an error of ours."""
    with tempfile.TemporaryDirectory() as folder:
        anat = Path(folder) / "sub-1" / "anat"
        anat.mkdir(parents=True)
        (anat / "sub-1_FLAIR.nii.gz").touch()
        (anat / "sub-1_FLAIR.json").write_bytes(sidecar)
        (Path(folder) / "dataset_description.json").write_bytes(description)
        (Path(folder) / "participants.tsv").write_bytes(participants)
        for read in (read_cohort, read_bids_dataset):
            with suppress(MslesionError):
                (person,) = read(Path(folder)).people
                assert person.person_id == "sub-1"
        write_derivative_description(Path(folder), "a", Path(folder) / "out")
        told = (Path(folder) / "out" / "dataset_description.json").read_text(encoding="utf-8")
        assert json.loads(told)["DatasetLinks"] == {"raw": ".."}


@settings(patient, max_examples=60)
@given(SIDE_FILES)
def test_whatever_an_earlier_run_left_is_taken_for_ours_or_refused(content: bytes) -> None:
    """As a summary, a refusal, the record of a run or a split: nothing but an error of ours."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = DetectionFiles(folder, "p1")
        for path in (files.summary, files.refusal, folder / "run.json", folder / "split.json"):
            path.write_bytes(content)
        assert not files.are_as_written()
        remove_refusal(files)
        outcome = Outcome("p1", files, ScanError("is bad", remedy="mend it"))
        with suppress(MslesionError):
            read_split(folder / "split.json")
        with suppress(OutputError):
            require_our_run(folder)
            add_outcome(outcome, folder, RunOrigin())
            require_our_run(folder)
            read_listing(folder)


@settings(patient, max_examples=60)
@given(
    MASK_PAIRS,
    st.sampled_from([np.uint8, np.float32, np.int16]),
    st.floats(width=32),
    st.sampled_from([0.0, 1e-5, 1.0]),
)
def test_whatever_masks_are_measured_there_is_a_measure_or_a_refusal(
    masks: tuple[np.ndarray, np.ndarray], dtype: type, value: float, moved_mm: float
) -> None:
    """Any two values, NaN and infinity among them, on the same grid or on another."""
    first, second = masks
    with tempfile.TemporaryDirectory() as name:
        paths = Path(name) / "a" / "p1.nii.gz", Path(name) / "b" / "p1.nii.gz"
        with np.errstate(all="ignore"):
            shown = np.where(first, np.array(value).astype(dtype), np.array(0, dtype))
        moved = np.eye(4)
        moved[0, 3] = moved_mm
        write_nifti(paths[0], shown, np.eye(4))
        write_nifti(paths[1], second.astype(np.uint8), moved)
        with suppress(MslesionError):
            (pair,) = pair_masks(*(find_masks(path.parent) for path in paths))
            (scored,) = score_pairs([pair])
            assert moved_mm < 1
            assert 0 <= scored.agreement.dice <= 1
