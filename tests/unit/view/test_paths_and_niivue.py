"""Path tricks against the viewer, and the file that it takes from another project."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from viewed_output import client_on

NIIVUE_SHA256 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
"""Of dist/niivue.umd.js in @niivue/niivue 0.69.0, as the npm registry has it."""

ELSEWHERE = "the-content-of-a-file-that-is-not-in-the-list"


def _tricks(folder: Path) -> Iterator[str]:
    """Ways to write a path that leads up and out, in every spelling known to have worked once."""
    ups = ("..", "%2e%2e", "%2E%2E", ".%2e", "%252e%252e", "..;", "....", "%c0%ae%c0%ae",
           "\uff0e\uff0e", "%uff0e%uff0e", "..%00", "%00..")  # fmt: skip
    slashes = ("/", "//", "\\", "%2f", "%5c", "%252f", "%c0%af", "/./")
    starts = ("/", "/static/", "/static/niivue/", "/api/scans/", "/api/scans/ID/")
    targets = ("secret.txt", "etc/passwd")
    for start, up, slash, target in itertools.product(starts, ups, slashes, targets):
        yield start + slash.join([up] * 4 + [target])
    absolute = str(folder / "secret.txt")
    for start in (*starts, "/static/app.js/", "/static/app.js"):
        for name in (absolute, "file://" + absolute, "C:\\secret.txt", "~/secret.txt", "secret.txt",
                     "sub-1_summary.json", "sub-1_label-L_mask.nii.gz", ".mslesion.lock",
                     "secret.txt%00.js", "%2fetc%2fpasswd", "con"):  # fmt: skip
            yield start + name
    yield from ("/static", "/static/", "/static/niivue", "/static/niivue/", "/api", "/api/scans/",
                "/api/scans/ID/", "http://evil.example/", "//evil.example/", "*", "/?", "/#x",
                "/index.html", "/.git/config", "/api/scans/ID/scan.nii/..",
                "/api/scans/ID/other")  # fmt: skip


def test_no_path_trick_leads_to_a_file_that_is_not_in_the_list(output: Path) -> None:
    """A thousand spellings of 'up and out': each is answered 404 or 400, and nothing leaks."""
    for folder in (output, output.parent, output.parents[1]):
        (folder / "secret.txt").write_text(ELSEWHERE)
    with client_on(output) as client:
        scan_id = client.scan_ids()["sub-1"]
        tricks = sorted({trick.replace("ID", scan_id) for trick in _tricks(output)})
        assert len(tricks) >= 500
        for trick in tricks:
            # As bytes, for no client may tidy up what is asked.
            answer = client.get(trick.encode().decode("latin-1").replace(" ", "%20"))
            is_page = answer.status == 200 and trick in {"/?", "//evil.example/", "/#x"}
            assert answer.status in {400, 404} or is_page, trick
            assert ELSEWHERE.encode() not in answer.body
            assert b"root:" not in answer.body
            assert b"Index of" not in answer.body
            assert b"Directory listing" not in answer.body


def test_niivue_is_the_file_that_its_authors_published() -> None:
    """Its SHA-256 is that of release 0.69.0, and its licence lies beside it."""
    folder = files("mslesion.view") / "static" / "niivue"
    assert sha256((folder / "niivue.umd.js").read_bytes()).hexdigest() == NIIVUE_SHA256
    licence = (folder / "LICENSE.txt").read_text(encoding="utf-8")
    assert "BSD 2-Clause License" in licence
    assert "Copyright (c) 2021, Niivue" in licence
    for package in ("gl-matrix", "nifti-reader-js", "fflate", "zarrita", "numcodecs"):
        assert package in licence


def test_our_own_files_of_the_page_name_no_other_site() -> None:
    """No address but those of the viewer itself stands in page, scripts and styles."""
    folder = files("mslesion.view") / "static"
    own = [path for path in folder.iterdir() if path.name.endswith((".js", ".css", ".html"))]
    assert len(own) >= 9
    for path in own:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "http" not in text.replace("httpx", ""), path.name
        for banned in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "outerHTML"):
            assert banned not in text, path.name
