"""The way of the data on one screen: scans in; lesions, studies and judgements out.

    scan(s) ──► detector ──► lesions, slices, verdict ──► files and report of each scan
                   ▲                                        └──► viewer ──► a reader's review
    lesion masks ──┴── simulated people, cross-validation, calibration

    cohort ──► split ──► slices 64x64 ──► CNN | SVM | decision tree ──► evaluation ──► report
    (real or simulated)                   (the paper's system)

    lesions of any tool ──┐
    expert's masks ───────┴──► lesions, slices, people: measures with intervals ──► comparison

    cohort, model, printed figures ──► audit ──► can it be believed?

Each function is one command of the command line and gives the same files. PyTorch and
scikit-learn, which take seconds to load, are imported by the functions that need them.
"""

from mslesion.commands.bids_app import detect_level, group_level
from mslesion.commands.classifiers import evaluate_classifier, predict, train
from mslesion.commands.detection import (
    asked_dicom,
    detect,
    detect_all,
    doubts_beforehand,
    evaluate_detector,
    refuse_unreadable,
    train_detector,
)
from mslesion.commands.explaining import explain
from mslesion.commands.measuring import compare, evaluate_masks
from mslesion.commands.scrutiny import audit_claims, audit_cohort, write_cards
from mslesion.commands.shared import Answer
from mslesion.commands.studies import freeze_split, reproduce, study
from mslesion.commands.viewing import view

__all__ = [
    "Answer",
    "asked_dicom",
    "audit_claims",
    "audit_cohort",
    "compare",
    "detect",
    "detect_all",
    "detect_level",
    "doubts_beforehand",
    "evaluate_classifier",
    "evaluate_detector",
    "evaluate_masks",
    "explain",
    "freeze_split",
    "group_level",
    "predict",
    "refuse_unreadable",
    "reproduce",
    "study",
    "train",
    "train_detector",
    "view",
    "write_cards",
]
