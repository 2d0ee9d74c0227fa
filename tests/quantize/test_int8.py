"""Everything in int8: operators one by one, and what stands between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import liteport
from liteport.check.given import source_of
from liteport.errors import InputError, UsageError
from liteport.ir.types import DType
from liteport.model import LiteModel
from liteport.quantize import chosen
from tests.harness import Function
from tests.quantize.test_weights import Twice, Words, small_cnn

torch.manual_seed(0)
Tensor = torch.Tensor
SLOWER, NO_KERNEL, BETWEEN = chosen.SLOWER, chosen.NO_KERNEL, chosen.BETWEEN


def f32(*shape: int) -> Tensor:
    return torch.randn(*shape)


MAP = (f32(1, 8, 6, 6),)
TWO = (f32(1, 8, 6, 6), f32(1, 8, 6, 6))
ROWS = (f32(4, 16),)


@dataclass
class Case:
    """A network on example inputs: what is in int8 and what is left, and at least how many dB the result has."""

    id: str
    model: Callable[..., Any]
    inputs: Sequence[Tensor]
    done: dict[str, int]
    left: dict[tuple[str, str], int] = field(default_factory=dict)
    least: float = 20.0
    prefer: str = "plain"


def conv(*after: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), *after)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = conv(nn.ReLU()), conv()

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x) + x)


CONV = {"CONV_2D": 1, "TRANSPOSE": 2}
CASES = [
    Case("convolution", conv(), MAP, CONV, least=25),
    Case("convolution of groups", nn.Conv2d(8, 16, 3, groups=2), MAP, CONV, least=25),
    Case("depthwise", nn.Conv2d(8, 8, 3, groups=8), MAP, {"DEPTHWISE_CONV_2D": 1, "TRANSPOSE": 2}, least=20),
    Case("transposed", nn.ConvTranspose2d(8, 8, 3, 2), MAP, {"TRANSPOSE_CONV": 1, "TRANSPOSE": 2}, least=25),
    Case("linear", nn.Linear(16, 8), ROWS, {"FULLY_CONNECTED": 1}, least=17),
    Case("product", lambda a, b: a @ b, (f32(2, 3, 4, 5), f32(2, 3, 5, 6)), {"BATCH_MATMUL": 1}, least=17),
    Case(
        "product with a constant",
        nn.AdaptiveAvgPool2d(4),
        (f32(1, 8, 10, 10),),
        {"BATCH_MATMUL": 2, "RESHAPE": 3, "TRANSPOSE": 2},
    ),
    Case("add", lambda a, b: a + b, TWO, {"ADD": 1}),
    Case("sub", lambda a, b: a - b, TWO, {"SUB": 1}),
    Case("mul", lambda a, b: a * b, TWO, {"MUL": 1}, least=17),
    Case("div", lambda a, b: a / (b + 9), TWO, {"ADD": 1, "DIV": 1}),
    Case("maximum", torch.maximum, TWO, {"MAXIMUM": 1}),
    Case("mean", lambda x: (x + 1).mean((2, 3)), MAP, {"ADD": 1, "MEAN": 1}),
    Case("relu", lambda x: F.relu(x), MAP, {"RELU": 1}),
    Case("gelu", lambda x: F.gelu(x), MAP, {"GELU": 1}),
    Case("hard swish", lambda x: F.hardswish(x), MAP, {"HARD_SWISH": 1}),
    Case("sigmoid", torch.sigmoid, MAP, {"LOGISTIC": 1}, least=30),
    Case("tanh", torch.tanh, MAP, {"TANH": 1}, least=30),
    Case("softmax", lambda x: x.softmax(-1), ROWS, {"SOFTMAX": 1}, least=17),
    Case("average pooling", nn.AvgPool2d(2), MAP, {"AVERAGE_POOL_2D": 1, "TRANSPOSE": 2}),
    Case("max pooling", nn.MaxPool2d(2), MAP, {"MAX_POOL_2D": 1, "TRANSPOSE": 2}),
    Case("bilinear", nn.Upsample(scale_factor=2, mode="bilinear"), MAP, {"RESIZE_BILINEAR": 1, "TRANSPOSE": 2}),
    Case("nearest", nn.Upsample(scale_factor=2), MAP, {"RESIZE_NEAREST_NEIGHBOR": 1, "TRANSPOSE": 2}),
    Case("padding", lambda x: F.pad(x, (1, 1), value=1.5), MAP, {"PADV2": 1}),
    Case("gather", lambda x: x[:, [1, 3, 3]], ROWS, {"GATHER": 1}, least=17),
    # What ai-edge-quantizer has no form for.
    Case(
        "pixel shuffle",
        conv(nn.PixelShuffle(2), nn.Conv2d(2, 8, 1)),
        MAP,
        {"CONV_2D": 2, "DEPTH_TO_SPACE": 1, "TRANSPOSE": 2},
    ),
    Case(
        "leaky relu",
        conv(nn.LeakyReLU(0.1)),
        MAP,
        CONV,
        {("LEAKY_RELU", NO_KERNEL): 1},
    ),
    # What is faster in float, and what stands beside that.
    Case(
        "hard swish",
        conv(nn.Hardswish(), nn.Conv2d(8, 8, 1)),
        MAP,
        {"CONV_2D": 2, "TRANSPOSE": 2},
        {("HARD_SWISH", SLOWER): 1},
        prefer="balanced",
    ),
    Case(
        "a residual",
        Residual(),
        MAP,
        {"CONV_2D": 2, "TRANSPOSE": 2, "ADD": 1},
        prefer="balanced",
    ),
    Case(
        "an upsampling",
        conv(nn.ConvTranspose2d(8, 8, 4, 2, 1)),
        MAP,
        {"CONV_2D": 5, "PAD": 3, "TRANSPOSE": 2, "CONCATENATION": 1, "DEPTH_TO_SPACE": 1},
        prefer="balanced",
    ),
    Case(
        "a norm",
        nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16), nn.Linear(16, 16)),
        ROWS,
        {"FULLY_CONNECTED": 2},
        {("MUL", BETWEEN): 2, ("MEAN", BETWEEN): 1, ("ADD", BETWEEN): 1, ("RSQRT", NO_KERNEL): 1},
        prefer="balanced",
        least=15,
    ),
]


def quantised(
    model: Callable[..., Any], inputs: Sequence[Tensor], prefer: str = "balanced", **options: Any
) -> LiteModel:
    network = model if isinstance(model, nn.Module) else Function(model)
    samples = [tuple(torch.randn_like(x) for x in inputs) for _ in range(16)]
    return liteport.convert(network.eval(), tuple(inputs), quantize="int8", calibrate=samples, prefer=prefer, **options)


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.id}-{c.prefer}") for c in CASES])
def test_operators(case: Case) -> None:
    torch.manual_seed(0)
    model = quantised(case.model, case.inputs, case.prefer)
    assert model.quantised is not None
    assert (model.quantised.done, model.quantised.left) == (case.done, case.left)
    [check] = model.verify(strict=True).outputs
    assert check.quality is not None
    assert check.quality.sqnr > case.least
    types = {value.dtype for value in (*model.module.graphs[0].inputs, *model.module.graphs[0].outputs)}
    assert types == {DType.FLOAT32}


def test_plain_is_integer_all_through() -> None:
    model = quantised(conv(nn.Hardswish(), nn.Conv2d(8, 8, 1)), MAP, "plain")
    counts = Counter(op.name for op in model.module.graphs[0].ops)
    assert (counts["QUANTIZE"], counts["DEQUANTIZE"], counts["HARD_SWISH"]) == (1, 1, 1)


def test_the_table_is_the_quantizers() -> None:
    from ai_edge_quantizer import default_policy

    policy = default_policy.update_default_config_policy(default_policy.DEFAULT_JSON_POLICY)
    static = {str(key.value) for key, configs in policy.items() if any(is_static(config) for config in configs)}
    ours = {kind.name.replace("TRANSPOSE_CONV", "CONV_2D_TRANSPOSE") for kind in chosen.STATIC}
    assert static - ours == {"INPUT", "OUTPUT", "STABLEHLO_COMPOSITE"}
    assert not ours - static


def is_static(config: Any) -> bool:
    return config.activation_tensor_config is not None and config.activation_tensor_config.num_bits == 8


def test_names_sizes_and_signatures_are_kept() -> None:
    network = Twice().eval()
    rows = (f32(4, 64),)
    entries = {"once": (network, rows), "twice": (network.twice, rows)}
    samples = {"once": [f32(4, 64) for _ in range(8)], "twice": [f32(4, 64) for _ in range(8)]}
    model = liteport.convert(entries, quantize="int8", calibrate=samples, dynamic="batch")
    assert model.quantised is not None
    assert model.quantised.samples == {"once": 8, "twice": 8}
    assert model.verify().passed
    assert model(np.ones((7, 64), np.float32), signature="twice").shape == (7, 64)
    layers = [op for graph in model.module.graphs for op in graph.ops if op.name == "FULLY_CONNECTED"]
    assert len({op.operand(1).array.__array_interface__["data"][0] for op in layers}) == 1
    assert [graph.input_names for graph in model.module.graphs] == [["x"], ["x"]]
    assert not [
        value.name for graph in model.module.graphs for value in graph.values() if value.name[:2] in ("q.", "f.")
    ]


@pytest.mark.parametrize(("dynamic", "layers"), [(None, 5), ("batch", 3)])
def test_tables_and_loops_have_their_weights_in_int8(dynamic: str | None, layers: int) -> None:
    """Two steps are written in the loop; each has its layer for all gates, or one for the candidates by itself."""
    torch.manual_seed(0)
    ids = torch.randint(0, 200, (2, 40))
    model = liteport.convert(Words().eval(), (ids,), quantize="int8", calibrate=[ids], dynamic=dynamic)
    assert model.quantised is not None
    assert model.quantised.done["EMBEDDING_LOOKUP"] == 1
    assert model.quantised.done["FULLY_CONNECTED"] == layers
    assert ("ADD", "it runs in a loop or a branch") in model.quantised.left
    assert model.verify(strict=True).passed
    assert model(np.zeros((2 if dynamic is None else 5, 40), np.int64)).shape[1:] == (40, 32)


ARRAYS = np.random.default_rng(0).standard_normal((6, 3, 16, 16)).astype(np.float32)
SOURCES = [
    ("an array", ARRAYS, 3),
    ("a tensor", torch.from_numpy(ARRAYS), 3),
    ("a dict", {"input": ARRAYS}, 3),
    ("a list of arrays", [ARRAYS[:2], ARRAYS[2:]], 3),
    ("a list of tuples", [(ARRAYS[:2],)], 1),
    ("a generator of dicts", ({"input": ARRAYS[i : i + 2]} for i in range(4)), 4),
    ("by signature", {"serving_default": [ARRAYS[:2], ARRAYS[:2]]}, 2),
    ("random", "random", 32),
]


@pytest.mark.parametrize(("data", "count"), [s[1:] for s in SOURCES], ids=[s[0] for s in SOURCES])
def test_calibration_data(data: Any, count: int) -> None:
    model = liteport.convert(small_cnn().eval(), (f32(2, 3, 16, 16),), quantize="int8", calibrate=data)
    assert model.quantised is not None
    assert model.quantised.samples == {"serving_default": count}
    assert any("random inputs" in note for note in model.notes) == isinstance(data, str)
    assert model.verify().passed


def test_calibration_files(tmp_path: Any) -> None:
    np.save(tmp_path / "some.npy", ARRAYS)
    np.savez(tmp_path / "some.npz", input=ARRAYS)
    for file in ("some.npy", "some.npz"):
        model = liteport.convert(small_cnn().eval(), (f32(2, 3, 16, 16),), quantize="int8", calibrate=tmp_path / file)
        assert str(model.verify().data) == str(tmp_path / file)


BROKEN = ARRAYS.copy()
BROKEN[3, 0, 0, 0] = np.nan
FAULTS = [
    ("no data", "int8", None, "--calibrate DATA"),
    ("data for float16", "fp16", ARRAYS, "--calibrate is for --quantize int8"),
    ("another name", "int8", {"picture": ARRAYS, "mask": ARRAYS}, "no array for input input"),
    ("another shape", "int8", ARRAYS[..., :5], r"input input takes \[2, 3, 16, 16\], the array is \[6, 3, 16, 5\]"),
    ("another type", "int8", [np.array(["a"])], "input input takes float32"),
    ("labels too", "int8", [(ARRAYS[:2], np.zeros(2))], "yield the inputs alone, without labels"),
    ("NaN", "int8", BROKEN, "input input holds NaN or infinite numbers in sample 1"),
    ("nothing", "int8", [], "holds no samples for signature serving_default"),
    ("no samples", "int8", 3, "int is no source of samples"),
    ("no such file", "int8", "nowhere.npz", "there is no such file"),
]


@pytest.mark.parametrize(("mode", "data", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_faults(mode: str, data: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        liteport.convert(small_cnn().eval(), (f32(2, 3, 16, 16),), quantize=mode, calibrate=data)


def test_activations_that_overflow_are_named() -> None:
    with pytest.raises(InputError, match="is not finite for the calibration data"):
        quantised(lambda x: (x * 1e30) * (x * 1e30) + 1, ROWS, "plain")


# What goes wrong in practice, done on purpose: each must fall below the bar that good conversions pass.
def wrong_zero_point(model: LiteModel) -> None:
    first = model.module.graphs[0].ops[0].output.quantization
    assert first is not None
    for value in model.module.graphs[0].values():
        if value.quantization == first:
            value.quantization = replace(first, zero_point=(127,))


def wrong_weights(model: LiteModel) -> None:
    op = next(op for op in model.module.graphs[0].ops if op.name == "CONV_2D")
    op.operand(1).data = np.ascontiguousarray(op.operand(1).array[..., ::-1])


@pytest.mark.parametrize("fault", [wrong_zero_point, wrong_weights])
def test_broken_models_fail(fault: Callable[[LiteModel], None]) -> None:
    torch.manual_seed(0)
    model = quantised(small_cnn(), (f32(2, 3, 16, 16),))
    assert model.verify().passed
    broken = LiteModel(model.module, model.origin)
    broken.calibration = model.calibration
    fault(broken)
    assert not broken.verify().passed


@pytest.mark.parametrize("factor", [0.05, 100.0])
def test_data_of_another_scale_fail(factor: float) -> None:
    torch.manual_seed(0)
    network = small_cnn().eval()
    model = liteport.convert(network, (f32(2, 3, 16, 16),), quantize="int8", calibrate=ARRAYS * np.float32(factor))
    assert not model.verify(data=source_of(ARRAYS)).passed
