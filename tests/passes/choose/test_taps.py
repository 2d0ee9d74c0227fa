"""Convolutions by taps against PyTorch: where their weights are more than caches hold, and where latency is preferred."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import liteport
from liteport.passes.choose.choose import Prefer
from liteport.passes.choose.taps import SUM_OF_TAPS, TAPS
from tests.harness import compare
from tests.passes.choose.uses import uses_of

LAYERS = [
    ("padded", nn.Conv2d(128, 136, 5, padding=2), (1, 128, 9, 7)),
    ("not padded, and a clamp", nn.Sequential(nn.Conv2d(128, 128, (1, 4)), nn.ReLU()), (1, 128, 6, 9)),
    ("several at a time", nn.Conv2d(128, 128, (5, 1), padding=(2, 0)), (3, 128, 9, 4)),
    ("dilated", nn.Conv2d(128, 128, 3, padding=2, dilation=2), (1, 128, 9, 8)),
    ("by steps of 3", nn.Conv2d(128, 128, 4, 3, padding=1), (2, 128, 11, 13)),
    ("by steps of 2 in one dimension", nn.Conv2d(128, 128, 5, (1, 2), padding=2), (1, 128, 7, 9)),
    ("dilated, by steps", nn.Conv2d(128, 128, 5, 2, padding=4, dilation=2), (1, 128, 13, 13)),
    ("more padding than it sees", nn.Conv2d(128, 128, 5, padding=6), (1, 128, 3, 3)),
    ("one dimension", nn.Conv1d(128, 128, 5, padding=2), (1, 128, 40)),
    ("without a bias", nn.Conv2d(128, 128, 5, bias=False), (1, 128, 9, 9)),
]
STAY = [
    ("1x1", nn.Conv2d(128, 128, 1), (1, 128, 9, 7)),
    ("in groups", nn.Conv2d(128, 128, 5, groups=2), (1, 128, 9, 7)),
    ("few channels", nn.Conv2d(64, 128, 5), (1, 64, 9, 7)),
]


@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in LAYERS])
def test_where_latency_is_preferred(layer: nn.Module, shape: tuple[int, ...]) -> None:
    assert sum(uses_of(rule, layer, shape, prefer=Prefer.LATENCY) for rule in (TAPS, SUM_OF_TAPS)) == 1


@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in STAY])
def test_others_stay(layer: nn.Module, shape: tuple[int, ...]) -> None:
    assert uses_of(SUM_OF_TAPS, layer, shape, prefer=Prefer.LATENCY) == 0


PADDED = [
    ("dilated", nn.Conv2d(64, 72, 3, padding=6, dilation=6), (1, 64, 9, 11)),
    ("a small map, and a clamp", nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()), (2, 64, 5, 4)),
    ("padded on one side", nn.Sequential(nn.ZeroPad2d((4, 0, 0, 4)), nn.Conv2d(64, 64, 5)), (1, 64, 5, 5)),
    ("one dimension", nn.Conv1d(64, 64, 3, padding=5, dilation=5), (1, 64, 12)),
]


@pytest.mark.parametrize(("layer", "shape"), [pytest.param(*row[1:], id=row[0]) for row in PADDED])
def test_much_padding(layer: nn.Module, shape: tuple[int, ...]) -> None:
    assert uses_of(TAPS, layer, shape) == 1


def test_no_tap_sees_everything() -> None:
    assert uses_of(TAPS, nn.Conv2d(64, 64, (1, 4), padding=(0, 9), dilation=6), (1, 64, 3, 9)) == 0


def test_more_weights_than_caches_hold() -> None:
    assert uses_of(TAPS, nn.Conv2d(640, 640, 3), (1, 640, 9, 9)) == 1
    assert uses_of(TAPS, nn.Conv2d(400, 400, 3), (1, 400, 9, 9), tolerance=5e-6) == 0


@pytest.mark.parametrize("form", ["seeing", "shifted"])
def test_a_measurement_may_take_it_for_others(form: str) -> None:
    assert uses_of(TAPS, nn.Conv2d(64, 64, 3, padding=1), (1, 64, 16, 16), form) == 1
    assert uses_of(TAPS, nn.Conv2d(32, 64, 3, padding=1), (1, 32, 16, 16), form) == 0


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        pytest.param(nn.Conv2d(64, 64, 3, padding=6, dilation=6), (2, 64, 9, 11), id="much padding"),
        pytest.param(nn.Conv2d(640, 640, 3, 2), (2, 640, 19, 19), id="many weights, by steps"),
    ],
)
def test_open_batch(layer: nn.Module, shape: tuple[int, ...]) -> None:
    model = liteport.convert(layer.eval(), (torch.randn(shape),), dynamic="batch")
    x = torch.randn(3, *shape[1:])
    with torch.no_grad():
        compare({"y": layer(x).numpy()}, {"y": model(x)}, 5e-6)
    assert "FULLY_CONNECTED" in model.graph_text
