"""Groups of people by lesion load and by the columns of participants.tsv."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mslesion.evaluation.lesion_summary import score_scan
from mslesion.evaluation.subgroups import column_groups, load_groups
from mslesion.read.participants import Participants, read_participants
from mslesion.scan import Grid


def table(folder: Path, text: str) -> Participants:
    """What a file of this text says."""
    (folder / "participants.tsv").write_text(text)
    return read_participants(folder / "participants.tsv")


def test_words_group_as_they_are_and_what_is_unknown_stands_alone(tmp_path: Path) -> None:
    """Sites A and B, and one person of whom nothing is said."""
    known = table(tmp_path, "participant_id\tSite\nsub-1\tB\nsub-2\tA\nsub-3\tA\nsub-4\tn/a\n")
    groups = list(column_groups("site", ["sub-1", "sub-2", "sub-3", "sub-4", "sub-5"], known))
    assert [(g.column, g.name, sorted(g.people)) for g in groups] == [
        ("site", "A", ["sub-2", "sub-3"]),
        ("site", "B", ["sub-1"]),
        ("site", "n/a", ["sub-4", "sub-5"]),
    ]


def test_ages_are_cut_at_their_median(tmp_path: Path) -> None:
    """Of 20, 30, 40 and 50, two lie on either side of 35; the median is in the lower half."""
    known = table(tmp_path, "participant_id\tage\n1\t20\n2\t30\n3\t40\n4\t50\n5\t35\n")
    groups = list(column_groups("age", ["1", "2", "3", "4"], known))
    assert [(g.name, sorted(g.people)) for g in groups] == [
        ("up to 35", ["1", "2"]),
        ("above 35", ["3", "4"]),
    ]
    halves = list(column_groups("age", ["1", "2", "3", "4", "5"], known))
    assert sorted(halves[0].people) == ["1", "2", "5"]


def test_numbers_that_many_share_are_names(tmp_path: Path) -> None:
    """Scanners of 1.5 and 3 T are two groups, not two halves."""
    rows = "".join(f"sub-{n}\t{1.5 if n % 2 else 3}\n" for n in range(8))
    known = table(tmp_path, f"participant_id\ttesla\n{rows}")
    groups = list(column_groups("tesla", [f"sub-{n}" for n in range(8)], known))
    assert [(g.name, len(g.people)) for g in groups] == [("1.5", 4), ("3", 4)]


def test_lesion_load_is_the_mean_of_a_persons_scans() -> None:
    """Scans of 4 and 8 ml make a person of 6 ml; a person without a lesion is a group."""
    grid = Grid((20, 20, 20), np.eye(4))

    def scan(person: str, ml: int):
        mask = np.zeros(8000, bool)
        mask[: 1000 * ml] = True
        mask = mask.reshape(grid.shape)
        return score_scan(person, f"{person}-{ml}", mask, mask, grid)

    groups = load_groups([scan("a", 4), scan("a", 8), scan("b", 0), scan("c", 4), scan("d", 5)])
    assert [(g.name, sorted(g.people)) for g in groups] == [
        ("no lesion", ["b"]),
        ("below 5 ml", ["c"]),
        ("5 to 15 ml", ["a", "d"]),
    ]
