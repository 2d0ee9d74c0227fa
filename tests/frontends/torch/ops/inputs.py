"""Example inputs for the tables of cases, the same in every run."""

from __future__ import annotations

from math import inf, nan

import torch

_GENERATOR = torch.Generator().manual_seed(0)


def normal(*shape: int, scale: float = 1.0) -> torch.Tensor:
    """Normal floats."""
    return torch.randn(shape, generator=_GENERATOR) * scale


def positive(*shape: int, low: float = 0.1, high: float = 4.0) -> torch.Tensor:
    """Uniform floats between two limits."""
    return torch.rand(shape, generator=_GENERATOR) * (high - low) + low


def ints(*shape: int, low: int = -9, high: int = 10, dtype: torch.dtype = torch.int64) -> torch.Tensor:
    """Integers with low <= i < high."""
    return torch.randint(low, high, shape, generator=_GENERATOR).to(dtype)


def bools(*shape: int) -> torch.Tensor:
    """True or False."""
    return torch.rand(shape, generator=_GENERATOR) < 0.5


# Zeros of both signs, halves, large numbers, infinities, nan.
EDGES = torch.tensor([0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1, -1, 20, -20, 100, -100, inf, -inf, nan])
FINITE = EDGES[EDGES.isfinite()]
