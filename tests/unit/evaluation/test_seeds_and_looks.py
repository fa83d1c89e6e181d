"""The spread over seeds, and what is seen by a look."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, sqrt

import numpy as np
import pytest

from mslesion.evaluation.looks import look_at_slices, names_sha256, one_sha256, warnings_of_looks
from mslesion.evaluation.predictions import Predictions, Question, Subset
from mslesion.evaluation.seeds import SeedSpread, seed_spreads
from mslesion.paper.protocol import DecisionProtocol


def answers(probability: list[float]) -> Predictions:
    """Four test slices of two people, the first of whom has both positives, and a training one."""
    return Predictions(
        fold=np.zeros(5, np.int16),
        subset=np.array([Subset.TEST.value] * 4 + [Subset.TRAINING.value]),
        person_id=np.array(["a", "a", "b", "b", "c"]),
        scan_name=np.array(["a", "a", "b", "b", "c"]),
        slice_index=np.array([0, 1, 0, 1, 0], np.int16),
        label=np.array([1, 1, 0, 0, 1], np.int8),
        probability=np.array([*probability, 0.1]),
    )


def test_mean_and_sd_over_seeds_by_hand() -> None:
    """Right are 4, 3 and 2 of 4 test slices: mean 0.75, SD 0.25; both people twice, then one."""
    by_seed = {
        3: answers([0.9, 0.8, 0.1, 0.2]),
        4: answers([0.9, 0.4, 0.1, 0.2]),
        5: answers([0.4, 0.4, 0.1, 0.2]),
    }
    spreads = {
        (s.level, s.measure): s
        for s in seed_spreads(by_seed, Question.DIAGNOSIS, DecisionProtocol())
    }
    accuracy = spreads["slices", "accuracy"]
    assert accuracy.values == {3: 1.0, 4: 0.75, 5: 0.5}
    assert accuracy.mean == pytest.approx(0.75)
    assert accuracy.sd == pytest.approx(0.25)
    people = spreads["patients", "accuracy"]
    assert people.values == {3: 1.0, 4: 1.0, 5: 0.5}
    assert people.sd == pytest.approx(sqrt(1 / 12))


def test_a_single_seed_has_no_spread() -> None:
    """One value has a mean, and no standard deviation."""
    spread = SeedSpread("slices", "auc", {0: 0.7})
    assert spread.mean == 0.7
    assert isnan(spread.sd)


def test_a_look_is_known_by_what_was_answered_of_test_slices() -> None:
    """Another training answer is the same look; another test answer is another."""
    seen = answers([0.9, 0.8, 0.1, 0.2])
    trained = replace(seen, probability=np.array([0.9, 0.8, 0.1, 0.2, 0.7]))
    first, same, other = (
        look_at_slices("c", "split", ["m"], {"CNN": p}, 0.5)
        for p in (seen, trained, answers([0.9, 0.8, 0.1, 0.3]))
    )
    assert first.identity == same.identity != other.identity
    assert first.people == 2
    assert first.measures == {"CNN": {"slices": 4, "accuracy": 1.0, "auc": 1.0}}


def test_hashes_do_not_depend_on_order_and_looks_after_the_first_are_told() -> None:
    """One hash stays itself; names in any order have one hash; the first look has no warning."""
    assert one_sha256(["x", "x"]) == "x"
    assert one_sha256(["x", "y"]) == one_sha256(["y", "x"])
    assert names_sha256(["b", "a", "a"]) == names_sha256(["a", "b"])
    assert warnings_of_looks(1) == []
    assert "look number 3" in warnings_of_looks(3)[0]
