"""The header of the file and the file itself: nothing of the picture."""

from __future__ import annotations

from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from mslesion.audit.probes.shortcut import Facts, Seen, Shortcut, numbers
from mslesion.read.dicom.address import is_address

_FIELDS = (
    "datatype",
    "qform_code",
    "sform_code",
    "xyzt_units",
    "scl_slope",
    "scl_inter",
    "cal_max",
)


def facts(seen: Seen) -> Facts:
    """Voxel sizes, matrix, storage order, size and kind of the file, and what its header says.

    A DICOM series has no file of its own: of the last three nothing is told.
    """
    grid = seen.scan.stored_grid
    path = seen.scan_file.image
    found: Facts = {
        **numbers("spacing mm", np.round(grid.spacing_mm, 3)),
        **numbers("matrix", grid.shape),
        "axes": grid.axis_codes,
        "mended": float(len(seen.scan.history)),
    }
    if is_address(path):
        return found
    ending = "".join(path.suffixes[-2:]).lower() if path.suffix == ".gz" else path.suffix
    return {**found, "bytes": float(path.stat().st_size), "ending": ending, **_fields(seen)}


def _fields(seen: Seen) -> Facts:
    try:
        header: Any = nib.load(seen.scan_file.image).header
    except (ImageFileError, OSError):
        return {}  # a picture, which has no header
    found: Facts = {
        name: str(np.nan_to_num(header[name]))
        for name in _FIELDS
        if name in header.keys()  # noqa: SIM118 - no mapping
    }
    if "descrip" in header.keys():  # noqa: SIM118
        found["description length"] = float(len(bytes(header["descrip"].item())))
    return found


SHORTCUT = Shortcut(
    "header",
    "the headers and sizes of the files",
    facts,
    "find out which fact differs between the classes (shortcut_audit.json), scan or convert both "
    "classes in one way, and report results on data where they do not differ",
)
