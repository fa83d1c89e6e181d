"""Model card and checklists: every item answered, or told why not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mslesion.cards.documents import DOCUMENTS, answer, topics_in_use, write_documents
from mslesion.cards.sources import RESULT_FILES, Sources, read_sources
from mslesion.errors import ResultsError

ESTIMATE = {"value": 0.5, "low": 0.25, "high": 0.75}
CLAIM_ITEMS = [str(number) for number in range(1, 45)]
PARTS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc",
         23: "ab", 27: "abc"}  # fmt: skip
TRIPOD_ITEMS = [f"{number}{part}" for number in range(1, 28) for part in PARTS.get(number, [""])]


def _measured(**more: Any) -> dict[str, Any]:
    return {
        "people": 2, "scans": 3, "matching_rule": "touching", "interval": "95 %, bootstrap",
        "warnings": ["few people"], "measures": {"dice": ESTIMATE, "lesion_f1": ESTIMATE}, **more,
    }  # fmt: skip


ROW = {
    "scan_name": "a", "person_id": "p", "dice": 0.5, "reference_lesions_found": 1,
    "reference_lesions": 2, "false_lesions": 0,
}  # fmt: skip
EVALUATION = _measured(rows=[ROW])
CROSS_VALIDATION = {
    "recipe": {
        "folds": 5, "fold_steps": 10, "final_steps": 20, "simulated_people": 4, "seed": 0,
        "learning_rate": 0.004, "validation_people": 3,
    },
    "operating_point": {"threshold": 0.3, "peak": 0.5, "least_mm3": 3.0},
    "voxel_calibration": {"slope": 1.0, "intercept": 0.0},
    "datasets": {"A": _measured(), "B.1": _measured()},
    "scans": [{"dataset": "A", **ROW}],
}  # fmt: skip


def _folder(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        (folder / f"{name.replace('_', '-')}.json").write_text(json.dumps(content))
    return folder


def test_every_item_of_both_checklists_is_there() -> None:
    """CLAIM 2024 has 44 items; TRIPOD+AI 27, in 52 rows."""
    items = {d.file: [item.number for item in d.items] for d in DOCUMENTS}
    assert items["CLAIM.md"] == CLAIM_ITEMS
    assert items["TRIPOD-AI.md"] == TRIPOD_ITEMS
    assert len(TRIPOD_ITEMS) == 52


def test_every_topic_answers_or_says_what_is_missing() -> None:
    """With no result file at all, each gives its reason."""
    for topic in topics_in_use():
        found = answer(topic, Sources())
        is_open = found.text.startswith(("*Not reported:* ", "*Not applicable:* "))
        assert is_open == (found.state != "answered"), topic
        assert found.text
        if found.state == "not reported":
            assert f"under `{topic}`" in found.text


@pytest.mark.parametrize("files", [{"metrics": EVALUATION}, {"cross_validation": CROSS_VALIDATION}])
def test_a_folder_of_ones_own_results_gives_a_whole_card(
    files: dict[str, Any], tmp_path: Path
) -> None:
    """Figures are those of the files, each file with its hash; no brace is left."""
    texts, states = write_documents(read_sources(_folder(tmp_path, **files)))
    assert set(texts) == {"MODEL_CARD.md", "CLAIM.md", "TRIPOD-AI.md"}
    assert sum(states["CLAIM.md"].values()) == len(CLAIM_ITEMS)
    for text in texts.values():
        assert "{" not in text
        assert re.search(r"\| `[\w-]+\.json` \| `[0-9a-f]{64}` \|", text)
    assert "| dice | 0.50 (0.25 to 0.75) |" in texts["MODEL_CARD.md"]
    assert re.findall(r"^\*\*(\w+)\. ", texts["CLAIM.md"], re.MULTILINE) == CLAIM_ITEMS


FINDING = {"check": "header", "outcome": "PASS", "evidence": "AUC as by chance"}
CALIBRATION = dict.fromkeys(("brier", "slope", "intercept", "ece"), ESTIMATE)
OF_OTHER_COMMANDS = {
    "leakage_audit": {"dataset_sha256": "ab", "outcomes": {"PASS": 1}, "findings": [FINDING]},
    "leakage_gap": FINDING,
    "random_label_control": FINDING,
    "shortcut_audit": {"shortcuts": [FINDING]},
    "comparisons": {"questions": {"lesion": {"pairs": [{
        "first": "CNN", "second": "SVM", "tests": [{
            "unit": "patients", "measure": "auc", "test": "DeLong", "difference": ESTIMATE,
            "p_holm": None}]}]}}},
    "calibration": {"questions": {"lesion": {"classifiers": {"CNN": {"slices": CALIBRATION}}}}},
    "froc": {"people": 4, "at": [{"false_per_scan": 0.125, "sensitivity": ESTIMATE}]},
    "metrics": {
        **EVALUATION,
        "subgroups": [{"column": "sex", "group": "F", **_measured()}, {"column": "x"}],
        "slices": {"answers": {"mask": {
            "accuracy": ESTIMATE, "sensitivity": ESTIMATE, "specificity": ESTIMATE}}},
        "patients": {"sensitivity": ESTIMATE, "specificity": ESTIMATE},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "| header | PASS |",
        "Random labels: PASS; AUC as by chance.",
        "| lesion | CNN | SVM | patients | auc | DeLong | 0.50 (0.25 to 0.75) | undefined |",
        "| lesion | CNN | 0.50 (0.25 to 0.75) | 0.50",
        "| 0.125 | 0.50 (0.25 to 0.75) |",
        "| sex | F | 2 | 0.50 (0.25 to 0.75) |",
        "| mask | 50.0 % (25.0 to 75.0) |",
        "verdict: sensitivity 50.0 % (25.0 to 75.0)",
        "| lesion | CNN | patient | slices | 0.70 | 0.02 |",
    ],
)
def test_files_of_other_commands_are_drawn_from(line: str, tmp_path: Path) -> None:
    """Audits, comparisons, calibration, FROC, groups of people and seeds."""
    for name, content in OF_OTHER_COMMANDS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / "seeds.tsv").write_text(
        "question\tclassifier\tsplit_unit\tlevel\tmeasure\tmean\tsd\n"
        "lesion\tCNN\tpatient\tslices\taccuracy\t0.6\t0.01\n"
        "lesion\tCNN\tpatient\tslices\tauc\t0.7\t0.02\n"
    )
    texts, _ = write_documents(read_sources(tmp_path))
    assert line in "\n".join(texts.values())


def test_people_are_not_named(tmp_path: Path) -> None:
    """A card is passed on: scans have numbers in it."""
    scans = [{**ROW, "person_id": "Jane-Doe", "scan_name": "Jane-Doe_FLAIR", "dataset": "A"}]
    files = {"cross_validation": {**CROSS_VALIDATION, "scans": scans},
             "metrics": {**EVALUATION, "rows": scans}}  # fmt: skip
    texts, _ = write_documents(read_sources(_folder(tmp_path, **files)))
    assert not any("Jane" in text for text in texts.values())


def test_a_value_that_is_gone_stops_the_build(tmp_path: Path) -> None:
    """The error names the file, the topic and the place."""
    broken = {**CROSS_VALIDATION, "operating_point": {"threshold": 0.3}}
    with pytest.raises(ResultsError) as caught:
        write_documents(read_sources(_folder(tmp_path, cross_validation=broken)))
    told = str(caught.value)
    assert "cross-validation.json" in told
    assert "output: {cross-validation:operating_point.peak|number} has no value" in told


def test_the_author_says_what_no_file_holds(tmp_path: Path) -> None:
    """Their words answer an item; references in them are filled, unknown topics refused."""
    about = {"funding": "By nobody, for {lesions:people|count} people."}
    folder = _folder(tmp_path, metrics=EVALUATION, about=about)
    texts, _ = write_documents(read_sources(folder))
    assert "By nobody, for 2 people.\n\n*(`about.json`)*" in texts["CLAIM.md"]
    _folder(tmp_path, about={"fundng": "By nobody."})
    with pytest.raises(ResultsError, match="'fundng', which nothing asks for"):
        write_documents(read_sources(folder))


def test_a_table_row_a_kind_of_file() -> None:
    """The files that other commands write are known by name."""
    files = {kind.file for kind in RESULT_FILES}
    assert {"leakage_audit.json", "calibration.json", "seeds.tsv", "test_looks.jsonl"} <= files
