"""The slices a report shows."""

from __future__ import annotations

import numpy as np

from mslesion.paper.examples import choose_examples
from mslesion.paper.slices import SliceSet


def _slices(people: int, per_person: int = 5) -> SliceSet:
    """Even people have MS, and in their middle slice lesions that grow with their number."""
    count = people * per_person
    person = np.repeat(np.arange(people), per_person)
    index = np.tile(np.arange(per_person), people)
    is_ms = (person % 2 == 0).astype(np.int8)
    area = np.where((is_ms == 1) & (index == 2), 10.0 * (person + 1), 0).astype(np.float32)
    names = np.array([f"p{number:02d}" for number in person])
    share = np.zeros((count, 8, 8), np.float32)
    share[area > 0, 3, 3], share[area > 0, 3, 4] = 0.3, 0.1
    return SliceSet(
        pixels=np.zeros((count, 8, 8), np.float32),
        lesion_share=share,
        person_id=names,
        scan_name=names,
        slice_index=index.astype(np.int16),
        is_ms=is_ms,
        has_lesion=(area > 0).astype(np.int8),
        lesion_area_mm2=area,
    )


def test_examples_go_from_light_to_heavy_and_end_with_controls() -> None:
    """Four people with MS by growing lesion area, then two controls in the middle of the head."""
    examples = choose_examples(_slices(20))
    assert [e.caption for e in examples[:4]] == [
        "p00, slice 2: MS, lesions 10 mm²",
        "p06, slice 2: MS, lesions 70 mm²",
        "p12, slice 2: MS, lesions 130 mm²",
        "p18, slice 2: MS, lesions 190 mm²",
    ]
    assert len(examples) == 6
    assert all("slice 2: control, no lesion" in e.caption for e in examples[4:])


def test_pixels_that_lesions_cover_to_a_quarter_are_outlined() -> None:
    """A pixel covered to 30 % belongs to the outline, one of 10 % does not."""
    mask = choose_examples(_slices(2))[0].lesion_mask
    assert mask is not None
    assert np.argwhere(mask).tolist() == [[3, 3]]


def test_one_patient_gives_one_example_of_each_kind() -> None:
    """Fewer people than places: nobody is shown twice with lesions."""
    examples = choose_examples(_slices(1))
    assert [e.caption.split(": ")[1] for e in examples] == ["MS, lesions 10 mm²", "MS, no lesion"]
