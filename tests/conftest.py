"""What several tests need: the real scans where they are at hand, and small made-up cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from mslesion.write.atomic import write_table
from mslesion.write.nifti import write_nifti
from small_head import MakeBidsCohort, small_head

# How long a case takes says something of the machine's other work alone.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scans that lies beside the repository, or a skip that says so."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real scans not at ../shared/data")
    return folder


@pytest.fixture(scope="session")
def make_bids_cohort() -> MakeBidsCohort:
    """Write a small BIDS cohort: ``make_bids_cohort(folder, people=..., shape=..., seed=...)``.

    ``people`` is each participant's group by id, without ``sub-``; those of group MS have three
    lesions, and everybody has a lesion mask. Returns the folder.
    """

    def make(
        folder: Path,
        people: Mapping[str, str] | None = None,
        shape: tuple[int, int, int] = (32, 36, 12),
        seed: int = 0,
    ) -> Path:
        groups = people or {"01": "MS", "02": "MS", "03": "control", "04": "control"}
        affine = np.diag([-5.0, 5.0, 6.0, 1.0])
        affine[:3, 3] = [80.0, -90.0, -30.0]
        for number, (name, group) in enumerate(groups.items()):
            lesions = 3 if group == "MS" else 0
            image, mask = small_head(shape, lesions=lesions, seed=seed + number)
            sub = f"sub-{name}"
            write_nifti(folder / sub / "anat" / f"{sub}_FLAIR.nii.gz", image, affine)
            anat = folder / "derivatives" / "manual" / sub / "anat"
            write_nifti(anat / f"{sub}_label-L_mask.nii.gz", mask, affine)
        rows = [{"participant_id": f"sub-{name}", "group": g} for name, g in groups.items()]
        write_table(folder / "participants.tsv", rows, ["participant_id", "group"])
        return folder

    return make
