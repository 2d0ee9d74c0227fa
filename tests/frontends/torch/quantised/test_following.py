"""Networks of PyTorch's own quantisation: in Python and as TorchScript, within a step of its kernels, on integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.ao.nn.quantized import QFunctional
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, convert_to_reference_fx, prepare_fx

import liteport
from liteport.errors import LiteportError
from liteport.ir.types import DType
from tests.frontends.torch.ops.inputs import normal
from tests.harness import Function

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

Call = Callable[..., Any]


def stored(*shape: int, scale: float = 0.03, zero_point: int = 100, kind: torch.dtype = torch.quint8) -> Tensor:
    return torch.quantize_per_tensor(normal(*shape), scale, zero_point, kind)


X = stored(1, 4, 6, 6)


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Inside, PyTorch's kernels are those of an engine."""
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = engine
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def converted(*layers: nn.Module, shape: Sequence[int], engine: str) -> nn.Module:
    """The layers between quantize and dequantize, calibrated and converted with an engine's configuration."""
    stub, back = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
    net = nn.Sequential(stub, *layers, back).eval()
    net.qconfig = torch.ao.quantization.get_default_qconfig(engine)
    ready = torch.ao.quantization.prepare(net)
    for _ in range(3):
        ready(normal(*shape))
    return torch.ao.quantization.convert(ready).eval()


@dataclass(frozen=True)
class Layers:
    """A network of layers, and the operators that it becomes (None: not looked at)."""

    id: str
    layers: Sequence[nn.Module]
    ops: Sequence[str] | None = None
    shape: Sequence[int] = (2, 3, 8, 8)
    engine: str = "qnnpack"


def around(*inner: str) -> list[str]:
    return ["QUANTIZE", *inner, "DEQUANTIZE"]


def spatial(*inner: str) -> list[str]:
    return around("TRANSPOSE", *inner, "TRANSPOSE")


def fused(*layers: nn.Module) -> nn.Module:
    names = [str(i) for i in range(len(layers))]
    return torch.ao.quantization.fuse_modules(nn.Sequential(*layers).eval(), [names])


