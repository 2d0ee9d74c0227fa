"""Convolutions with few results against PyTorch, in the form that a measurement may choose."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.few import FEW_RESULTS
from tests.passes.choose.uses import uses_of

TAKEN = [
    ("one", nn.Conv2d(8, 1, 3, padding=1), (9, 10)),
    ("three, not padded", nn.Conv2d(8, 3, 3), (9, 10)),
    ("four, and a clamp", nn.Sequential(nn.Conv2d(8, 4, 5, padding=2), nn.ReLU()), (8, 8)),
    ("more padding than it sees", nn.Conv2d(8, 2, 3, padding=4), (5, 6)),
]
LEFT = [
    ("five", nn.Conv2d(8, 5, 3), (9, 10)),
    ("1x1", nn.Conv2d(8, 1, 1), (9, 10)),
    ("by steps", nn.Conv2d(8, 1, 3, stride=2), (9, 10)),
    ("smaller than a block", nn.Conv2d(8, 1, 3, padding=1), (3, 3)),
]


@pytest.mark.parametrize(("module", "size"), [pytest.param(*row[1:], id=row[0]) for row in TAKEN])
def test_taken(module: nn.Module, size: tuple[int, int]) -> None:
    assert uses_of(FEW_RESULTS, module, (1, 8, *size), "blocks") == 1


@pytest.mark.parametrize(("module", "size"), [pytest.param(*row[1:], id=row[0]) for row in LEFT])
def test_left(module: nn.Module, size: tuple[int, int]) -> None:
    assert uses_of(FEW_RESULTS, module, (1, 8, *size), "blocks") == 0
