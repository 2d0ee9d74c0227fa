"""Linear layers by parts of their results against PyTorch, as a measurement may choose them."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.split import SPLIT_LINEAR
from tests.passes.choose.uses import uses_of

TAKEN = [
    ("linear", nn.Linear(256, 512), (1, 40, 256), "4"),
    ("eight parts, no bias", nn.Linear(256, 512, bias=False), (2, 20, 256), "8"),
    ("1x1, and a clamp", nn.Sequential(nn.Conv2d(256, 256, 1), nn.ReLU()), (1, 256, 6, 6), "4"),
]
LEFT = [
    ("few places", nn.Linear(256, 512), (1, 4, 256), "4"),
    ("few weights", nn.Linear(64, 256), (1, 64, 64), "4"),
    ("uneven", nn.Linear(300, 300), (1, 64, 300), "4"),
]


@pytest.mark.parametrize(("layer", "shape", "form"), [pytest.param(*row[1:], id=row[0]) for row in TAKEN])
def test_taken(layer: nn.Module, shape: tuple[int, ...], form: str) -> None:
    assert uses_of(SPLIT_LINEAR, layer, shape, form) == 1


@pytest.mark.parametrize(("layer", "shape", "form"), [pytest.param(*row[1:], id=row[0]) for row in LEFT])
def test_left(layer: nn.Module, shape: tuple[int, ...], form: str) -> None:
    assert uses_of(SPLIT_LINEAR, layer, shape, form) == 0


def test_by_itself_it_stays() -> None:
    assert uses_of(SPLIT_LINEAR, nn.Linear(256, 512), (1, 40, 256)) == 0