LINE = (2, 3, 9)
LAYERS = [
    Layers("conv2d", [nn.Conv2d(3, 4, 3, bias=False)], spatial("CONV_2D")),
    Layers("conv2d_by_channel", [nn.Conv2d(3, 4, 3, dilation=2)], spatial("CONV_2D"), engine="x86"),
    Layers("conv2d_relu", [fused(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())]),
    Layers("conv2d_reflect", [nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")]),
    Layers("depthwise", [nn.Conv2d(3, 6, 3, stride=2, groups=3)], spatial("DEPTHWISE_CONV_2D"), engine="x86"),
    Layers("conv1d", [nn.Conv1d(3, 6, 3, stride=2, padding=1)], shape=LINE),
    Layers("conv1d_relu", [fused(nn.Conv1d(3, 4, 2), nn.ReLU())], shape=LINE, engine="x86"),
    Layers("conv3d", [nn.Conv3d(3, 2, 2)], shape=(1, 3, 4, 4, 4), engine="x86"),
    Layers("conv_transpose2d", [nn.ConvTranspose2d(3, 4, 3, stride=2, output_padding=1)]),
    Layers("conv_transpose1d", [nn.ConvTranspose1d(3, 4, 3, stride=2, padding=1)], shape=LINE),
    Layers("linear", [nn.Linear(8, 5)], around("FULLY_CONNECTED"), (3, 8)),
    Layers("linear_relu", [fused(nn.Linear(8, 5), nn.ReLU())], around("FULLY_CONNECTED"), (3, 8), "x86"),
    Layers(
        "classifier",
        [
            nn.Conv2d(3, 8, 3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
            nn.Flatten(),
            nn.Dropout(),
            nn.Linear(72, 5),
        ],
    ),
    Layers(
        "pooled_with_padding",
        [fused(nn.Conv2d(3, 8, 3), nn.ReLU()), nn.MaxPool2d(3, 2, 1)],
        spatial("CONV_2D", "PAD", "MAX_POOL_2D"),
    ),
    Layers("pooled", [nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()]),
    Layers("batch_norm2d", [nn.BatchNorm2d(3)]),
    Layers("batch_norm3d", [nn.BatchNorm3d(3)], shape=(2, 3, 2, 4, 4)),
    Layers("layer_norm", [nn.LayerNorm(8)]),
    Layers("group_norm", [nn.GroupNorm(1, 3)]),
    Layers("instance_norm", [nn.InstanceNorm2d(3)]),
    Layers("hardswish", [nn.Hardswish()]),
    Layers("elu", [nn.ELU()]),
    Layers("leaky_relu", [nn.LeakyReLU(0.2)]),
    Layers("sigmoid", [nn.Sigmoid()], around("LOGISTIC")),
    Layers("relu6", [nn.ReLU6()]),
]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in LAYERS])
def test_layers(case: Layers) -> None:
    with using(case.engine):
        net = converted(*case.layers, shape=case.shape, engine=case.engine)
        model = liteport.convert(net, (normal(*case.shape),), debug=True)
        agrees(model)
    if case.ops is not None:
        assert [op.name for op in model.module.graphs[0].ops] == list(case.ops)


@pytest.mark.parametrize("compile", [torch.jit.trace, lambda net, x: torch.jit.script(net)], ids=["traced", "scripted"])
def test_torchscript(compile: Call, tmp_path: Path) -> None:
    layers = [fused(nn.Conv2d(3, 8, 3), nn.ReLU()), nn.MaxPool2d(2), nn.Hardswish(), nn.Flatten(), nn.Linear(72, 5)]
    with using("qnnpack"):
        net, x = converted(*layers, shape=(2, 3, 8, 8), engine="qnnpack"), normal(2, 3, 8, 8)
        compile(net, x).save(tmp_path / "net.pt")
        model = liteport.convert(tmp_path / "net.pt", (x,))
        agrees(model)
    of_python = liteport.convert(net, (x,)).module.graphs[0]
    assert [op.name for op in model.module.graphs[0].ops] == [op.name for op in of_python.ops]


class Net(nn.Module):
    """Functions and layers, which FX quantises."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.linear = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.conv(x)))
        y = F.adaptive_avg_pool2d(F.max_pool2d(y + F.hardswish(y), 2), 2)
        return self.linear(torch.cat([y, y * 0.5], 1)[:, :8].flatten(1)).sigmoid()


@pytest.mark.parametrize("convert", [convert_fx, convert_to_reference_fx])
def test_fx(convert: Call) -> None:
    x = normal(2, 3, 8, 8)
    with using("qnnpack"):
        ready = prepare_fx(Net().eval(), get_default_qconfig_mapping("qnnpack"), (x,))
        ready(x)
        model = liteport.convert(convert(ready), (x,), dynamic={"x": {0: torch.export.Dim("batch", min=2)}})
        assert model.verify(3).passed
    inputs = {op.name: op.inputs[0].dtype for op in model.module.graphs[0].ops if op.inputs and op.inputs[0]}
    assert {inputs[name] for name in ("CONV_2D", "ADD", "MAX_POOL_2D", "FULLY_CONNECTED")} == {DType.INT8}


@dataclass(frozen=True)
class Functions:
    """A function of quantised tensors, and the operators that it becomes (None: not looked at), or the error."""

    id: str
    call: Call
    inputs: Sequence[Tensor] = (X,)
    ops: Sequence[str] | None = None
    error: str = ""


def through(*inner: str) -> list[str]:
    return ["QUANTIZE", *inner, "QUANTIZE"]


def of(name: str, *arguments: Any) -> Call:
    """The method of QFunctional, with a result of its own scale."""
    functional = QFunctional()
    functional.scale, functional.zero_point = 0.05, 90
    return lambda *x: getattr(functional, name)(*x, *arguments)


def written(x: Tensor) -> Tensor:
    y = F.leaky_relu(x, 0.5)
    F.relu_(y)
    return y


def written_through(x: Tensor) -> tuple[Tensor, Tensor]:
    rows = x.flatten(1)
    F.relu_(rows)
    return rows, x


def weighted(x: Tensor) -> Tensor:
    """A layer whose weights are packed in the forward."""
    return torch.ao.nn.quantized.functional.linear(x, WEIGHT, scale=0.1, zero_point=20)


Y = stored(1, 4, 6, 6, scale=0.02, zero_point=120)
SIGNED = stored(2, 5, zero_point=-3, kind=torch.qint8)
WEIGHT = stored(4, 6, scale=0.01, zero_point=0, kind=torch.qint8)
FUNCTIONS = [
    Functions("add", of("add"), [X, Y], ["QUANTIZE", "QUANTIZE", "ADD", "QUANTIZE"]),
    Functions("add_relu", of("add_relu"), [X, Y]),
    Functions("add_scalar", of("add_scalar", 0.5), ops=through("ADD")),
    Functions("mul", of("mul"), [X, Y]),
    Functions("mul_scalar", of("mul_scalar", 0.5), ops=through("MUL")),
    Functions("mul_negative", of("mul_scalar", -0.5), ops=through("MUL")),
    Functions("matmul", of("matmul"), [X, Y], ["QUANTIZE", "QUANTIZE", "BATCH_MATMUL", "QUANTIZE"]),
    Functions("cat", lambda x, y: of("cat", 1)([x, y]), [X, Y]),
    Functions("cat_alike", lambda x: torch.cat([x, x], 1), ops=through("CONCATENATION")),
    Functions("tanh", torch.tanh, ops=through("TANH")),
    Functions("hardsigmoid", F.hardsigmoid),
    Functions("hardtanh", lambda x: F.hardtanh(x, -0.5, 0.5)),
    Functions("celu", lambda x: torch.ops.quantized.celu(x, 0.02, 40, 0.7)),
    Functions("softmax", lambda x: torch.ops.quantized.softmax(x, 1, 1 / 256, 0)),
    Functions("threshold", lambda x: F.threshold(x, 0.1, 0.3)),
    Functions("maximum_pool", lambda x: F.max_pool2d(x, 2), ops=["TRANSPOSE", *through("MAX_POOL_2D", "TRANSPOSE")]),
    Functions("mean", lambda x: x.mean((2, 3)), ops=through("MEAN")),
    Functions("nearest", lambda x: F.interpolate(x, scale_factor=2)),
    Functions("bilinear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    Functions("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2)),
    Functions("channel_shuffle", lambda x: F.channel_shuffle(x, 2)),
    Functions("chunks", lambda x: x.transpose(1, 2).contiguous().chunk(2, 2)),
    Functions("views", lambda x: x.view(x.shape[0], -1, 6)[:, 1:].permute(1, 0, 2).unsqueeze(0)),
    Functions("greater", lambda x: x > 0.2, ops=["DEQUANTIZE", "GREATER"]),
    Functions("signed", lambda x: F.relu(x), [SIGNED]),
    Functions("integers", lambda x: x.int_repr()),
    Functions("integers_signed", lambda x: x.int_repr(), [SIGNED]),
    Functions("parameters", lambda x: x.dequantize() / x.q_scale() + x.q_zero_point()),
    Functions("dequantize", lambda x: x.dequantize(), ops=["DEQUANTIZE"]),
    Functions("quantize", lambda x: torch.quantize_per_tensor(x, 0.5, 128, torch.quint8), [normal(2, 3)], ["QUANTIZE"]),
    Functions("weighted", weighted, [stored(3, 6)], through("FULLY_CONNECTED")),
    Functions("written", written),
    Functions("written_through", written_through, error="seen elsewhere"),
    Functions(
        "of_32_bits", lambda x: torch.quantize_per_tensor(x, 0.5, 0, torch.qint32), [normal(2, 3)], error="qint32"
    ),
    Functions(
        "made_of_32_bits",
        lambda x: torch._make_per_tensor_quantized_tensor(x, 0.5, 0).dequantize(),
        [torch.arange(4, dtype=torch.int32)],
        error="qint32",
    ),
    Functions(
        "computed_scale", lambda x: torch.quantize_per_tensor(x, x.max(), 0, torch.qint8), [normal(2)], error="scale"
    ),
]


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in FUNCTIONS])
def test_functions(case: Functions) -> None:
    if case.error:
        with pytest.raises(LiteportError, match=case.error):
            liteport.convert(Function(case.call).eval(), tuple(case.inputs))
        return
    with using("qnnpack"):
        model = liteport.convert(Function(case.call).eval(), tuple(case.inputs), debug=True)
        agrees(model)
    if case.ops is not None:
        assert [op.name for op in model.module.graphs[0].ops] == list(case.ops)


def agrees(model: Any) -> None:
    """Holds every number to its neighbours in PyTorch's own result."""
    found = model.verify(3)
    assert found.passed, found
    assert all(output.within == 1 for output in found.outputs), found
