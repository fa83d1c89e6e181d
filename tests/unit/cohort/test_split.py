"""Who trains, validates and tests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mslesion.cohort.split import Split, Unit, draw_split
from mslesion.errors import CohortError, UsageError
from mslesion.evaluation.predictions import SplitUnit


def people(ms: int, controls: int) -> list[Unit]:
    """People with MS of growing lesion load, and controls."""
    return [Unit(f"ms{i:03d}", "MS", float(i)) for i in range(ms)] + [
        Unit(f"hc{i:03d}", "control") for i in range(controls)
    ]


def test_sixty_people_are_divided_as_in_the_paper() -> None:
    """36 people train, 12 validate, 12 test, half of each with MS."""
    fold = draw_split(people(30, 30), unit=SplitUnit.PATIENT, seed=0).folds[0]
    parts = (fold.training, fold.validation, fold.test)
    assert [len(part) for part in parts] == [36, 12, 12]
    assert [sum(name.startswith("ms") for name in part) for part in parts] == [18, 6, 6]


def test_every_part_sees_light_and_heavy_cases() -> None:
    """Of thirty people in order of lesion load, the six tested come from six different fifths."""
    for seed in range(20):
        fold = draw_split(people(30, 30), unit=SplitUnit.PATIENT, seed=seed).folds[0]
        tested = sorted(int(name[2:]) // 5 for name in fold.test if name.startswith("ms"))
        assert tested == [0, 1, 2, 3, 4, 5]


@settings(max_examples=60, deadline=None)
@given(
    ms=st.integers(5, 25),
    controls=st.integers(5, 25),
    folds=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_nobody_stands_on_two_sides(ms: int, controls: int, folds: int, seed: int) -> None:
    """Each fold holds everybody once; with several folds each person is tested exactly once."""
    units = people(ms, controls)
    split = draw_split(units, unit=SplitUnit.PATIENT, seed=seed, folds=folds)
    for fold in split.folds:
        everybody = [*fold.training, *fold.validation, *fold.test]
        assert sorted(everybody) == sorted(u.name for u in units)
    if folds > 1:
        tested = [name for fold in split.folds for name in fold.test]
        assert sorted(tested) == sorted(u.name for u in units)


def test_the_order_of_people_does_not_matter_but_the_seed_does() -> None:
    """The same people in another order are divided alike; another seed divides them otherwise."""
    units = people(20, 20)
    split = draw_split(units, unit=SplitUnit.PATIENT, seed=3)
    assert draw_split(units[::-1], unit=SplitUnit.PATIENT, seed=3).sha256 == split.sha256
    assert draw_split(units, unit=SplitUnit.PATIENT, seed=4).sha256 != split.sha256


def test_a_split_returns_from_its_file() -> None:
    """What split.json says is the split, its hash included."""
    split = draw_split(people(9, 8), unit=SplitUnit.PATIENT, seed=1, folds=4)
    returned = Split.from_json(json.loads(json.dumps(split.as_json())))
    assert returned == split
    assert split.as_json()["sha256"] == returned.sha256


def test_fewer_people_than_folds_are_refused() -> None:
    """Eight people cannot fill ten folds, and the message says how many they can fill."""
    with pytest.raises(CohortError, match=r"8 patients cannot fill 10 folds.*--folds 8"):
        draw_split(people(4, 4), unit=SplitUnit.PATIENT, seed=0, folds=10)


def test_a_class_of_two_people_is_refused() -> None:
    """Training, validation and test need somebody of each class."""
    with pytest.raises(CohortError, match=r"too few patients are 'control' \(2\).*add patients"):
        draw_split(people(9, 2), unit=SplitUnit.PATIENT, seed=0)


def test_no_fold_at_all_is_a_mistake_of_the_caller() -> None:
    """Zero folds are refused as a usage error."""
    with pytest.raises(UsageError, match="0 folds"):
        draw_split(people(9, 9), unit=SplitUnit.PATIENT, seed=0, folds=0)


def test_every_part_sees_every_site() -> None:
    """Of two sites of fifteen people in each class, three or four each are tested of ten."""
    units = [
        Unit(f"{stratum}{i:03d}", stratum, float(i % 15), site)
        for stratum in ("MS", "control")
        for i, site in enumerate(["A"] * 15 + ["B"] * 15)
    ]
    site_of = {unit.name: unit.site for unit in units}
    for seed in range(20):
        fold = draw_split(units, unit=SplitUnit.PATIENT, seed=seed).folds[0]
        for part, expected in ((fold.test, 6), (fold.validation, 6), (fold.training, 18)):
            assert abs(sum(site_of[name] == "A" for name in part) - expected) <= 1
