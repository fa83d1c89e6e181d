"""The files a study leaves behind, read back and held against its numbers."""

import csv
import dataclasses
import io
import json
from pathlib import Path

import pytest
from made_up_study import make_study
from PIL import Image
from reading import Page

from mslesion.evaluation.predictions import SplitUnit
from mslesion.report import study_metrics, write_report
from mslesion.report.measures import SPLIT_KEYS
from mslesion.report.wording import TABLE_MEASURES

DEMONSTRATION = "DEMONSTRATION OF LEAKAGE"
PATIENT, SLICE = SPLIT_KEYS[SplitUnit.PATIENT], SPLIT_KEYS[SplitUnit.SLICE]


@pytest.fixture(scope="module")
def study():
    """Both questions, both splits, four classifiers, 24 people in three folds."""
    return make_study(people=24, slices_each=8, folds=3, draws=300)


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    """The folder of a written report."""
    folder = tmp_path_factory.mktemp("report")
    write_report(study, folder)
    return folder


@pytest.fixture(scope="module")
def page(folder):
    """The page, read back."""
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def metrics(folder):
    """The numbers, read back."""
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_every_file_is_there(folder):
    """Page, numbers, predictions, splits, and a figure for each of the paper's seven."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = {
        "figure-1-network",
        "figure-2-slices",
        "figure-7-comparison-diagnosis",
        "figure-7-comparison-lesion",
        *(
            f"figure-{kind}-{question}-{split}"
            for kind in ("3-training", "4-6-confusion")
            for question in ("diagnosis", "lesion")
            for split in ("patient", "slice-demonstration")
        ),
        *(
            f"figure-{kind}-{question}"
            for kind in ("8-calibration", "9-decision-curve")
            for question in ("diagnosis", "lesion")
        ),
    }
    assert files == {
        "report.html",
        "metrics.json",
        "metrics_slice.json",
        "metrics_patient.json",
        "leakage_gap.json",
        "comparisons.json",
        "calibration.json",
        "predictions.csv",
        "split.json",
        "timings.json",
        *(f"figures/{name}.png" for name in figures),
    }


def test_the_same_result_gives_the_same_bytes(study, folder, tmp_path):
    """Writing once more changes not one byte of any file."""
    write_report(study, tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes()


def test_metrics_json_is_what_study_metrics_gives(study, metrics):
    """One value, without nan, in the file and in memory."""
    assert metrics == json.loads(json.dumps(study_metrics(study), allow_nan=False))


@pytest.mark.parametrize("question", ["diagnosis", "lesion"])
def test_the_comparison_shows_the_numbers_of_metrics_json(page, metrics, question):
    """Paper, patient split, slice split and gap of every classifier, with their intervals."""
    table = page.table(f"beside ours: {question}")
    found = metrics["questions"][question]
    for name in ("CNN", "decision tree", "SVM"):
        rows = table.after(name)
        assert len(rows) == len(TABLE_MEASURES)
        for measure, row in zip(TABLE_MEASURES, rows, strict=True):
            scale, digits = (1, 2) if measure == "auc" else (100, 1)
            for key, cell in zip((PATIENT, SLICE), row[2:4], strict=True):
                number = found[key]["classifiers"][name]["slices"]["test"][measure]
                value, interval = cell
                unit = "" if measure == "auc" else "\u00a0%"
                assert value == f"{scale * number['value']:.{digits}f}{unit}"
                ends = [number["low"], number["high"]]
                assert interval == (
                    "no interval"
                    if None in ends
                    else "\u00a0to ".join(f"{scale * end:.{digits}f}" for end in ends)
                )
            gap = scale * found["leakage_gap"][name][measure]["value"]
            assert row[4][0].replace("\u2212", "-") == f"{gap:+.{digits}f}"
    paper = {row[0][0]: row[1][0] for row in table.after("CNN")}
    assert paper["accuracy"] == "96\u00a0%"
    assert paper["AUC"] == "\u2013"


def test_the_slice_split_is_marked_wherever_it_appears(folder, page, metrics):
    """In table headings, figures and their names, metrics, splits and every prediction."""
    for question in ("diagnosis", "lesion"):
        heading = page.table(f"beside ours: {question}").rows[0]
        assert [DEMONSTRATION in " ".join(cell) for cell in heading] == [
            False, False, False, True, False,
        ]  # fmt: skip
        assert metrics["questions"][question][SLICE]["demonstration"] is True
        assert metrics["questions"][question][PATIENT]["demonstration"] is False
    titles = [str(values.get("aria-label")) for tag, values in page.tags if tag == "div"]
    assert all(DEMONSTRATION in title for title in titles if "split by slice" in title)
    assert sum("split by slice" in title for title in titles) == 4
    splits = json.loads((folder / "split.json").read_text())
    assert splits["lesion"][SLICE]["mark"] == DEMONSTRATION
    with (folder / "predictions.csv").open(newline="") as stream:
        marks = {(row["split_unit"], row["demonstration"]) for row in csv.DictReader(stream)}
    assert marks == {("patient", "false"), ("slice", "true")}


def test_how_long_it_took_changes_one_file_alone(study, folder):
    """A slower computer gives the same numbers, and other seconds in ``timings.json``."""
    slower = dataclasses.replace(
        study,
        runs=tuple(
            dataclasses.replace(
                run, fits=tuple(dataclasses.replace(f, seconds=2 * f.seconds) for f in run.fits)
            )
            for run in study.runs
        ),
    )
    assert study_metrics(slower) == study_metrics(study)
    fits = json.loads((folder / "timings.json").read_text())["fits"]
    assert len(fits) == sum(len(run.fits) for run in study.runs)
    assert {fit["seconds"] for fit in fits} == {60.0, 1.5}


def test_predictions_are_written_to_the_last_bit(study, folder):
    """Every prediction of every run, in order, with its full precision."""
    with (folder / "predictions.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(len(run.predictions) for run in study.runs)
    first = study.runs[0].predictions
    assert [float(row["probability"]) for row in rows[: len(first)]] == first.probability.tolist()
    assert rows[0]["question"] == "diagnosis"
    assert rows[0]["classifier"] == "CNN"


def test_the_splits_name_their_hash(study, folder):
    """``split.json`` holds who stood where, and the hash that the page and the numbers name."""
    splits = json.loads((folder / "split.json").read_text())
    for (question, unit), split in study.splits.items():
        assert splits[question.value][SPLIT_KEYS[unit]]["sha256"] == split.sha256
        assert split.sha256 in (folder / "report.html").read_text()


def test_the_page_needs_nothing_but_itself(page):
    """Pictures are inside, links lead within the page, and there is no script."""
    assert page.addresses
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in page.addresses)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    ids = [str(values["id"]) for _, values in page.tags if "id" in values]
    assert len(ids) == len(set(ids))
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(ids)


def test_every_figure_says_what_it_shows(page, folder):
    """Each picture is that of its file, has a text in its place, and four sentences below."""
    assert len(page.images) == len(list((folder / "figures").iterdir()))
    assert all(len(str(image["alt"])) > 20 for image in page.images)
    for word in ("Shown", "Good", "Bad", "Then"):
        assert page.texts.count(word) == len(page.images)


def test_few_people_come_with_a_warning(page, metrics):
    """24 people are fewer than 30: the page and the numbers say what that does to intervals."""
    assert "Only 24 people were tested" in page.text
    assert "24 people" in metrics["questions"]["lesion"][PATIENT]["warnings"][0]


def test_figures_are_large_enough_to_read(folder):
    """Every picture opens, and is at least a thousand pixels wide."""
    for path in sorted((folder / "figures").iterdir()):
        with Image.open(io.BytesIO(path.read_bytes())) as picture:
            assert picture.width >= 1000
            assert "Software" not in picture.info


def test_the_command_and_the_seed_are_printed(page):
    """What another run needs in order to be the same."""
    table = {row[0][0]: row[1][0] for row in page.table("another run").rows[1:]}
    assert table["command"] == "mslesion reproduce cohort --out results"
    assert table["seed"] == "4"
    assert table["libraries numpy"] == "2.4.6"


def test_numbers_alone_need_no_drawing_library():
    """Importing the report, and measuring, leaves matplotlib alone."""
    import subprocess
    import sys

    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import made_up_study, mslesion.report as r;"
        "r.study_metrics(made_up_study.make_study(people=12, folds=1, slices_each=3, draws=20));"
        "sys.exit('matplotlib' in sys.modules or 'torch' in sys.modules)"
    )
    here = str(Path(__file__).parent)
    assert subprocess.run([sys.executable, "-c", code, here], check=False).returncode == 0


def test_the_parts_of_metrics_json_say_the_same(folder, metrics):
    """Slices, people and the leakage gap stand in files of their own, with what explains them."""
    parts = {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("metrics_slice", "metrics_patient", "leakage_gap")
    }
    for question, found in metrics["questions"].items():
        assert parts["leakage_gap"]["questions"][question] == found["leakage_gap"]
        for key in (PATIENT, SLICE):
            for name, measured in found[key]["classifiers"].items():
                for part, kind in (("metrics_slice", "slices"), ("metrics_patient", "patients")):
                    split = parts[part]["questions"][question][key]
                    assert split["classifiers"][name] == measured[kind]
                    assert split["demonstration"] == (key == SLICE)
    assert all(part["stated_prevalence"] == 0.1 for part in parts.values())


def test_comparisons_and_calibration_are_of_the_patient_split(folder):
    """Four pairs with four tests each, and every classifier of the paper calibrated."""
    compared = json.loads((folder / "comparisons.json").read_text())["questions"]["lesion"]
    assert compared["split_unit"] == "patient"
    assert len(compared["pairs"]) == 4
    assert all(len(pair["tests"]) == 4 for pair in compared["pairs"])
    calibrated = json.loads((folder / "calibration.json").read_text())["questions"]["lesion"]
    assert list(calibrated["classifiers"]) == ["CNN", "decision tree", "SVM"]
    slices = calibrated["classifiers"]["CNN"]["slices"]
    assert len(slices["temperatures"]) == 3
    assert len(slices["reliability"]) == 10
    assert len(slices["decision_curve"]) == 19
