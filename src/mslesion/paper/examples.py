"""Slices to show: the paper's figure 2."""

from __future__ import annotations

import numpy as np

from mslesion.paper.result import ExampleSlice
from mslesion.paper.slices import SliceSet

_WITH_LESIONS = 4
_WITHOUT = 2


def choose_examples(slices: SliceSet) -> tuple[ExampleSlice, ...]:
    """Slices with lesions from light to heavy and, where there are any, slices without.

    Each from another person as far as there are people; the same slices for the same set.
    """
    with_lesions = _spread_over_people(slices, slices.lesion_area_mm2, _WITH_LESIONS)
    clean = slices.where(slices.has_lesion == 0)
    without = _spread_over_people(clean, -np.abs(clean.slice_index - clean.slice_index.mean()) - 1,
                                  _WITHOUT)  # fmt: skip
    return tuple(
        [_example(slices, i, f"lesions {slices.lesion_area_mm2[i]:.0f} mm²") for i in with_lesions]
        + [_example(clean, i, "no lesion") for i in without]
    )


def _spread_over_people(slices: SliceSet, score: np.ndarray, count: int) -> list[int]:
    """The slice of the highest score of each of ``count`` people, over the range of people.

    People whose every score is 0 are left out.
    """
    best = []
    for person in np.unique(slices.person_id):
        of_person = np.flatnonzero(slices.person_id == person)
        index = int(of_person[np.argmax(score[of_person])])
        if score[index] != 0:
            best.append(index)
    best.sort(key=lambda i: (float(score[i]), i))
    if not best:
        return []
    places = np.unique(np.rint(np.linspace(0, len(best) - 1, count)).astype(int))
    return [best[place] for place in places]


def _example(slices: SliceSet, index: int, finding: str) -> ExampleSlice:
    diagnosis = {1: "MS", 0: "control"}.get(int(slices.is_ms[index]), "diagnosis unknown")
    mask = None if slices.has_lesion[index] < 0 else slices.lesion_share[index] >= 0.5
    return ExampleSlice(
        f"{slices.scan_name[index]}, slice {slices.slice_index[index]}: {diagnosis}, {finding}",
        slices.pixels[index],
        mask,
    )
