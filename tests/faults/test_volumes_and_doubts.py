"""One of several volumes, and what doubts about a file do not do."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from good_scan import GoodScan

import mslesion
from mslesion.cli import main
from mslesion.detector import detect_scan, load_detector
from mslesion.report.detection import detection_report
from mslesion.report.detection_views import axial_slices, projections, scene_of
from mslesion.report.detection_wording import SIDES_UNKNOWN
from mslesion.verdict import VerdictModel, judge


@pytest.fixture
def two_volumes(good: GoodScan, tmp_path: Path) -> Path:
    """A file of a mirrored scan and the good one."""
    path = tmp_path / "scan.nii"
    path.write_bytes(good.nifti(np.stack([good.voxels[::-1], good.voxels], axis=-1)))
    return path


def _detect(scan: Path, output: Path, *options: str) -> int:
    return main(["detect", str(scan), "--output", str(output), *options])


def test_python_takes_the_volume_of_the_command_line(two_volumes: Path, tmp_path: Path) -> None:
    """``detect(SCAN, volume=1)`` and ``--volume 1`` give the same bytes."""
    assert _detect(two_volumes, tmp_path / "a", "--volume", "1") == 0
    mslesion.detect(two_volumes, volume=1).save(tmp_path / "b")
    (tmp_path / "a" / "run.json").unlink()
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert first == second
    assert json.loads(first["scan_summary.json"])["input_volume"] == 1


def test_another_volume_of_a_file_is_not_done_yet(two_volumes: Path, tmp_path: Path) -> None:
    """--resume passes over a scan only where the same volume was asked for."""
    output = tmp_path / "out"
    summary = output / "scan_summary.json"
    assert _detect(two_volumes, output, "--volume", "1") == 0
    assert _detect(two_volumes, output, "--volume", "0", "--resume") == 0
    assert json.loads(summary.read_text())["input_volume"] == 0
    written_ns = summary.stat().st_mtime_ns
    assert _detect(two_volumes, output, "--volume", "0", "--resume") == 0
    assert summary.stat().st_mtime_ns == written_ns


def test_no_side_is_named_where_none_is_known(good: GoodScan, tmp_path: Path) -> None:
    """Without an orientation in the header, neither sentences nor pictures say left or right."""
    path = tmp_path / "scan.nii"
    path.write_bytes(good.nifti(sform_code=0, qform_code=0))
    found = mslesion.detect(path)
    assert found.lesions
    scene = scene_of(found)
    page = html.unescape(detection_report(found))
    words = re.sub(r"<[^>]*>|base64,[^\"]*", " ", page).replace(SIDES_UNKNOWN, "")
    assert page.count(SIDES_UNKNOWN) == 1 + len(axial_slices(scene))
    assert re.findall(r"(?i)patient's (?:right|left)|\b[LR][AP]S\b", words) == []
    found.save(tmp_path / "out")
    mask = nib.load(tmp_path / "out" / "scan_label-L_mask.nii.gz")
    assert (mask.header["sform_code"], mask.header["qform_code"]) == (0, 0)
    assert np.allclose(mask.affine, nib.load(path).affine, atol=1e-3)
    planes = [shown.plane for shown in (*axial_slices(scene), *projections(scene))]
    assert {(plane.left, plane.right) for plane in planes} == {("?", "?")}


def test_doubt_about_quality_silences_the_verdict() -> None:
    """A verdict model that is sure says nothing where the scan is in doubt, and why."""
    zeros, rates = (0.0,) * 4, (0.02, 0.0, 0.05)
    sure = VerdictModel(zeros, (1.0,) * 4, zeros, 9.0, 0.5, rates, rates, "nobody")
    assert judge((), (), sure).ms_probability == pytest.approx(1, abs=1e-3)
    silent = judge((), ("noise is strong", "ghosts"), sure)
    assert (silent.ms_probability, silent.abstained) == (None, True)
    assert silent.reason == "noise is strong; ghosts"


def test_doubt_about_a_header_silences_no_verdict(good: GoodScan, tmp_path: Path) -> None:
    """Where left and right are not known, that is the first warning, and a verdict is given."""
    path = tmp_path / "scan.nii"
    path.write_bytes(good.nifti(sform_code=0, qform_code=0))
    zeros, rates = (0.0,) * 4, (0.02, 0.0, 0.05)
    verdict = VerdictModel(zeros, (1.0,) * 4, zeros, 0.0, 0.5, rates, rates, "nobody")
    shipped = load_detector()
    found = detect_scan(path, replace(shipped, model=replace(shipped.model, verdict=verdict)), "s")
    assert found.warnings[0].startswith("no orientation in the header")
    assert found.verdict.ms_probability == 0.5
