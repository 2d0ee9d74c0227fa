"""Transposed convolutions of volumes against PyTorch, in the forms that a conversion gives them."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.transposed_volume import TRANSPOSED_VOLUMES
from tests.passes.choose.uses import uses_of


def up(kernel: int | tuple[int, ...], stride: int | tuple[int, ...], **options: int | tuple[int, ...]) -> nn.Module:
    return nn.ConvTranspose3d(5, 8, kernel, stride, **options)


X = (2, 5, 3, 4, 5)
LAYERS = [
    ("2x2x2", up(2, 2), 1),
    ("2x2x2 and a clamp", nn.Sequential(up(2, 2), nn.ReLU()), 1),
    ("another step along each dimension", up((1, 2, 3), (1, 2, 3)), 1),
    ("3x3x3", up(3, 2, padding=1, output_padding=1), 1),
    ("3x3x3, all of it, and a clamp", nn.Sequential(up(3, 2), nn.ReLU6()), 1),
    ("3x3x3, one less", up(3, 2, padding=1), 1),
    ("4x4x4", up(4, 2, padding=1), 1),
    ("5x4x3", up((5, 4, 3), (3, 2, 1), padding=(2, 1, 1)), 1),
    ("cropped by more than its depth", up((7, 3, 3), 2, padding=(4, 1, 1)), 1),
    ("a kernel shallower than its step", up(2, (3, 2, 2)), 0),
    ("few results", nn.ConvTranspose3d(5, 2, 3, 2), 0),
]


@pytest.mark.parametrize(("layer", "count"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_planes(layer: nn.Module, count: int) -> None:
    assert uses_of(TRANSPOSED_VOLUMES, layer, X) == count


def test_a_measurement_may_take_planes() -> None:
    assert uses_of(TRANSPOSED_VOLUMES, up(2, 2), X, "planes") == 1
