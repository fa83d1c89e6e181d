"""A simulated cohort: people with FLAIR scans, lesions, and the masks of them."""

from mslesion.simulate.acquisition import ACQUISITIONS, Acquisition
from mslesion.simulate.cohort import simulate_cohort
from mslesion.simulate.person import (
    SKULLS,
    CohortRecipe,
    PersonDraw,
    SimulatedPerson,
    draw_person,
    replay,
    simulate_person,
)

__all__ = [
    "ACQUISITIONS",
    "SKULLS",
    "Acquisition",
    "CohortRecipe",
    "PersonDraw",
    "SimulatedPerson",
    "draw_person",
    "replay",
    "simulate_cohort",
    "simulate_person",
]
