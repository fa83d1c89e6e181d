"""The model has not learnt from the people it is tested on."""

from __future__ import annotations

from mslesion.audit.finding import Finding, failed, not_applicable, passed
from mslesion.audit.likeness import SAME_HEAD
from mslesion.audit.material import Material, named
from mslesion.evaluation.predictions import SplitUnit
from mslesion.paper.slices import scan_fingerprints
from mslesion.read.known_doubles import one_name


def test_people_unseen(material: Material) -> Finding:
    """Nobody on test was in the model's training, by scan, by name, or as another's double."""
    check = "model's training"
    model = material.model
    if model is None:
        return not_applicable(check, "no MODEL was given")
    if model.split_unit is SplitUnit.SLICE:
        return failed(
            check,
            f"the model '{model.name}' was trained under a slice split: it has seen slices of all",
            "train it again by patient",
        )
    tested = _tested(material)
    seen = _seen(material)
    doubles = _doubles_of(material, seen) - seen
    caught = sorted((seen | doubles) & tested)
    if not caught:
        return passed(
            check, f"the model '{model.name}' learnt from none of {len(tested)} people on test"
        )
    as_doubles = sorted(doubles & tested)
    also = f", {len(as_doubles)} of them under another name" if as_doubles else ""
    return failed(
        check,
        f"the model '{model.name}' learnt from {len(caught)} of {len(tested)} people on test{also}"
        f": {named(caught)}",
        "test it on others, or train it without these",
    )


def _tested(material: Material) -> frozenset[str]:
    """Those on test; everybody for a detector without a split, as it is measured on all."""
    is_detector = material.model is not None and material.model.kind == "detector"
    if is_detector and material.given is None:
        return frozenset(material.survey.people)
    return material.on_test()


def _seen(material: Material) -> set[str]:
    """People of whom the model knows a scan."""
    model = material.model
    if model is None:
        return set()
    slices = material.cut.slices
    marks = scan_fingerprints(slices)
    owner = dict(zip(slices.scan_name.tolist(), slices.person_id.tolist(), strict=True))
    by_slices = {str(owner[name]) for name, mark in marks.items() if mark in model.scans}
    by_file = {s.person_id for s in material.survey.scans if s.file_sha256 in model.scans}
    by_name = {
        person
        for person in material.survey.people
        if one_name(material.cohort.name, person) in model.people
    }
    return by_slices | by_file | by_name


def _doubles_of(material: Material, seen: set[str]) -> set[str]:
    """People who are, by their picture, one of those."""
    if not seen or not material.cohort.has_patient_names:
        return set()
    scans = material.survey.scans
    doubles = set()
    for pair in material.likenesses:
        if pair.value < SAME_HEAD:
            break
        people = {scans[pair.first].person_id, scans[pair.second].person_id}
        if people & seen:
            doubles |= people
    return doubles
