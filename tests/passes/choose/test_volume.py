"""Convolutions of volumes against PyTorch, in the forms that a conversion gives them."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.volume import VOLUMES
from tests.passes.choose.uses import uses_of

LAYERS = [
    ("padded", nn.Conv3d(16, 8, 3, padding=1), (1, 16, 5, 6, 7)),
    ("not padded, and a clamp", nn.Sequential(nn.Conv3d(16, 8, (2, 3, 2)), nn.ReLU()), (2, 16, 5, 6, 7)),
    ("by steps", nn.Conv3d(16, 8, 3, (2, 1, 2), padding=1), (2, 16, 6, 5, 7)),
    ("dilated", nn.Conv3d(16, 8, 3, padding=2, dilation=(2, 1, 2), bias=False), (1, 16, 6, 5, 7)),
]


@pytest.mark.parametrize("form", [None, "stacked"])
@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_planes(layer: nn.Module, shape: tuple[int, ...], form: str | None) -> None:
    assert uses_of(VOLUMES, layer, shape, form) == 1


def test_few_channels_stay() -> None:
    assert uses_of(VOLUMES, nn.Conv3d(3, 8, 3, padding=1), (1, 3, 5, 6, 7)) == 0
