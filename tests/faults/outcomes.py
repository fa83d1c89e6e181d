"""What must come of a faulty file: REFUSE, WARN, FIX or ACCEPT, each with what proves it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Run:
    """What ``mslesion detect`` did with one file: what it said and wrote, and what that cost.

    ``peak_bytes`` is the most memory that Python held, without that of PyTorch.
    """

    scan: Path
    output: Path
    exit_code: int
    said: str
    complaints: list[str]
    seconds: float
    peak_bytes: int

    @property
    def outcome(self) -> dict[str, Any]:
        """What ``run.json`` tells of the scan."""
        run = json.loads((self.output / "run.json").read_text("utf-8"))
        (content,) = run["scans"]
        return dict(content)

    @property
    def files(self) -> dict[str, Path]:
        """Every file of the result, by its name without what the scan is called."""
        paths = [p for p in self.output.rglob("*") if p.is_file() and p.name != "run.json"]
        stem = next((p.name for p in paths if p.name.endswith("_summary.json")), "_summary.json")
        return {path.name.removeprefix(stem.removesuffix("_summary.json")): path for path in paths}

    @property
    def summary(self) -> dict[str, Any]:
        """The summary of the result."""
        content: dict[str, Any] = json.loads(self.files["_summary.json"].read_text("utf-8"))
        return content

    @property
    def page(self) -> str:
        """The report as it is stored."""
        return self.files["_report.html"].read_text("utf-8")

    @property
    def mask(self) -> nib.Nifti1Image:
        """The lesions, on the grid of the scan."""
        return nib.load(self.files["_label-L_mask.nii.gz"])


@dataclass(frozen=True)
class Refuse:
    """REFUSE: one line that says what is wrong and what to do, and no file of a result."""

    code: str
    phrase: str

    def check(self, run: Run, lesions: NDArray[np.bool_]) -> None:
        """Assert that it happened."""
        del lesions
        assert run.exit_code == 4
        (line,) = run.complaints
        code, file, what, remedy = re.split(": ", line, maxsplit=3)
        assert code == self.code
        assert file.startswith(f"{run.scan.parent}/")
        assert self.phrase in f"{what}: {remedy}"
        assert line.isprintable()
        assert run.said == ""
        assert run.files == {}
        assert (run.outcome["status"], run.outcome["code"]) == ("set aside", self.code)
        assert self.phrase in f"{run.outcome['reason']}: {run.outcome['remedy']}"
        assert str(run.scan.parent) not in json.dumps(run.outcome)


@dataclass(frozen=True)
class RefuseAtOnce(Refuse):
    """REFUSE within a second of processor time and 200 MB."""

    def check(self, run: Run, lesions: NDArray[np.bool_]) -> None:
        """Assert that it happened."""
        super().check(run, lesions)
        assert run.seconds < 1
        assert run.peak_bytes < 200e6


@dataclass(frozen=True)
class Answer:
    """A result whose history holds one phrase and whose warnings another; none if they are empty.

    It has the mask of the good scan, or one that agrees with it to ``least_dice``. ``head`` is
    what is recorded of the head beside the brain, where that is asked for. Where there is a
    ``silence``, no verdict is given, and that is the reason.
    """

    history: str = ""
    warning: str = ""
    least_dice: float = 1.0
    head: str = ""
    silence: str = ""

    def check(self, run: Run, lesions: NDArray[np.bool_]) -> None:
        """Assert that it happened."""
        assert (run.exit_code, run.complaints) == (0, [])
        _require_complete(run)
        _require_escaped(run)
        _require_clean_header(run)
        _require_spacing_told(run)
        _require_told(self.history, run.summary["history"], run.page)
        _require_told(self.warning, run.summary["warnings"], run.page)
        assert not self.head or run.summary["head"] == self.head
        assert bool(self.silence) == (run.summary["ms_probability"] is None)
        assert bool(self.silence) == run.summary["abstained"]
        assert self.silence in (run.summary["abstained_reason"] or "")
        mask = np.asarray(nib.as_closest_canonical(run.mask).dataobj) > 0
        assert _dice(mask, lesions) >= self.least_dice


ACCEPT = Answer()
"""ACCEPT: the result of the good scan, and nothing to be said about it."""


def fix(phrase: str, least_dice: float = 1.0) -> Answer:
    """FIX: the result of the good scan, which says what was mended."""
    return Answer(history=phrase, least_dice=least_dice)


def warn(phrase: str, *, history: str = "", least_dice: float = 1.0) -> Answer:
    """WARN: a result that says in summary and report what is in doubt."""
    return Answer(history, phrase, least_dice)


def abstain(phrase: str, because: str = "") -> Answer:
    """WARN, and ABSTAIN from a verdict: lesions are marked all the same, whatever they are.

    The reason is the warning, or ``because``.
    """
    return Answer(warning=phrase, least_dice=0.0, silence=because or phrase)


def _require_complete(run: Run) -> None:
    """All six files, with the content that the summary names, and the outcome names it."""
    summary = run.files["_summary.json"]
    assert run.outcome["status"] == "done"
    assert run.outcome["summary_sha256"] == sha256(summary.read_bytes()).hexdigest()
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in run.files.values()}
    del hashes[run.files["_summary.json"].name]
    assert len(hashes) == 5
    assert hashes == run.summary["files"]


def _require_escaped(run: Run) -> None:
    """Whatever the scan is called, files have plain names, and page and terminal do not obey it."""
    assert all(re.fullmatch(r"\w[\w.+-]*", path.name) for path in run.files.values())
    assert all(line.isprintable() for line in run.said.splitlines())
    assert "<img src=x" not in run.page


def _require_clean_header(run: Run) -> None:
    """Nothing of the scan's header but its grid is in the mask's."""
    header = run.mask.header
    texts = [header[name].tobytes().strip(b"\0") for name in ("descrip", "aux_file", "intent_name")]
    assert texts == [b"", b"", b""]
    assert list(header.extensions) == []


def _require_spacing_told(run: Run) -> None:
    """The page names the voxels' sides, and so the thickness of slices, as stored."""
    times = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
    assert f"{times.join(f'{mm:.3g}' for mm in run.mask.header.get_zooms())} mm" in run.page


def _require_told(phrase: str, lines: list[str], page: str) -> None:
    """The phrase stands in a line and on the page, where lines begin with a capital."""
    assert bool(lines) == bool(phrase)
    assert phrase in " | ".join(lines)
    assert phrase.lower() in html.unescape(page).lower()


def _dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Dice coefficient; 0 for masks of different shapes."""
    if first.shape != second.shape:
        return 0.0
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))
