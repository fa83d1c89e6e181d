"""Values made of arrays of one length, one entry a slice: tables without an index."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Columns:
    """The base of such values: every field of a subclass is an array, all of one length.

    Raises:
        ValueError: the arrays differ in length.
    """

    def __post_init__(self) -> None:
        if len({len(column) for column in self._arrays().values()}) != 1:
            raise ValueError(f"columns of {type(self).__name__} differ in length")

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {column.name: getattr(self, column.name) for column in fields(self)}

    def __len__(self) -> int:
        return len(next(iter(self._arrays().values())))

    def where(self, chosen: NDArray[Any] | slice) -> Self:
        """The entries that ``chosen`` picks: a mask, indices or a slice."""
        return type(self)(**{name: array[chosen] for name, array in self._arrays().items()})

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Several values one after the other.

        Raises:
            ValueError: there are no parts.
        """
        listed = list(parts)
        return cls(
            **{
                c.name: np.concatenate([getattr(part, c.name) for part in listed])
                for c in fields(cls)
            }
        )
