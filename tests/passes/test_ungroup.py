"""Norms over groups of channels, written out, against PyTorch: what is computed on groups, and what on channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from liteport.ir import ops
from tests.harness import Case, check

Function = Callable[[torch.Tensor], torch.Tensor]
GAMMA, BETA = torch.randn(6), torch.randn(6)


def norm(grouped: Sequence[int], axes: Sequence[int], after: Function = torch.tanh) -> Function:
    """x in groups, of which each is standardised over `axes`, in its own shape again."""

    def function(x: torch.Tensor) -> torch.Tensor:
        y = x.reshape(*grouped)
        y = y - y.mean(tuple(axes), keepdim=True)
        y = y * torch.rsqrt((y * y).mean(tuple(axes), keepdim=True) + 1e-5)
        return after(y.reshape(x.shape))

    return function


def keras(x: torch.Tensor) -> torch.Tensor:
    """With a scale for each channel that is computed, and channels last."""
    y = x.reshape(2, 4, 5, 3, 2)
    mean = y.mean((1, 2, 4), keepdim=True)
    spread = torch.rsqrt(((y - mean) ** 2).mean((1, 2, 4), keepdim=True) + 1e-3)
    scale = spread * GAMMA.reshape(3, 2)
    return (y * scale + (BETA.reshape(3, 2) - mean * scale)).reshape(x.shape)


def affine(x: torch.Tensor) -> torch.Tensor:
    """With numbers for each group."""
    y = norm((2, 3, 40), (2,), lambda y: y)(x).reshape(2, 3, 40)
    return (y * GAMMA[:3, None] + BETA[:3, None]).reshape(x.shape)


FIRST, LAST = (2, 6, 4, 5), (2, 4, 5, 6)
NORMS = [
    ("places with the channels", norm((2, 3, 40), (2,)), FIRST),
    ("places by themselves", norm((2, 3, 2, 4, 5), (2, 3, 4)), FIRST),
    ("channels last", norm((2, 4, 5, 3, 2), (1, 2, 4)), LAST),
    ("each channel", norm((2, 6, 20), (2,)), FIRST),
    ("one group", norm((2, 1, 120), (2,)), FIRST),
    ("one dimension", norm((2, 3, 20), (2,)), (2, 6, 10)),
    ("scales of channels", keras, LAST),
    ("scales of groups", affine, FIRST),
]
OTHERS = [
    ("over places alone", norm((2, 3, 2, 4, 5), (3, 4)), FIRST),
    ("not brought back", lambda x: norm((2, 3, 40), (2,), lambda y: y)(x).reshape(2, 3, 40).tanh(), FIRST),
    ("a number for each place", lambda x: (x.reshape(2, 3, 40) - torch.arange(40)).reshape(x.shape), FIRST),
    (
        "seen in groups elsewhere",
        lambda x: norm((2, 3, 40), (2,))(x) + x.reshape(2, 3, 40).cumsum(2).reshape(x.shape),
        FIRST,
    ),
]


def in_groups(function: Function, shape: Sequence[int]) -> list[str]:
    """The operators whose result has x's size and another shape."""
    graph = check(Case("", function, [torch.randn(*shape)]))
    assert graph is not None
    size = int(np.prod(shape))
    return [op.name for op in graph.ops if np.prod(op.output.shape) == size and op.output.shape != tuple(shape)]


@pytest.mark.parametrize(("function", "shape"), [pytest.param(*row[1:], id=row[0]) for row in NORMS])
def test_norms_are_on_channels(function: Function, shape: Sequence[int]) -> None:
    assert not in_groups(function, shape)


@pytest.mark.parametrize(("function", "shape"), [pytest.param(*row[1:], id=row[0]) for row in OTHERS])
def test_others_stay(function: Function, shape: Sequence[int]) -> None:
    assert in_groups(function, shape)


@pytest.mark.parametrize(
    "function", [norm((2, 3, 40), (2,), lambda y: y), nn.GroupNorm(3, 6)], ids=["written out", "layer"]
)
def test_a_large_mean(function: Function) -> None:
    """A mean of a hundred deviations costs its own rounding, and does not cancel."""
    check(Case("", function, [100 + torch.randn(*FIRST)], draws=0, tolerance=2e-5))


def test_no_transposes_between_convolutions() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(norm((2, 3, 40), (2,))(self.first(x)))

    graph = check(Case("", Block(), [torch.randn(2, 3, 6, 7)]))
    assert graph is not None
    assert len(graph.find(ops.Transpose)) == 2
