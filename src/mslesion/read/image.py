"""PNG slices: a grey picture as a scan of one slice."""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from mslesion.errors import UnreadableFileError
from mslesion.read.content import Content
from mslesion.read.stored import Remarks, StoredVolume

MAX_PIXELS = 2**24
"""4096 x 4096, far below the size at which Pillow suspects a decompression bomb."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_SLICE_AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Columns run to the patient's left and rows to the back: what radiologists agree on."""


def is_png(head: bytes) -> bool:
    """Whether a file begins as a PNG does."""
    return head.startswith(_PNG_MAGIC)


def decode_png(content: Content) -> StoredVolume:
    """Read a PNG of any mode as one slice (columns, rows, 1, 1), float32 grey.

    A picture has no spacing and no sides: 1 mm and radiological display are taken, with a warning.

    Raises:
        UnreadableFileError: It is damaged, cut short, or larger than ``MAX_PIXELS``.
    """
    width, height = struct.unpack(">II", content.head[16:24].ljust(8, b"\0"))
    if width * height > MAX_PIXELS:
        raise UnreadableFileError(
            f"claims {width} x {height} pixels, more than any slice has",
            remedy="give the slice at the size it was made",
            file=content.path,
        )
    # Even incompressible 64 bit pixels take less than this, and no metadata should take more.
    data = bytes(content.at_most(8 * width * height + 2**20))
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            image.verify()  # compares the checksums, but leaves nothing to be loaded
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            rows = np.asarray(image.convert("F"))  # colour as its luma, without the alpha
    except (OSError, SyntaxError, ValueError, struct.error) as error:  # Pillow's for bad files
        raise UnreadableFileError(
            "is a PNG image, but damaged or cut short",
            remedy="get the file again from where it came from",
            file=content.path,
        ) from error
    warnings = (
        "spacing unknown: 1 mm is taken",
        "sides unknown: the picture is taken to be displayed the radiological way",
    )
    voxels = rows.T[:, :, np.newaxis, np.newaxis]
    remarks = Remarks(warnings=warnings, sides_known=False)
    return StoredVolume(voxels, _SLICE_AFFINE, remarks=remarks)
