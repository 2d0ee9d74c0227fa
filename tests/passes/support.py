"""Graphs built by hand, run in LiteRT before and after a pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array, DType, TensorType
from liteport.ir.validate import validate
from liteport.lowering import basic
from liteport.passes.base import Pass

Build = Callable[[Builder, list[Value]], Value | Sequence[Value]]


@dataclass
class GraphCase:
    """`build` writes a graph on float inputs of `shapes`; `ops` are the operators that the passes must leave."""

    id: str
    build: Build
    shapes: Sequence[Sequence[int]]
    ops: Sequence[str] | None = None
    tolerance: float = 1e-5


def make(build: Build, shapes: Sequence[Sequence[int]]) -> Graph:
    graph = Graph(signature="main")
    b = Builder(graph)
    inputs = [b.input(TensorType(DType.FLOAT32, tuple(s)), f"x{i}") for i, s in enumerate(shapes)]
    result = build(b, inputs)
    graph.outputs = [result] if isinstance(result, Value) else list(result)
    graph.output_names = [f"y{i}" for i in range(len(graph.outputs))]
    return graph


def run(graph: Graph, inputs: Sequence[Array]) -> list[Array]:
    model = LiteRT(to_bytes(Module([graph])), threads=1)
    results = model.run({f"x{i}": x for i, x in enumerate(inputs)})
    return [results[name] for name in graph.output_names]


def check(case: GraphCase, *chain: Pass) -> Graph:
    """Applies the passes and holds the graph to its outputs before, and to the expected operators."""
    graph = make(case.build, case.shapes)
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(s).astype(np.float32) for s in case.shapes]
    before = run(graph, inputs)
    for each in chain:
        each.run(graph)
        validate(graph)
    for want, have in zip(before, run(graph, inputs), strict=True):
        np.testing.assert_allclose(have, want, rtol=0, atol=case.tolerance * float(np.abs(want).max(initial=1.0)))
    if case.ops is not None:
        assert [op.name for op in graph.ops] == list(case.ops)
    return graph


def weights(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def conv(b: Builder, x: Value, outputs: int, kernel: int = 1, seed: int = 0) -> Value:
    """A channels-last convolution with SAME padding and random weights."""
    w, bias = weights(outputs, kernel, kernel, x.shape[3], seed=seed), weights(outputs, seed=seed + 1)
    return b.emit(ops.Conv2D(padding=ops.Padding.SAME), x, b.const(w), b.const(bias))


def depthwise(b: Builder, x: Value, seed: int = 0) -> Value:
    w, bias = weights(1, 3, 3, x.shape[3], seed=seed), weights(x.shape[3], seed=seed + 1)
    return b.emit(ops.DepthwiseConv2D(padding=ops.Padding.SAME), x, b.const(w), b.const(bias))


def first(b: Builder, call: Callable[[Value], Value], x: Value) -> Value:
    """`call` on x with channels last, as lowerings of spatial operators write it."""
    return basic.channels_first(b, call(basic.channels_last(b, x)))
