"""Large maps in strips of rows against PyTorch, as a measurement may choose them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from liteport.passes.choose.strips import STRIPS
from tests.passes.choose.uses import uses_of


def _block(channels: int, hidden: int, outputs: int, depthwise: nn.Module, between: type[nn.Module]) -> nn.Module:
    expand, project = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, outputs, 1)
    return nn.Sequential(expand, between(), depthwise, between(), project)


def _depthwise(
    channels: int, kernel: int | tuple[int, int], stride: int = 1, padding: int | tuple[int, int] = 0, dilation: int = 1
) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels)


class Gated(nn.Module):
    """Two branches of one layer, of which one is weighed by channel, and their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.expand, self.depthwise, self.project = nn.Conv2d(8, 64, 1), _depthwise(64, 3, 1, 1), nn.Conv2d(64, 8, 1)
        self.weigh = nn.Conv2d(8, 64, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.sigmoid(self.expand(x))
        return self.project(self.depthwise(y) * self.weigh(x.mean((2, 3), keepdim=True)) + y)


TAKEN: list[tuple[str, nn.Module, tuple[int, ...]]] = [
    ("SAME", _block(8, 64, 16, _depthwise(64, 3, 1, 1), nn.SiLU), (1, 8, 128, 120)),
    ("by steps, padded on one side", _block(8, 64, 16, _depthwise(64, 3, 2, 1), nn.ReLU6), (1, 8, 128, 120)),
    ("by steps, an odd size", _block(8, 64, 16, _depthwise(64, 5, 2, 2), nn.Hardswish), (1, 8, 127, 121)),
    ("without padding", _block(8, 64, 16, _depthwise(64, 3), nn.SiLU), (1, 8, 128, 120)),
    ("dilated, several at a time", _block(8, 64, 16, _depthwise(64, 3, 1, 2, 2), nn.GELU), (2, 8, 90, 90)),
    ("branches", Gated(), (1, 8, 128, 128)),
]
LEFT: list[tuple[str, nn.Module, tuple[int, ...]]] = [
    ("small maps", _block(8, 64, 16, _depthwise(64, 3, 1, 1), nn.SiLU), (1, 8, 56, 56)),
    ("one row", _block(8, 64, 16, _depthwise(64, (1, 3), 1, (0, 1)), nn.SiLU), (1, 8, 1, 16384)),
    (
        "strips of padding alone",
        nn.Sequential(nn.Conv2d(8, 64, 1), nn.SiLU(), nn.ZeroPad2d((0, 0, 90, 0)), _depthwise(64, 3)),
        (1, 8, 128, 120),
    ),
    ("dear at the seams", nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3)), (1, 64, 128, 128)),
]


@pytest.mark.parametrize(("module", "shape"), [pytest.param(*row[1:], id=row[0]) for row in TAKEN])
def test_taken(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert uses_of(STRIPS, module, shape, "in strips") == 1


@pytest.mark.parametrize(("module", "shape"), [pytest.param(*row[1:], id=row[0]) for row in LEFT])
def test_left(module: nn.Module, shape: tuple[int, ...]) -> None:
    assert uses_of(STRIPS, module, shape, "in strips") == 0


def test_by_itself_it_stays() -> None:
    assert uses_of(STRIPS, TAKEN[0][1], TAKEN[0][2]) == 0
