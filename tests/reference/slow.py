"""The measures a second time: slowly, by loops, as their definitions say."""

from __future__ import annotations

import numpy as np


def confusion(label, probability, threshold):
    """Count (tp, fn, tn, fp) one slice at a time."""
    counts = {"tp": 0, "fn": 0, "tn": 0, "fp": 0}
    for truth, chance in zip(label, probability, strict=True):
        if truth == 1:
            counts["tp" if chance > threshold else "fn"] += 1
        else:
            counts["fp" if chance > threshold else "tn"] += 1
    return counts["tp"], counts["fn"], counts["tn"], counts["fp"]


def measures(label, probability, threshold):
    """Equations 3 to 5 and the share of rightly ordered pairs, nan where undefined."""
    tp, fn, tn, fp = confusion(label, probability, threshold)
    nan = float("nan")
    sensitivity = tp / (tp + fn) if tp + fn else nan
    specificity = tn / (tn + fp) if tn + fp else nan
    return {
        "accuracy": (tp + tn) / (tp + tn + fn + fp) if len(label) else nan,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "auc": auc(label, probability),
    }


def auc(label, probability):
    """Compare every positive with every negative; a tie is half a win."""
    positives = [p for truth, p in zip(label, probability, strict=True) if truth == 1]
    negatives = [p for truth, p in zip(label, probability, strict=True) if truth == 0]
    if not positives or not negatives:
        return float("nan")
    won = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return won / (len(positives) * len(negatives))


def resampled(person_id, label, probability, threshold, drawn_counts):
    """The measures of each draw, with each drawn person's slices copied as often as drawn."""
    people = sorted(set(person_id.tolist()))
    values = []
    for counts in drawn_counts:
        chosen = np.concatenate(
            [
                np.flatnonzero(person_id == person)
                for person, count in zip(people, counts, strict=True)
                for _ in range(count)
            ]
        )
        values.append(measures(label[chosen], probability[chosen], threshold))
    return values
