"""``mslesion simulate``: a cohort of simulated scans."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from mslesion.cli.command import Command, given_path, positive, say, share
from mslesion.errors import MslesionError
from mslesion.told import counted

PEOPLE = 60
"""How many, where nothing is said."""


def _simulate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "output", type=given_path, metavar="OUT", help="folder of the new BIDS dataset"
    )
    parser.add_argument(
        "--people", type=positive, default=PEOPLE, metavar="N",
        help=f"how many people (default: {PEOPLE})",
    )  # fmt: skip
    parser.add_argument(
        "--ms-share", type=share, default=0.5, metavar="SHARE",
        help="the share of them who have MS, from 0 to 1; the others are controls (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--acquisition", choices=("axial2d", "volume3d", "mixed"), default="axial2d",
        help="23 thick axial slices, 1 mm volumes, or either at random (default: axial2d)",
    )  # fmt: skip
    parser.add_argument(
        "--skull", choices=("with", "without", "mixed"), default="with",
        help="whether skull and scalp are there; 'mixed' is at random (default: with)",
    )  # fmt: skip


def _simulate(options: argparse.Namespace) -> Iterable[MslesionError]:
    from mslesion.extras import require

    require("nilearn")
    from mslesion.simulate import CohortRecipe, simulate_cohort

    recipe = CohortRecipe(
        people=options.people,
        ms_share=options.ms_share,
        seed=options.seed,
        acquisition=options.acquisition,
        skull=options.skull,
    )
    people = simulate_cohort(recipe, options.output, options.threads)
    say(f"{counted(len(people), 'person', 'people')} in {options.output}")
    return ()


SIMULATE = Command(
    "simulate",
    "make a cohort of simulated FLAIR scans with lesion masks",
    "Write a BIDS dataset of simulated FLAIR scans: people with MS with their lesion masks, "
    "and controls.",
    "  mslesion simulate cohort --people 60 --seed 0\n"
    "  mslesion simulate cohort-1mm --people 10 --acquisition volume3d --skull without",
    _simulate_arguments,
    _simulate,
)
