"""The classifiers that an audit fits, among them one that is quick enough to be fitted often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter

from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mslesion.paper.choosing import FitRequest, Fitted
from mslesion.paper.classifiers import (
    CLASSIFIERS,
    MarginClassifier,
    Pixels,
)

LINEAR = "linear"


def fit_linear(request: FitRequest) -> Fitted:
    """Ridge regression on standardised pixels: a tenth of a second for a few hundred slices.

    Its penalty grows with the number of pixels, as each adds one to the squared length of a slice.
    """
    started = perf_counter()
    penalty = 0.1 * float(request.training.pixels[0].size)
    machine = make_pipeline(Pixels(), StandardScaler(), RidgeClassifier(alpha=penalty))
    fitted = MarginClassifier(machine).fit(request.training.pixels, request.training.labels)
    return Fitted(fitted, request.protocol, {"alpha": penalty}, perf_counter() - started)


FITS: Mapping[str, Callable[[FitRequest], Fitted]] = {LINEAR: fit_linear, **CLASSIFIERS}
"""By the name of ``--classifier`` in long: the quick one, and the paper's three."""
