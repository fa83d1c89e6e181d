"""Accuracy, sensitivity, specificity (the paper's equations 3 to 5), and what reviewers ask beside.

Every measure is written once, on counts of any shape: the same lines give the value for one
confusion matrix and for thousands of resampled ones. What a measure divides by can be 0: then it
is nan, and never a number that only looks like one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
"""Counts of any common shape: (), or one entry a resample."""


def _share(part: Counts, whole: Counts) -> Counts:
    """``part / whole``, nan where ``whole`` is 0."""
    share = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def accuracy(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:
    """Equation 5: the share of right answers; nan without any slice."""
    return _share(tp + tn, tp + tn + fn + fp)


def sensitivity(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:  # noqa: ARG001 - one face
    """Equation 3: the share of positives that are found; nan without positives."""
    return _share(tp, tp + fn)


def specificity(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:  # noqa: ARG001 - one face
    """Equation 4: the share of negatives that are left alone; nan without negatives."""
    return _share(tn, tn + fp)


def balanced_accuracy(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:
    """The mean of sensitivity and specificity: 0.5 for guessing, whatever the prevalence."""
    return (sensitivity(tp, fn, tn, fp) + specificity(tp, fn, tn, fp)) / 2


def matthews_correlation(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:
    """The correlation of answers and truth (Matthews 1975, Biochim. Biophys. Acta 405:442).

    0 where all answers are alike, which is the limit, and what scikit-learn gives; nan where the
    truth is all alike, for then nothing can be told apart.
    """
    positives, negatives, yes, no = tp + fn, tn + fp, tp + fp, tn + fn
    product = positives * negatives * yes * no
    correlation = np.zeros(np.shape(product))
    np.divide(tp * tn - fp * fn, np.sqrt(product), out=correlation, where=product > 0)
    return np.where((positives > 0) & (negatives > 0), correlation, np.nan)


def positive_predictive_value(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:  # noqa: ARG001 - one face
    """The share of answers yes that are right, at the prevalence tested; nan without a yes."""
    return _share(tp, tp + fp)


def negative_predictive_value(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:  # noqa: ARG001 - one face
    """The share of answers no that are right, at the prevalence tested; nan without a no."""
    return _share(tn, tn + fn)


def positive_likelihood_ratio(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:
    """How many times more frequent a yes is in positives; nan without a false alarm."""
    return _share(sensitivity(tp, fn, tn, fp), 1 - specificity(tp, fn, tn, fp))


def negative_likelihood_ratio(tp: Counts, fn: Counts, tn: Counts, fp: Counts) -> Counts:
    """How many times more frequent a no is in positives; nan where no negative is left alone."""
    return _share(1 - sensitivity(tp, fn, tn, fp), specificity(tp, fn, tn, fp))


COUNT_MEASURES: dict[str, Callable[[Counts, Counts, Counts, Counts], Counts]] = {
    "accuracy": accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "balanced_accuracy": balanced_accuracy,
    "mcc": matthews_correlation,
    "ppv": positive_predictive_value,
    "npv": negative_predictive_value,
    "positive_likelihood_ratio": positive_likelihood_ratio,
    "negative_likelihood_ratio": negative_likelihood_ratio,
}
"""Measures that a confusion matrix is enough for, by name."""


def ppv_at(prevalence: float, sensitivity: Counts, specificity: Counts) -> Counts:
    """Bayes' rule: how likely a yes is right where ``prevalence`` of those asked are positive."""
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return _share(right, right + wrong)


def npv_at(prevalence: float, sensitivity: Counts, specificity: Counts) -> Counts:
    """Bayes' rule: how likely a no is right where ``prevalence`` of those asked are positive."""
    right, wrong = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return _share(right, right + wrong)


PREVALENCE_MEASURES: dict[str, Callable[[float, Counts, Counts], Counts]] = {
    "ppv_at_stated_prevalence": ppv_at,
    "npv_at_stated_prevalence": npv_at,
}
"""Measures that sensitivity and specificity are enough for, once a prevalence is stated."""

MEASURES = (*COUNT_MEASURES, *PREVALENCE_MEASURES, "auc", "average_precision", "brier")
"""Every measure, by name."""


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix; the words are those of section 4.1.

    Attributes:
        tp: positives answered yes.
        fn: positives answered no.
        tn: negatives answered no.
        fp: negatives answered yes.
    """

    tp: int
    fn: int
    tn: int
    fp: int

    @property
    def total(self) -> int:
        """Everything that was answered."""
        return self.tp + self.fn + self.tn + self.fp

    @property
    def positives(self) -> int:
        """What should have been answered yes."""
        return self.tp + self.fn

    @property
    def negatives(self) -> int:
        """What should have been answered no."""
        return self.tn + self.fp

    def _measure(self, name: str) -> float:
        counts = [np.float64(n) for n in (self.tp, self.fn, self.tn, self.fp)]
        return float(COUNT_MEASURES[name](*map(np.asarray, counts)))

    @property
    def accuracy(self) -> float:
        """Equation 5; nan for an empty matrix."""
        return self._measure("accuracy")

    @property
    def sensitivity(self) -> float:
        """Equation 3; nan without positives."""
        return self._measure("sensitivity")

    @property
    def specificity(self) -> float:
        """Equation 4; nan without negatives."""
        return self._measure("specificity")

    @property
    def balanced_accuracy(self) -> float:
        """The mean of sensitivity and specificity; nan where one of them is."""
        return self._measure("balanced_accuracy")


def answers(
    probability: NDArray[np.float64], threshold: float | NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which probabilities mean yes: those that exceed ``threshold``; equality means no."""
    return probability > threshold


def confusion(
    label: NDArray[np.int8], probability: NDArray[np.float64], threshold: float
) -> Confusion:
    """The confusion matrix of probabilities (N,) against labels (N,) of 0 and 1."""
    return confusion_of_answers(label, answers(probability, threshold))


def confusion_of_answers(label: NDArray[np.int8], is_yes: NDArray[np.bool_]) -> Confusion:
    """The confusion matrix of answers bool (N,) against labels (N,) of 0 and 1."""
    is_positive = label.astype(bool)
    return Confusion(
        tp=int((is_positive & is_yes).sum()),
        fn=int((is_positive & ~is_yes).sum()),
        tn=int((~is_positive & ~is_yes).sum()),
        fp=int((~is_positive & is_yes).sum()),
    )


def auc(label: NDArray[np.int8], probability: NDArray[np.float64]) -> float:
    """How often a positive gets a higher probability than a negative; ties count half.

    The area under the ROC curve as the Mann-Whitney statistic. nan where a class is missing.
    """
    is_positive = label.astype(bool)
    positives, negatives = probability[is_positive], np.sort(probability[~is_positive])
    if not len(positives) or not len(negatives):
        return float("nan")
    return float(wins(positives, negatives).mean() / len(negatives))


def wins(
    positives: NDArray[np.float64], sorted_negatives: NDArray[np.float64]
) -> NDArray[np.float64]:
    """For each positive, how many negatives lie below it, those level with it counting half."""
    below = np.searchsorted(sorted_negatives, positives, side="left")
    not_above = np.searchsorted(sorted_negatives, positives, side="right")
    return (below + not_above) / 2
