"""Where the time goes: every operator with its time, its kernel and its partition."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import liteport
from liteport.backends.tflite.writer import save
from liteport.check.profile import Profile, profile_file
from liteport.errors import UsageError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import DType, TensorType
from liteport.lowering import control


def profiled(folder: Path, *graphs: Graph, signature: str | None = None, runs: int = 3) -> Profile:
    module = Module(list(graphs))
    save(module, folder / "m.tflite")
    return profile_file(folder / "m.tflite", module, signature=signature, runs=runs)


def product(size: int, signature: str = "main") -> Graph:
    """A large product, its square's mean (which XNNPACK makes one operator of), and a sign (for which it has none)."""
    graph = Graph(signature, signature=signature)
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (64, size)), "x")
    y = b.emit(
        ops.FullyConnected(keep_num_dims=True), x, b.const(np.ones((size, size), np.float32)), None, name="product"
    )
    mean = b.emit(ops.Mean(keep_dims=True), b.emit(ops.Mul(), y, y), b.const(np.array([1], np.int32)))
    graph.outputs = [b.emit(ops.Neg(), b.emit(ops.Sign(), mean, name="sign"))]
    graph.output_names = ["result"]
    return graph


def test_operators(tmp_path: Path) -> None:
    result = profiled(tmp_path, product(512))
    assert [(each.operator, each.partition, each.calls) for each in result.operators] == [
        ("FULLY_CONNECTED", 0, 1),
        ("MUL", 0, 0),
        ("MEAN", 0, 1),
        ("SIGN", None, 1),
        ("NEG", 1, 1),
    ]
    kernels = [each.kernel.split(" (")[0] for each in result.operators]
    assert kernels == ["Fully Connected", "", "Mean Squared", "built-in", "Negate"]
    assert result.partitions == 2
    assert [each.output for each in result.outside] == ["sign"]
    slowest = result.slowest[0]
    assert (slowest.output, slowest.type) == ("product", "float32[64,512]")
    assert slowest.seconds > 1e-5
    assert result.kinds[0].operator == "FULLY_CONNECTED"
    spent = sum(each.seconds for each in result.operators)
    assert spent <= result.seconds * (1 + 1e-9)
    assert result.elsewhere == pytest.approx(max(0.0, result.seconds - spent))
    assert (result.runs, result.threads, result.signature) == (3, 1, "main")
    json.dumps(result.to_dict())


def test_a_loops_body_is_counted_by_its_calls(tmp_path: Path) -> None:
    graph = Graph("main", signature="main")
    b = Builder(graph)
    x = b.input(TensorType(DType.FLOAT32, (2, 3)), "x")

    def test(body: Builder, values: Sequence[Value]) -> list[Value]:
        return [body.emit(ops.Less(), values[0], body.const(np.array(5, np.int32)))]

    def step(body: Builder, values: Sequence[Value]) -> list[Value]:
        number, state = values
        return [body.emit(ops.Add(), number, body.const(np.array(1, np.int32))), body.emit(ops.Tanh(), state)]

    _, state = control.loop(b, test, step, [b.const(np.array(0, np.int32)), x])
    graph.outputs, graph.output_names = [state], ["state"]
    result = profiled(tmp_path, graph, *b.bodies)
    calls = {each.operator: each.calls for each in result.operators}
    assert calls == {"WHILE": 1, "LESS": 6, "ADD": 5, "TANH": 5}
    assert sum(each.seconds for each in result.operators) <= result.seconds * (1 + 1e-9)


def test_signatures(tmp_path: Path) -> None:
    graphs = [product(8, "small"), product(256, "large")]
    results = [profiled(tmp_path, *graphs, signature=name) for name in ("small", "large")]
    assert [result.operators[0].type for result in results] == ["float32[64,8]", "float32[64,256]"]
    assert {each.graph for each in results[1].operators} == {"large"}
    with pytest.raises(UsageError, match="several signatures, name one: small, large"):
        profiled(tmp_path, *graphs)
    with pytest.raises(UsageError, match="no signature other: it has small, large"):
        profiled(tmp_path, *graphs, signature="other")


def test_a_file_without_signatures(tmp_path: Path) -> None:
    graph = product(8)
    graph.signature = None
    result = profiled(tmp_path, graph)
    assert (result.signature, len(result.operators)) == ("serving_default", 5)


def test_results_as_long_as_the_data_say(tmp_path: Path) -> None:
    class Positive(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x > 0]

    liteport.convert(Positive(), (torch.randn(10),)).save(tmp_path / "m.tflite")
    result = liteport.profile(tmp_path / "m.tflite", runs=2)
    assert [each.operator for each in result.operators][:2] == ["GREATER", "WHERE"]


def test_open_sizes_are_those_at_rest(tmp_path: Path) -> None:
    module = torch.nn.Linear(3, 4)
    liteport.convert(module, (torch.ones(5, 3),), dynamic="batch").save(tmp_path / "m.tflite")
    result = liteport.profile(tmp_path / "m.tflite", runs=1)
    assert [(each.operator, each.partition) for each in result.operators] == [("FULLY_CONNECTED", 0)]
