"""What a network has to compute, and what the machine can compute at most."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.module import register_module_forward_hook

MATRIX_SIDE = 4096


def count_multiply_adds(work: Callable[[], object]) -> int:
    """The multiply-adds of all convolutions and linear layers that run during ``work``.

    Counted from the shapes of weights and outputs, each layer each time it runs; what the padding
    adds is counted too, since it is computed. Normalisation and activations are not counted.

    Raises:
        ValueError: no such layer ran.
    """
    total = 0

    def add(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        nonlocal total
        if isinstance(layer, _ConvTransposeNd):  # each number that goes in meets the whole kernel
            total += inputs[0].numel() * layer.weight[0].numel()
        elif isinstance(layer, _ConvNd | nn.Linear):  # each that comes out is one such sum
            total += output.numel() * layer.weight[0].numel()

    hook = register_module_forward_hook(add)
    try:
        work()
    finally:
        hook.remove()
    if not total:
        raise ValueError("no convolution and no linear layer ran: nothing to count")
    return total


def seconds_of(work: Callable[[], object]) -> float:
    """How long one run takes."""
    started = perf_counter()
    work()
    return perf_counter() - started


def matrix_product(side: int = MATRIX_SIDE) -> tuple[Callable[[], object], float]:
    """A large float32 matrix product, and its GFLOP: the fastest that a processor computes."""
    left, right, out = (torch.rand(side, side) for _ in range(3))
    return lambda: torch.mm(left, right, out=out), 2 * side**3 / 1e9
