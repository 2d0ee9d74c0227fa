"""Layers that quantise what they take while they run: weights in int8, or in halves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.ao.quantization import (
    default_dynamic_qconfig,
    float16_dynamic_qconfig,
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
