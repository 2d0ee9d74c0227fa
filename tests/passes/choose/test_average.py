"""Averages that count their padding against PyTorch, in the form that a conversion gives them."""

from __future__ import annotations

import pytest
from torch import nn

from liteport.passes.choose.average import PADDED_AVERAGE
from tests.passes.choose.uses import uses_of

LAYERS = [
    ("by steps of 2", nn.AvgPool2d(3, 2, 1), (2, 8, 9, 11), 1),
    ("one way by steps", nn.AvgPool2d((3, 5), (1, 2), (1, 2)), (1, 8, 9, 12), 1),
    ("and a clamp", nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.ReLU()), (1, 8, 9, 11), 1),
    ("by steps of 1", nn.AvgPool2d(3, 1, 1), (1, 8, 9, 11), 0),
    ("larger than depthwise kernels", nn.AvgPool2d(7, 2, 3), (1, 8, 9, 11), 0),
    ("not padded", nn.AvgPool2d(3, 2), (1, 8, 9, 11), 0),
    ("padding not counted", nn.AvgPool2d(3, 2, 1, count_include_pad=False), (1, 8, 9, 11), 0),
]


@pytest.mark.parametrize(("layer", "shape", "count"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_padded(layer: nn.Module, shape: tuple[int, ...], count: int) -> None:
    assert uses_of(PADDED_AVERAGE, layer, shape) == count


def test_a_measurement_may_take_it_at_steps_of_1() -> None:
    assert uses_of(PADDED_AVERAGE, nn.AvgPool2d(3, 1, 1), (1, 8, 9, 11), "depthwise") == 1
