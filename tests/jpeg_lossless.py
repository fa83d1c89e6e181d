"""Lossless JPEG (ITU T.81, annex H) of one component of 16 bits, for tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

PRECISION = 16
_CODE_BITS = 5
"""All 17 categories of differences have codes of five bits, in order; none is all ones."""


def encode(values: NDArray[np.uint16]) -> bytes:
    """A picture (rows, columns) with prediction from the left, selection value 1."""
    rows, columns = values.shape
    size = rows.to_bytes(2) + columns.to_bytes(2)
    frame_header = b"\xff\xc3\x00\x0b" + bytes([PRECISION]) + size + b"\x01\x01\x11\x00"
    counts = bytes(PRECISION + 1 if length == _CODE_BITS else 0 for length in range(1, 17))
    table = b"\x00" + counts + bytes(range(PRECISION + 1))
    scan_header = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
    huffman = b"\xff\xc4" + (2 + len(table)).to_bytes(2) + table
    return b"\xff\xd8" + frame_header + huffman + scan_header + _packed(values) + b"\xff\xd9"


def _differences(values: NDArray[np.uint16]) -> Iterator[int]:
    """From what is predicted: the left, the one above in the first column, half of all at first."""
    picture = values.astype(int)
    for row in range(len(picture)):
        predicted = int(picture[row - 1, 0]) if row else 2 ** (PRECISION - 1)
        for value in picture[row].tolist():
            difference = (value - predicted) % 2**PRECISION
            yield difference - 2**PRECISION if difference > 2 ** (PRECISION - 1) else difference
            predicted = value


def _packed(values: NDArray[np.uint16]) -> bytes:
    bits = "".join(map(_coded, _differences(values)))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8)
    return data.replace(b"\xff", b"\xff\x00")


def _coded(difference: int) -> str:
    """The code of the category, and which difference of it (tables H.2 and F.2)."""
    category = abs(difference).bit_length()
    code = f"{category:0{_CODE_BITS}b}"
    if category in {0, 16}:
        return code
    shown = difference if difference > 0 else difference + 2**category - 1
    return code + f"{shown:0{category}b}"
