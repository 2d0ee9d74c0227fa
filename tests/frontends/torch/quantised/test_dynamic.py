"""Layers that quantise what they take while they run: weights in int8, in halves, or as what they stand for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.ao.quantization import (
    default_dynamic_qconfig,
    float16_dynamic_qconfig,
    float_qparams_weight_only_qconfig,
    per_channel_dynamic_qconfig,
    quantize_dynamic,
)
from torch.ao.quantization.quantize_fx import convert_fx, fuse_fx, prepare_fx

import liteport
from liteport.ir import ops
from liteport.ir.types import DType
from tests.frontends.torch.ops.inputs import normal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

NET = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32, bias=False)).eval()

# name, how the layers are quantised, the input, whether traced, the type of the weights
CASES = [
    ("by_tensor", default_dynamic_qconfig, normal(3, 64), False, DType.INT8),
    ("by_channel", per_channel_dynamic_qconfig, normal(2, 5, 64), False, DType.INT8),
    ("traced", per_channel_dynamic_qconfig, normal(3, 64), True, DType.INT8),
    ("halves", float16_dynamic_qconfig, normal(3, 64), False, DType.FLOAT32),
]


@pytest.mark.parametrize(("qconfig", "x", "traced", "kind"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_linear(qconfig: Any, x: torch.Tensor, traced: bool, kind: DType) -> None:
    net = quantize_dynamic(NET, {nn.Linear: qconfig})
    model = liteport.convert(torch.jit.trace(net, x, check_trace=False) if traced else net, (x,), debug=True)
    assert model.verify(3).passed
    layers = model.module.graphs[0].find(ops.FullyConnected)
    assert [layer.operand(1).dtype for layer in layers] == [kind, kind]
    assert len(model.module.graphs[0].ops) == 2


def test_fused_with_relu() -> None:
    x = normal(3, 64)
    ready = prepare_fx(fuse_fx(NET), {"": per_channel_dynamic_qconfig}, (x,))
    model = liteport.convert(convert_fx(ready), (x,), debug=True)
    assert model.verify(3).passed
    assert [op.name for op in model.module.graphs[0].ops] == ["FULLY_CONNECTED", "FULLY_CONNECTED"]


class Recurrent(nn.Module):
    """A recurrent layer, or a cell, in the one form in which quantize_dynamic takes it: as a part."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> Any:
        return self.part(x)


# name, the part, the input, the type of the weights in the file
PARTS = [
    ("lstm", nn.LSTM(8, 16, 2, batch_first=True, bidirectional=True), normal(2, 12, 8), DType.FLOAT32),
    ("gru", nn.GRU(8, 6), normal(5, 3, 8), DType.FLOAT32),
    ("lstm_cell", nn.LSTMCell(8, 6), normal(3, 8), DType.INT8),
    ("gru_cell", nn.GRUCell(8, 6), normal(3, 8), DType.INT8),
    ("rnn_cell", nn.RNNCell(8, 6), normal(3, 8), DType.INT8),
]


@pytest.mark.parametrize(("part", "x", "kind"), [p[1:] for p in PARTS], ids=[p[0] for p in PARTS])
def test_recurrent(part: nn.Module, x: torch.Tensor, kind: DType) -> None:
    net = quantize_dynamic(Recurrent(part).eval(), {type(part)})
    model = liteport.convert(net, (x,), debug=True)
    assert model.verify(3).passed
    layers = model.module.graphs[0].find(ops.FullyConnected)
    assert {layer.operand(1).dtype for layer in layers} == {kind}


def test_recurrent_of_halves_is_exact() -> None:
    net = quantize_dynamic(Recurrent(nn.LSTM(8, 6)).eval(), {nn.LSTM}, dtype=torch.float16)
    check = liteport.convert(torch.jit.trace(net, normal(4, 2, 8)), (normal(4, 2, 8),)).verify(3)
    assert check.passed
    assert all(output.bar < 1e-5 for output in check.outputs)


def test_embedding() -> None:
    net = quantize_dynamic(nn.Sequential(nn.Embedding(20, 8)).eval(), {nn.Embedding: float_qparams_weight_only_qconfig})
    check = liteport.convert(net, (torch.arange(10).reshape(2, 5),)).verify(3)
    assert check.passed
    assert all(output.bar < 1e-5 for output in check.outputs)
