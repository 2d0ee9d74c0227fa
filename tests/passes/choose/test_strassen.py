"""Large linear layers against PyTorch where latency is preferred."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import liteport
from liteport.passes.choose.strassen import STRASSEN
from tests.harness import compare


class Gated(nn.Module):
    """Two layers on one input, their product, and a layer of that."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.gate, self.up = nn.Linear(channels, hidden, bias=False), nn.Linear(channels, hidden, bias=False)
        self.scale = nn.Parameter(torch.rand(hidden))
        self.down = nn.Linear(hidden, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x) * self.scale)


class Residual(nn.Module):
    """What is between the layers has another user."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.first(x))
        return y + self.second(y)


def _pair(channels: int, hidden: int, between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(channels, hidden), between, nn.Linear(hidden, channels))


# The layer, its input, how many products there are in place of how many layers.
LAYERS: list[tuple[str, nn.Module, tuple[int, ...], int]] = [
    ("an even number of places", nn.Linear(1024, 1024), (200, 1024), 7),
    ("an odd number of places", nn.Linear(1024, 1024), (197, 1024), 7),
    ("places along two dimensions", nn.Linear(1024, 1024, bias=False), (2, 99, 1024), 7),
    ("a convolution", nn.Sequential(nn.Conv2d(1024, 1024, 1), nn.ReLU6()), (1, 1024, 15, 15), 7),
    ("two layers", _pair(512, 1536, nn.GELU()), (1, 199, 512), 14),
    ("two layers and a clamp", _pair(512, 1536, nn.ReLU()), (200, 512), 14),
    ("a gate", Gated(512, 1536), (1, 197, 512), 21),
    ("a result that is used again", Residual(1024), (197, 1024), 14),
]


def prefer_latency(module: nn.Module, shape: tuple[int, ...]) -> tuple[Any, torch.Tensor]:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return liteport.convert(module.eval(), (x,), prefer="latency"), x


def _layers(model: Any) -> int:
    count: int = model.inspect().operators["FULLY_CONNECTED"]
    return count


@pytest.mark.parametrize(("layer", "shape", "products"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_strassen(layer: nn.Module, shape: tuple[int, ...], products: int) -> None:
    model, x = prefer_latency(layer, shape)
    with torch.no_grad():
        compare({"y": layer(x).numpy()}, {"y": model(x)}, STRASSEN.tolerance)
    assert _layers(model) == products
    assert any("Strassen" in note and "bytes" in note for note in model.notes)


OTHERS: list[tuple[str, nn.Module, tuple[int, ...]]] = [
    ("few channels", nn.Linear(256, 256), (197, 256)),
    ("few places", nn.Linear(1024, 1024), (24, 1024)),
    ("an odd number of results", nn.Linear(1024, 1023), (197, 1024)),
]


@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in OTHERS])
def test_others_stay(layer: nn.Module, shape: tuple[int, ...]) -> None:
    model, _ = prefer_latency(layer, shape)
    assert _layers(model) == 1
    assert model.notes == ()
