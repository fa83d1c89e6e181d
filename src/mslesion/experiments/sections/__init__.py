"""The sections of the study's page: from results to findings, pictures and tables.

A section is a function from the results to what stands there, and one line of :data:`SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mslesion.experiments.results import StudyResults
from mslesion.experiments.sections.images import input_size, thickness
from mslesion.experiments.sections.people import classifiers, random_labels, split
from mslesion.experiments.sections.scanners import detector_transfer, transfer
from mslesion.experiments.sections.section import Section
from mslesion.experiments.sections.training import augmentation, pooling

__all__ = ["SECTIONS", "Section", "sections"]


def _has(*names: str) -> Callable[[StudyResults], bool]:
    return lambda results: set(names) <= set(results.experiments)


SECTIONS: tuple[tuple[Callable[[StudyResults], bool], Callable[[StudyResults], Section]], ...] = (
    (_has("diagnosis-simulated"), classifiers),
    (_has("diagnosis-simulated"), split),
    (_has("random-labels"), random_labels),
    (_has("input-size"), input_size),
    (_has("cnn-thickness", "detector-thickness"), thickness),
    (_has("pooling"), pooling),
    (_has("augmentation"), augmentation),
    (_has("transfer"), transfer),
    (lambda results: results.quoted is not None, detector_transfer),
)
"""For each section: whether the study has what it needs, and what makes it."""


def sections(results: StudyResults) -> Iterator[Section]:
    """The sections whose experiments are part of the study, in the order of the page."""
    for needed, make in SECTIONS:
        if needed(results):
            yield make(results)
