"""Make the pictures of report and viewer that README, tutorial and start page show.

    python tools/pictures.py            # Chromium and the extras 'simulate' and 'test' are needed

They show the first person of the tutorial's cohort, so that who follows it sees the same.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from mslesion.cli import main as mslesion
from mslesion.pipeline import view

IMAGES = Path(__file__).resolve().parents[1] / "docs/images"
PERSON = "sub-sim001"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--no-first-run", "--disable-background-networking",
)  # fmt: skip
_COLOURS = 256


def _shrink(path: Path) -> None:
    """A page is text and greys: a palette makes the file a third as large."""
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


@contextmanager
def _browser() -> Iterator[Any]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        sys.exit("no Chromium here: apt install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def report(browser: Any, page_file: Path, picture: Path, width: int, height: int) -> None:
    """The upper part of a report."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(page_file.resolve().as_uri())
    page.screenshot(path=picture)
    page.close()
    _shrink(picture)


def viewer(browser: Any, output: Path, scans: Path, picture: Path) -> None:
    """A scan in the viewer, with some lesions accepted and one rejected."""
    with view(output, scans=[scans]) as opened:
        answering = threading.Thread(target=opened.serve)
        answering.start()
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(opened.url)
            page.wait_for_selector("#scan[data-state=ready]")
            for key in "aaaraj":
                page.keyboard.press(key)
                page.wait_for_timeout(1500)
            page.screenshot(path=picture)
            page.close()
        finally:
            opened.stop()
            answering.join()
    _shrink(picture)


def main() -> int:
    """Simulate, detect, look."""
    with tempfile.TemporaryDirectory() as place:
        cohort, output = Path(place, "cohort"), Path(place, "one")
        mslesion(["simulate", str(cohort), "--people", "4", "--seed", "0"])
        scan = cohort / PERSON / "anat" / f"{PERSON}_FLAIR.nii.gz"
        mslesion(["detect", str(scan), "--output", str(output)])
        page = output / f"{PERSON}_report.html"
        with _browser() as browser:
            report(browser, page, IMAGES / "report.png", 1000, 1610)
            report(browser, page, IMAGES / "tutorial-report.png", 1180, 1180)
            viewer(browser, output, cohort, IMAGES / "viewer.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
