"""How many threads torch uses, where that decides the last bits of a result or its speed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_torch_thread() -> Iterator[int]:
    """Inside, each call of torch uses one thread; gives how many it was allowed before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
