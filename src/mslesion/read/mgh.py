"""MGH, the volume format of FreeSurfer (``.mgh``, compressed ``.mgz``)."""

from __future__ import annotations

import numpy as np
from nibabel.freesurfer.mghformat import MGHHeader

from mslesion.read.content import Content
from mslesion.read.stored import NO_REMARKS, StoredVolume, doubtful
from mslesion.read.volume import SIDES_UNKNOWN, is_regular, nowhere, stored_voxels, volumes_shape

_GOOD_RAS_FLAG = slice(28, 30)
_SPACING_UNKNOWN = doubtful("no voxel sizes in the header: 1 mm is taken")


def is_mgh(head: bytes) -> bool:
    """Whether a file begins as an MGH file does."""
    return head[:4] == b"\0\0\0\1" and len(head) >= MGHHeader().get_data_offset()


def decode_mgh(content: Content) -> StoredVolume:
    """Read the volumes of an MGH file.

    Raises:
        UnreadableFileError: Damaged, cut short, or too large.
        GeometryError: A single slice, or voxels that lie nowhere.
    """
    field_bytes = MGHHeader.template_dtype.itemsize
    footer_bytes = MGHHeader._ftrdtype.itemsize  # noqa: SLF001 - follows the voxels; not needed
    block = content.head[: field_bytes - footer_bytes] + bytes(footer_bytes)
    header = MGHHeader(block, check=False)
    path = content.path
    shape = volumes_shape(tuple(int(n) for n in header["dims"]), path)
    voxels = stored_voxels(content, header, shape, header.get_data_offset(), exact=False)
    with np.errstate(over="ignore", invalid="ignore"):  # of damaged headers
        affine = np.asarray(header.get_affine(), dtype=np.float64)
    if not is_regular(affine):
        raise nowhere(path)
    # nibabel's header has put in FreeSurfer's own values (coronal, 1 mm) where the flag is not set.
    has_geometry = int.from_bytes(content.head[_GOOD_RAS_FLAG], "big", signed=True) > 0
    remarks = NO_REMARKS if has_geometry else SIDES_UNKNOWN + _SPACING_UNKNOWN
    return StoredVolume(voxels, affine, remarks=remarks)
