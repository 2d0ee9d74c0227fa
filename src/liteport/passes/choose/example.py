"""example: small graphs with one site of a rule, for its tests, the benchmark and the docs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.ops.base import Operator
from liteport.ir.types import Array, DType, TensorType
from liteport.passes.weights import WEIGHTED


@dataclass(frozen=True)
class Example:
    """A graph with one site of a rule: `build` adds its inputs and operations to a builder, and gives its result."""

    id: str
    build: Callable[[Builder], Value | Sequence[Value]]

    def graph(self) -> Graph:
        """A new graph of it."""
        graph = Graph(signature="main")
        result = self.build(Builder(graph))
        graph.outputs = [result] if isinstance(result, Value) else list(result)
        graph.output_names = [f"y{i}" for i in range(len(graph.outputs))]
        return graph


def feed(b: Builder, *shape: int) -> Value:
    """One more input of floats."""
    return b.input(TensorType(DType.FLOAT32, shape), f"x{len(b.graph.inputs)}")


def layer(b: Builder, operator: Operator, x: Value, *weights: int) -> Value:
    """A convolution or linear layer of x, whose weights have that shape."""
    results = weights[WEIGHTED[type(operator)].out_axis]
    return b.emit(operator, x, b.const(random_numbers(*weights)), b.const(random_numbers(results)))


def linear_layer(places: int, channels: int, outputs: int) -> Example:
    """A linear layer by itself."""

    def build(b: Builder) -> Value:
        return layer(b, ops.FullyConnected(keep_num_dims=True), feed(b, 1, places, channels), outputs, channels)

    return Example(f"{places} places, {channels} channels to {outputs}", build)


def random_numbers(*shape: int) -> Array:
    """Standard-normal numbers for an example's weights, the same at every call."""
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)
