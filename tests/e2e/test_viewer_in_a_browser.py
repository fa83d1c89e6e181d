"""The viewer in a real browser: it draws, jumps, saves, runs nobody's markup, asks nobody else.

Skipped, saying so, where there is no Chromium: the server is tested without one in
``tests/unit/view``.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mslesion.read.detections import DetectionFiles
from mslesion.read.side_files import file_sha256
from viewed_output import running, write_output, write_scan

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PATIENCE_MS = 120_000

XSS = (
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg onload=window.hit=1>",
    "<svg><script>window.hit=1</script></svg>",
    '"><script>window.hit=1</script>',
    "'><img src=x onerror='window.hit=1'>",
    "<body onload=window.hit=1>",
    "<iframe src='javascript:window.hit=1'></iframe>",
    "<a href='javascript:window.hit=1' autofocus onfocus=window.hit=1>x</a>",
    "<input autofocus onfocus=window.hit=1>",
    "<details open ontoggle=window.hit=1>",
    "<video><source onerror=window.hit=1></video>",
    "<audio src=x onerror=window.hit=1>",
    "<math><mtext><img src=x onerror=window.hit=1></mtext></math>",
    "<template><script>window.hit=1</script></template>",
    "<object data='javascript:window.hit=1'>",
    "<embed src='javascript:window.hit=1'>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href='//evil.example/'>",
    "<link rel=stylesheet href='//evil.example/x.css'>",
    "<style>@import '//evil.example/x.css'</style>",
    "<form action='//evil.example'><button autofocus>",
    "javascript:window.hit=1",
    "data:text/html,<script>window.hit=1</script>",
    "{{constructor.constructor('window.hit=1')()}}",
    "${window.hit=1}",
    "\\u003cscript\\u003ewindow.hit=1",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "<scr\x00ipt>window.hit=1</scr\x00ipt>",
    "<marquee onstart=window.hit=1>",
    "\u2028window.hit=1\u2028",
    "</td></tr></table><script>window.hit=1</script>",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests; each has a context of its own, and so its own cookies."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no Chromium here (apt install chromium)")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def _page(browser: Any, output: Path, **options: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """A page of a viewer on ``output``, all that it asked for, and all that it complained of."""
    with running(output, **options) as viewer:
        context = browser.new_context(viewport={"width": 1000, "height": 640})
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda m: complaints.append(f"{m.text} {m.location}") if m.type == "error" else None,
        )
        page.goto(viewer.url)
        try:
            yield page, asked, complaints
        finally:
            context.close()


def _until(page: Any, condition: str) -> None:
    """Wait for a condition; playwright's own way to do so is forbidden by the page's policy."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def test_a_review_from_the_first_look_to_the_saved_mask(browser: Any, tmp_path: Path) -> None:
    """The scan is drawn; keys jump to lesions and decide; what is saved is what was decided."""
    output = tmp_path / "out"
    (tmp_path / "scans").mkdir()
    files = write_output(output, "sub-1", write_scan(tmp_path / "scans"))
    automatic = {path: file_sha256(path) for path in output.iterdir()}
    with _page(browser, output, scans=[tmp_path / "scans"]) as (page, asked, complaints):
        page.wait_for_selector("#scan[data-state=ready]")
        assert "token" not in page.url
        assert page.inner_text("#scan-name") == "sub-1"
        assert page.inner_text("#scan-facts").startswith("2 lesions, ")

        # Drawn: the picture holds greys of the scan and the colour of lesions.
        colours = _colours(page)
        assert colours["grey"] > 2000
        assert colours["orange"] > 20

        # Jumped: the cursor is in the lesion that was chosen, by key and by click.
        _until(page, "document.querySelector('#where').textContent.includes('lesion 1')")
        page.keyboard.press("j")
        _until(page, "document.querySelector('#where').textContent.includes('lesion 2')")
        page.click("#lesion-rows tr:nth-child(1)")
        _until(page, "document.querySelector('#where').textContent.includes('lesion 1')")
        middle = [float(n) for n in page.inner_text("#where").split(" mm")[0].split(",")]
        row = files.read_lesions()[0]
        told = [float(row[f"centroid_{axis}_mm"]) for axis in "xyz"]
        assert all(abs(a - b) < 1.0 for a, b in zip(middle, told, strict=True))

        # Decided, saved, undone, saved.
        for key in "ar":
            page.keyboard.press(key)
        _until(page, "document.querySelector('#saved').textContent === 'Saved'")
        assert _counts(page) == [1, 1, 0]
        page.keyboard.press("u")
        _until(page, "document.querySelector('#saved').textContent === 'Saved'")
        assert _counts(page) == [1, 0, 1]
        assert page.inner_text("#counts-more") == "undecided: 2"
        page.keyboard.press("k")
        _until(page, "document.querySelector('#where').textContent.includes('lesion 1')")
        assert _colours(page)["green"] > 20

        # The probability lies under the outlines.
        page.keyboard.press("o")
        page.wait_for_timeout(1000)
        outlines = _colours(page)["green"]
        page.keyboard.press("p")
        page.wait_for_selector("#probability-scale:visible")
        page.wait_for_timeout(1000)
        assert _colours(page)["green"] > 0.8 * outlines > 8

        # The other tools, without a complaint.
        for key in ".,mo[]w+-0x2345":
            page.keyboard.press(key)
        page.keyboard.press("?")
        assert page.is_visible("#help")
        host = page.url.split("/#")[0]
        assert all(url.startswith((host, "data:", "blob:" + host)) for url in asked), asked
        assert complaints == []
    with files.review.table.open(encoding="utf-8", newline="") as table:
        decided = [row["review"] for row in csv.DictReader(table, delimiter="\t")]
    assert decided == ["accepted", "undecided"]
    assert {path: file_sha256(path) for path in automatic} == automatic


