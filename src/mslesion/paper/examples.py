"""Slices to show: the paper's figure 2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mslesion.paper.result import ExampleSlice
from mslesion.paper.slices import SliceSet

_WITH_LESIONS = 4
_WITHOUT = 2
_OUTLINED_SHARE = 0.25
"""Pixels that lesions cover so far are outlined; many lesions cover no pixel to a half."""


def choose_examples(slices: SliceSet) -> tuple[ExampleSlice, ...]:
    """Slices with lesions from light to heavy, then slices without, of controls where there are.

    Each from another person as far as there are people; the same slices for the same set.
    """
    heaviest = _best_of_each_person(slices, slices.lesion_area_mm2)
    heaviest = [index for index in heaviest if slices.lesion_area_mm2[index] > 0]
    is_clean = slices.has_lesion == 0
    of_controls = is_clean & (slices.is_ms == 0)
    clean = slices.where(of_controls if of_controls.any() else is_clean)
    middle = np.median(slices.slice_index)
    most_central = _best_of_each_person(clean, -np.abs(clean.slice_index - middle))[-_WITHOUT:]
    return tuple(
        [
            _example(slices, index, f"lesions {slices.lesion_area_mm2[index]:.0f} mm²")
            for index in _spread(heaviest, _WITH_LESIONS)
        ]
        + [_example(clean, index, "no lesion") for index in most_central]
    )


def _spread(ordered: list[int], count: int) -> list[int]:
    """At most ``count`` entries from the first to the last."""
    places = np.linspace(0, max(len(ordered) - 1, 0), min(count, len(ordered)))
    return [ordered[place] for place in np.rint(places).astype(int)]


def _best_of_each_person(slices: SliceSet, score: NDArray[np.floating]) -> list[int]:
    """The slice of the highest score of each person, people in the order of that score."""
    best = []
    for person in np.unique(slices.person_id):
        of_person = np.flatnonzero(slices.person_id == person)
        best.append(int(of_person[np.argmax(score[of_person])]))
    return sorted(best, key=lambda index: (float(score[index]), index))


def _example(slices: SliceSet, index: int, finding: str) -> ExampleSlice:
    diagnosis = {1: "MS", 0: "control"}.get(int(slices.is_ms[index]), "diagnosis unknown")
    mask = None if slices.has_lesion[index] < 0 else slices.lesion_share[index] >= _OUTLINED_SHARE
    return ExampleSlice(
        f"{slices.scan_name[index]}, slice {slices.slice_index[index]}: {diagnosis}, {finding}",
        slices.pixels[index],
        mask,
    )
