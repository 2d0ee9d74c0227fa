"""Layers over joined channels against PyTorch, as a measurement may choose them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liteport.passes.choose.joined import JOINED
from tests.passes.choose.uses import uses_of


class Joined(nn.Module):
    """A layer over x and functions of it, joined along `axis`."""

    def __init__(self, layer: nn.Module, axis: int = 1, again: bool = False) -> None:
        super().__init__()
        self.layer, self.axis, self.again = layer, axis, again

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.cat([x, x.sin(), x.abs()], self.axis)
        return self.layer(y).sum() + y.tanh() if self.again else self.layer(y)


CONV = nn.Conv2d(12, 5, 1)
ROWS = [
    ("1x1", Joined(CONV), (2, 4, 5, 6), 1),
    ("1x1 and a clamp", Joined(nn.Sequential(CONV, nn.ReLU6())), (1, 4, 5, 6), 1),
    ("no bias", Joined(nn.Conv2d(12, 5, 1, bias=False)), (1, 4, 5, 6), 1),
    ("linear", Joined(nn.Linear(12, 5), axis=2), (2, 3, 4), 1),
    ("rows", Joined(nn.Linear(4, 5)), (2, 3, 4), 0),
    ("3x3", Joined(nn.Conv2d(12, 5, 3)), (1, 4, 5, 6), 0),
    ("used elsewhere", Joined(CONV, again=True), (1, 4, 5, 6), 0),
]


@pytest.mark.parametrize(("module", "shape", "count"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_joined(module: nn.Module, shape: tuple[int, ...], count: int) -> None:
    assert uses_of(JOINED, module, shape, "sum") == count
    assert uses_of(JOINED, module, shape) == 0
