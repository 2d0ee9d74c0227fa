"""Runs a lowering by itself, in LiteRT."""

from __future__ import annotations

from collections.abc import Callable

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.types import Array, DType, TensorType


def run(lowering: Callable[..., Value], *arrays: Array) -> Array:
    """What `lowering`, of a builder and values, makes of `arrays`."""
    graph = Graph(signature="f")
    b = Builder(graph)
    values = [b.input(TensorType(DType.of(a), a.shape), f"x{i}") for i, a in enumerate(arrays)]
    graph.outputs, graph.output_names = [lowering(b, *values)], ["y"]
    inputs = {f"x{i}": a for i, a in enumerate(arrays)}
    return LiteRT(to_bytes(Module([graph])), threads=1).run(inputs)["y"]
