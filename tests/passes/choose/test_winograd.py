"""3x3 convolutions against PyTorch where latency is preferred."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import liteport
from tests.harness import compare

LAYERS: list[tuple[str, nn.Module, tuple[int, ...]]] = [
    ("an even size", nn.Conv2d(32, 40, 3, padding=1), (1, 32, 8, 10)),
    ("an odd size", nn.Conv2d(32, 40, 3, padding=1), (1, 32, 7, 9)),
    ("2x2", nn.Conv2d(32, 40, 2), (1, 32, 8, 10)),
    ("3x1", nn.Conv2d(32, 40, (3, 1), padding=(1, 0)), (1, 32, 7, 9)),
    ("1x2", nn.Conv2d(32, 40, (1, 2)), (1, 32, 7, 9)),
    ("3x2 and a clamp", nn.Sequential(nn.Conv2d(32, 40, (3, 2)), nn.ReLU()), (1, 32, 9, 9)),
    ("1x3 and a clamp", nn.Sequential(nn.Conv2d(32, 40, (3, 1)), nn.ReLU()), (1, 32, 9, 9)),
    ("one dimension", nn.Conv1d(32, 40, 3, padding=1), (1, 32, 40)),
    ("by steps of 2", nn.Conv2d(32, 80, 3, 2, padding=1), (1, 32, 16, 18)),
    ("by steps of 2, an odd size", nn.Conv2d(32, 80, 3, 2, padding=1), (1, 32, 15, 17)),
    ("by steps of 2 in one dimension", nn.Sequential(nn.Conv2d(32, 80, 3, (1, 2)), nn.ReLU()), (1, 32, 9, 14)),
    ("without padding", nn.Conv2d(32, 40, 3), (1, 32, 8, 9)),
    ("more padding than it sees", nn.Conv2d(32, 40, 3, padding=4), (1, 32, 3, 3)),
    ("several at a time, and a clamp", nn.Sequential(nn.Conv2d(32, 40, 3, padding=1), nn.ReLU6()), (3, 32, 6, 6)),
]


def prefer_latency(module: nn.Module, shape: tuple[int, ...]) -> tuple[Any, torch.Tensor]:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return liteport.convert(module.eval(), (x,), prefer="latency"), x


@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_winograd(layer: nn.Module, shape: tuple[int, ...]) -> None:
    model, x = prefer_latency(layer, shape)
    with torch.no_grad():
        compare({"y": layer(x).numpy()}, {"y": model(x)}, 2e-6)
    (note,) = model.notes
    assert "Winograd" in note
    assert "bytes" in note


OTHERS = [
    nn.Conv2d(8, 40, 3),
    nn.Conv2d(32, 40, 3, stride=3),
    nn.Conv2d(32, 40, 2, stride=2),
    nn.Conv2d(32, 40, 3, dilation=2),
    nn.Conv2d(64, 64, 3, groups=2),
    nn.Conv2d(32, 40, 5),
    nn.Conv2d(32, 40, 1),
]


@pytest.mark.parametrize("layer", OTHERS, ids=str)
def test_others_stay(layer: nn.Conv2d) -> None:
    model, _ = prefer_latency(layer, (1, layer.in_channels, 9, 9))
    assert model.notes == ()
