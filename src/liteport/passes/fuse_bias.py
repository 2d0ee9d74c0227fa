"""fuse_bias: a vector that is added to a linear layer's result is the layer's bias."""

from __future__ import annotations

from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value, constant
from liteport.ir.types import DType
from liteport.passes.base import Pass


@dataclass(frozen=True)
class FuseBias(Pass):
    """linear(x, w) + b   =>   linear(x, w, b)
    (linear(x, w) + y) + b   =>   linear(x, w, b) + y

    How ONNX has linear layers, and TensorFlow the gates of recurrent ones. What cuts a layer up, or looks for one above
    what it scales, then meets a whole one.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Add):
            if op.operator == ops.Add():
                changed |= any(self._fused(graph, op, op.operand(at), op.operand(1 - at)) for at in (0, 1))
        return changed

    def _fused(self, graph: Graph, op: Op, total: Value, bias: Value) -> bool:
        """Whether `bias` went into a layer that makes `total`, or a part of it."""
        layer = _layer(graph, total) if _is_bias(bias, op.output) else None
        if layer is None or layer.output.shape[-1] != bias.type.size:
            return False
        if graph.sole_user(layer.output) is None:
            self.decline(op, "the layer's result is used without the bias as well")
            return False
        vector = constant(bias.array.reshape(-1), bias.name)
        whole = Builder(graph, layer).emit(layer.operator, layer.input, layer.operand(1), vector)
        if layer is total.producer:
            graph.replace(op, whole)
            graph.erase(layer)
        else:
            graph.replace(layer, whole)
            graph.replace(op, total)
        return True


def _layer(graph: Graph, total: Value) -> Op | None:
    """The layer that makes `total`, or the first of two values whose sum it is."""
    op = total.producer
    if op is None or _is_bare(op):
        return op
    if op.operator != ops.Add() or graph.sole_user(total) is None:
        return None
    parts = (_unshaped(graph, op.operand(at)) for at in (0, 1))
    return next((part for part in parts if part is not None and _is_bare(part)), None)


def _unshaped(graph: Graph, value: Value) -> Op | None:
    """What makes a value, above a reshape that leaves its rows alone."""
    op = value.producer
    if op is None or not isinstance(op.operator, ops.Reshape) or graph.sole_user(value) is None:
        return op
    return op.input.producer if op.input.shape[-1:] == value.shape[-1:] else op


def _is_bare(op: Op) -> bool:
    """Whether an operation is a linear layer of floats without a bias, and without anything behind it."""
    if not isinstance(op.operator, ops.FullyConnected) or op.optional(2) is not None:
        return False
    weights, result = op.operand(1), op.output
    real = result.dtype is DType.FLOAT32 and result.quantization is None
    on_grid = weights.dtype is DType.FLOAT32 and weights.quantization is not None  # its bias may have to fit int32
    return real and not on_grid and op.operator.activation is ops.Activation.NONE


def _is_bias(value: Value, result: Value) -> bool:
    """Whether a value is a constant with a number for each of a layer's results, which it does not broadcast."""
    known = value.is_const and not value.has_sizes and value.dtype is DType.FLOAT32 and value.quantization is None
    return (
        known
        and bool(value.rank)
        and value.type.size == value.shape[-1] == result.shape[-1]
        and value.rank <= result.rank
    )
