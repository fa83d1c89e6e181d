"""The command ``mslesion study`` where nothing has to be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mslesion.cli import main
from mslesion.errors import UsageError


def test_the_plan_is_told_without_making_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each experiment with its minutes; those that need real scans alone are left out."""
    assert main(["study", "--plan", "--output", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "input-size" in told
    assert "core minutes" in told
    assert "lesion-tabriz" not in told
    assert not (tmp_path / "out").exists()


def test_a_page_of_nothing_is_refused_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The missing file is named in one line with what to do."""
    assert main(["study", "--page-only", "--output", str(tmp_path / "out")]) == UsageError.exit_code
    said = capsys.readouterr().err
    assert "plan.json" in said
    assert "run 'mslesion study' to its end" in said
