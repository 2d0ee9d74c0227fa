"""Kernels of which a part sees nothing but padding, against PyTorch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liteport.ir import ops
from tests.harness import Case, check

LAYERS = [
    ("dilated by more than the map", nn.Conv2d(4, 6, 3, padding=9, dilation=9), (7, 8), (1, 1)),
    ("in one dimension", nn.Conv2d(4, 6, 3, padding=7, dilation=7), (7, 9), (1, 3)),
    ("one place", nn.Conv2d(4, 6, 3, padding=1), (1, 1), (1, 1)),
    ("a row", nn.Conv2d(4, 6, 5, padding=2), (1, 9), (1, 5)),
    ("larger than the map", nn.Conv2d(4, 6, 13, padding=6), (4, 5), (7, 9)),
    ("by steps", nn.Conv2d(4, 6, 3, 2, padding=1), (1, 5), (1, 3)),
    ("padded on one side", nn.Sequential(nn.ZeroPad2d((0, 5, 4, 0)), nn.Conv2d(4, 6, 5)), (1, 3), (1, 3)),
    ("depthwise", nn.Conv2d(4, 4, 3, padding=12, dilation=12, groups=4), (7, 8), (1, 1)),
    ("in groups", nn.Conv2d(4, 6, 3, padding=12, dilation=12, groups=2), (7, 8), (1, 1)),
    ("all of it sees", nn.Conv2d(4, 6, 3, padding=6, dilation=6), (7, 8), (3, 3)),
    ("nothing sees", nn.Conv2d(4, 6, 1, 9, padding=4), (2, 2), (1, 1)),
]


@pytest.mark.parametrize(("layer", "size", "taps"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_taps(layer: nn.Module, size: tuple[int, int], taps: tuple[int, int]) -> None:
    graph = check(Case("", layer, [torch.randn(2, 4, *size)]))
    assert graph is not None
    (conv,) = graph.find(ops.Conv2D, ops.DepthwiseConv2D)
    assert conv.operand(1).shape[1:3] == taps


def test_padded_channels() -> None:
    graph = check(
        Case(
            "",
            nn.Sequential(nn.ConstantPad1d((2, 3), 0), nn.Linear(9, 6)),
            [torch.randn(2, 5, 4)],
            ops=["FULLY_CONNECTED"],
        )
    )
    assert graph is not None
    assert graph.ops[0].operand(1).shape == (6, 4)


def test_padded_channels_and_rows() -> None:
    class Padded(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(nn.functional.pad(x, (0, 0, 1, 0, 2, 0)))

    graph = check(Case("", Padded(6, 3, 1), [torch.randn(2, 4, 5, 5)]))
    assert graph is not None
    (conv,) = graph.find(ops.Conv2D)
    assert conv.operand(1).shape == (3, 1, 1, 4)


def test_channels_padded_with_ones_stay() -> None:
    check(
        Case(
            "",
            nn.Sequential(nn.ConstantPad1d(1, 1.0), nn.Linear(6, 6)),
            [torch.randn(2, 5, 4)],
            ops=["PADV2", "FULLY_CONNECTED"],
        )
    )
