"""A look at a test set: what was compared with its labels, and the figures that were seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from mslesion.evaluation.metrics import auc, confusion
from mslesion.evaluation.predictions import Predictions, Subset
from mslesion.read.side_files import file_sha256


@dataclass(frozen=True)
class Look:
    """One comparison of test people's labels with answers.

    ``command`` names no folder. ``test_set_sha256`` is the hash of the split,
    or, where no split says who is tested, of their names. ``models_sha256`` are the hashes of the
    models that answered, where they are known; ``answers_sha256`` is that of all that they
    answered. ``measures`` are a few figures, by what was measured.
    """

    command: str
    test_set_sha256: str
    models_sha256: tuple[str, ...]
    answers_sha256: str
    people: int
    measures: dict[str, Any]

    @property
    def identity(self) -> tuple[str, str]:
        """Looks that agree in this saw the same: to look again at the same figures adds nothing."""
        return self.test_set_sha256, self.answers_sha256


def look_at_slices(
    command: str,
    test_set_sha256: str,
    models_sha256: Iterable[str],
    answered: Mapping[str, Predictions],
    threshold: float,
) -> Look:
    """The look that is taken by measuring the test part of these answers, by what answered."""
    tested = {name: predictions.of(Subset.TEST) for name, predictions in answered.items()}
    digest = sha256()
    for name, predictions in tested.items():
        for row in predictions.rows():
            digest.update(f"{name} {sorted(row.items())}\n".encode())
    people = np.unique(np.concatenate([test.person_id for test in tested.values()]))
    return Look(
        command,
        test_set_sha256,
        tuple(models_sha256),
        digest.hexdigest(),
        len(people),
        {
            name: {
                "slices": len(test),
                "accuracy": confusion(test.label, test.probability, threshold).accuracy,
                "auc": auc(test.label, test.probability),
            }
            for name, test in tested.items()
        },
    )


def look_at_masks(
    command: str,
    test_set_sha256: str,
    masks: Mapping[str, tuple[str, Path]],
    measures: Mapping[str, Any],
    shown: str = "value",
) -> Look:
    """The look that is taken by measuring masks: scan -> person and file of the mask.

    ``shown`` is the key of each measure's figure.
    """
    digest = sha256()
    for scan, (_, path) in sorted(masks.items()):
        digest.update(f"{scan} {file_sha256(path)}\n".encode())
    figures = {name: measures[name][shown] for name in ("dice", "lesion_f1")}
    people = {person for person, _ in masks.values()}
    return Look(command, test_set_sha256, (), digest.hexdigest(), len(people), figures)


def warnings_of_looks(number: int) -> list[str]:
    """What a reader must know of figures that come from look ``number`` at the same people."""
    if number == 1:
        return []
    return [
        (
            f"This is look number {number} at these test people (test_looks.jsonl). Figures that "
            "were chosen among several looks are better than those of new people will be."
        )
    ]


def one_sha256(hashes: Iterable[str]) -> str:
    """One hash for several, whatever their order; itself where they are all one."""
    different = sorted(set(hashes))
    if len(different) == 1:
        return different[0]
    return sha256(" ".join(different).encode()).hexdigest()


def names_sha256(names: Iterable[str]) -> str:
    """A hash of a set of names, in any order, that tells none of them."""
    return sha256("\n".join(sorted(set(names))).encode()).hexdigest()
