"""What a classifier's answers rest on, and whether that can be believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mslesion.commands.classifiers import unseen_people
from mslesion.commands.shared import Answer, cut_and_look, naming_missing
from mslesion.errors import CohortError
from mslesion.read import read_people
from mslesion.write.atomic import write_bytes, write_json, write_table
from mslesion.write.folder import output_folder

if TYPE_CHECKING:
    from mslesion.paper.explaining import Explained


def explain(model_folder: Path, data: Path, output: Path, seed: int = 0) -> Answer:
    """Map what a model's answers rest on, in people it has not seen, and check the maps.

    ``output`` gets ``explanation_checks.json``, ``explanations.csv`` (a row a slice) and
    ``explanations.png``.

    Raises:
        CohortError: the model was trained on everybody, or no slice has a known lesion.
    """
    from mslesion.evaluation.explanation_checks import check_explanations, energy_inside, head_of
    from mslesion.paper.explaining import explain_slices
    from mslesion.paper.occlusion import Occlusion
    from mslesion.paper.storage import load_model
    from mslesion.report.explanation_figure import draw_explanations

    occlusion = Occlusion()
    model = load_model(model_folder)
    cohort = read_people(data)
    with output_folder(output, data, model_folder):
        cut = cut_and_look(cohort, model.protocol.slices)
        unseen, seen_people = unseen_people(model, cut.slices)
        if not len(unseen):
            raise CohortError(
                "the model was trained on everybody in this cohort",
                remedy="give people that it has not seen",
                file=cohort.root,
            )
        with naming_missing(cut.set_aside):
            explained = explain_slices(model, unseen, occlusion, seed)
        checks = check_explanations(explained.maps, model.probability, occlusion.blurred, seed)
        checks = {
            "classifier": model.classifier,
            "question": model.question.value,
            "model_sha256": model.sha256,
            "people_left_out_as_seen": seen_people,
            **checks,
        }
        inside = energy_inside(
            explained.maps.maps, explained.maps.lesion_share, head_of(explained.maps.pixels)
        )
        rows = _rows(explained, inside.tolist())
        write_table(output / "explanations.csv", rows, list(rows[0]), delimiter=",")
        write_bytes(output / "explanations.png", draw_explanations(explained))
        write_json(output / "explanation_checks.json", checks)
        return Answer(checks, cut.set_aside, cut.doubts)


def _rows(explained: Explained, energy_inside: list[float]) -> list[dict[str, object]]:
    slices = explained.slices
    return [
        {
            "person_id": str(person),
            "scan_name": str(scan),
            "slice_index": int(index),
            "lesion_area_mm2": float(area),
            "probability": float(probability),
            "energy_inside_lesions": energy,
        }
        for person, scan, index, area, probability, energy in zip(
            slices.person_id,
            slices.scan_name,
            slices.slice_index,
            slices.lesion_area_mm2,
            explained.probability,
            energy_inside,
            strict=True,
        )
    ]
