"""The log of looks at a test set: appended to, and any change of it is seen."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from mslesion.errors import OutputError
from mslesion.evaluation.looks import Look
from mslesion.write.look_log import LookLog


def look(answers: str, test_set: str = "split") -> Look:
    """A look at answers of four people."""
    return Look("mslesion evaluate", test_set, ("model",), answers, 4, {"auc": 0.5})


@pytest.fixture
def log(tmp_path: Path) -> LookLog:
    """A log of three different looks."""
    log = LookLog(tmp_path)
    for answers in ("a", "b", "c"):
        log.append(look(answers))
    return log


def test_each_look_is_a_line_that_holds_the_hash_of_the_line_before(log: LookLog) -> None:
    """The chain by hand: the SHA-256 of each line stands in the next; zeros in the first."""
    lines = log.file.read_text().splitlines()
    before = ["0" * 64, *(sha256(line.encode()).hexdigest() for line in lines)]
    assert [json.loads(line)["previous_sha256"] for line in lines] == before[:-1]
    assert [look["look"] for look in log.read()] == [1, 2, 3]
    assert log.seal.read_text().split()[0] == sha256(log.file.read_bytes()).hexdigest()


def test_the_same_figures_seen_again_are_logged_under_the_same_number(log: LookLog) -> None:
    """A repeated look is a line, but no new look; another test set is counted by itself."""
    assert log.append(look("b")) == 2
    assert log.append(look("a", test_set="other")) == 1
    assert log.append(look("d")) == 4
    assert [entry["is_repeat"] for entry in log.read()] == [False] * 3 + [True, False, False]


def _without_line(number: int, log: LookLog) -> None:
    lines = log.file.read_text().splitlines(keepends=True)
    del lines[number]
    log.file.write_text("".join(lines))


def _changed_line(number: int, log: LookLog) -> None:
    lines = log.file.read_text().splitlines(keepends=True)
    lines[number] = lines[number].replace("0.5", "0.9")
    log.file.write_text("".join(lines))


TAMPERING = {
    **{f"line {n} removed": lambda log, n=n: _without_line(n, log) for n in range(3)},
    **{f"line {n} changed": lambda log, n=n: _changed_line(n, log) for n in range(3)},
    "log removed": lambda log: log.file.unlink(),
    "log emptied": lambda log: log.file.write_text(""),
    "seal removed": lambda log: log.seal.unlink(),
    "seal emptied": lambda log: log.seal.write_text(""),
    "not text": lambda log: log.file.write_bytes(b"\xff\xfe"),
    "last two removed": lambda log: (_without_line(2, log), _without_line(1, log)),
}


@pytest.mark.parametrize("how", list(TAMPERING))
def test_a_log_that_was_changed_is_not_appended_to(how: str, log: LookLog) -> None:
    """A line changed or taken away, also from the end: refused, told so, and left as it is."""
    TAMPERING[how](log)
    before = log.file.read_bytes() if log.file.exists() else None
    with pytest.raises(OutputError, match=r"changed since it was written.*no look is added"):
        log.append(look("d"))
    with pytest.raises(OutputError):
        log.require_appendable()
    assert (log.file.read_bytes() if log.file.exists() else None) == before


def test_a_run_killed_between_line_and_seal_leaves_a_log_that_goes_on(log: LookLog) -> None:
    """The seal of the lines before the last is what such a run leaves; the next look mends it."""
    earlier = log.seal.read_text()
    log.append(look("d"))
    log.seal.write_text(earlier)
    assert log.append(look("e")) == 5
    assert log.seal.read_text().split()[0] == sha256(log.file.read_bytes()).hexdigest()


def test_nothing_but_log_and_seal_is_left_in_the_folder(log: LookLog) -> None:
    """The lock of appending goes with it."""
    assert {path.name for path in log.folder.iterdir()} == {log.file.name, log.seal.name}
