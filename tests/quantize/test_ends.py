"""Inputs and outputs of quantised models: floats, the numbers in int8, or images in bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from liteport.check.real import dequantised, quantised
from liteport.errors import UsageError
from liteport.ir.types import DType
from liteport.model import LiteModel
from tests.quantize.test_weights import small_cnn

IMAGE = (torch.randn(1, 3, 16, 16),)
RNG = np.random.default_rng(0)
FLOATS = RNG.standard_normal((8, 1, 3, 16, 16)).astype(np.float32)
BYTES = RNG.integers(0, 256, (8, 1, 3, 16, 16)).astype(np.uint8)


def converted(calibrate: Any, **border: Any) -> LiteModel:
    torch.manual_seed(0)
    return liteport.convert(small_cnn().eval(), IMAGE, quantize="int8", calibrate=calibrate, **border)


# name, options, calibration data, the types of input and output
ENDS: list[tuple[str, dict[str, Any], Any, list[DType]]] = [
    ("floats", {}, FLOATS, [DType.FLOAT32, DType.FLOAT32]),
    ("int8 in", {"input_dtype": "int8"}, FLOATS, [DType.INT8, DType.FLOAT32]),
    ("int8 out", {"output_dtype": "int8"}, FLOATS, [DType.FLOAT32, DType.INT8]),
    ("int8", {"input_dtype": "int8", "output_dtype": "int8"}, FLOATS, [DType.INT8, DType.INT8]),
    ("by name", {"input_dtype": {"input": "int8"}, "input_names": ["x"]}, FLOATS, [DType.INT8, DType.FLOAT32]),
    (
        "channels last",
        {"input_dtype": "int8", "channels_last": True},
        FLOATS.transpose(0, 1, 3, 4, 2),
        [DType.INT8, DType.FLOAT32],
    ),
    (
        "bytes",
        {"input_dtype": "uint8", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "output_dtype": "int8"},
        BYTES,
        [DType.UINT8, DType.INT8],
    ),
]


@pytest.mark.parametrize(("options", "data", "types"), [e[1:] for e in ENDS], ids=[e[0] for e in ENDS])
def test_ends(options: dict[str, Any], data: Any, types: list[DType]) -> None:
    model = converted(data, **options)
    graph = model.module.graphs[0]
    assert [value.dtype for value in (*graph.inputs, *graph.outputs)] == types
    counts = [sum(op.name == name for op in graph.ops) for name in ("QUANTIZE", "DEQUANTIZE")]
    assert counts[1] == (types[1] is DType.FLOAT32)
    assert model.verify(strict=True).passed


def test_the_numbers_are_those_of_the_floats() -> None:
    plain, stored = converted(FLOATS), converted(FLOATS, input_dtype="int8", output_dtype="int8")
    ins, outs = stored.runtime.grids("serving_default")
    given = quantised(FLOATS[0], ins["input"], np.dtype(np.int8))
    np.testing.assert_array_equal(dequantised(stored(given), outs["output"]), plain(FLOATS[0]))


def test_other_users_of_an_input_get_floats() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(16, 16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x) * torch.exp(x)

    data = [torch.randn(2, 16) for _ in range(8)]
    model = liteport.convert(Both().eval(), (data[0],), quantize="int8", calibrate=data, input_dtype="int8")
    assert [op.name for op in model.module.graphs[0].ops].count("DEQUANTIZE") == 2
    assert model.verify(strict=True).passed


REFUSED = [
    ("without int8", {"quantize": "dynamic", "input_dtype": "int8"}, "are for --quantize int8"),
    ("without any", {"output_dtype": "int8"}, "are for --quantize int8"),
    ("another type out", {"output_dtype": "uint8"}, "--output-dtype uint8: it is int8"),
    ("no such input", {"quantize": "int8", "calibrate": "random", "input_dtype": {"y": "int8"}}, "there is no y"),
    ("no such output", {"quantize": "int8", "calibrate": "random", "output_dtype": {"y": "int8"}}, "there is no y"),
]


@pytest.mark.parametrize(("options", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        liteport.convert(small_cnn().eval(), IMAGE, **options)


def test_what_is_float_cannot_be_int8() -> None:
    class Exponent(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.exp(super().forward(torch.exp(x)))

    options: dict[str, Any] = {"quantize": "int8", "calibrate": "random"}
    network, rows = Exponent(16, 16).eval(), (torch.randn(2, 16),)
    with pytest.raises(UsageError, match="input x cannot be int8: EXP takes it in float"):
        liteport.convert(network, rows, input_dtype="int8", **options)
    with pytest.raises(UsageError, match="output output cannot be int8: EXP gives it in float"):
        liteport.convert(network, rows, output_dtype="int8", **options)
    with pytest.raises(UsageError, match="ids cannot be int8: it is int64"):
        liteport.convert(Lookup(), (torch.tensor([1, 2]),), input_dtype={"ids": "int8"}, **options)


class Lookup(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.layer(ids.float().expand(2, 4, 2)[..., 0])
