"""Fake quantisation, by tensor, by channel and with PyTorch's observers; integers as PT2E has them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
import torch.ao.quantization.fx._decomposed  # PT2E's operators
from torch import nn

import liteport
from liteport.ir import ops
from liteport.ir.types import DType
from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

X = normal(2, 3, 5)
SCALE, ZERO = torch.tensor([0.05, 0.1, 0.02]), torch.tensor([0, 3, -4], dtype=torch.int32)
MIDDLE = torch.zeros(3, dtype=torch.int64)
W = normal(3, 5)

pt2e = torch.ops.quantized_decomposed
by_tensor, by_channel = torch.fake_quantize_per_tensor_affine, torch.fake_quantize_per_channel_affine
ONE = {"scale": 0.05, "zero_point": 4, "quant_min": -128, "quant_max": 127}


def trained(qconfig: str = "qnnpack", on: bool = False, fused: bool = False) -> nn.Module:
    """A network that was trained for quantisation a little, with a batch norm or without."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), *([nn.BatchNorm2d(4)] if fused else []), nn.ReLU()]
    net = nn.Sequential(torch.ao.quantization.QuantStub(), *layers).train()
    net.qconfig = torch.ao.quantization.get_default_qat_qconfig(qconfig)
    if fused:
        torch.ao.quantization.fuse_modules_qat(net, [["1", "2", "3"]], inplace=True)
    ready = torch.ao.quantization.prepare_qat(net)
    for _ in range(3):
        ready(normal(2, 3, 8, 8))
    return ready if on else ready.eval().apply(torch.ao.quantization.disable_observer)


class Exported(nn.Module):
    """A convolution as convert_pt2e leaves it: integers between quantize and dequantize, weights of int8."""

    def __init__(self, low: int = -128, folded: bool = True) -> None:
        super().__init__()
        self.low, self.folded = low, folded
        self.weight = torch.randint(-127, 128, (3, 3, 3, 3), dtype=torch.int8) if folded else normal(3, 3, 3, 3)
        self.bias = normal(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        w, channels = self.weight, (SCALE, MIDDLE, 0, -127, 127, torch.int8)
        w = pt2e.dequantize_per_channel(w if self.folded else pt2e.quantize_per_channel(w, *channels), *channels)
        return self.through(nn.functional.conv2d(self.through(x, 0.05), w, self.bias), 0.2)

    def through(self, x: torch.Tensor, scale: float) -> torch.Tensor:
        numbers = (scale, 3, self.low, 127, torch.int8)
        return pt2e.dequantize_per_tensor(pt2e.quantize_per_tensor(x, *numbers), *numbers)


CASES: list[Any] = [
    Case("by_tensor", partial(by_tensor, **ONE), [X], ops=["QUANTIZE", "DEQUANTIZE"]),
    Case("by_tensor_unsigned", partial(by_tensor, scale=0.05, zero_point=100, quant_min=0, quant_max=255), [X]),
    Case("by_tensor_few", partial(by_tensor, scale=0.5, zero_point=3, quant_min=0, quant_max=15), [X]),
    Case("by_tensors", lambda x, s: by_tensor(x, s, torch.tensor([3]), 0, 127), [X, torch.tensor([0.2])], draws=0),
    Case("by_channel", lambda x: by_channel(x, SCALE, ZERO, 1, -128, 127), [X]),
    Case("weights", lambda x: x @ by_channel(W, SCALE, ZERO, 0, -127, 127).T, [X]),
    Case("numbers", lambda x: pt2e.quantize_per_tensor(x, 0.05, 3, -128, 127, torch.int8), [X]),
    Case("numbers_few", lambda x: pt2e.quantize_per_tensor(x, 0.05, 3, 0, 100, torch.uint8), [X]),
    Case(
        "numbers_back",
        lambda x: pt2e.dequantize_per_tensor(x, 0.05, 3, -128, 127, torch.int8),
        [ints(2, 3, low=-128, high=127).to(torch.int8)],
    ),
    Case(
        "channels_back",
        lambda x: pt2e.dequantize_per_channel(x, SCALE, None, 1, -128, 127, torch.int8),
        [ints(2, 3, low=-128, high=127).to(torch.int8)],
    ),
    Case("channels", lambda x: pt2e.quantize_per_channel(x, SCALE, ZERO, 1, -128, 127, torch.int8), [X]),
    Case("observing", trained(on=True).train(), [normal(1, 3, 8, 8)], error="disable_observer"),
]


@cases(CASES)
def test_fake_quantize(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("module", "kernel"),
    [(Exported(), DType.INT8), (Exported(folded=False), DType.INT8), (Exported(low=-127), DType.FLOAT32)],
)
def test_an_exported_network(module: Exported, kernel: DType) -> None:
    model = liteport.convert(module, (normal(1, 3, 8, 8),), debug=True)
    assert model.verify(3).passed
    (conv,) = model.module.graphs[0].find(ops.Conv2D)
    assert conv.input.dtype is kernel


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("qconfig", "fused", "kernel"),
    [("qnnpack", False, DType.INT8), ("x86", False, DType.FLOAT32), ("qnnpack", True, DType.FLOAT32)],
)
def test_a_trained_network(qconfig: str, fused: bool, kernel: DType) -> None:
    """Ranges of 8 bits whose weights are known run in kernels of int8 (x86 has activations of 7 bits)."""
    model = liteport.convert(trained(qconfig, fused=fused), (normal(1, 3, 8, 8),), debug=True)
    assert model.verify(3).passed
    assert not model.notes
    (conv,) = model.module.graphs[0].find(ops.Conv2D)
    assert conv.input.dtype is kernel
