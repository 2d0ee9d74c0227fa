"""Weights in float16 and in int8: what is stored how, what it costs, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from liteport.errors import UsageError
from liteport.ir.graph import Module, Op
from liteport.ir.types import DType

IMAGE = (torch.randn(2, 3, 16, 16),)
ROWS = (torch.randn(4, 64),)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.out = nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        return x + self.out(self.attention(y, y, y, need_weights=False)[0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 48, batch_first=True)
        self.head = nn.Linear(48, 40)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)

    def twice(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(torch.relu(self.layer(x)))


def small_cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.Conv2d(64, 64, 5, groups=64),
        nn.Flatten(),
        nn.Linear(6400, 10),
    )


class Words(nn.Module):
    """Word numbers [N,T] to a state for each, by way of a loop where T is large."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.gru = nn.Embedding(2000, 32), nn.GRU(32, 32, batch_first=True)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.gru(self.table(ids))[0]


@dataclass
class Case:
    """What is done to the weights of a network, by operator: how many become smaller, and why not the others."""

    id: str
    model: Callable[[], nn.Module]
    inputs: Sequence[Any]
    mode: str
    done: dict[str, int]
    left: dict[tuple[str, str], int]
    ratio: float


SMALL = "it has fewer than 1,024 weights"
CASES = [
    Case("a CNN", small_cnn, IMAGE, "fp16", {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1}, {}, 0.52),
    Case(
        "a CNN",
        small_cnn,
        IMAGE,
        "dynamic",
        {"CONV_2D": 1, "FULLY_CONNECTED": 1},
        {("CONV_2D", SMALL): 1, ("DEPTHWISE_CONV_2D", "its kernel is faster on floats"): 1},
        0.3,
    ),
    Case("a layer", lambda: nn.Linear(64, 64), ROWS, "fp16", {"FULLY_CONNECTED": 1}, {}, 0.6),
    Case("a layer", lambda: nn.Linear(64, 64), ROWS, "dynamic", {"FULLY_CONNECTED": 1}, {}, 0.4),
    Case("attention", Attention, (torch.randn(1, 10, 64),), "dynamic", {"FULLY_CONNECTED": 2}, {}, 0.4),
    Case("an LSTM", Recurrent, (torch.randn(1, 9, 32),), "fp16", {"FULLY_CONNECTED": 3}, {}, 0.7),
    Case("an LSTM", Recurrent, (torch.randn(1, 9, 32),), "dynamic", {"FULLY_CONNECTED": 3}, {}, 0.5),
    Case(
        "a table and a loop",
        Words,
        (torch.randint(0, 200, (2, 40)),),
        "dynamic",
        {"FULLY_CONNECTED": 5, "EMBEDDING_LOOKUP": 1},
        {},
        0.5,
    ),
    Case(
        "a transposed convolution",
        lambda: nn.ConvTranspose2d(32, 32, 5, 3),
        (torch.randn(1, 32, 8, 8),),
        "dynamic",
        {"CONV_2D": 9},
        {},
        0.4,
    ),
    Case(
        "a volume",
        lambda: nn.Sequential(nn.Conv3d(8, 16, 3), nn.Flatten(), nn.Linear(432, 16)),
        (torch.randn(1, 8, 5, 5, 5),),
        "dynamic",
        {"FULLY_CONNECTED": 1},
        {("CONV_3D", "there is no kernel for it with int8 weights"): 1},
        0.8,
    ),
]


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.id} in {c.mode}") for c in CASES])
def test_weights(case: Case) -> None:
    torch.manual_seed(0)
    network = case.model().eval()
    model = liteport.convert(network, tuple(case.inputs), quantize=case.mode)
    done = model.quantised
    assert done is not None
    assert (done.done, done.left) == (case.done, case.left)
    assert done.after / done.before < case.ratio
    assert len(model.to_bytes()) == done.after
    assert model.verify().passed
    assert model(*case.inputs).shape == tuple(network(*case.inputs).shape)


