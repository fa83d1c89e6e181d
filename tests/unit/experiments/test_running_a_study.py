"""The way of a study from scans to its page, on small made-up heads and in one epoch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mslesion.errors import UsageError
from mslesion.evaluation.predictions import Subset
from mslesion.experiments import study
from mslesion.experiments.answers import draw
from mslesion.experiments.cohorts import StudyCohort
from mslesion.experiments.experiment import Scale
from mslesion.experiments.page import write_page
from mslesion.experiments.study import RESULTS, StudyOrder, make_bench, planned, run_experiments
from mslesion.experiments.table import SIMULATED, TABRIZ, experiments

SMALL = Scale(folds=2, seeds=2, shuffles=2, epochs=1, bootstrap_draws=100, is_rehearsal=True)
KEPT = ("random-labels", "pooling", "transfer")


@pytest.fixture(scope="module")
def order(tmp_path_factory, make_bids_cohort) -> StudyOrder:
    """Two cohorts of small heads under the names of the study's, and three of its experiments."""
    data = tmp_path_factory.mktemp("datasets")
    people = {f"{i:02d}": "MS" if i % 2 else "control" for i in range(10)}
    for seed, name in ((0, SIMULATED), (50, TABRIZ)):
        make_bids_cohort(data / name, people, seed=seed)
    cohorts = {
        name: StudyCohort(name, f"small heads {name}", 100, folder=name)
        for name in (SIMULATED, TABRIZ)
    }
    patch = pytest.MonkeyPatch()
    patch.setattr(study, "study_cohorts", lambda _: cohorts)
    patch.setattr(
        study, "experiments", lambda scale: [r for r in experiments(scale) if r.name in KEPT]
    )
    ordered = StudyOrder(tmp_path_factory.mktemp("study"), data, SMALL, command="mslesion study")
    run_experiments(ordered)
    yield ordered
    patch.undo()


def _result(order: StudyOrder, name: str) -> dict:
    return json.loads((order.results / f"{name}.json").read_text(encoding="utf-8"))


def test_each_experiment_leaves_a_result_that_says_where_it_comes_from(order: StudyOrder) -> None:
    """Version, command, hashes of cohorts, protocols and splits stand in every file."""
    for name in KEPT:
        found = _result(order, name)
        assert found["provenance"]["command"] == "mslesion study"
        assert all(len(mark) == 64 for mark in found["provenance"]["cohorts_sha256"].values())
        for arm in found["arms"].values():
            assert len(arm["protocol_sha256"]) == 64
            assert len(arm["split_sha256"]) == len(arm["seeds"])
            assert arm["measures"]["accuracy"]["value"] is not None
    seeds = (order.results / "seeds.tsv").read_text(encoding="utf-8").splitlines()
    assert len([line for line in seeds if line.startswith("pooling\taverage, tabriz\tauc")]) == 1


def test_another_cohort_is_asked_whole_and_its_people_are_not_paired(order: StudyOrder) -> None:
    """The networks of both folds answer for all ten people of the other cohort."""
    found = _result(order, "transfer")
    own, other = (found["arms"][f"{SIMULATED} on {name}"] for name in (SIMULATED, TABRIZ))
    assert own["n_people"] == other["n_people"] == 10
    assert own["n_slices"] == other["n_slices"] == 100  # ten of twelve hold enough tissue
    assert not found["differences"][0]["same_people"]


def test_the_same_people_are_tested_by_both_kinds_of_pooling(order: StudyOrder) -> None:
    """So the difference is paired, and nobody tested was trained on."""
    assert all(found["same_people"] for found in _result(order, "pooling")["differences"])
    bench = make_bench(order)
    (row,) = (row for row in planned(order, bench) if row.name == "pooling")
    for arm in row.arms:
        _, split = draw(arm, 0, bench)
        for fold in split.folds:
            parts = [set(getattr(fold, part.value)) for part in Subset]
            assert not (parts[0] | parts[1]) & parts[2]


def test_what_has_a_result_is_not_run_again(order: StudyOrder) -> None:
    """The files stay as they are; with another protocol the experiment is run anew."""
    before = {p: p.stat().st_mtime_ns for p in order.results.glob("*.json") if p.stem in KEPT}
    bench = make_bench(order)
    for row in planned(order, bench):
        assert not study.run_experiment(row, order, bench)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    place = order.results / "random-labels.json"
    content = place.read_text(encoding="utf-8")
    place.write_text(content.replace(json.loads(content)["key"], "other"), encoding="utf-8")
    (row,) = (row for row in planned(order, bench) if row.name == "random-labels")
    assert study.run_experiment(row, order, bench)
    assert place.read_text(encoding="utf-8") == content  # from the fits that were kept


def test_the_page_holds_the_numbers_of_the_results_and_pictures_of_its_own(
    order: StudyOrder,
) -> None:
    """A value on the page is that of its file, pictures are there, and a rehearsal is marked."""
    page = write_page(order.output).read_text(encoding="utf-8")
    value = _result(order, "pooling")["arms"]["max, tabriz"]["measures"]["auc"]["value"]
    assert "| max, tabriz | 10 | " in page
    assert "*Fewer than 30 people (10" in page
    assert f"{value:.2f} (" in page
    assert "**This is a rehearsal: its figures mean nothing.**" in page
    for name in ("pooling", "random-labels", "transfer"):
        assert f"](images/study-{name}.png)" in page
        picture = (order.output / "images" / f"study-{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert f"]({(RESULTS / name).as_posix()}.json)" in page
    short = page.partition("## In short")[2].partition("\n## ")[0]
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")][1:]
    assert [f"- [{heading}](#" in short for heading in headings] == [True] * len(headings)
    assert "augmentation" not in page  # which was not part of this study
    again = {p: p.read_bytes() for p in (order.output / "images").iterdir()}
    write_page(order.output)
    assert all(p.read_bytes() == content for p, content in again.items())


@pytest.mark.parametrize("missing", ["file", "number"])
def test_a_page_is_refused_where_a_number_has_no_source(
    order: StudyOrder, missing: str, tmp_path: Path
) -> None:
    """The file is named, with what to do, and nothing is written."""
    (tmp_path / RESULTS).mkdir(parents=True)
    for path in order.results.glob("*.json"):
        (tmp_path / RESULTS / path.name).write_bytes(path.read_bytes())
    place = tmp_path / RESULTS / "pooling.json"
    if missing == "file":
        place.unlink()
    else:
        found = json.loads(place.read_text(encoding="utf-8"))
        del found["arms"]["max, tabriz"]["measures"]["auc"]
        place.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(UsageError, match=r"pooling\.json.*run 'mslesion study'"):
        write_page(tmp_path)
    assert not list(tmp_path.glob("*.md"))
    assert not (tmp_path / "images").exists()
