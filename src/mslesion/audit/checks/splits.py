"""The split: is there a test set, is everybody on one side, is it the one that was frozen?"""

from __future__ import annotations

from mslesion.audit.finding import Finding, failed, not_applicable, passed
from mslesion.audit.material import Material, named
from mslesion.evaluation.predictions import SplitUnit, Subset

_REDRAW = "draw the split again with 'mslesion reproduce' or 'train', by patient"


def test_set(material: Material) -> Finding:
    """Something is tested that was neither trained nor chosen on."""
    check = "test set"
    if material.split is None:
        return not_applicable(check, material.why_no_split)
    for number, fold in enumerate(material.split.folds):
        test, validation, training = map(set, (fold.test, fold.validation, fold.training))
        if not test:
            return failed(check, f"fold {number} has no test set", _REDRAW)
        for part, other in ((Subset.TRAINING, training), (Subset.VALIDATION, validation)):
            shared = sorted(test & other)
            if shared:
                return failed(
                    check,
                    f"{len(shared)} of {len(test)} tested in fold {number} are in {part} too: "
                    f"{named(shared)}",
                    _REDRAW,
                )
    tested = sum(len(fold.test) for fold in material.split.folds)
    unit = "people" if material.split.unit is SplitUnit.PATIENT else "slices"
    return passed(check, f"{tested} {unit} are tested and stand in no other part of their fold")


def one_side(material: Material) -> Finding:
    """All slices of a person lie on one side."""
    check = "patient in one part"
    if not material.cohort.has_patient_names:
        return failed(
            check,
            "the files do not say whose slices they are, so slices of one person lie on both sides "
            "of any split",
            "get the data with patient names; say of any result on these that it leaks",
        )
    if material.split is None:
        return not_applicable(check, material.why_no_split)
    straddling = sorted(material.straddling)
    if straddling:
        return failed(
            check,
            f"{len(straddling)} of {len(material.parts_of)} people have slices in more than one "
            f"part: {named(straddling)}",
            "divide people, not slices",
        )
    return passed(check, f"each of {len(material.parts_of)} people stands in one part alone")


def frozen(material: Material) -> Finding:
    """The split is the one that was written down, and the one of the model."""
    check = "frozen split"
    if material.split is None:
        return not_applicable(check, material.why_no_split)
    written = None if material.given is None else material.given.written_sha256
    if written is not None and written != material.split.sha256:
        return failed(
            check,
            "the split is not what its own hash says: it was changed after it was written",
            "go back to the split as it was written; results on this one are no test",
        )
    trained = None if material.model is None else material.model.split_sha256
    if trained is not None and trained != material.split.sha256:
        if material.given is None:
            return not_applicable(
                check, "the model was trained under another split, maybe of another cohort"
            )
        return failed(
            check,
            f"the model was trained under split {trained[:12]}, this is "
            f"{material.split.sha256[:12]}",
            "audit with the split of the model's own study",
        )
    if written is None and trained is None:
        return not_applicable(
            check, f"drawn here with seed {material.split.seed}; no --split was given"
        )
    return passed(check, f"its hash {material.split.sha256[:12]} is the one that was written")
