"""Calls that several processes share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mslesion.workers import share


def _read(name: Path, times: int) -> str:
    return name.read_text(encoding="utf-8") * times


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_paths_are_those_of_the_caller(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is looked for where the caller is, though the workers began elsewhere."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "name.txt").write_text(folder)
        monkeypatch.chdir(tmp_path / folder)
        calls = [(Path("name.txt"), times) for times in (3, 1, 2)]
        assert list(share(_read, calls, workers, "reading")) == [folder * 3, folder, folder * 2]
