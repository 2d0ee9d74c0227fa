"""border: the inputs and outputs of a signature as its users want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from liteport.ir import ops
from liteport.ir.border import Border, Port
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.types import DType, TensorType
from liteport.lowering.basic import cast, transpose
from liteport.passes.base import Pass
from liteport.passes.layout.orders import invert, permuted


@dataclass(frozen=True)
class SetBorder(Pass):
    """f(x: float32[N,C,H,W])   =>   f(transpose((cast(image: uint8[N,H,W,C]) - shift) * factor))

    What this puts in is the other passes' to move and fold: transposes meet those of the kernels, factors go into
    weights.
    """

    borders: Mapping[str, Border]

    def run(self, graph: Graph) -> bool:
        border = self.borders.get(graph.signature or "")
        if border is None:
            return False
        start = Builder(graph, graph.ops[0] if graph.ops else None)
        inputs = [_input(start, graph, value, port) for value, port in zip(graph.inputs, border.inputs, strict=True)]
        end = Builder(graph)
        outputs = [_output(end, value, port) for value, port in zip(graph.outputs, border.outputs, strict=True)]
        changed = inputs != graph.inputs or outputs != graph.outputs
        graph.inputs, graph.outputs = inputs, outputs
        names = [port.name for port in border.inputs], [port.name for port in border.outputs]
        changed |= names != (graph.input_names, graph.output_names)
        graph.input_names, graph.output_names = names
        return changed


def _input(b: Builder, graph: Graph, value: Value, port: Port) -> Value:
    """The input at the border, from which what was the input is now computed."""
    new = Value(TensorType(port.dtype, permuted(value.shape, port.order)), port.name)
    if new.type == value.type and port.order == tuple(range(value.rank)):
        value.name = port.name
        return value
    b.prefix = port.name
    x = cast(b, new, value.dtype)
    if port.pixels is not None:
        x = b.emit(ops.Sub(), x, b.const(port.per_channel(port.pixels.shift).astype(np.float32)))
        x = b.emit(ops.Mul(), x, b.const(port.per_channel(port.pixels.factor).astype(np.float32)))
    graph.replace_value(value, transpose(b, x, invert(port.order)))
    return new


def _output(b: Builder, value: Value, port: Port) -> Value:
    b.prefix = port.name
    moved = transpose(b, value, port.order)
    return cast(b, moved, port.dtype) if moved.dtype is DType.INT64 else moved
