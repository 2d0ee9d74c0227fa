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

    How ONNX has linear layers. What cuts a layer up, or looks for one above what it scales, then meets a whole one.
    """

    def run(self, graph: Graph) -> bool:
        changed = False
        for op in graph.find(ops.Add):
            for at in (0, 1):
                layer, bias = op.operand(at).producer, op.operand(1 - at)
                if op.operator != ops.Add() or layer is None or not _is_bare(layer) or not _is_bias(bias, op.output):
                    continue
                if graph.sole_user(layer.output) is None:
                    self.decline(op, "the layer's result is used without the bias as well")
                    continue
                vector = constant(bias.array.reshape(-1), bias.name)
                graph.replace(op, Builder(graph, op).emit(layer.operator, layer.input, layer.operand(1), vector))
                graph.erase(layer)
                changed = True
                break
        return changed


def _is_bare(op: Op) -> bool:
    """Whether an operation is a linear layer of floats without a bias, and without anything behind it."""
    if not isinstance(op.operator, ops.FullyConnected) or op.optional(2) is not None:
        return False
    plain = all(v.quantization is None and v.dtype is DType.FLOAT32 for v in (op.operand(1), op.output))
    return plain and op.operator.activation is ops.Activation.NONE


def _is_bias(value: Value, result: Value) -> bool:
    """Whether a value is a constant with a number for each of a layer's results, which it does not broadcast."""
    known = value.is_const and not value.has_sizes and value.dtype is DType.FLOAT32 and value.quantization is None
    return (
        known
        and bool(value.rank)
        and value.type.size == value.shape[-1] == result.shape[-1]
        and value.rank <= result.rank
    )
