"""Convolutions in narrow groups against PyTorch, as a measurement may choose them."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.groups import MERGED_GROUPS
from tests.passes.choose.uses import uses_of

TAKEN = [
    ("groups of 4", nn.Conv2d(32, 32, 3, padding=1, groups=8), (1, 32, 8, 9), "8"),
    ("groups of 4, in 16", nn.Conv2d(64, 64, 3, padding=1, groups=16), (1, 64, 8, 9), "16"),
    (
        "of 2 to 4, by steps, and a clamp",
        nn.Sequential(nn.Conv2d(16, 32, 3, 2, groups=8), nn.ReLU()),
        (2, 16, 9, 9),
        "8",
    ),
]
LEFT = [
    ("wide groups", nn.Conv2d(64, 64, 3, groups=4), (1, 64, 8, 9), "8"),
    ("all of them at once", nn.Conv2d(8, 8, 3, groups=2), (1, 8, 8, 9), "8"),
    ("one group", nn.Conv2d(8, 8, 3), (1, 8, 8, 9), "8"),
]


@pytest.mark.parametrize(("layer", "shape", "form"), [pytest.param(*row[1:], id=row[0]) for row in TAKEN])
def test_taken(layer: nn.Module, shape: tuple[int, ...], form: str) -> None:
    assert uses_of(MERGED_GROUPS, layer, shape, form) == 1


@pytest.mark.parametrize(("layer", "shape", "form"), [pytest.param(*row[1:], id=row[0]) for row in LEFT])
def test_left(layer: nn.Module, shape: tuple[int, ...], form: str) -> None:
    assert uses_of(MERGED_GROUPS, layer, shape, form) == 0
