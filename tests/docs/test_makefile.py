"""The two commands of a new user: ``make demo`` makes lesions, ``make view`` shows them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from mslesion.cli import build_parser
from viewed_output import write_output, write_scan

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _make(folder: Path, *words: str) -> list[str]:
    """A call of make in another folder, where the environment is that of these tests."""
    for name in ("pyproject.toml", "constraints.txt", "ready"):
        (folder / name).touch()
    given = (f"BIN={Path(sys.executable).parent}", "READY=ready")
    return ["make", "-f", str(ROOT / "Makefile"), "-C", str(folder), *given, *words]


def _lines(folder: Path, *targets: str) -> list[list[str]]:
    """The words of each command that these targets would run."""
    done = subprocess.run(
        _make(folder, "--dry-run", *targets), capture_output=True, text=True, check=True
    )
    whole = done.stdout.replace("\\\n", " ")
    return [shlex.split(line) for line in whole.splitlines() if "/mslesion " in line]


def test_the_demo_ends_with_the_way_to_the_viewer(tmp_path: Path) -> None:
    """What it detects lies in the cohort that it made, and is what the viewer is pointed at."""
    study, detect = (build_parser().parse_args(words[1:]) for words in _lines(tmp_path, "demo"))
    assert detect.data.parents[2] == study.output / "cohort"
    made = (
        tmp_path / detect.output / f"{detect.data.name.removesuffix('_FLAIR.nii.gz')}_summary.json"
    )
    made.parent.mkdir(parents=True)
    made.touch()  # or 'view' would make the demo first
    view = build_parser().parse_args(_lines(tmp_path, "view")[-1][1:])
    assert (view.output, view.scans) == (detect.output, [study.output / "cohort"])
    demo = re.search(r"^demo:.*?\n\n", MAKEFILE, re.MULTILINE | re.DOTALL)
    assert demo is not None
    assert demo[0].strip().splitlines()[-1].endswith('make view"')


def test_make_view_shows_the_demo_in_a_browser(tmp_path: Path) -> None:
    """It prints an address, which gives the list with the scan of the demo; Ctrl-C ends it."""
    person = re.search(r"^DEMO_PERSON := (.*)$", MAKEFILE, re.MULTILINE)
    assert person is not None
    (tmp_path / "demo/cohort").mkdir(parents=True)
    scan = write_scan(tmp_path / "demo/cohort", person[1])
    write_output(tmp_path / "demo/detection", person[1], scan)
    with subprocess.Popen(
        _make(tmp_path, "view"), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        try:
            address = next(line for line in running.stdout if line.startswith("viewer: "))
            browser = build_opener(HTTPCookieProcessor())
            url = address.split()[1]
            assert b"mslesion view" in browser.open(url, timeout=60).read()
            listed = browser.open(f"{url.partition('?')[0]}api/scans", timeout=60).read()
            assert person[1].encode() in listed
        finally:
            # Ctrl-C reaches make and what it runs: the group of this session alone. Not by way of
            # the program kill, which some versions have taken -123 for "everybody" in.
            os.killpg(running.pid, signal.SIGINT)
        assert "viewer closed" in running.stdout.read()
    assert running.returncode in {0, 2, -signal.SIGINT}


def test_every_target_is_in_the_help_and_runs_what_exists() -> None:
    """Targets, help and .PHONY agree; scripts that lines call are in the repository."""
    targets = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
    phony = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split())
    told = set(re.findall(r'@echo "make ([a-z-]+) ', MAKEFILE))
    assert targets == phony
    assert targets - {"help"} <= told
    for script in re.findall(r"(?:tools|benchmarks)/\w+\.py", MAKEFILE):
        assert (ROOT / script).is_file(), script