def _counts(page: Any) -> list[int]:
    """How many lesions are accepted, rejected, undecided, as the legend of their colours says."""
    told = page.locator("#counts span").all_inner_texts()
    assert [text.split()[1] for text in told] == ["accepted", "rejected", "undecided"]
    return [int(text.split()[0]) for text in told]


def _colours(page: Any) -> dict[str, int]:
    """How many points of the pictures are grey, orange (undecided) and green (accepted)."""
    picture = Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB")
    red, green, blue = np.moveaxis(np.asarray(picture).astype(int), 2, 0)
    is_grey = (red > 40) & (abs(red - green) < 6) & (abs(green - blue) < 6)
    is_orange = (red > 120) & (red > blue + 50) & (green > blue + 20) & (red > green)
    is_green = (green > 100) & (green > red + 40) & (green > blue + 8)
    return {"grey": is_grey.sum(), "orange": is_orange.sum(), "green": is_green.sum()}


def _with_hostile_texts(files: DetectionFiles, payloads: tuple[str, ...]) -> None:
    """Names, sentences and cells of a result, each of them markup."""
    summary = files.read_summary()
    header, *rows = files.lesions.read_text(encoding="utf-8").splitlines()
    cells = [row.split("\t") for row in rows]
    for number, payload in enumerate(payloads):
        cells[number % len(cells)][1 + number % 12] = payload.replace("\n", " ")
    files.lesions.write_text(
        "\n".join([header, *("\t".join(row) for row in cells)]) + "\n", encoding="utf-8", newline=""
    )
    summary |= {
        "warnings": list(payloads), "verdict": payloads[0], "abstained_reason": payloads[1],
        "abstained": True, "lesion_count": payloads[2], "lesion_volume_ml": payloads[3],
        "input_file": payloads[7], "name": payloads[4],
    }  # fmt: skip
    summary["files"][files.lesions.name] = file_sha256(files.lesions)
    files.summary.write_text(json.dumps(summary), encoding="utf-8")


