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


def share(part, whole):
    """A division that knows when there is nothing to divide by."""
    return part / whole if whole > 0 else float("nan")


def measures(label, probability, threshold, prevalence):
    """Every measure from its textbook definition, nan where undefined."""
    tp, fn, tn, fp = confusion(label, probability, threshold)
    nan = float("nan")
    sensitivity, specificity = share(tp, tp + fn), share(tn, tn + fp)
    # Of a population of one, how many are rightly and wrongly called.
    ill_found, ill_missed = prevalence * sensitivity, prevalence * (1 - sensitivity)
    well_left, well_alarmed = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    return {
        "accuracy": share(tp + tn, tp + tn + fn + fp),
        "sensitivity": sensitivity,
        "specificity": specificity,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "mcc": correlation(label, [p > threshold for p in probability]),
        "ppv": share(tp, tp + fp),
        "npv": share(tn, tn + fn),
        "positive_likelihood_ratio": share(share(tp, tp + fn), share(fp, tn + fp)),
        "negative_likelihood_ratio": share(share(fn, tp + fn), share(tn, tn + fp)),
        "ppv_at_stated_prevalence": share(ill_found, ill_found + well_alarmed),
        "npv_at_stated_prevalence": share(well_left, well_left + ill_missed),
        "auc": auc(label, probability),
        "average_precision": average_precision(label, probability),
        "brier": sum((p - y) ** 2 for y, p in zip(label, probability, strict=True)) / len(label)
        if len(label)
        else nan,
    }


def correlation(label, is_yes):
    """Pearson's correlation of truth and answers as numbers; 0 where all answers are alike."""
    if len(set(label)) < 2:
        return float("nan")
    if len(set(is_yes)) < 2:
        return 0.0
    truth, answer = np.array(label, float), np.array(is_yes, float)
    truth, answer = truth - truth.mean(), answer - answer.mean()
    return float((truth * answer).sum() / np.sqrt((truth**2).sum() * (answer**2).sum()))


def average_precision(label, probability):
    """Lower the threshold from value to value: precision times the recall that each adds."""
    positives = sum(label)
    if not positives:
        return float("nan")
    area, found_before = 0.0, 0
    for threshold in sorted(set(probability), reverse=True):
        answered = [y for y, p in zip(label, probability, strict=True) if p >= threshold]
        found = sum(answered)
        area += (found - found_before) / positives * found / len(answered)
        found_before = found
    return area


def auc(label, probability):
    """Compare every positive with every negative; a tie is half a win."""
    positives = [p for truth, p in zip(label, probability, strict=True) if truth == 1]
    negatives = [p for truth, p in zip(label, probability, strict=True) if truth == 0]
    if not positives or not negatives:
        return float("nan")
    won = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return won / (len(positives) * len(negatives))


def resampled(person_id, label, probability, threshold, prevalence, drawn_counts):
    """The measures of each draw, with each drawn person's slices copied as often as drawn."""
    people = sorted(set(person_id.tolist()))
    values = []
    for counts in drawn_counts:
        chosen = [
            number
            for person, count in zip(people, counts, strict=True)
            for _ in range(count)
            for number in np.flatnonzero(person_id == person)
        ]
        values.append(
            measures(label[chosen].tolist(), probability[chosen].tolist(), threshold, prevalence)
        )
    return values


def delong(label, first, second):
    """DeLong et al. 1988 by placement values: (areas, variance of their difference)."""
    areas, placements = [], []
    positive = [number for number, truth in enumerate(label) if truth == 1]
    negative = [number for number, truth in enumerate(label) if truth == 0]
    for scores in (first, second):

        def wins(i, j, scores=scores):
            return (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])

        of_positive = [sum(wins(i, j) for j in negative) / len(negative) for i in positive]
        of_negative = [sum(wins(i, j) for i in positive) / len(positive) for j in negative]
        areas.append(sum(of_positive) / len(positive))
        placements.append((of_positive, of_negative))
    variance = 0.0
    for kind in (0, 1):
        differences = [a - b for a, b in zip(placements[0][kind], placements[1][kind], strict=True)]
        count = len(differences)
        if count < 2:
            return areas, float("nan")
        mean = sum(differences) / count
        variance += sum((d - mean) ** 2 for d in differences) / (count - 1) / count
    return areas, variance


def bca_limits(value, drawn, left_out):
    """Efron 1987, equations 2.3 and 6.6, step by step; percentiles where a step cannot be had."""
    from scipy.stats import norm

    level = sum((d < value) + 0.5 * (d == value) for d in drawn) / len(drawn)
    bias = norm.ppf(level)
    mean = sum(left_out) / len(left_out)
    cubes = sum((mean - each) ** 3 for each in left_out)
    squares = sum((mean - each) ** 2 for each in left_out)
    if level in {0, 1} or squares == 0:
        return [np.quantile(drawn, tail) for tail in (0.025, 0.975)]
    acceleration = cubes / (6 * squares**1.5)
    z = [bias + norm.ppf(tail) for tail in (0.025, 0.975)]
    if any(acceleration * each >= 1 for each in z):
        return [np.quantile(drawn, tail) for tail in (0.025, 0.975)]
    return [np.quantile(drawn, norm.cdf(bias + e / (1 - acceleration * e))) for e in z]


def expected_calibration_error(label, probability):
    """Ten bins; a probability on an edge belongs to the bin above, 1 to the last."""
    error = 0.0
    for number in range(10):
        low, high = number / 10, (number + 1) / 10
        mine = [
            (y, p)
            for y, p in zip(label, probability, strict=True)
            if low <= p < high or (number == 9 and p == 1)
        ]
        if mine:
            observed = sum(y for y, _ in mine) / len(mine)
            said = sum(p for _, p in mine) / len(mine)
            error += len(mine) / len(label) * abs(observed - said)
    return error


def net_benefit(label, probability, threshold):
    """Vickers and Elkin 2006: true positives less false ones at their price, per answer."""
    tp, _, _, fp = confusion(label, probability, threshold)
    return (tp - fp * threshold / (1 - threshold)) / len(label)
