"""The paper's protocol as data: what it states, and our choice wherever it is silent.

Each field of the protocol names the section of the paper that states it, or says why we chose
what the paper leaves open. Every report prints the whole table (:func:`rows`), so that nobody
has to guess what was done.

Source: Rajabzadeh, Hashemi Kamangar, Jalalzadeh, "Detection of Multiple Sclerosis Lesions in MR
Images Based on Convolutional Neural Networks", FRAI 1(1), 2025, doi 10.22080/frai.2025.29274.1015.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple

OURS = "the paper is silent"


def _stated(value: Any, section: str, note: str = "") -> Any:
    """A field whose value stands in the paper."""
    return field(default=value, metadata={"source": f"paper, {section}", "reason": note})


def _chosen(value: Any, reason: str) -> Any:
    """A field the paper leaves open, with the reason for our default."""
    return field(default=value, metadata={"source": OURS, "reason": reason})


@dataclass(frozen=True)
class SliceProtocol:
    """From a volume to normalised images of one size."""

    slices_per_scan: int = _stated(
        23, "3.1", "evenly spread over the volume, ends included; all, where there are fewer"
    )
    plane: Literal["axial"] = _chosen("axial", "the plane of clinical 2D FLAIR and its 23 slices")
    skull: Literal["as in the scan"] = _chosen(
        "as in the scan", "the paper names no skull stripping"
    )
    size_pixels: int = _stated(64, "3.1.1")
    interpolation: Literal["bicubic"] = _stated(
        "bicubic", "3.1.1", "antialiased, or lesions between the sampled points would vanish"
    )
    aspect: Literal["pad to square"] = _chosen(
        "pad to square", "keeps shapes true in millimetres on any field of view"
    )
    least_tissue_share: float = _stated(
        0.05, "3.1.1", "of the pixels of the slice; slices with less are left out"
    )
    tissue_threshold: Literal["otsu"] = _chosen(
        "otsu",
        "one threshold a volume, between dark (air, fluid, bone) and bright (tissue); with the "
        "skull on, scalp counts as tissue, which the paper's rule cannot tell apart either",
    )
    normalisation: Literal["z-score"] = _stated("z-score", "3.1.1")
    normalisation_scope: Literal["scan", "slice"] = _chosen(
        "scan",
        "mean and SD over the pixels above the tissue threshold in the kept slices of one scan: "
        "brightness between slices stays comparable, and nothing is fitted across people",
    )


@dataclass(frozen=True)
class AugmentationProtocol:
    """Random changes of training slices, and of those alone."""

    copies: int = _stated(5, "3.1.1", "769 slices become 3,845")
    rotation_degrees: float = _stated(15.0, "3.1.1", "uniform in plus or minus this")
    flip_probability: float = _chosen(0.5, "the paper flips horizontally, without a rate")
    intensity_scale: float = _stated(
        0.10,
        "3.1.1",
        "uniform factor in 1 plus or minus this, after the z-score, which would undo it",
    )
    interpolation: Literal["bilinear"] = _chosen(
        "bilinear", "of rotated pixels; the border is repeated beyond the edge"
    )
    redraw_each_epoch: bool = _chosen(
        True,
        "the paper enlarges the set once; new draws each epoch cost nothing and repeat less",
    )
    keep_one_original: bool = _chosen(True, "one of the five copies is the slice itself")


@dataclass(frozen=True)
class NetworkProtocol:
    """The convolutional network of section 3.2."""

    filters: tuple[int, ...] = _chosen(
        (8, 16, 32), "three blocks of convolution, ReLU and pooling: shallow, few parameters"
    )
    kernel_pixels: int = _chosen(3, "the smallest that sees a neighbourhood; padded to keep size")
    pooling: Literal["average", "max"] = _stated(
        "average", "3.2", "'leading to improved accuracy'; max pooling is run beside it"
    )
    pool_pixels: int = _chosen(2, "halves the size after each block")
    hidden_units: int = _chosen(64, "one hidden fully connected layer")
    hidden_activation: Literal["sigmoid"] = _stated(
        "sigmoid", "3.2, item 6", "listed after the fully connected layers, before dropout"
    )
    dropout: float = _chosen(0.5, "the usual rate; stated without one in 3.2, item 7")
    classes: int = _stated(2, "3.2, item 8", "softmax over MS and non-MS")


@dataclass(frozen=True)
class TrainingProtocol:
    """How the network is trained."""

    optimiser: Literal["Adam"] = _stated("Adam", "4.1")
    learning_rate: float = _stated(1e-4, "4.1", "fixed")
    epochs: int = _stated(20, "4.1", "'a maximum of 20'")
    batch_size: int = _chosen(16, "small, so that 20 epochs at this rate are enough steps")
    loss: Literal["cross-entropy"] = _chosen("cross-entropy", "the loss that belongs to softmax")
    class_weights: Literal["none"] = _chosen("none", "the paper's classes are nearly balanced")
    early_stopping: Literal["none"] = _chosen("none", "all epochs run; see the next line")
    keep: Literal["best validation loss"] = _chosen(
        "best validation loss",
        "'a maximum of 20 epochs' implies a choice among them; validation people make it",
    )


@dataclass(frozen=True)
class BaselineProtocol:
    """Decision tree and support vector machine on the same slices (section 4.3)."""

    features: Literal["pixels"] = _chosen(
        "pixels", "the same normalised 64x64 slices as the network sees, standardised for the SVM"
    )
    training_slices: Literal["without augmentation"] = _chosen(
        "without augmentation", "the paper augments for training the CNN"
    )
    tree_depths: tuple[int, ...] = _chosen(
        (2, 4, 8), "candidates; the best balanced accuracy on validation people is kept"
    )
    tree_leaf_sizes: tuple[int, ...] = _chosen((1, 10), "candidates, as above")
    svm_kernel: Literal["rbf"] = _chosen("rbf", "the usual kernel")
    svm_costs: tuple[float, ...] = _chosen((0.1, 1.0, 10.0), "candidates, as above")
    svm_gammas: tuple[float, ...] = _chosen((0.3, 1.0), "candidates, times 1 / number of features")
    svm_probability: Literal["logistic of the margin"] = _chosen(
        "logistic of the margin",
        "0.5 is then the SVM's own decision; Platt's sigmoid was seen to turn the order round",
    )


@dataclass(frozen=True)
class DecisionProtocol:
    """What is asked, who answers, and how probabilities become answers."""

    diagnosis_label: Literal["the person's"] = _chosen(
        "the person's", "question 'diagnosis': every slice carries its person's label"
    )
    lesion_label: Literal["any lesion voxel"] = _chosen(
        "any lesion voxel", "question 'lesion': of the expert's mask in that slice"
    )
    threshold: float = _chosen(0.5, "the larger of the two softmax outputs wins (3.2, item 8)")
    patient_rule: Literal["mean probability"] = _chosen(
        "mean probability",
        "for 'diagnosis': MS when the mean over the person's slices exceeds the threshold",
    )
    patient_rule_lesion: Literal["any slice"] = _chosen(
        "any slice",
        "for 'lesion': the person has lesions when the most suspicious slice exceeds it",
    )
    split_shares: tuple[float, float, float] = _stated(
        (0.6, 0.2, 0.2), "3.1", "769, 253 and 258 of 1,280 slices"
    )
    split_unit: Literal["patient"] = _chosen(
        "patient", "slices of one person on both sides of a split would leak the answer"
    )
    inner_folds: int = _chosen(
        1,
        "1: the split's validation people choose settings and epoch. More: nested cross-"
        "validation, where each inner part of all people not tested chooses in turn (by person; in "
        "the slice split by slice), and what does best in the mean is fitted on all of them",
    )
    bootstrap_draws: int = _chosen(2000, "BCa intervals over resampled people, 95 %")
    stated_prevalence: float = _chosen(
        0.1,
        "for predictive values: studies test as many with MS as without, a scanner does not; one "
        "in ten is a round figure to show what that costs, and no measured one",
    )


@dataclass(frozen=True)
class Protocol:
    """All of it: the one value that a study is run from and that every report prints."""

    slices: SliceProtocol = SliceProtocol()
    augmentation: AugmentationProtocol = AugmentationProtocol()
    network: NetworkProtocol = NetworkProtocol()
    training: TrainingProtocol = TrainingProtocol()
    baselines: BaselineProtocol = BaselineProtocol()
    decision: DecisionProtocol = DecisionProtocol()

    @property
    def sha256(self) -> str:
        """A hash of every value, for telling two protocols apart."""
        return sha256(json.dumps(dataclasses.asdict(self), sort_keys=True).encode()).hexdigest()


class ProtocolRow(NamedTuple):
    """One choice as a report shows it."""

    part: str
    name: str
    value: str
    source: str
    reason: str

    @property
    def is_ours(self) -> bool:
        """Whether the paper left this open."""
        return self.source == OURS


def rows(protocol: Protocol) -> tuple[ProtocolRow, ...]:
    """Every choice of a protocol, in reading order; changed values are named as changed."""
    table = []
    for part in dataclasses.fields(protocol):
        values = getattr(protocol, part.name)
        for choice in dataclasses.fields(values):
            value = getattr(values, choice.name)
            reason = choice.metadata["reason"]
            if value != choice.default:
                reason = f"changed from {_in_words(choice.default)} for this run; {reason}"
            table.append(
                ProtocolRow(
                    part.name, choice.name, _in_words(value), choice.metadata["source"], reason
                )
            )
    return tuple(table)


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