def test_markup_in_names_and_tables_is_shown_as_text(browser: Any, tmp_path: Path) -> None:
    """Thirty payloads as warnings, cells, names of files and reasons: none runs, none loads."""
    assert len(XSS) >= 30
    output = tmp_path / "out"
    name = "<img src=x onerror=window.hit=1>"
    _with_hostile_texts(write_output(output, name), XSS)
    aside = [{"scan": p, "status": "set aside", "code": p, "reason": p, "remedy": p} for p in XSS]
    (output / "run.json").write_text(json.dumps({"scans": aside}), encoding="utf-8")
    with _page(browser, output) as (page, asked, complaints):
        page.wait_for_selector("#list-rows tr")
        assert page.inner_text("#list-rows a") == name
        assert page.locator("#set-aside-rows tr").count() == len(XSS)
        page.click("#list-rows a")
        page.wait_for_selector("#lesion-rows tr")
        page.wait_for_selector("#scan[data-state=ready]")
        page.wait_for_timeout(300)
        assert page.evaluate("window.hit") is None
        assert page.locator("main img, main script, main iframe, main svg, main form").count() == 0
        assert not [url for url in asked if "evil" in url]
        assert complaints == []


def _conflict(output: Path) -> None:
    (output / "sub-1_label-L_desc-reviewed_mask.nii.gz").write_bytes(b"mine")


def _damage(output: Path) -> None:
    (output / "sub-1_label-L_mask.nii.gz").write_bytes(b"no image")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "selector", "told"),
    [
        (_conflict, ".notice.bad", "will not replace"),
        (_damage, ".notice.warn", "is not the file that was written"),
    ],
)
def test_what_is_wrong_is_told_on_the_page(
    browser: Any, tmp_path: Path, change: Callable[[Path], None], selector: str, told: str
) -> None:
    """A review that cannot be saved, results that are damaged: a sentence, and deciding is off."""
    output = tmp_path / "out"
    write_output(output, "sub-1")
    change(output)
    with _page(browser, output) as (page, _, _complaints):
        page.wait_for_selector(f"{selector} >> text={told}")
        assert page.is_disabled("#accept")


@pytest.mark.slow
def test_nothing_of_a_scan_is_left_on_the_page_of_one_that_cannot_be_shown(
    browser: Any, tmp_path: Path
) -> None:
    """From a scan that is shown to a damaged one: no name, row, or intensity of the first stays."""
    output = tmp_path / "out"
    write_output(output, "sub-1")
    write_output(output, "sub-2")
    (output / "sub-2_label-L_mask.nii.gz").write_bytes(b"no image")
    with _page(browser, output) as (page, _, _complaints):
        page.click("text=sub-1")
        page.wait_for_selector("#scan[data-state=ready]")
        _until(page, "document.querySelector('#where').textContent !== ''")
        page.click("#next-scan")
        page.wait_for_selector("#scan[data-state=failed]")
        told = {part: page.inner_text(f"#{part}") for part in ("scan-name", "scan-facts", "where")}
        assert told == {"scan-name": "", "scan-facts": "", "where": ""}
        assert page.locator("#lesion-rows tr").count() == 0


@pytest.mark.slow
def test_two_pages_on_one_scan_keep_what_each_decided(browser: Any, tmp_path: Path) -> None:
    """One accepts the first lesion, the other rejects the second: both decisions are saved."""
    output = tmp_path / "out"
    files = write_output(output, "sub-1")
    with _page(browser, output) as (page, _, complaints):
        page.wait_for_selector("#scan[data-state=ready]")
        other = page.context.new_page()
        other.goto(page.url)
        other.wait_for_selector("#scan[data-state=ready]")
        page.keyboard.press("a")
        _until(page, "document.querySelector('#saved').textContent === 'Saved'")
        other.click("#lesion-rows tr:nth-child(2)")
        other.keyboard.press("r")
        _until(other, "document.querySelector('#saved').textContent === 'Saved'")
        assert _counts(other) == [1, 1, 0]
        assert "both its and yours were kept" in other.inner_text("#notices")
        assert complaints == []
    rows = files.review.table.read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[-1] for row in rows[1:]] == ["accepted", "rejected"]