def test_what_is_stored() -> None:
    half = liteport.convert(nn.Linear(64, 64), ROWS, quantize="fp16")
    assert [op.name for op in half.module.graphs[0].ops] == ["DEQUANTIZE", "FULLY_CONNECTED"]
    [layer] = liteport.convert(nn.Linear(64, 64), ROWS, quantize="dynamic").module.graphs[0].ops
    weights = layer.operand(1)
    assert weights.dtype is DType.INT8
    assert weights.quantization is not None
    assert len(weights.quantization.scale) == 64
    assert set(weights.quantization.zero_point) == {0}


@pytest.mark.parametrize("mode", ["fp16", "dynamic"])
def test_signatures_share_their_weights(mode: str) -> None:
    network = Twice()
    entries = {"once": (network, ROWS), "twice": (network.twice, ROWS)}
    model = liteport.convert(entries, quantize=mode, dynamic="batch")
    assert model.signatures == ("once", "twice")
    addresses = {weights(op).__array_interface__["data"][0] for op in layers(model.module)}
    assert len(addresses) == 1
    assert len(model.to_bytes()) < (64 * 64 + 64) * (2 if mode == "fp16" else 1) + 8000
    assert model.verify().passed
    assert model(np.zeros((7, 64), np.float32), signature="twice").shape == (7, 64)


def layers(module: Module) -> list[Op]:
    return [op for graph in module.graphs for op in graph.ops if op.name == "FULLY_CONNECTED"]


def weights(op: Op) -> Any:
    value = op.operand(1)
    return value.array if value.is_const else value.producer.input.array  # type: ignore[union-attr]


def test_names_and_sizes_are_kept() -> None:
    border: dict[str, Any] = {"input_names": ["image"], "output_names": ["score"], "dynamic": "batch"}
    plain = liteport.convert(small_cnn(), IMAGE, **border)
    model = liteport.convert(small_cnn(), IMAGE, quantize="dynamic", **border)
    assert [graph.input_names + graph.output_names for graph in model.module.graphs] == [["image", "score"]]
    assert model(np.zeros((5, 3, 16, 16), np.float32)).shape == (5, 10)
    assert plain.inspect().signatures == model.inspect().signatures
    names = {value.name for value in model.module.graphs[0].values()}
    assert {op.output.name for op in plain.module.graphs[0].ops} <= names


def test_numbers_beyond_float16_stay() -> None:
    layer = nn.Linear(64, 64)
    with torch.no_grad():
        layer.weight[0, 0] = 1e5
    with pytest.raises(UsageError, match=r"nothing to quantise to fp16 .FULLY_CONNECTED: a number in it is beyond"):
        liteport.convert(layer, ROWS, quantize="fp16")


REFUSED = [
    ("no such way", nn.Linear(64, 64), "int3", "it is one of fp16, dynamic"),
    ("no weights", nn.ReLU(), "fp16", "nothing to quantise to fp16"),
    ("few weights", nn.Linear(64, 3), "dynamic", "nothing to quantise to dynamic .FULLY_CONNECTED: it has fewer"),
]


@pytest.mark.parametrize(("network", "mode", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refusals(network: nn.Module, mode: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        liteport.convert(network, ROWS, quantize=mode)


@pytest.mark.parametrize("mode", ["fp16", "dynamic"])
def test_once_is_enough(tmp_path: Any, mode: str) -> None:
    file = tmp_path / "m.tflite"
    liteport.convert(nn.Linear(64, 64), ROWS, quantize=mode).save(file)
    with pytest.raises(UsageError, match="the model is quantised already"):
        liteport.convert(file, quantize="fp16")


def test_a_file_says_what_it_was_quantised_to(tmp_path: Any) -> None:
    network = nn.Linear(64, 64).eval()
    liteport.convert(network, ROWS, quantize="dynamic").save(tmp_path / "m.tflite", verify=2)
    later = liteport.verify(network, tmp_path / "m.tflite", ROWS)
    assert later.passed
    assert later.outputs[0].quality is not None
    assert not liteport.verify(network, tmp_path / "m.tflite", ROWS, sqnr=90).passed
    assert not liteport.verify(nn.Linear(64, 64).eval(), tmp_path / "m.tflite", ROWS).passed


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_quantizer", None)
    with pytest.raises(UsageError, match=r"pip install 'liteport\[quantize\]'"):
        liteport.convert(nn.Linear(64, 64), ROWS, quantize="dynamic")
    assert liteport.convert(nn.Linear(64, 64), ROWS, quantize="fp16").verify().passed
